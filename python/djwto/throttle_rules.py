"""The counters of an attempt to log in. The engine has the rules (`throttle.rs`).

This module normalises names before they are counted. It uses the Unicode tables of Python, like
Django's login form and user model. The engine may have tables of another version, which could give
another name.
"""

import unicodedata

from djwto import _core
from djwto.conf import Throttle

KNOWN_ATTEMPTS = _core.KNOWN_ATTEMPTS
"""What a network that the account knows has above the account's counts."""


def attempt(
    account: str, tenant: str, address: str, limits: Throttle, *, is_foreign: bool
) -> _core.Attempt:
    """Begin an attempt to log in to an account of a tenant from an address; "" for none.

    `is_foreign` says that a page of an untrusted origin sent it.
    """
    # Tenants are compared exactly everywhere else, so their names are not normalised here.
    exact_tenant = tenant.encode("utf-8", "surrogatepass").hex()
    return _core.Attempt(normalised(account), exact_tenant, address, limits, is_foreign)


def exact(account: str) -> str:
    """Return a name as Django's login form reads it: stripped, then NFKC."""
    return unicodedata.normalize("NFKC", account.strip())


def normalised(account: str) -> str:
    """Return a name so that all spellings of one account are equal.

    The collation of a database may ignore case, accents and invisible characters. This ignores all
    of them. It is less harm if two accounts share a counter than if one account has a counter for
    each of its spellings.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", account).casefold())
    return "".join(sign for sign in text if unicodedata.category(sign)[0] not in "MCZ")
