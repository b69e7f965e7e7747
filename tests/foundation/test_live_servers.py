"""Servers on one database: who may join, and who is taken for dead."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from callfloor.foundation.database import open_database
from callfloor.foundation.ids import new_id
from callfloor.foundation.live_servers import AnotherServerRuns, LiveServer, beat, leave, register, this_server

ELSEWHERE = "another machine 0"


def elsewhere(store: str) -> LiveServer:
    """Return a server of another machine."""
    return LiveServer(new_id(), ELSEWHERE, "1:1", store)


@pytest.mark.parametrize(
    ("first", "second", "joins"),
    [
        ("memory", "memory", False),
        ("memory", "database", False),
        ("valkey", "memory", False),
        ("database", "valkey", False),
        ("database", "database", True),
        ("valkey", "valkey", True),
    ],
)
def test_only_who_shares_its_store_joins(fresh_database_url: str, first: str, second: str, joins: bool) -> None:  # noqa: FBT001  # a table
    async def run() -> bool:
        db = open_database(fresh_database_url)
        running = elsewhere(first)
        await register(db, running)
        stop = asyncio.Event()

        async def keep_beating() -> None:
            while not stop.is_set():
                await beat(db, running)

        beating = asyncio.create_task(keep_beating())
        try:
            await register(db, this_server(second), watch_seconds=1)
            return True
        except AnotherServerRuns:
            return False
        finally:
            stop.set()
            await beating
            await db.close()

    assert asyncio.run(run()) is joins


def test_one_of_another_machine_that_is_silent_is_dead(fresh_database_url: str) -> None:
    async def run() -> None:
        db = open_database(fresh_database_url)
        await register(db, elsewhere("memory"))
        await register(db, this_server("memory"), watch_seconds=0.01)
        await db.close()

    asyncio.run(run())


def test_one_of_this_machine_whose_process_ended_is_dead(fresh_database_url: str) -> None:
    async def run() -> None:
        db = open_database(fresh_database_url)
        mine = this_server("memory")
        await register(db, dataclasses.replace(mine, id=new_id(), process=f"{2**22 + 1}:1"))
        await register(db, mine, watch_seconds=3600)
        await db.close()

    asyncio.run(run())


def test_one_that_left_is_in_nobodys_way(fresh_database_url: str) -> None:
    async def run() -> None:
        db = open_database(fresh_database_url)
        gone = elsewhere("memory")
        await register(db, gone)
        await leave(db, gone)
        await register(db, this_server("memory"), watch_seconds=3600)
        await db.close()

    asyncio.run(run())
