"""A view of REST framework, in a service that may have no users."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


class Who(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"named": request.user.username, "claims": request.auth["user"]["id"]})
