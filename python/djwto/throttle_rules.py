"""The rules of `DJWTO_LOGIN_THROTTLE`: which counts an attempt to log in has. No I/O.

1. The pair: an account and a network. The strictest count; a success frees what it has used.
2. The account, over all networks, in a window and in a day. Above either of them the network
   decides: one that the account knows has `KNOWN_ATTEMPTS`, and no success frees those. A network
   that it does not know is refused until the window has passed. Above the day's count, where that
   would be a refusal for a day, it has `STRANGER_ATTEMPTS` instead.
3. The network, over all accounts. An IPv6 network is a /64; a /48 has ten times as many.

Pages of other origins make their visitor's browser log in wrongly. All of these together have a
pair of their own, and at most half of the network's count, so that they lock no visitor out.

Source: OWASP, Authentication Cheat Sheet, "Login Throttling" and "Device Cookies".
"""

import math
import unicodedata
from dataclasses import dataclass

from djwto import addresses
from djwto.conf import Throttle

KNOWN_ATTEMPTS, KNOWN_SECONDS = 20, 5 * 60
"""What a network that the account knows has above the account's counts."""
STRANGER_ATTEMPTS, STRANGER_SECONDS = 1, 15 * 60
"""What any other network has above the account's count of a day."""
PER_SITE = 10
"""How many networks' worth of attempts an IPv6 /48 has: one customer may hold all of it."""
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Count:
    """A number of attempts that may fail within a time."""

    name: str
    """What is counted. It holds a name or an address, so it stays in this process."""
    size: int
    seconds: int
    is_shared: bool = False
    """Whether logins of many accounts or networks are in it: then nothing waits for a free slot."""


@dataclass(frozen=True)
class Counts:
    """The counts of one attempt, in the order in which they are asked."""

    networks: tuple[Count, ...]
    pair: Count | None
    day: Count | None
    account: Count | None
    known: Count | None
    strangers: tuple[Count, ...]

    def above(self, *, is_day_full: bool, is_known: bool) -> tuple[Count, ...]:
        """Give the counts that decide above the account's own; none refuse the attempt."""
        if is_known and self.known is not None:
            return (self.known,)
        return self.strangers if is_day_full else ()


def counts_of(account: str, address: str, limits: Throttle, *, is_foreign: bool) -> Counts:
    """Give the counts of an attempt to log in to an account from an address; "" for neither.

    `is_foreign` says that a page of an origin that is not trusted has sent it.
    """
    name, network, site = normalised(account), addresses.network(address), addresses.site(address)
    window = math.ceil(limits.window.total_seconds())
    # A name has no space left in it, so that no count is taken for another.
    client = f"foreign {network}" if is_foreign else network
    networks = []
    if network:
        size = limits.network_attempts
        if is_foreign:
            networks.append(Count(f"network {client}", math.ceil(size / 2), window, is_shared=True))
        networks.append(Count(f"network {network}", size, window, is_shared=True))
        if site:
            networks.append(Count(f"network {site}", size * PER_SITE, window, is_shared=True))
    # Without an address all clients would be one, and could lock each other out; without a name
    # all accounts would be one. Where both are missing, something must count.
    pair = day = account_count = known = None
    strangers: tuple[Count, ...] = ()
    if network or not name:
        pair = Count(f"pair {client} {name}", limits.attempts, window)
    if name:
        account_count = Count(f"account {name}", limits.account_attempts, window, is_shared=True)
    if name and network:
        day = Count(f"day {name}", limits.day_attempts, _DAY_SECONDS, is_shared=True)
        known = Count(f"known {client} {name}", KNOWN_ATTEMPTS, KNOWN_SECONDS)
        strangers = (Count(f"stranger {client} {name}", STRANGER_ATTEMPTS, STRANGER_SECONDS),)
        if site:
            size = STRANGER_ATTEMPTS * PER_SITE
            strangers += (Count(f"stranger {site} {name}", size, STRANGER_SECONDS),)
    return Counts(tuple(networks), pair, day, account_count, known, strangers)


def exact(account: str) -> str:
    """Write a name as Django's login form reads it: stripped, then NFKC."""
    return unicodedata.normalize("NFKC", account.strip())


def normalised(account: str) -> str:
    """Write a name so that no two spellings of one account differ.

    A database's collation may ignore case, accents and signs that cannot be seen. This ignores all
    of them: two accounts that share a count are less harm than one whose every spelling has a
    count of its own.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", account).casefold())
    return "".join(sign for sign in text if unicodedata.category(sign)[0] not in "MCZ")
