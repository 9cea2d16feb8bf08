"""The files of `deploy/`: real proxies, the real portal, the real djwto-server."""
