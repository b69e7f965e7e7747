"""A change tried out: the very same verb runs, its result is told, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from callfloor.foundation.database import Database, Tx

T = TypeVar("T")


class _Undone(Exception):
    """Carries a verb's result out of the transaction that it rolls back."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result


async def write_or_try(db: Database, verb: Callable[[Tx], T], *, dry_run: bool) -> T:
    """Run the verb, and commit it unless `dry_run`; what it returns, or raises, is the same."""
    if not dry_run:
        return await db.write(verb)
    results: list[T] = []
    try:
        await db.write(_tried(verb, results))
    except _Undone:
        return results[-1]
    raise RuntimeError("a dry run was committed")


def try_now(db: Database, verb: Callable[[Tx], T]) -> T:
    """Run the verb and keep nothing of it, as `write_or_try` does, for the command line."""
    results: list[T] = []
    try:
        db.write_now(_tried(verb, results))
    except _Undone:
        return results[-1]
    raise RuntimeError("a dry run was committed")


def _tried(verb: Callable[[Tx], T], results: list[T]) -> Callable[[Tx], None]:
    def tried(tx: Tx) -> None:
        results.append(verb(tx))
        raise _Undone(results)

    return tried
