"""JupyterLab behind the guard. fleet.py names this file and sets the variables that it reads."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 (Jupyter puts it here)

var = Path(os.environ["FLEET_VAR"])

# No login: each request that comes through this socket may run programs as the user who started
# the fleet. The socket has mode 600, in a folder of mode 700, so that user and nginx alone reach
# it. A TCP port, even of 127.0.0.1, would be open to every user of the machine.
c.ServerApp.sock = os.environ["FLEET_SOCKET"]
c.ServerApp.sock_mode = "0600"
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
# Kernels too: Jupyter reaches them by sockets in its private runtime folder.
c.KernelManager.transport = "ipc"

# The name that browsers use. Jupyter compares it with `Host` and, for WebSockets, with `Origin`.
c.ServerApp.local_hostnames = ["lab.demo.localhost"]
c.ServerApp.allow_remote_access = False
# nginx alone sets `X-Forwarded-Proto` and `X-Forwarded-For`. So Jupyter's cookies are `Secure`.
c.ServerApp.trust_xheaders = True

c.ServerApp.root_dir = str(var / "notebooks")
c.FileContentsManager.delete_to_trash = False
c.ServerApp.open_browser = False
c.ServerApp.allow_root = os.geteuid() == 0

# It asks no other server for news, updates or extensions.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
