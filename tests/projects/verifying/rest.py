"""Views of REST framework, in a service that may have no users."""

from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.serializers import CharField, JSONField, Serializer
from rest_framework.views import APIView

import djwto.authentication as auth


class Shown(Serializer):
    named = CharField()
    claims = JSONField()


class Who(APIView):
    permission_classes = (IsAuthenticated,)
    serializer_class = Shown  # for the schema

    def get(self, request):
        return Response({"named": request.user.username, "claims": request.auth["user"]["id"]})


@api_view()
@auth.jwt_login_required
@permission_classes([IsAuthenticated])
def guarded(request):
    return Response({"named": request.user.username, "claims": request.auth["user"]["id"]})


guarded.cls.serializer_class = Shown
