"""Doors for other frameworks. Each module imports its framework.

Nothing else imports them, but for the app: it does where the framework is in `INSTALLED_APPS`.
"""
