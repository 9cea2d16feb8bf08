"""`manage.py djwto_openapi`: print the endpoints as an OpenAPI document."""

import json
from typing import Any

from django.core.management.base import CommandError

from djwto import openapi
from djwto.management.base import BaseCommand


class Command(BaseCommand):
    """Prints the document of this project, with its paths, modes and cookie names."""

    help = "Prints the OpenAPI 3.1 document of djwto's endpoints, as JSON."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the document. Raises `CommandError` if the project has none of the endpoints."""
        document = openapi.document()
        if not document["paths"]:
            raise CommandError(
                'Found no endpoint of djwto in ROOT_URLCONF. Add path("", include("djwto.urls")).'
            )
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
