"""The old name of `djwto.responses`, for projects that import from it."""

from djwto.responses import keep_private, refusal

__all__ = ["keep_private", "refusal"]
