"""The counts of an attempt to log in. The rules are the engine's, in `throttle.rs`.

What stays here is how a name is written before it is counted. Unicode's tables come with Python, as
they do in Django, whose login form and user model write names by the same ones. In the engine a
name could be written by the tables of another version, and be another name.
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

    `is_foreign` says that a page of an origin that is not trusted has sent it.
    """
    # A tenant is compared exactly everywhere else: two whose names fold together share no count.
    exact_tenant = tenant.encode("utf-8", "surrogatepass").hex()
    return _core.Attempt(normalised(account), exact_tenant, address, limits, is_foreign)


def exact(account: str) -> str:
    """Write a name as Django's login form reads it: stripped, then NFKC."""
    return unicodedata.normalize("NFKC", account.strip())


def normalised(account: str) -> str:
    """Write a name so that no two spellings of one account differ.

    A database's collation may ignore case, accents and signs that cannot be seen. This ignores all
    of them. Two accounts that share a count do less harm than one that has a count for each of its
    spellings.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", account).casefold())
    return "".join(sign for sign in text if unicodedata.category(sign)[0] not in "MCZ")
