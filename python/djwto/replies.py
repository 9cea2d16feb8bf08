"""The first name of `djwto.responses`, for what the documentation has named."""

from djwto.responses import keep_private, refusal

__all__ = ["keep_private", "refusal"]
