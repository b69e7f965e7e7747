"""Of one subject an endpoint is sent one delivery after the other, whatever becomes of each; others do not wait."""

from __future__ import annotations

import functools
import json

import pytest
from sqlalchemy import select, update

from callfloor.conversations.transcripts import Segment
from callfloor.foundation.database import param
from callfloor.foundation.jobs import BACKGROUND_PRIORITY
from callfloor.webhooks.attempts import keep_trying
from callfloor.webhooks.deliveries import RETRIED_FOR, Line
from callfloor.webhooks.tables import webhook_endpoint
from tests.factories.conversations import make_conversation
from tests.webhooks.conftest import Floor
from tests.webhooks.receiver import Receiver, refuse

_e = webhook_endpoint.c
_secret = select(_e.secret).where(_e.id == param("endpoint"))
_set_secret = update(webhook_endpoint).where(_e.id == param("endpoint")).values(secret=param("kept"))
SAID = (Segment("Ben", 0, 1000, "Hello."),)


def set_secret(floor: Floor, webhook: int, kept: bytes) -> None:
    """Put something in place of an endpoint's secret."""
    floor.services.db.write_now(lambda tx: tx.run(_set_secret, {"endpoint": webhook, "kept": kept}))


class TestOrder:
    def test_of_one_subject_is_kept_and_others_do_not_wait(self, floor: Floor, receiver: Receiver) -> None:
        floor.listen(receiver.url, "seat_added", "seat_deleted")
        receiver.answers = lambda one: (500 if b'"id":"1"' in one.body and len(receiver.came) < 3 else 200, {}, b"")
        for kind, subject in (("seat.added", "1"), ("seat.deleted", "1"), ("seat.added", "2")):
            floor.publish(kind, subject)
        floor.tell()
        floor.work()
        floor.work(minutes=5)

        told = [(json.loads(one.body)["eventType"], json.loads(one.body)["seat"]["id"]) for one in receiver.came]
        assert sorted(told[:2]) == [("seat_added", "1"), ("seat_added", "2")]
        assert told[2:] == [("seat_added", "1"), ("seat_deleted", "1")]

    def test_goes_on_after_what_is_given_up(self, floor: Floor, receiver: Receiver) -> None:
        webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        receiver.answers = lambda one: (500 if b"first" in one.body else 200, {}, b"")
        floor.publish("seat.added", "1", name="first")
        floor.publish("seat.added", "1", name="second")
        for hour in range(90):
            if hour % 10 == 0:
                floor.publish("seat.added", "2", name="other")
            floor.tell()
            floor.work(minutes=60)

        assert [one["subject"] for one in floor.deliveries(webhook, state="failed")] == ["seat 1"]
        told = [json.loads(one.body)["seat"]["name"] for one in receiver.came]
        assert told.count("second") == 1
        assert told.index("second") > max(at for at, name in enumerate(told) if name == "first")

    @pytest.mark.parametrize("is_deleted", [True, False], ids=["deleted", "disabled"])
    def test_leaves_nothing_waiting_when_the_endpoint_goes(
        self, floor: Floor, receiver: Receiver, *, is_deleted: bool
    ) -> None:
        webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        for _ in range(3):
            floor.publish("seat.added", "1")
        floor.tell()
        address = f"/webhooks/{webhook}"
        told = floor.http.get(f"{address}/deliveries").json()["data"]
        if is_deleted:
            floor.http.delete(address)
        else:
            floor.http.patch(address, json={"is_enabled": False})

        assert [floor.details(one["id"])["delivery"]["state"] for one in told] == ["canceled"] * 3
        floor.work()
        assert receiver.came == []

    def test_goes_on_when_a_disabled_endpoint_is_enabled_again(self, floor: Floor, receiver: Receiver) -> None:
        webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        for _ in range(2):
            floor.publish("seat.added", "1")
        floor.tell()
        floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": False})
        floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": True})

        floor.publish("seat.added", "1", name="later")
        floor.tell()
        floor.work()

        assert [json.loads(one.body)["seat"]["name"] for one in receiver.came] == ["later"]

    def test_goes_on_when_what_kept_every_attempt_from_being_made_is_mended(
        self, floor: Floor, receiver: Receiver
    ) -> None:
        """Its secret cannot be read, as after a wrong key was restored: the job is given up, the delivery is not."""
        webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        ((kept,),) = floor.services.db.read_now(lambda tx: tx.all(_secret, {"endpoint": webhook}))
        set_secret(floor, webhook, b"unreadable")
        floor.publish("seat.added", "1")
        floor.tell()
        for _ in range(60):
            floor.work(minutes=10)
        assert [one["state"] for one in floor.deliveries(webhook)] == ["pending"]

        set_secret(floor, webhook, kept)
        floor.work(minutes=120)

        assert [one["state"] for one in floor.deliveries(webhook)] == ["delivered"]

    def test_goes_on_when_no_attempt_could_be_made_for_three_days(self, floor: Floor, receiver: Receiver) -> None:
        webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        for name in ("first", "second"):
            floor.publish("seat.added", "1", name=name)
        floor.tell()
        line = Line(floor.team.id, webhook, "seat 1")
        floor.now += RETRIED_FOR - 3_600_000
        states = []
        for late in (0, 1):
            again = functools.partial(keep_trying, line=line, now=floor.now + late)
            floor.services.db.write_now(again)
            states.append([one["state"] for one in floor.deliveries(webhook)])

        floor.work(minutes=120)

        assert states == [["pending", "pending"], ["pending", "failed"]]
        assert [one["state"] for one in floor.deliveries(webhook)] == ["delivered", "failed"]
        assert [json.loads(one.body)["seat"]["name"] for one in receiver.came] == ["second"]

    def test_of_years_before_waits_behind_today(self, floor: Floor, receiver: Receiver) -> None:
        *old, today = [make_conversation(floor.services.db, floor.team, transcript=SAID) for _ in range(4)]
        floor.listen(receiver.url, "call_received", "call_analyzed")
        for kind in ("call.received", "call.analyzed"):
            for subject in old:
                floor.publish(kind, subject, priority=BACKGROUND_PRIORITY)
            floor.publish(kind, today)
        receiver.answers = refuse(500)
        floor.tell()
        floor.work(minutes=1)
        receiver.answers = lambda _: (200, {}, b"")
        floor.work(minutes=1)

        told = [json.loads(one.body)["call"]["id"] for one in receiver.came]
        assert told[:4] == [today, *old]
        assert told[4:6] == [today, today]
        assert sorted(told[6:]) == sorted([*old, *old])

    @pytest.mark.parametrize("is_tried_before", [False, True])
    def test_of_years_before_waits_no_longer_when_something_happens_to_it_today(
        self, floor: Floor, receiver: Receiver, *, is_tried_before: bool
    ) -> None:
        *old, edited = [make_conversation(floor.services.db, floor.team, transcript=SAID) for _ in range(4)]
        floor.listen(receiver.url, "call_received", "call_edited")
        for subject in (*old, edited):
            floor.publish("call.received", subject, priority=BACKGROUND_PRIORITY)
        floor.tell()
        if is_tried_before:
            receiver.answers = refuse(500)
            floor.work()
            receiver.answers = lambda _: (200, {}, b"")
            receiver.came.clear()
        floor.publish("call.edited", edited)
        floor.tell()
        floor.work(minutes=1)

        bodies = [json.loads(one.body) for one in receiver.came]
        told = [(body["eventType"], body["call"]["id"]) for body in bodies]
        assert told[:2] == [("call_received", edited), ("call_edited", edited)]
        assert sorted(told[2:]) == sorted(("call_received", one) for one in old)
