"""The app."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """The tenants."""

    name = "tests.served.tenants.customers"
    label = "customers"
