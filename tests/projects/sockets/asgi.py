"""Sockets behind `JWTAuthMiddleware`, beside Django's views."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.sockets.settings")
django = get_asgi_application()

from channels.generic.websocket import (  # noqa: E402 (models are there now)
    AsyncJsonWebsocketConsumer,
)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from djwto.contrib.channels import JWTAuthMiddleware  # noqa: E402
from djwto.exceptions import JWTError  # noqa: E402


class Echo(AsyncJsonWebsocketConsumer):
    """Says who is there, and answers."""

    async def connect(self):
        await self.accept()
        await self.send_json({"user": self.scope["user"].get_username()})

    async def receive_json(self, content):
        if "renew" not in content:
            await self.send_json(content)
            return
        try:
            await self.scope["jwt"].renew(content["renew"])
        except JWTError as error:
            await self.send_json({"code": error.code})
        else:
            await self.send_json({"renewed": True})

    async def disconnect(self, code):
        print(f"disconnect {code}", flush=True)


application = ProtocolTypeRouter(
    {
        "http": django,
        "websocket": JWTAuthMiddleware(URLRouter([path("ws/", Echo.as_asgi())])),
    }
)
