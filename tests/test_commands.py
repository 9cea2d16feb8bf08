"""djwto's commands: settings that cannot be used are told in a sentence, without a traceback."""

from typing import Any

import pytest
from django.core.management import (
    CommandError,
    call_command,
    get_commands,
    load_command_class,
)

from djwto.management.base import BaseCommand


def test_all_of_them_tell_it_in_one_way() -> None:
    ours = {name: app for name, app in get_commands().items() if str(app).startswith("djwto")}
    assert len(ours) == 6
    for name, app in ours.items():
        assert isinstance(load_command_class(app, name), BaseCommand), name


def test_the_document_of_a_project_without_a_key(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    settings.DJWTO_SIGNING_KEY = None
    with pytest.raises(CommandError, match=r"^DJWTO_SIGNING_KEY: expected .* found "):
        call_command("djwto_openapi")


def no_tenant(_request: Any) -> int:
    return 7


@pytest.mark.django_db
def test_the_sessions_of_a_project_whose_tenant_is_none(settings: Any) -> None:
    settings.DJWTO_TENANT = "tests.test_commands.no_tenant"
    for words in (["list"], ["end", "--everyone", "--no-input"]):
        with pytest.raises(CommandError, match=r"^DJWTO_TENANT: expected .* it returned 7\.$"):
            call_command("djwto_sessions", *words)
