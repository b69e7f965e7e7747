"""Watchers of one process: slow ones are cut off and come again, each message is made once, and nothing is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import pytest

from callfloor.foundation.database import Database
from callfloor.live.hub import BUFFER, Hub, TooManyStreams, Watcher
from callfloor.live.messages import Message
from tests.live.looking import floor_of, receive, report, seq_of

DEADLINE_SECONDS = 60
T = TypeVar("T")


async def everybody(who: Sequence[object]) -> Sequence[object]:
    return who


@asynccontextmanager
async def watching(hub: Hub, team_id: int, *, after: int | None = None) -> AsyncIterator[Watcher]:
    """Watch the team; the watcher remembers in `who` whether it was cut off."""
    watcher = Watcher(object(), lambda: None)
    await hub.watch(team_id, watcher, after=after)
    try:
        yield watcher
    finally:
        hub.leave(team_id, watcher)


async def soon(awaited: Awaitable[T]) -> T:
    """Wait for it, with a deadline."""
    return await asyncio.wait_for(awaited, DEADLINE_SECONDS)


async def told(watcher: Watcher) -> Message:
    """Return the next message that tells of something."""
    while True:
        message = await watcher.next()
        assert message is not None
        if message.seq is not None:
            return message


def content(message: Message) -> tuple[str, dict[str, Any]]:
    """Return kind and content of a message."""
    lines = dict(line.split(": ", 1) for line in message.plain.decode().splitlines() if line)
    return lines["event"], msgspec.json.decode(lines["data"])


def run(db: Database, story: Callable[[Hub], Awaitable[None]], *, limit: int = 10, resume_limit: int = 100) -> None:
    """Let the story happen with a hub that ticks fast."""

    async def main() -> None:
        hub = Hub(db, everybody, limit=limit, resume_limit=resume_limit, tick_seconds=0.02)
        await soon(story(hub))

    asyncio.run(main())


def test_all_watchers_get_the_very_same_message(db: Database) -> None:
    team, (one,) = floor_of(db, 1)

    async def story(hub: Hub) -> None:
        async with watching(hub, team.id) as first, watching(hub, team.id) as second:
            for watcher in (first, second):
                assert content(await told(watcher))[0] == "ready"
            await asyncio.to_thread(receive, db, team.id, [report(one, 1000, "online")], now=1000)

            messages = [await told(watcher) for watcher in (first, second)]

            assert messages[0] is messages[1]
            assert content(messages[0])[1]["seq"] == seq_of(db, team.id)

    run(db, story)


def test_who_does_not_read_is_cut_off_and_comes_again_with_its_place(db: Database) -> None:
    team, devices = floor_of(db, 2)

    async def story(hub: Hub) -> None:
        async with watching(hub, team.id) as slow, watching(hub, team.id) as quick:
            place = (await told(slow)).seq
            await told(quick)
            for at in range(1000, 1000 * (BUFFER + 4), 1000):
                await asyncio.to_thread(receive, db, team.id, [report(devices[at // 1000 % 2], at, "online")], now=at)
                if at <= 1000 * (BUFFER + 1):
                    await told(quick)

            assert slow.is_cut_off
            assert await slow.next() is None

        async with watching(hub, team.id, after=place) as again:
            kind, news = content(await told(again))
        assert kind == "changes"
        assert {row["id"] for row in news["devices"]} == set(devices)

    run(db, story)


def test_watchers_that_come_at_any_moment_miss_nothing(db: Database) -> None:
    team, (one,) = floor_of(db, 1)
    last = 40

    async def write() -> None:
        for number in range(1, last + 1):
            await asyncio.to_thread(receive, db, team.id, [report(one, 1000 + number, "online")], now=1000 + number)

    async def watch(hub: Hub) -> list[int]:
        numbers: list[int] = []
        async with watching(hub, team.id, after=0) as watcher:
            while not numbers or numbers[-1] < last:
                message = await told(watcher)
                numbers.append(message.seq or 0)
        return numbers

    async def story(hub: Hub) -> None:
        writing = asyncio.create_task(write())
        watches = []
        while not writing.done():
            watches.append(asyncio.create_task(watch(hub)))
            await asyncio.sleep(0.01)
        for numbers in await asyncio.gather(*watches):
            assert numbers == sorted(set(numbers))
            assert numbers[-1] == last

    run(db, story, limit=10_000)


def test_who_is_far_behind_is_told_to_read_anew(db: Database) -> None:
    team, devices = floor_of(db, 3)
    receive(db, team.id, [report(one, 1000, "online") for one in devices], now=1000)

    async def story(hub: Hub) -> None:
        async with watching(hub, team.id, after=0) as watcher:
            assert content(await told(watcher)) == ("reset", {"seq": 1})

    run(db, story, resume_limit=2)


def test_a_team_has_so_many_streams_and_no_more(db: Database) -> None:
    team, _ = floor_of(db, 1)
    other, _ = floor_of(db, 1)

    async def story(hub: Hub) -> None:
        async with watching(hub, team.id), watching(hub, team.id), watching(hub, other.id):
            with pytest.raises(TooManyStreams):
                await hub.watch(team.id, Watcher(None, lambda: None), after=None)
        async with watching(hub, team.id) as again:
            assert content(await told(again))[0] == "ready"

    run(db, story, limit=2)


def test_a_hub_that_closes_ends_its_streams_and_those_that_come(db: Database) -> None:
    team, _ = floor_of(db, 1)

    async def story(hub: Hub) -> None:
        async with watching(hub, team.id) as watcher:
            hub.close()
            assert await watcher.next() is None
            async with watching(hub, team.id) as late:
                assert await late.next() is None

    run(db, story)
