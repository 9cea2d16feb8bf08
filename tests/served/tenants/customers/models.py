"""The tenants of django-tenants, and their hosts."""

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Customer(TenantMixin):
    """A tenant; its schema is made when it is saved."""

    name = models.CharField(max_length=100, blank=True)


class Domain(DomainMixin):
    """A host."""
