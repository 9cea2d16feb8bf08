"""An app that tells what a test cannot see from outside."""

import os
from collections.abc import Callable
from typing import Any


def tell_process(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Middleware: which process has answered."""

    def answer(request: Any) -> Any:
        response = get_response(request)
        response["X-Process"] = str(os.getpid())
        return response

    return answer


tell_process.sync_capable = True  # type: ignore[attr-defined]
