"""What an entry of the cache takes, in a process of its own, for `benches.caching` to read.

Three numbers: entries, the bytes by which the process grew for each, and those that were counted.
"""

import json
import os

import django

ENTRIES = 20_000


def main() -> None:
    """Fill a cache, and print."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
    django.setup()
    from benches.caching import LARGE
    from benches.peers import KeyPair, djwto_decoder
    from benches.tokens import signed
    from benches.weight import memory

    engine = KeyPair.generate("HS256").engine(**LARGE)
    tokens = [signed(engine) for _ in range(ENTRIES)]
    decode = djwto_decoder(engine)
    for token in tokens:
        decode(token)
    before = memory()[1]
    for token in tokens:
        decode(token)
    grown, info = memory()[1] - before, engine.cache_info()
    print(json.dumps([info.entries, grown * 1024 / info.entries, info.bytes / info.entries]))


main()
