"""`djwto_export` shows no secret: in the file, in messages, or in the frames of a failure."""

import base64
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from tests.exporting import PRIVATE, SECRET, Settings, names_in, run
from tests.test_leaks import Capture


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_no_secret_of_the_settings_is_exported(tmp_path: Path, algorithm: str) -> None:
    settings = Settings(tmp_path)
    settings.sign_with(algorithm)
    done = settings.run("--output", "export.json", "-v", "3")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "export.json").read_text()
    assert json.loads(text)["database"]["vendor"] == "postgresql"
    everything = text + done.stdout + done.stderr
    assert [secret for secret in settings.secrets if secret in everything] == []
    # Without the pair's public half, this would prove little.
    public = json.loads(text)["keys"]["jwks"]["keys"][0]
    assert public["alg"] == algorithm
    assert public.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"} == set()


def test_only_the_shared_secret_is_exported_where_it_may_be(tmp_path: Path) -> None:
    settings = Settings(tmp_path, DJWTO_SIGNING_KEY=repr(SECRET))
    refusal = settings.run("--output", "export.json")
    assert refusal.returncode == 1
    assert "--allow-shared-secret" in refusal.stderr
    assert SECRET not in refusal.stdout + refusal.stderr
    assert "export.json" not in names_in(tmp_path)
    done = settings.run("--allow-shared-secret")
    assert base64.b64encode(SECRET.encode()).decode() in done.stdout
    assert [secret for secret in settings.secrets if secret in done.stdout + done.stderr] == []


def test_check_shows_no_secret(tmp_path: Path) -> None:
    settings = Settings(tmp_path, DJWTO_SIGNING_KEY=repr(SECRET))
    settings.run("--allow-shared-secret", "--output", "export.json")
    settings.values |= {"DJWTO_SIGNING_KEY": repr(SECRET[::-1]), "SECRET_KEY": "'seen-other'"}
    done = settings.run("--check", "export.json")
    assert done.returncode == 1
    assert "keys.shared" in done.stderr
    shown = [*settings.secrets, "seen-other", SECRET, SECRET[::-1]]
    shown += [base64.b64encode(one.encode()).decode() for one in (SECRET, SECRET[::-1])]
    assert [one for one in shown if one in done.stdout + done.stderr] == []


def test_no_failure_shows_a_secret_in_its_frames(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_SIGNING_KEY = SECRET
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [("HS512", SECRET + "-older")]
    file, allowed = str(tmp_path / "export.json"), "--allow-shared-secret"
    run("--output", file, allowed)
    (tmp_path / "other.json").write_text(json.dumps({"keys": [{"k": SECRET}]}))
    capture = Capture()
    capture.secrets = [
        SECRET,
        base64.b64encode(SECRET.encode()).decode()[:40],
        repr(SECRET.encode()),
    ]
    with caplog.at_level(logging.DEBUG):
        for words in (
            [],
            ["--output", str(tmp_path / "none" / "export.json"), allowed],
            ["--output", str(tmp_path), allowed],
            ["--check", str(tmp_path / "other.json")],
            ["--check", str(tmp_path / "none")],
        ):
            capture.search(failure(*words))
        settings.DJWTO_SIGNING_KEY = SECRET + "-newer"
        capture.search(failure("--check", file))
        monkeypatch.setattr(os, "fsync", full)
        capture.search(failure("--output", file, allowed))
        settings.DJWTO_MODE = "wrong"
        capture.search(failure("--check", file))
    assert capture.leaks == set()
    assert {"djwto.export._keys", "djwto.export._read", "djwto.private_files.replace"} <= (
        capture.frames
    )
    assert SECRET not in caplog.text


def full(_handle: int) -> None:
    raise OSError(28, "No space left on device")


def failure(*words: str) -> BaseException:
    with pytest.raises(CommandError) as error:
        run(*words)
    return error.value
