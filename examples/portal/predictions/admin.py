"""Predictions in Django's admin."""

from django.contrib import admin

from predictions.models import Prediction


@admin.register(Prediction)
class PredictionAdmin(admin.ModelAdmin):
    """A list to read and search."""

    list_display = ("created_at", "asked_by", "area", "rooms", "age", "price")
    list_filter = ("asked_by",)
    search_fields = ("asked_by",)
