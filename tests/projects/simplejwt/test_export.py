"""`djwto_export` of a project whose users had tokens of simplejwt."""

from typing import Any

from tests.exporting import exported


def test_the_format_and_the_schemes_are_told(settings: Any) -> None:
    settings.SIMPLE_JWT = {"AUTH_HEADER_TYPES": ("JWT", "Bearer"), "SIGNING_KEY": "seen-key"}
    found = exported("--allow-shared-secret")
    assert found["capabilities"]["formats"] == ["simplejwt"]
    assert found["transport"]["schemes"] == ["JWT", "Bearer"]
    assert "seen" not in str(found)
