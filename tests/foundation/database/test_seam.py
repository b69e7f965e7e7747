"""What every domain may rely on, on both databases."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest

from callfloor.foundation.database import Clash, Database, Gone, Tx, open_database
from tests.support.ledger import AddEntry, add_entry, entries_of_team, ids_of_team, ledger_of

T = TypeVar("T")
DEADLINE_SECONDS = 30
caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller")


def in_loop(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run the work in a loop of its own, on a database opened and closed there."""

    async def run() -> T:
        db = open_database(url, strict_reads=True)
        try:
            return await asyncio.wait_for(work(db), DEADLINE_SECONDS)
        finally:
            await db.close()

    return asyncio.run(run())


class TestVerbs:
    def test_run_as_plain_functions_without_a_loop(self, ledger: Database) -> None:
        def verb(tx: Tx) -> int:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            return add_entry(tx, AddEntry(1, "a"))

        assert ledger.write_now(verb) == 1
        assert ledger.write_now(partial(add_entry, command=AddEntry(1, "b"))) == 2
        assert ledger.read_now(partial(ledger_of, team_id=1)) == ({"a", "b"}, 2)

    def test_leave_nothing_when_they_raise(self, ledger: Database) -> None:
        def verb(tx: Tx) -> None:
            add_entry(tx, AddEntry(1, "a"))
            raise LookupError("half way")

        with pytest.raises(LookupError, match="half way"):
            ledger.write_now(verb)

        assert ledger.read_now(partial(ledger_of, team_id=1)) == (set(), 0)

    def test_clash_on_what_exists(self, ledger: Database) -> None:
        ledger.write_now(partial(add_entry, command=AddEntry(1, "a")))

        with pytest.raises(Clash):
            ledger.write_now(partial(add_entry, command=AddEntry(1, "a")))

        assert ledger.read_now(partial(ledger_of, team_id=1)) == ({"a"}, 1)

    def test_are_on_disk_when_they_return(self, ledger: Database) -> None:
        for number in range(1, 51):
            ledger.write_now(partial(add_entry, command=AddEntry(1, str(number))))

            assert ledger.read_now(partial(ledger_of, team_id=1))[1] == number

    def test_go_on_when_their_caller_is_cancelled(self, ledger_url: str) -> None:
        running, go_on = threading.Event(), threading.Event()

        def verb(tx: Tx) -> None:
            add_entry(tx, AddEntry(1, "a"))
            running.set()
            go_on.wait(DEADLINE_SECONDS)

        async def cancel_half_way(db: Database) -> None:
            task = asyncio.create_task(db.write(verb))
            await asyncio.to_thread(running.wait, DEADLINE_SECONDS)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()

        in_loop(ledger_url, cancel_half_way)

        ids, total = in_loop(ledger_url, lambda db: db.report(partial(ledger_of, team_id=1)))
        assert (ids, total) == ({"a"}, 1)

    def test_see_the_context_of_their_caller(self, ledger_url: str) -> None:
        async def ask(db: Database) -> list[str]:
            caller.set("ada")
            return [await db.write(lambda _: caller.get()), await db.report(lambda _: caller.get())]

        assert in_loop(ledger_url, ask) == ["ada", "ada"]


class TestReads:
    def test_answer_what_is_committed(self, ledger_url: str) -> None:
        async def write_and_read(db: Database) -> list[list[tuple[str]]]:
            await db.write(partial(add_entry, command=AddEntry(1, "a")))
            return [await db.read(ids_of_team, {"team_id": 1}), await db.select(ids_of_team, {"team_id": 1})]

        assert in_loop(ledger_url, write_and_read) == [[("a",)], [("a",)]]

    def test_of_a_report_are_one_snapshot(self, ledger: Database) -> None:
        def twice(tx: Tx) -> list[int]:
            counted = [tx.all(entries_of_team, {"team_id": 1})[0][0]]
            ledger.write_now(partial(add_entry, command=AddEntry(1, "a")))
            counted.append(tx.all(entries_of_team, {"team_id": 1})[0][0])
            return counted

        assert ledger.read_now(twice) == [0, 0]
        assert ledger.read_now(partial(ledger_of, team_id=1)) == ({"a"}, 1)

    def test_cannot_change_anything(self, ledger: Database) -> None:
        with pytest.raises(Exception, match=r"read-?only"):
            ledger.read_now(partial(add_entry, command=AddEntry(1, "a")))

        assert ledger.read_now(partial(ledger_of, team_id=1)) == (set(), 0)

    def test_may_run_inside_each_other_and_on_many_threads(self, ledger: Database) -> None:
        count = partial(ledger_of, team_id=1)
        found: list[object] = []

        threads = [threading.Thread(target=lambda: found.append(ledger.read_now(count))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)

        assert found == [(set(), 0)] * 12
        assert ledger.read_now(lambda _: ledger.read_now(count)) == (set(), 0)


class TestClosing:
    def test_finishes_the_writes_that_wait(self, ledger_url: str) -> None:
        async def close_behind(db: Database) -> list[int]:
            writes = [
                asyncio.ensure_future(db.write(partial(add_entry, command=AddEntry(1, str(i))))) for i in range(20)
            ]
            await asyncio.sleep(0)
            await db.close()
            return sorted(await asyncio.gather(*writes))

        assert in_loop(ledger_url, close_behind) == list(range(1, 21))

    def test_refuses_what_comes_after(self, ledger_url: str) -> None:
        async def after(db: Database) -> None:
            await db.close()
            with pytest.raises(Gone):
                await db.read(ids_of_team, {"team_id": 1})
            with pytest.raises(Gone):
                await db.select(ids_of_team, {"team_id": 1})
            with pytest.raises(Gone):
                await db.write(partial(add_entry, command=AddEntry(1, "a")))
            with pytest.raises(Gone):
                await db.report(partial(ledger_of, team_id=1))
            with pytest.raises(Gone):
                db.read_now(partial(ledger_of, team_id=1))
            with pytest.raises(Gone):
                db.write_now(partial(add_entry, command=AddEntry(1, "a")))

        in_loop(ledger_url, after)
