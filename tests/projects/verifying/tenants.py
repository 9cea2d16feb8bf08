"""The tenant of every request of the service."""


def tenant(_request):
    return "a"
