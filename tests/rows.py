"""Rows of sessions as a login makes them, without a login."""

from datetime import timedelta
from typing import Any

from djwto import conf, sessions
from djwto.models import Session


def opened(user: Any, mode: str, now: float, lifetime: timedelta | None = None) -> Session:
    """Make the session of a user that begins at a time, without saving it."""
    new = conf.engine().open_session(mode, lifetime, sid=None, iat=None, exp=None, now=now)
    return sessions.new(new.session, user, new.row)
