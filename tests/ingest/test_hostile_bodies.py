"""Bodies that no agent sends: each has a clear answer, and what was added up stays as it is."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator

import httpx
import pytest

from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.ingest.batches import parcel_of
from tests.factories.events import EVENTS, Agent, Event, call, heartbeat, make_agent, state
from tests.ingest.looking import seen_of
from tests.portal_api.in_process import LoopTransport

ONE = json.dumps(heartbeat()).encode()
DEEP = 100_000
BODIES = {
    "nothing": (b"", 400),
    "no JSON": (b"events", 400),
    "cut off": (b'{"events": [', 400),
    "more after it": (b'{"events": [' + ONE + b"]} x", 400),
    "two documents": (b'{"events": [' + ONE + b']}{"events": []}', 400),
    "UTF-16": ('{"events": []}'.encode("utf-16"), 400),
    "Latin-1": ('{"events": [], "ä": 1}'.encode("latin-1"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"events": []}', 400),
    "NUL bytes": (b'{"events": [' + ONE + b"]}\0", 400),
    "a NUL byte between texts": (b'{"events": [' + ONE.replace(b": ", b":\0 ", 1) + b"]}", 400),
    "a surrogate in bytes": (b'{"events": [], "x": "\xed\xa0\x80"}', 400),
    "half a surrogate, and cut off": (b'{"events": [{"kind": "\\ud800"}', 400),
    "deep objects": (b'{"x": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", 422),
    "open objects": (b'{"a":' * DEEP, 400),
    "open arrays": (b"[" * 900_000, 422),
    "null": (b"null", 422),
    "a list": (b"[" + ONE + b"]", 422),
    "a number": (b"7", 422),
    "no events": (b"{}", 422),
    "events that are null": (b'{"events": null}', 422),
    "events that are an object": (b'{"events": {}}', 422),
    "an empty list": (b'{"events": []}', 422),
    "501 events": (b'{"events": [' + b",".join([ONE] * 501) + b"]}", 422),
    "too many bytes": (b'{"events": [' + ONE + b'], "x": "' + b"y" * 1_000_000 + b'"}', 413),
}
MORE, TEXT = b', "more": %b}', b"TEXT"
FAULTS = {
    "half a surrogate in a text": (TEXT, b"\\ud800", "reason"),
    "its other half": (TEXT, b"x\\uDBFF\\uDFFF\\udfff", "reason"),
    "halves the wrong way round": (TEXT, b"\\udc00\\ud800", "reason"),
    "half a surrogate after a backslash": (TEXT, b"\\\\\\ud83d", "reason"),
    "half a surrogate further in": (b'"Headset"', b'"\\ud800"', "mic.device"),
    "half a surrogate as the kind": (b'"kind": "state"', b'"kind": "\\ud800"', "kind"),
    "half a surrogate where all is kept": (b"}", MORE % b'"\\ud800"', "more"),
    "half a surrogate deeper there": (b"}", MORE % b'[{"a": {"b": "\\ud800"}}]', "more"),
    "half a surrogate in a name": (b"}", b', "\\ud800": 1}', "event"),
    "half a surrogate in a name further in": (b"}", MORE % b'{"\\ud800": 1}', "more"),
    "half a surrogate, then a number of no size": (b"}", MORE % b'["\\ud800", 1e999]', "event"),
    "half a surrogate, then another value": (b"}", MORE % b'"\\ud800", "more": 1', "event"),
    "half a surrogate in a text alone": (b"", b'"\\ud800"', "event"),
    "a NUL byte in a text": (TEXT, b"\0", "reason"),
    "a NUL byte where all is kept": (b"}", MORE % b'"\0"', "more"),
    "an escaped NUL": (TEXT, b"\\u0000", "reason"),
    "deep arrays": (b"}", MORE % (b"[" * DEEP + b"]" * DEEP), "more"),
    "deep objects": (b"}", MORE % (b'{"a":' * DEEP + b'"\\""' + b"}" * DEEP), "more.a"),
    "nothing but deep arrays": (b"", b"[" * DEEP + b"]" * DEEP, "event"),
}
"""What is replaced in a state, by what, and the field that is told; where nothing is, it is the whole event."""


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_in_one_event_leaves_the_others_alone(db: Database, http: httpx.Client, name: str) -> None:
    agent = make_agent(db)
    old, new, field = FAULTS[name]
    event = state(reason="TEXT", mic={"device": "Headset"})
    sound = [json.dumps(one).encode() for one in (state(reason="whole \U0001f600"), call(), heartbeat())]
    text = json.dumps(event).encode()
    faulty = new.join(text.rsplit(old, 1)) if old else new

    content = b'{"events": [' + b",".join((*sound[:2], faulty, sound[2])) + b"]}"
    answer = http.post(EVENTS, headers=agent.headers, content=content)

    assert answer.status_code == 200, answer.text
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"], rejected["field"]) == (2, "validation_error", field)
    assert rejected["message"]
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (3, 0)
    kept = [event[4] for event in seen_of(db, agent.team.id).events]
    assert sorted(kept) == sorted(one.decode() for one in sound[:2])
    assert agent.send(http, heartbeat())["accepted"] == 1


def test_the_id_of_an_event_that_cannot_be_read_is_told(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)
    event = state()
    faulty = json.dumps({**event, "reason": "TEXT"}).encode().replace(TEXT, b"\\ud800")

    answer = http.post(EVENTS, headers=agent.headers, content=b'{"events": [' + faulty + b"]}")

    (rejected,) = answer.json()["rejected"]
    assert rejected["id"] == event["id"]
    assert "surrogate" in rejected["message"]


def test_what_is_beside_the_events_has_no_effect(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)

    answer = http.post(EVENTS, headers=agent.headers, content=b'{"x": "\\ud800", "events": [' + ONE + b"]}")

    assert answer.json()["accepted"] == 1
    assert answer.json()["rejected"] == []


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_wrong_as_a_whole_is_a_problem(db: Database, http: httpx.Client, name: str) -> None:
    agent = make_agent(db)
    agent.send(http, call(), state())
    before = seen_of(db, agent.team.id)
    content, status = BODIES[name]

    answer = http.post(EVENTS, headers=agent.headers, content=content)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 1_000
    assert seen_of(db, agent.team.id) == before
    assert agent.send(http, heartbeat())["accepted"] == 1


def test_a_body_that_comes_in_pieces_is_read_no_further_than_its_limit(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)
    asked_for = []

    def pieces() -> Iterator[bytes]:
        for number in range(1_000):
            asked_for.append(number)
            yield b" " * 100_000

    answer = http.post(EVENTS, headers=agent.headers, content=pieces())

    assert answer.status_code == 413
    assert len(asked_for) < 15


def test_names_of_a_megabyte_are_rejected(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)
    long = "x" * 400_000

    taken = agent.send(http, state(mic={"device": long}), call(app_name=long), heartbeat())

    assert [(one["field"], one["code"]) for one in taken["rejected"]] == [
        *(("mic.device", "validation_error"), ("app_name", "validation_error")),
    ]
    assert len(json.dumps(taken)) < 1_000
    assert taken["accepted"] == 1


def test_what_an_event_says_beside_its_fields_is_not_kept_without_end(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)

    assert agent.send(http, state(more="x" * 400_000), call(more={"y": ["x"] * 50_000}))["accepted"] == 2
    assert all(len(str(content)) < 4_096 for *_, content in seen_of(db, agent.team.id).events)


LEVELS_AROUND = 3
"""The body, its list and the event itself."""


@pytest.mark.parametrize("make", [state, heartbeat])
@pytest.mark.parametrize("pair", [b"[]", b"{}"])
@pytest.mark.parametrize(("levels", "is_taken"), [(400, True), (500, True), (501, False), (900, False)])
@pytest.mark.parametrize("is_alone", [True, False])
def test_how_deep_an_event_may_be_is_the_same_in_every_batch(
    db: Database,
    http: httpx.Client,
    make: Callable[[], Event],
    pair: bytes,
    levels: int,
    *,
    is_taken: bool,
    is_alone: bool,
) -> None:
    agent = make_agent(db)
    begin, end = (b"[", b"]") if pair == b"[]" else (b'{"a":', b"}")
    more = levels - LEVELS_AROUND
    deep = json.dumps(make())[:-1].encode() + MORE % (begin * (more - 1) + pair + end * (more - 1))
    faulty = json.dumps(state(reason="TEXT")).encode().replace(TEXT, b"\\ud800")

    batch = deep if is_alone else deep + b"," + faulty
    answer = http.post(EVENTS, headers=agent.headers, content=b'{"events": [' + batch + b"]}")

    assert answer.status_code == 200, answer.text
    rejected = [one["index"] for one in answer.json()["rejected"]]
    assert rejected == [*([] if is_taken else [0]), *([] if is_alone else [1])]
    assert answer.json()["accepted"] == is_taken


def test_an_event_may_say_much_that_is_not_nested(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)

    assert agent.send(http, state(more=[{}] * 600), heartbeat(more=[[]] * 600))["accepted"] == 2


class TestManyMalformedBatches:
    def test_ten_thousand_are_read_without_a_fault(self) -> None:
        dice, now = random.Random(7), clock.now()  # noqa: S311  # mangles texts
        read = refused = 0

        for _ in range(10_000):
            try:
                parcel = parcel_of(mangled(dice), b"", now=now)
                read += 1
                assert 1 <= len(parcel.rejected) + parcel.events + parcel.repeated < 10
            except DomainError:
                refused += 1

        assert read > 1_000
        assert refused > 1_000

    def test_a_thousand_are_answered_and_change_nothing(
        self, db: Database, transport: LoopTransport, runner: asyncio.Runner
    ) -> None:
        dice, agent = random.Random(11), make_agent(db)  # noqa: S311  # mangles texts
        before = seen_of(db, agent.team.id)

        statuses = runner.run(answered(transport, agent, [mangled(dice, spoilt=True) for _ in range(1_000)]))

        assert set(statuses) <= {200, 400, 422}
        assert seen_of(db, agent.team.id) == before


async def answered(transport: LoopTransport, agent: Agent, bodies: list[bytes]) -> list[int]:
    """Send the bodies, and return the statuses of their answers."""
    statuses = []
    for body in bodies:
        request = httpx.Request("POST", f"https://callfloor.example{EVENTS}", headers=agent.headers, content=body)
        statuses.append((await transport.answer(request)).status_code)
    return statuses


def mangled(dice: random.Random, *, spoilt: bool = False) -> bytes:
    """Return a batch of three events with bytes changed, lost and doubled; `spoilt` ones have no good event left."""
    events = [dice.choice((state, call, heartbeat))() for _ in range(3)]
    if spoilt:
        events = [{**event, dice.choice(("id", "at")): dice.choice((None, 7, "x", [], {}))} for event in events]
    body = bytearray(json.dumps({"events": events}).encode())
    for _ in range(dice.randint(1, 4) if not spoilt else dice.randint(0, 1)):
        place, length = dice.randrange(len(body)), dice.choice((1, 1, 2, 30))
        change = dice.choice(
            (b"", bytes([dice.randrange(256)]), body[place : place + length] * 2, b'"', b"}", b"\\u0000")
        )
        body[place : place + length] = change
    return bytes(body)
