"""The API: one open endpoint, two that want a login, one that wants a permission."""

import json
from dataclasses import asdict

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_http_methods, require_safe

import djwto.authentication as auth
from predictions import pricing
from predictions.models import Prediction

LIST_LENGTH = 20


@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Anybody may ask."""
    return JsonResponse({"msg": "open"})


@require_http_methods(["GET", "HEAD", "POST"])
@auth.jwt_login_required
async def account(request: HttpRequest) -> JsonResponse:
    """Say who is logged in, from the token alone: no query is made."""
    return JsonResponse({"msg": "worked!", "user": request.payload["user"]})


@method_decorator(auth.jwt_login_required, name="dispatch")
class PredictView(View):
    """The model, for everyone who is logged in."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Say what the model wants."""
        hidden = {"weight"}
        inputs = [
            {key: value for key, value in asdict(feature).items() if key not in hidden}
            for feature in pricing.FEATURES
        ]
        return JsonResponse({"inputs": inputs})

    def post(self, request: HttpRequest) -> JsonResponse:
        """Predict, remember, answer."""
        try:
            inputs = pricing.read(json.loads(request.body))
        except (ValueError, RecursionError) as error:
            return JsonResponse({"error": _sentence(error), "code": "bad_input"}, status=400)
        price = pricing.price(inputs)
        username = request.payload["user"]["username"]
        Prediction.objects.create(asked_by=username, price=price, **inputs)
        return JsonResponse({"price": price})


may_view = [
    auth.jwt_login_required,
    auth.jwt_perm_required(["predictions.view_prediction"]),
]
FIELDS = ("asked_by", "area", "rooms", "age", "price", "created_at")


@method_decorator(may_view, name="dispatch")
class PredictionsView(View):
    """What was asked lately, for those who may view predictions."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return the newest rows first."""
        rows = Prediction.objects.values(*FIELDS)
        return JsonResponse({"predictions": list(rows[:LIST_LENGTH])})


@method_decorator(may_view, name="dispatch")
class PredictionView(View):
    """One of them; 404 where there is none."""

    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Return the row."""
        return JsonResponse(get_object_or_404(Prediction.objects.values(*FIELDS), pk=pk))


def _sentence(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return "The body is not JSON."
    return str(error)
