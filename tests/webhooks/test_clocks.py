"""Two nodes tell endpoints in turn, and their clocks differ."""

from __future__ import annotations

import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from callfloor.foundation.database import open_database
from callfloor.foundation.outbox import OUTBOX, NumberedEvent, events_after
from callfloor.foundation.sequence import number_waiting
from callfloor.foundation.settings import Settings
from callfloor.server.webhooks import tell_endpoints
from tests.webhooks.conftest import Floor
from tests.webhooks.receiver import Receiver

AHEAD_NS = 5_000_000_000


def tell_by_a_clock_that_is_ahead(url: str, numbered: NumberedEvent, settings: Settings) -> None:
    """Tell endpoints of an event as a node would whose clock is set back later; for a process of its own."""
    right = time.time_ns  # noqa: TID251  # the clock itself is wrong
    time.time_ns = lambda: right() + AHEAD_NS  # noqa: TID251
    db = open_database(url)
    db.write_now(partial(tell_endpoints, numbered=numbered, settings=settings))
    db.close_now()


def numbered_events(floor: Floor) -> list[NumberedEvent]:
    """Return what happened to seats of the team, in the order of the outbox."""
    number_waiting(floor.services.db, OUTBOX)
    found = floor.services.db.read_now(partial(events_after, seq=0, count=100_000))
    return [one for one in found if one.event.team_id == floor.team.id and one.event.kind == "seat.added"]


def test_that_go_back_by_seconds_between_two_events_do_not_change_the_order(
    floor: Floor, receiver: Receiver, webhook: int, database_url: str
) -> None:
    receiver.answers = lambda _: (500 if len(receiver.came) == 1 else 200, {}, b"")
    for name in ("first", "second"):
        floor.publish("seat.added", "1", name=name)
    first, second = numbered_events(floor)
    settings = floor.services.settings

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as another_node:
        another_node.submit(tell_by_a_clock_that_is_ahead, database_url, first, settings).result()
    floor.services.db.write_now(partial(tell_endpoints, numbered=second, settings=settings))
    for minutes in (0, 1):
        floor.work(minutes=minutes)

    assert [json.loads(one.body)["seat"]["name"] for one in receiver.came] == ["first", "first", "second"]
    shown = [json.loads(floor.details(one["id"])["body"])["seat"]["name"] for one in floor.deliveries(webhook)]
    assert shown == ["second", "first"]
