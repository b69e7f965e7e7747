"""More than the database takes at once: requests wait, are written together, or are turned away and lost to nobody."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device, unassign_device
from callfloor.devices.leases import lock_devices
from callfloor.devices.tokens import ACTIVE_FOR
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Ingest, Settings
from callfloor.server.api_v2 import create_app
from tests.factories.devices import HASH_KEY, make_device_team
from tests.factories.events import EVENTS, Agent, Event, call, heartbeat, make_agent, state
from tests.ingest.looking import lease_of, rows_of, seconds_by_device
from tests.portal_api.in_process import LoopTransport

DEADLINE_SECONDS = 60
QUEUE = 500


@pytest.fixture
def small(db: Database, runner: asyncio.Runner, tmp_path: Path) -> LoopTransport:
    """A server of which no more than 500 events may wait."""
    settings = Settings(data=tmp_path, secret_key=SecretStr(HASH_KEY.decode()), ingest=Ingest(queue_events=QUEUE))
    return LoopTransport(create_app(Services(settings, db, open_files(settings))), runner)


@contextlib.contextmanager
def held(db: Database, agent: Agent, at_last: Callable[[Tx], object] = lambda _: None) -> Iterator[None]:
    """Let nothing of the device be written until the block ends; `at_last` is done in the transaction that holds it."""
    holding, go_on = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        lock_devices(tx, agent.team.id, [agent.device_id])
        holding.set()
        go_on.wait(DEADLINE_SECONDS)
        at_last(tx)

    thread = threading.Thread(target=functools.partial(db.write_now, hold))
    thread.start()
    try:
        assert holding.wait(DEADLINE_SECONDS)
        yield
    finally:
        go_on.set()
        thread.join()


def request(agent: Agent, events: list[Event]) -> httpx.Request:
    """Return the request that sends the events."""
    body = json.dumps({"events": events}).encode()
    return httpx.Request("POST", f"https://callfloor.example{EVENTS}", headers=agent.headers, content=body)


def test_what_is_too_much_is_turned_away_and_nothing_is_lost(
    db: Database, small: LoopTransport, runner: asyncio.Runner
) -> None:
    agent = make_agent(db)
    first, second, third = [state() for _ in range(400)], [call() for _ in range(100)], [call()]

    async def send_all() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        with held(db, agent):
            waiting = [asyncio.create_task(small.answer(request(agent, events))) for events in (first, second)]
            await asyncio.sleep(0)
            refused = await small.answer(request(agent, third))
        return (await waiting[0], await waiting[1], refused)

    one, two, refused = runner.run(send_all())
    again = runner.run(small.answer(request(agent, third)))

    assert refused.status_code == 503, refused.text
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "unavailable"
    assert [answer.json()["accepted"] for answer in (one, two, again)] == [400, 100, 1]
    assert seconds_by_device(db, agent.team.id) == (101, 101 * 300)


def test_under_load_agents_are_asked_to_come_less_often_and_their_leases_last_as_long(
    db: Database, small: LoopTransport, runner: asyncio.Runner
) -> None:
    agent = make_agent(db)

    answer = runner.run(small.answer(request(agent, [state() for _ in range(QUEUE)])))
    lease = lease_of(db, agent.team.id, agent.device_id)
    calm = runner.run(small.answer(request(agent, [heartbeat()])))

    assert answer.json()["heartbeat_seconds"] == 120
    assert lease > clock.now() + 2 * ACTIVE_FOR
    assert calm.json()["heartbeat_seconds"] == 30


def test_requests_that_wait_share_one_transaction_each_with_its_own_outcome(
    db: Database, transport: LoopTransport, runner: asyncio.Runner
) -> None:
    team, shared = make_device_team(db, seats=20), call()
    agents = [make_agent(db, team, number) for number in range(20)]
    stranger = Agent(team, 0, "nobody's token")
    bodies = [(agent, [shared, state(), heartbeat()]) for agent in agents]
    bodies += [(agents[0], [shared]), (stranger, [shared]), (agents[1], [call(mic_seconds=-1), state()])]

    async def send_all() -> list[httpx.Response]:
        with held(db, agents[0]):
            first = asyncio.create_task(transport.answer(request(agents[0], [heartbeat()])))
            await asyncio.sleep(0)
            others = [asyncio.create_task(transport.answer(request(*body))) for body in bodies]
            await asyncio.sleep(0)
        await first
        return await asyncio.gather(*others)

    answers = runner.run(send_all())

    assert [answer.json()["accepted"] for answer in answers[:20]] == [3] * 20
    assert (answers[20].json()["accepted"], answers[20].json()["duplicates"]) == (0, 1)
    assert answers[21].status_code == 401
    assert (answers[22].json()["accepted"], len(answers[22].json()["rejected"])) == (1, 1)
    assert seconds_by_device(db, team.id) == (20, 20 * 300)
    received = {row["received_at"] for row in rows_of(db, "agent_event", team.id)}
    assert len(received) == 1, "they were not written together"


def test_a_client_that_leaves_harms_nobody(db: Database, transport: LoopTransport, runner: asyncio.Runner) -> None:
    team = make_device_team(db, seats=2)
    leaving, staying = make_agent(db, team, 1), make_agent(db, team, 2)

    async def leave() -> httpx.Response:
        with held(db, leaving):
            tasks = [asyncio.create_task(transport.answer(request(one, [call()]))) for one in (leaving, staying)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
        return await tasks[1]

    assert runner.run(leave()).json()["accepted"] == 1
    assert runner.run(transport.answer(request(leaving, [heartbeat()]))).json()["accepted"] == 1


@pytest.mark.parametrize(("end", "status"), [(block_device, 403), (unassign_device, 401)])
def test_a_device_that_loses_its_place_while_its_events_wait_is_refused(
    db: Database, transport: LoopTransport, runner: asyncio.Runner, end: Callable[..., object], status: int
) -> None:
    agent = make_agent(db)
    command = ChangeDevice(agent.team.id, agent.device_id, OPERATOR, clock.now())

    async def send_meanwhile() -> httpx.Response:
        with held(db, agent, at_last=lambda tx: end(tx, command)):
            task = asyncio.create_task(transport.answer(request(agent, [call(), heartbeat()])))
            await asyncio.sleep(0)
        return await task

    assert runner.run(send_meanwhile()).status_code == status
    assert rows_of(db, "agent_event", agent.team.id) == []
    assert lease_of(db, agent.team.id, agent.device_id) <= clock.now()
