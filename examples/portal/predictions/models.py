"""What the portal remembers."""

from django.db import models


class Prediction(models.Model):
    """One answer of the model, and who asked."""

    # The name in the token, and no foreign key: storing a row needs no look at the user table.
    asked_by = models.CharField(max_length=150)
    area = models.FloatField("living area in m²")
    rooms = models.FloatField()
    age = models.FloatField("age in years")
    price = models.IntegerField("price in euros")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.price} € for {self.asked_by}"
