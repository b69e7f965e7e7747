"""What is followed: live state and the feed of changes, through restarts and kills of a real server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_id, new_secret
from callfloor_sdk import LiveMessage, NoAnswer, NotAuthenticated, Retries
from sdk_support import DEADLINE_SECONDS
from sdk_support.installation import Installation
from tests.factories.conversations import make_conversation
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team

pytestmark = pytest.mark.timeout(240)
"""Servers are started and killed, each of which takes seconds on a busy machine."""


@contextlib.contextmanager
def restarted(folder: Path, port: int) -> Iterator[Installation]:
    """Run the server of the folder, again on its port."""
    url = f"sqlite:///{folder / 'callfloor.db'}"
    with Installation.running(folder, url, options=("--port", str(port))) as one:
        yield one


class Desk:
    """A device of a team, whose agent reports states."""

    def __init__(self, db: Database, hash_key: bytes) -> None:
        self.team: DeviceTeam = make_device_team(db, seats=1, hash_key=hash_key)
        self._token = new_secret()
        self.device_id = log_in(db, self.team, machine(1), token=self._token).device_id

    def report(self, installation: Installation, state: str) -> None:
        event = {"id": new_id(), "at": iso(clock.now()), "kind": "state", "state": state}
        more = {"reason": None, "call": None, "mic": None, "speaker": None}
        with installation.server.client(headers={"Authorization": f"Bearer {self._token}"}) as client:
            answer = client.post("/api/v2/agent/events", json={"events": [{**event, **more}]})
        assert answer.json()["accepted"] == 1, answer.text


def until_state(messages: Iterator[LiveMessage], state: str) -> LiveMessage:
    """Return the first message that tells of a device in the state."""
    return next(one for one in messages if any(device.state == state for device in one.devices))


def test_live_state_is_told_as_it_happens_and_after_a_kill(tmp_path: Path) -> None:
    with restarted(tmp_path, 0) as one:
        desk, port = Desk(one.db, one.hash_key), one.server.port
        client = one.client(desk.team.team)
        snapshot = client.live.snapshot().first()
        messages = client.live.stream(after=snapshot.seq)
        begun = next(messages)
        desk.report(one, "online")
        online = until_state(messages, "online")
        one.server.stop(signal.SIGKILL)
    with restarted(tmp_path, port) as one:
        desk.report(one, "in_call")
        in_call = until_state(messages, "in_call")
        messages.close()
        client.close()

    assert [device.id for device in snapshot.data] == [desk.device_id]
    # What changed between the two requests, as that the device is there at all, is told first.
    assert begun.event == ("ready" if begun.seq == snapshot.seq else "changes")
    assert online.event == "changes"
    assert in_call.seq > online.seq
    assert in_call.devices[0].id == desk.device_id


def test_the_awaited_client_is_told_too(installation: Installation) -> None:
    desk = Desk(installation.db, installation.hash_key)

    async def work() -> tuple[str, str]:
        async with installation.async_client(desk.team.team) as client:
            messages = client.live.stream()
            ready = await anext(messages)
            await asyncio.to_thread(desk.report, installation, "online")
            async for message in messages:
                if message.devices:
                    return ready.event, message.devices[0].state
        raise AssertionError("the stream ended")

    assert asyncio.run(work()) == ("ready", "online")


def test_a_stream_ends_for_good_with_its_key(installation: Installation) -> None:
    team = installation.team()
    with installation.client(team) as client, installation.client(team) as other:
        messages = client.live.stream()
        next(messages)
        for key in other.keys.list():
            if "live:read" in (key.scopes or ()):
                other.keys.delete(key.id)
        with pytest.raises(NotAuthenticated):
            list(messages)


def test_changes_are_followed_through_kills_and_none_is_lost_or_told_twice(tmp_path: Path) -> None:
    seen: list[str] = []
    made: list[str] = []
    with restarted(tmp_path, 0) as one:
        team, port = one.team(), one.server.port
        client = one.client(team)
        pages = client.changes.follow(limit=2)
        for _ in range(2):
            made += [make_conversation(one.db, team) for _ in range(3)]
            while len(seen) < len(made) - 1:
                page = next(pages)
                seen += [change.conversation_id for change in page.data if change.change == "created"]
        one.server.stop(signal.SIGKILL)
    db = open_database(f"sqlite:///{tmp_path / 'callfloor.db'}")
    made += [make_conversation(db, team, kind=ConversationKind.MEETING)]
    db.close_now()
    with restarted(tmp_path, port):
        while len(seen) < len(made):
            page = next(pages)
            seen += [change.conversation_id for change in page.data if change.change == "created"]
        resumed = [change for page in client.changes.catch_up(page.next) for change in page.data]
        client.close()

    assert seen == made
    assert [change for change in resumed if change.change == "created"] == []


def test_a_copy_catches_up_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with restarted(tmp_path, 0) as one:
        team = one.team()
        first = [make_conversation(one.db, team) for _ in range(5)]

        async def followed(after: str | None, wanted: set[str]) -> set[str]:
            told: set[str] = set()
            async with one.async_client(team) as client:
                async for page in client.changes.follow(after):
                    told |= {change.conversation_id for change in page.data}
                    if told >= wanted:
                        break
            return told

        with one.client(team) as client:
            all_first = asyncio.run(followed(None, set(first)))
            pages = list(client.changes.catch_up(limit=3))
            later = make_conversation(one.db, team)
            told = asyncio.run(followed(pages[-1].next, {later}))

    assert list(dict.fromkeys(change.conversation_id for page in pages for change in page.data)) == first
    assert (all_first, told) == (set(first), {later})


def test_a_follower_gives_up_when_told_to(tmp_path: Path) -> None:
    with restarted(tmp_path, 0) as one:
        client = one.client(one.team())
    with client, pytest.raises(NoAnswer):
        list(client.changes.follow(give_up_after=0.0))


def test_a_follower_waits_longer_than_its_client_does(tmp_path: Path) -> None:
    with restarted(tmp_path, 0) as one:
        team = one.team()
        client = one.client(team, timeout=0.5, retries=Retries(attempts=1))
        pages = client.changes.follow(give_up_after=0.0)
        with client, ThreadPoolExecutor(1) as pool:
            told = pool.submit(next, pages)
            with pytest.raises(TimeoutError):  # nothing happens for longer than the client waits elsewhere
                told.result(1.5)
            made = make_conversation(one.db, team)
            page = told.result(DEADLINE_SECONDS)

    assert {change.conversation_id for change in page.data} == {made}
