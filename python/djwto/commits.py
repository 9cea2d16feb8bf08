"""Work that runs after a transaction is committed, and never after a rollback."""

from collections.abc import Callable

from django.db import transaction


def is_pending(using: str) -> bool:
    """Whether a transaction is open that will be committed or rolled back later.

    Within Django's `TestCase` none is: the transaction around a test is never committed.
    """
    blocks = transaction.get_connection(using).atomic_blocks
    return bool(blocks) and not getattr(blocks[0], "_from_testcase", False)


def after_commit(work: Callable[[], object], using: str, *, robust: bool = False) -> None:
    """Run this after the commit of the open transaction; at once if there is none.

    `robust` logs exceptions of the work, as in Django's `on_commit`: a commit cannot be undone.
    """
    if is_pending(using):
        transaction.on_commit(work, using=using, robust=robust)
    else:
        work()
