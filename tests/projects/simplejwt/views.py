"""What the project serves, before and after: its views know nothing of either package."""

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


class Me(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response({"name": request.user.get_username(), "pk": request.user.pk})
