"""djwto's endpoints, guarded views, and a view that changes users as a project would."""

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection, transaction
from django.http import JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from djwto import authentication, sessions
from djwto.views import PasswordChangeView


def _answer(request, user):
    return JsonResponse({"name": user.get_username(), "tenant": request.payload["tenant"]})


@authentication.jwt_login_required
def whoami(request):
    return _answer(request, request.user)


@authentication.jwt_login_required
async def awhoami(request):
    return _answer(request, await request.auser())


@csrf_exempt
def change(request, what):
    if what == "forget":
        cache.clear()
        return JsonResponse({})
    model = get_user_model()
    user, _ = model.objects.get_or_create(pk=1, defaults={"username": request.POST["name"]})
    with transaction.atomic():
        if what == "delete":
            user.delete()
        elif what == "end_all":
            return JsonResponse({"ended": sessions.end_all(user)})
        else:
            user.is_active = what != "deactivate"
            user.set_password(request.POST.get("password", "pass"))
            user.save()
    return JsonResponse({"schema": connection.schema_name})


urlpatterns = [
    path("", include("djwto.urls")),
    path("whoami/", whoami),
    path("awhoami/", awhoami),
    path("password/", PasswordChangeView.as_view()),
    path("change/<what>/", change),
]
