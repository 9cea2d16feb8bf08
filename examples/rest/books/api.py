"""The API: permissions are those of Django, and the token answers for them."""

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, viewsets
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from books.models import Book
from djwto.contrib.rest_framework import HasPerms


class BookSerializer(serializers.ModelSerializer):
    """A book as JSON."""

    added_by = serializers.CharField(source="added_by.username", read_only=True)

    class Meta:
        """All but the key of the user."""

        model = Book
        fields = ("id", "title", "author", "added_by")


class BookViewSet(viewsets.ModelViewSet):
    """The books of the library."""

    # `TokenPermissions`, which the settings name, asks the token for permissions on this model.
    queryset = Book.objects.select_related("added_by")
    serializer_class = BookSerializer

    def perform_create(self, serializer: Any) -> None:
        """Note who has added the book."""
        serializer.save(added_by=self.request.user)


@extend_schema(
    responses=inline_serializer(
        "Statistics", {"books": serializers.IntegerField(), "read_by": serializers.CharField()}
    )
)
@api_view(["GET"])
@permission_classes([HasPerms("books.read_statistics")])
def statistics(request: Request) -> Response:
    """Count the books, for those with a permission of the library's own."""
    # The claims of the token: no query for the name.
    return Response({"books": Book.objects.count(), "read_by": request.auth["user"]["username"]})
