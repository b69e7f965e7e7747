"""What was erased is in no delivery, whenever the erasure comes."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from callfloor.access.audit import OPERATOR
from callfloor.conversations.erasing import RequestErasure, erase_item, request_erasure
from callfloor.conversations.parties import Party
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.database import Tx
from callfloor.foundation.outbox import OUTBOX, NumberedEvent, events_after
from callfloor.foundation.sequence import number_waiting
from callfloor.server.webhooks import tell_endpoints
from callfloor.webhooks.deliveries import erase_subjects
from tests.factories.conversations import make_conversation
from tests.support.racing import wait_until_somebody_waits
from tests.webhooks.conftest import SECRET_KEY, Floor
from tests.webhooks.receiver import Came, Receiver

SAID = (Segment("Ben", 0, 1000, "Hello."),)


def test_an_erased_subject_is_in_no_delivery(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    receiver.answers = lambda _: (500, {}, b"said Zebra")
    floor.publish("seat.added", "1", name="Zebra")
    floor.tell()
    floor.work()
    (delivery,) = floor.deliveries(webhook)

    erase = functools.partial(erase_subjects, team_id=floor.team.id, subjects=["seat 1"], now=floor.now)
    assert floor.services.db.write_now(erase) == 1

    assert "Zebra" not in json.dumps(floor.details(delivery["id"]))
    assert floor.deliveries(webhook)[0]["state"] == "canceled"
    assert floor.work(minutes=10_000) <= 1
    assert len(receiver.came) == 1


def test_what_is_told_while_its_conversation_is_erased_is_erased_too(floor: Floor, receiver: Receiver) -> None:
    """The record is read, and the erasure comes before the delivery is committed."""
    db = floor.services.db
    webhook = floor.listen(receiver.url, "call_analyzed")["webhook"]["id"]
    call = make_conversation(db, floor.team, parties=(Party(name="Zebra"),), transcript=SAID)
    number_waiting(db, OUTBOX)
    numbered = next(one for one in db.read_now(functools.partial(events_of, call)) if one.event.kind == "call.analyzed")
    asked = RequestErasure(floor.team.id, OPERATOR, floor.now, SECRET_KEY.encode(), (call,))
    erasure = db.write_now(functools.partial(request_erasure, command=asked)).erasure_id
    erase = functools.partial(
        erase_item, team_id=floor.team.id, erasure_id=erasure, conversation_id=call, hash_key=b"key", now=floor.now
    )

    with ThreadPoolExecutor() as pool:
        erasing: list[Future[Any]] = []

        def tell(tx: Tx) -> None:
            tell_endpoints(tx, numbered, settings=floor.services.settings)
            erasing.append(pool.submit(db.write_now, erase))
            wait_until_somebody_waits(db)

        db.write_now(tell)
        erasing[0].result()

    (delivery,) = floor.deliveries(webhook)
    assert delivery["state"] == "canceled"
    assert "Zebra" not in json.dumps(floor.details(delivery["id"]))


def events_of(subject: str, tx: Tx) -> list[NumberedEvent]:
    """Return the events about one thing."""
    return [one for one in events_after(tx, 0, count=100_000) if one.event.subject == subject]


def test_what_is_answered_after_the_erasure_is_not_kept(floor: Floor, receiver: Receiver) -> None:
    """The receiver answers with what it was told, and the subject is erased before it does."""
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    erase = functools.partial(erase_subjects, team_id=floor.team.id, subjects=["seat 1"], now=floor.now)

    def answer(came: Came) -> tuple[int, dict[str, str], bytes]:
        assert floor.services.db.write_now(erase) == 1
        return 200, {"X-Said": "Zebra"}, came.body

    receiver.answers = answer
    floor.publish("seat.added", "1", name="Zebra")
    floor.tell()
    floor.work()

    (delivery,) = floor.deliveries(webhook)
    details = floor.details(delivery["id"])
    assert b"Zebra" in receiver.came[0].body
    assert "Zebra" not in json.dumps(details)
    assert [one["status"] for one in details["attempts"]] == [200]
