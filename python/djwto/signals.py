"""The signals of djwto. The sender is the name of the view class.

Django's `user_logged_in`, `user_login_failed` and `user_logged_out` are sent too.
"""

from django.dispatch import Signal

#: Arguments: `request`, `refresh_claims`, `access_claims`. Sender: `GetTokensView`.
jwt_logged_in = Signal()
#: Arguments: `request`, `error` (as in the reply). Sender: `GetTokensView`.
jwt_login_fail = Signal()
#: Arguments: `request`, `refresh_claims`. Sender: `RefreshAccessView` or `UpdateRefreshView`.
#: A refresh token came again that was used before: its session was ended.
jwt_reuse_detected = Signal()
#: Arguments: `request`, `refresh_claims`. Sender: `RefreshAccessView` or `UpdateRefreshView`.
#: A renewal within the grace period came from another device or network than the one before it.
#: Sent once for each session; it was answered, and nothing was ended.
jwt_renewed_elsewhere = Signal()
#: Arguments: `request`, `jti`. Sender: `BlackListTokenView`.
jwt_blacklisted = Signal()
#: Arguments: `request`. Sender: `ValidateTokensView`.
jwt_token_validated = Signal()
#: Arguments: `request`, `refresh_claims`, `access_claims`. Sender: `RefreshAccessView`.
jwt_access_refreshed = Signal()
#: Arguments: `request`, `refresh_claims`, `access_claims`. Sender: `UpdateRefreshView`.
jwt_refresh_updated = Signal()
