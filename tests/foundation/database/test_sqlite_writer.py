"""The one writer of a SQLite file: verbs share a COMMIT, and none pays for another's fault."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, literal, select, text

from callfloor.foundation.database import Busy, Clash, Database, Gone, Tx
from tests.support.ledger import AddEntry, add_entry, entry, ledger_of, pledge

DEADLINE_SECONDS = 30
_pledge = insert(pledge)
_pages = text("PRAGMA page_count")


def in_one_group(db: Database, verbs: list[Callable[[Tx], Any]]) -> list[Future[Any]]:
    """Run the verbs in one transaction: they queue up behind one that waits for them."""
    waiting, go_on = threading.Event(), threading.Event()

    def wait(_: Tx) -> None:
        waiting.set()
        go_on.wait(DEADLINE_SECONDS)

    with ThreadPoolExecutor(len(verbs) + 1) as threads:
        threads.submit(db.write_now, wait)
        waiting.wait(DEADLINE_SECONDS)
        queued = threading.Semaphore(0)

        def submit(verb: Callable[[Tx], Any]) -> Any:
            queued.release()
            return db.write_now(verb)

        answers = [threads.submit(submit, verb) for verb in verbs]
        for _ in verbs:
            queued.acquire(timeout=DEADLINE_SECONDS)
        go_on.set()
    return answers


def test_a_verb_that_raises_leaves_its_neighbors_unharmed(sqlite_ledger: Database) -> None:
    def fail(tx: Tx) -> None:
        add_entry(tx, AddEntry(1, "lost"))
        raise LookupError("half way")

    verbs: list[Callable[[Tx], Any]] = [partial(add_entry, command=AddEntry(1, str(i))) for i in range(10)]
    answers = in_one_group(sqlite_ledger, [*verbs[:5], fail, *verbs[5:]])

    assert isinstance(answers.pop(5).exception(), LookupError)
    assert sorted(answer.result() for answer in answers) == list(range(1, 11))
    assert sqlite_ledger.read_now(partial(ledger_of, team_id=1)) == ({str(i) for i in range(10)}, 10)


def test_a_commit_that_fails_fails_only_its_cause(sqlite_ledger: Database) -> None:
    def promise(tx: Tx) -> None:
        tx.run(_pledge, {"id": "a", "promised_to": "nobody"})

    verbs: list[Callable[[Tx], Any]] = [partial(add_entry, command=AddEntry(1, str(i))) for i in range(10)]
    answers = in_one_group(sqlite_ledger, [*verbs[:5], promise, *verbs[5:]])

    assert isinstance(answers.pop(5).exception(), Clash)
    assert sorted(answer.result() for answer in answers) == list(range(1, 11))
    assert sqlite_ledger.read_now(partial(ledger_of, team_id=1)) == ({str(i) for i in range(10)}, 10)


def test_a_full_disk_refuses_what_does_not_fit_and_nothing_else(sqlite_ledger: Database) -> None:
    def limit(tx: Tx, *, pages: int) -> None:
        tx.run(text(f"PRAGMA max_page_count={tx.all(_pages)[0][0] + pages}"))

    sqlite_ledger.write_now(partial(limit, pages=20))
    small = [AddEntry(1, str(i)) for i in range(4)]
    big = AddEntry(1, "big", note="x" * 4096 * 40)
    commands = [*small[:2], big, *small[2:]]

    answers = in_one_group(sqlite_ledger, [partial(add_entry, command=command) for command in commands])

    assert isinstance(answers.pop(2).exception(), Gone)
    assert sorted(answer.result() for answer in answers) == [1, 2, 3, 4]
    sqlite_ledger.write_now(partial(limit, pages=1000))
    assert sqlite_ledger.write_now(partial(add_entry, command=big)) == 5
    assert sqlite_ledger.read_now(partial(ledger_of, team_id=1)) == ({"0", "1", "2", "3", "big"}, 5)


def test_outlives_a_verb_that_ends_its_thread(sqlite_ledger: Database) -> None:
    def leave(_: Tx) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        sqlite_ledger.write_now(leave)

    assert sqlite_ledger.write_now(partial(add_entry, command=AddEntry(1, "a"))) == 1


def test_a_read_in_the_loop_has_a_step_budget(sqlite_ledger: Database) -> None:
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 1_000_000))
    long_read = select(numbers.c.n)

    with pytest.raises(Busy, match="step budget"):
        asyncio.run(sqlite_ledger.read(long_read))

    assert asyncio.run(sqlite_ledger.read(select(entry.c.id))) == []
