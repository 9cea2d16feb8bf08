"""`djwto_export --output` and `--check`: a file for its owner alone, and what has changed since."""

import grp
import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.exporting import EXAMPLE, SECRET, names_in, refused, run


@pytest.fixture
def example() -> Iterator[None]:
    with override_settings(**EXAMPLE):
        yield


# --- the file -----------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_alone(example: None, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text("old")
    file.chmod(0o644)
    before = os.umask(0)
    try:
        assert run("--output", str(file)) == ""
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == run()
    assert names_in(tmp_path) == ["export.json"]


def test_a_group_may_read_it(example: None, tmp_path: Path) -> None:
    file, group = tmp_path / "export.json", grp.getgrgid(os.getgid()).gr_name
    run("--output", str(file), "--group", group)
    found = file.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, os.getgid())
    assert names_in(tmp_path) == ["export.json"]
    run("--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_group_that_may_not_read_it_is_named(example: None, tmp_path: Path) -> None:
    file, group = tmp_path / "export.json", grp.getgrgid(os.getgid()).gr_name
    assert "no group 'none-of-that-name'" in refused(
        "--output", str(file), "--group", "none-of-that-name"
    )
    assert "--output, which is missing" in refused("--group", group)
    secret = refused("--output", str(file), "--group", group, "--allow-shared-secret")
    assert "can sign tokens of any user" in secret
    assert names_in(tmp_path) == []


def test_it_is_never_open_to_others_nor_half_written(
    example: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen, fsync = tmp_path / "export.json", [], os.fsync
    file.write_text("old")

    def looked(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            seen.append((stat.S_IMODE(os.fstat(handle).st_mode), file.read_text()))
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", looked)
    assert refused("--output", str(file)) == f"{file}: No space left on device."
    assert seen == [(0o600, "old")]
    assert names_in(tmp_path) == ["export.json"]
    assert file.read_text() == "old"


def test_a_link_stays_one(example: None, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "export.json")
    run("--output", str(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "export.json").read_text())["format"] == 1


def test_what_is_no_file_is_left_alone(example: None, tmp_path: Path) -> None:
    assert refused("--output", str(tmp_path)).endswith("expected a file, found something else.")
    assert refused("--output", os.devnull).endswith("expected a file, found something else.")
    missing = tmp_path / "none" / "export.json"
    assert refused("--output", str(missing)) == f"{missing}: No such file or directory."


# --- --check ------------------------------------------------------------------------------------


@pytest.fixture
def file(example: None, tmp_path: Path) -> Path:
    run("--output", str(tmp_path / "export.json"))
    return tmp_path / "export.json"


def moved(file: Path) -> str:
    start, end = (
        f"{file} is out of date: ",
        f". Write it again: `manage.py djwto_export --output {file}`.",
    )
    sentence = refused("--check", str(file))
    assert sentence.startswith(start)
    assert sentence.endswith(end)
    return sentence.removeprefix(start).removesuffix(end)


def test_check_is_silent_about_what_has_not_changed(file: Path, settings: Any) -> None:
    assert run("--check", str(file)) == f"{file} is up to date.\n"
    settings.DJWTO_REFRESH_GRACE = timedelta(seconds=1)  # the server does not need it
    assert run("--check", str(file)) == f"{file} is up to date.\n"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(minutes=6)}, "policy.access_lifetime"),
        ({"DJWTO_COOKIE_PREFIX": "x_", "CSRF_COOKIE_NAME": "c"},
         "transport.cookie_prefix, csrf.cookie_name"),
        ({"DJWTO_SIGNING_KEY_FALLBACKS": []}, "keys.jwks.keys"),
        ({"DJWTO_SIGNING_KEY_FALLBACKS": [("HS256", SECRET)]}, "keys.jwks.keys, keys.shared"),
        ({"DJWTO_TENANT": "tests.exporting.tenant"}, "tenants"),
        ({"AUTHENTICATION_BACKENDS": ["tests.exporting.Granting"]},
         "database.permissions, capabilities.permissions"),
    ],
)  # fmt: skip
def test_check_names_what_has_changed(file: Path, changes: dict[str, Any], names: str) -> None:
    with override_settings(**changes):
        assert moved(file) == names


def test_check_knows_keys_by_url(example: None, tmp_path: Path, settings: Any) -> None:
    file, url = tmp_path / "export.json", "https://portal.example.org/keys?a=1&b=2"
    run("--output", str(file), "--keys-url", url)
    assert run("--check", str(file)) == f"{file} is up to date.\n"
    # The set behind the URL may change.
    settings.DJWTO_SIGNING_KEY_FALLBACKS = []
    assert run("--check", str(file)) == f"{file} is up to date.\n"
    other = refused("--check", str(file), "--keys-url", "https://portal.example.org/")
    assert other.startswith(f"{file} is out of date: keys.url. ")
    assert other.endswith(f"--output {file} --keys-url https://portal.example.org/`.")
    settings.DJWTO_COOKIE_PREFIX = "x_"
    assert refused("--check", str(file)) == (
        f"{file} is out of date: transport.cookie_prefix. "
        f"Write it again: `manage.py djwto_export --output {file} --keys-url '{url}'`."
    )
    found = json.loads(file.read_text())
    file.write_text(json.dumps({**found, "keys": {"url": "http://portal.example.org/"}}))
    assert moved(file) == "transport.cookie_prefix, keys.jwks, keys.url"


def test_check_knows_the_url_of_the_settings(tmp_path: Path, settings: Any) -> None:
    file = tmp_path / "export.json"
    settings.DJWTO_KEYS = "https://localhost:9/old.json"
    run("--output", str(file))
    assert run("--check", str(file)) == f"{file} is up to date.\n"
    settings.DJWTO_KEYS = "https://localhost:9/new.json"
    assert moved(file) == "keys.url"


def test_check_finds_an_edited_file(file: Path) -> None:
    found = json.loads(file.read_text())
    found["fingerprint"] = "sha256:0"
    file.write_text(json.dumps(found))
    assert moved(file) == "fingerprint"
    del found["csrf"]["on"]
    found["more"] = found["csrf"]["\x1b[2J"] = 1
    file.write_text(json.dumps(found))
    assert moved(file) == "csrf.on, csrf.?[2J, more"
    file.write_text(json.dumps({"format": 2}))
    assert moved(file).startswith("format, ")


@pytest.mark.parametrize("text", ["", "[]", "{}", "\0", "[" * 100_000, '{"keys": [{"k": "a"}]}'])
def test_check_of_another_file(file: Path, text: str) -> None:
    file.write_text(text)
    assert refused("--check", str(file)) == (
        f"{file}: expected a file of djwto_export, found another one."
    )


def test_check_of_no_file(file: Path) -> None:
    file.unlink()
    assert refused("--check", str(file)) == f"{file}: No such file or directory."


def test_check_of_secrets_wants_no_permission(file: Path, settings: Any) -> None:
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "HS256", SECRET
    run("--output", str(file), "--allow-shared-secret")
    assert run("--check", str(file)) == f"{file} is up to date.\n"
    settings.DJWTO_SIGNING_KEY = SECRET[:-1]
    assert moved(file) == "keys.shared"
