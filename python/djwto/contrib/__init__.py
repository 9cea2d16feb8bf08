"""Guards for other frameworks. Each module imports its framework.

Only the app `djwto` imports them itself, if the framework is in `INSTALLED_APPS`.
"""
