"""Real servers: two on one database, one that is killed, one that is stopped while agents send."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from callfloor.foundation.database import Database, open_database
from tests.factories.devices import make_device_team
from tests.factories.events import EVENTS, Agent, Event, call, heartbeat, make_agent, state
from tests.ingest.looking import rows_of, seconds_by_device
from tests.support.server import Server, running_server

KEY = "a key of the tests, thirty-two characters and more"
SETTINGS = {"CALLFLOOR_SECRET_KEY": KEY, "CALLFLOOR_RATE_LIMIT_STORE": "database"}
OPTIONS = ("--no-worker", "--behind-proxy")
AGENTS, BATCHES = 4, 12
KILLS = 3
RETRIED = (httpx.TransportError, ConnectionError)
Batches = dict[int, list[list[Event]]]


@pytest.fixture
def database(fresh_database_url: str) -> Iterator[Database]:
    """The servers' database, opened beside them."""
    db = open_database(fresh_database_url)
    yield db
    db.close_now()


@pytest.fixture
def agents(database: Database) -> list[Agent]:
    """Devices of one team."""
    team = make_device_team(database, seats=AGENTS)
    return [make_agent(database, team, number) for number in range(AGENTS)]


def batches() -> Batches:
    """Return what each agent has to send."""
    return {
        place: [[heartbeat(), state(), call(), state("in_call"), call()] for _ in range(BATCHES)]
        for place in range(AGENTS)
    }


def send(client: httpx.Client, agent: Agent, events: list[Event], *, url: str = "") -> int | None:
    """Send once; return how many events were accepted, or None when it is to be sent again."""
    try:
        answer = client.post(f"{url}{EVENTS}", headers=agent.headers, json={"events": events})
    except RETRIED:
        return None
    if answer.status_code != 200:
        assert answer.status_code == 503, answer.text
        return None
    taken = answer.json()
    assert taken["accepted"] + taken["duplicates"] == len(events), taken
    return int(taken["accepted"])


def assert_counted_once(db: Database, agents: Sequence[Agent], sent: Batches) -> None:
    """Every event is kept, and counted, exactly once."""
    team_id = agents[0].team.id
    events = [event for batch in sent.values() for events in batch for event in events]
    kept = {event["id"]: event for event in events if event["kind"] != "heartbeat"}
    calls = [event for event in kept.values() if event["kind"] == "call"]

    assert sorted(row["event_id"] for row in rows_of(db, "agent_event", team_id)) == sorted(kept)
    assert len(rows_of(db, "call_record", team_id)) == len(calls)
    assert seconds_by_device(db, team_id) == (len(calls), sum(event["mic_seconds"] for event in calls))
    reported = [row for row in rows_of(db, "transition", team_id) if row["source"] == "agent"]
    assert len(reported) == len(kept) - len(calls)


def test_two_servers_that_are_sent_the_same_count_it_once(
    tmp_path: Path, fresh_database_url: str, database: Database, agents: list[Agent]
) -> None:
    sent = batches()

    def send_all(url: str, seed: int) -> int:
        work = [(agents[place], events) for place, mine in sent.items() for events in mine]
        random.Random(seed).shuffle(work)  # noqa: S311  # an order
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            accepted = [send(client, agent, events) for agent, events in work]
        assert None not in accepted
        return sum(count or 0 for count in accepted)

    with (
        running_server(tmp_path, *OPTIONS, database_url=fresh_database_url, settings=SETTINGS) as one,
        running_server(tmp_path, *OPTIONS, database_url=fresh_database_url, settings=SETTINGS) as other,
        ThreadPoolExecutor(4) as threads,
    ):
        urls = (one.url, other.url, one.url, other.url)
        accepted = sum(threads.map(send_all, urls, range(4)))
        faults = [server.events("request_failed") for server in (one, other)]

    heartbeats = 4 * AGENTS * BATCHES
    assert accepted - heartbeats == AGENTS * BATCHES * 4
    assert faults == [[], []]
    assert_counted_once(database, agents, sent)


def test_a_server_that_is_killed_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, fresh_database_url: str, database: Database, agents: list[Agent]
) -> None:
    sent, pause = batches(), threading.Event()
    server_url: list[str] = []
    answered = threading.Semaphore(0)

    def send_all(place: int) -> None:
        for events in sent[place]:
            with httpx.Client(timeout=60, trust_env=False) as client:
                while send(client, agents[place], events, url=server_url[-1]) is None:
                    pause.wait(0.05)
            answered.release()

    with contextlib.ExitStack() as servers, ThreadPoolExecutor(AGENTS) as threads:

        def start() -> Server:
            running = running_server(tmp_path, *OPTIONS, database_url=fresh_database_url, settings=SETTINGS)
            server = servers.enter_context(running)
            server_url.append(server.url)
            return server

        server = start()
        sending = [threads.submit(send_all, place) for place in range(AGENTS)]
        for _ in range(KILLS):
            for _ in range(AGENTS * BATCHES // (KILLS + 1)):
                assert answered.acquire(timeout=60)
            server.stop(signal.SIGKILL)
            server = start()
        for one in sending:
            one.result(timeout=90)

    assert_counted_once(database, agents, sent)


def test_a_server_that_is_stopped_answers_what_it_has_taken(
    tmp_path: Path, fresh_database_url: str, database: Database, agents: list[Agent]
) -> None:
    sent = batches()
    acknowledged: list[list[Event]] = []
    first = threading.Event()

    with running_server(tmp_path, *OPTIONS, database_url=fresh_database_url, settings=SETTINGS) as server:

        def send_all(place: int) -> None:
            with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
                for events in sent[place]:
                    if send(client, agents[place], events) is None:
                        return
                    acknowledged.append(events)
                    first.set()

        with ThreadPoolExecutor(AGENTS) as threads:
            sending = [threads.submit(send_all, place) for place in range(AGENTS)]
            assert first.wait(60)
            code = server.stop()
            for one in sending:
                one.result(timeout=90)

    assert code == 0
    kept = {row["event_id"] for row in rows_of(database, "agent_event", agents[0].team.id)}
    wanted = {event["id"] for events in acknowledged for event in events if event["kind"] != "heartbeat"}
    assert wanted <= kept
