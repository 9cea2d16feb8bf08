"""The signals of djwto. The sender is the name of a view class, as a string.

Django's `user_logged_in`, `user_login_failed` and `user_logged_out` are sent too.
"""

from django.dispatch import Signal

__all__ = [
    "jwt_access_refreshed",
    "jwt_blacklisted",
    "jwt_logged_in",
    "jwt_login_fail",
    "jwt_refresh_updated",
    "jwt_renewed_elsewhere",
    "jwt_reuse_detected",
    "jwt_token_validated",
]

jwt_logged_in = Signal()
"""A user has logged in. Sender: `GetTokensView`.

Arguments: `request`, `refresh_claims`, `access_claims`.
"""
jwt_login_fail = Signal()
"""A login has failed. Sender: `GetTokensView`.

Arguments: `request`, `error` (as in the reply).
"""
jwt_reuse_detected = Signal()
"""A used refresh token came again, so its session was ended.

Sender: `RefreshAccessView` or `UpdateRefreshView`. Arguments: `request`, `refresh_claims`.
"""
jwt_renewed_elsewhere = Signal()
"""A renewal in the grace period came from another device or network than the one before it.

The renewal was answered, and the session goes on. It is sent once for each session.

Sender: `RefreshAccessView` or `UpdateRefreshView`. Arguments: `request`, `refresh_claims`.
"""
jwt_blacklisted = Signal()
"""A refresh token was logged out. Sender: `BlackListTokenView`.

Arguments: `request`, `jti`.
"""
jwt_token_validated = Signal()
"""An endpoint has found a token good. Sender: `ValidateTokensView`.

Argument: `request`.
"""
jwt_access_refreshed = Signal()
"""`refresh_access/` has renewed tokens. Sender: `RefreshAccessView`.

Arguments: `request`, `refresh_claims`, `access_claims`.
"""
jwt_refresh_updated = Signal()
"""`update_refresh/` has renewed tokens. Sender: `UpdateRefreshView`.

Arguments: `request`, `refresh_claims`, `access_claims`.
"""
