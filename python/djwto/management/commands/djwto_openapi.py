"""`manage.py djwto_openapi`: the endpoints as an OpenAPI document, for clients and their tools."""

import json
from typing import Any

from django.core.management.base import CommandError

from djwto import openapi
from djwto.management.base import BaseCommand


class Command(BaseCommand):
    """Print the document of this project: its paths, modes, and names of cookies."""

    help = "Prints the OpenAPI 3.1 document of djwto's endpoints, as JSON."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it, or say why not."""
        document = openapi.document()
        if not document["paths"]:
            raise CommandError('ROOT_URLCONF has none of the endpoints: include("djwto.urls").')
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
