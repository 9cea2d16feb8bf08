"""The one command that shows the portal: it says what it does, and leaves nothing behind."""

import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests import services

DEMO = services.PORTAL / "demo.py"
LAST_WORDS = "Ctrl-C stops the portal."


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
def test_it_serves_and_ctrl_c_ends_it(tmp_path: Path, server: str) -> None:
    port = services.free_port()
    words = ["--port", str(port), "--server", server, "--var", str(tmp_path)]
    with _demo(*words) as demo:
        said = _read_until(demo, LAST_WORDS)
        demo.send_signal(signal.SIGINT)
        rest, errors = demo.communicate(timeout=services.STOP_SECONDS)

    assert f"https://localhost:{port}/" in said
    assert (demo.returncode, rest.strip(), errors) == (0, "Stopped.", "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    for secret in ("key.pem", "secret.key", "signing.key"):
        assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600


def test_a_busy_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _demo("--port", str(port), "--var", str(var)) as demo:
            said, errors = demo.communicate(timeout=services.START_SECONDS)

    assert (demo.returncode, said) == (1, "")
    assert errors == f"Port {port} is in use on 127.0.0.1; choose another with --port.\n"
    assert not var.exists()


def _demo(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(DEMO), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _read_until(demo: subprocess.Popen[str], words: str) -> str:
    said = ""
    for line in demo.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"The demo ended early.\n{said}{demo.stderr.read()}")
