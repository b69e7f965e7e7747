"""What may become of a delivery while its endpoint takes its time to answer."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import BACKGROUND_PRIORITY, RunningJob, Verb
from callfloor.foundation.jobs.claiming import claim_of_team
from callfloor.foundation.jobs.ending import complete
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.webhooks.attempts import Attempted, record_attempt
from callfloor.webhooks.deliveries import QUEUE, Line, cancel_pending, erase_subjects, lock_endpoint, redeliver
from callfloor.webhooks.endpoints import delete_endpoint
from callfloor.webhooks.jobs import DELIVER
from tests.factories.conversations import make_conversation
from tests.support.racing import between, wait_until_somebody_waits
from tests.webhooks.conftest import Floor, tell
from tests.webhooks.receiver import Came, Receiver, Reply


def cancel(floor: Floor, webhook: int) -> None:
    """Cancel what waits for the endpoint."""
    floor.services.db.write_now(partial(cancel_pending, team_id=floor.team.id, endpoint_id=webhook, now=floor.now))


def take_one(floor: Floor) -> None:
    """Run one job that is due."""
    with pytest.raises(AssertionError, match="more than 1 attempts"):
        drain(floor.services, [DELIVER], now=floor.now, team_id=floor.team.id, limit=1)


def statuses(floor: Floor, delivery: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the number of each attempt and what was answered."""
    return [(one["number"], one["status"]) for one in floor.details(delivery["id"])["attempts"]]


def test_canceled_by_the_410_of_another_it_can_be_sent_again(floor: Floor, receiver: Receiver, webhook: int) -> None:
    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 410, {}, b""
        floor.work()
        return 500, {}, b""

    receiver.answers = answer
    tell(floor, "1", "2")
    floor.work()
    (canceled,) = floor.deliveries(webhook, state="canceled")
    receiver.answers = lambda _: (200, {}, b"")
    floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": True})

    again = floor.http.post(f"/webhook-deliveries/{canceled['id']}/redelivery")
    floor.work(minutes=1)
    floor.work(minutes=60)

    assert (canceled["attempts"], again.status_code) == (1, 202)
    assert statuses(floor, canceled) == [(1, 500), (2, 200)]
    assert floor.details(canceled["id"])["delivery"]["state"] == "delivered"
    assert len(receiver.came) == 3


@pytest.mark.parametrize("status", [200, 500])
def test_canceled_and_sent_again_meanwhile_it_is_not_sent_twice_at_once(
    floor: Floor, receiver: Receiver, webhook: int, status: int
) -> None:
    tell(floor, "1")
    (delivery,) = floor.deliveries(webhook)
    again = partial(redeliver, team_id=floor.team.id, delivery_id=delivery["id"], now=floor.now)

    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 202, {}, b""
        cancel(floor, webhook)
        floor.services.db.write_now(again)
        assert floor.work() == 0
        return status, {}, b""

    receiver.answers = answer
    floor.work()
    floor.work(minutes=60)

    assert statuses(floor, delivery) == ([(1, 200)] if status == 200 else [(1, 500), (2, 202)])
    assert floor.deliveries(webhook)[0]["state"] == "delivered"


def test_erased_its_attempt_is_counted(floor: Floor, receiver: Receiver, webhook: int) -> None:
    erase = partial(erase_subjects, team_id=floor.team.id, subjects=["seat 1"], now=floor.now)

    def answer(_: Came) -> Reply:
        floor.services.db.write_now(erase)
        return 200, {}, b""

    receiver.answers = answer
    tell(floor, "1")
    floor.work()

    (delivery,) = floor.deliveries(webhook)
    assert (delivery["state"], delivery["attempts"]) == ("canceled", 1)
    assert statuses(floor, delivery) == [(1, 200)]


def test_erased_at_the_moment_it_is_answered_the_answer_is_not_kept(
    floor: Floor, receiver: Receiver, webhook: int
) -> None:
    tell(floor, "1")
    (delivery,) = floor.deliveries(webhook)
    answered = Attempted(
        line=Line(floor.team.id, webhook, "seat 1"),
        delivery_id=delivery["id"],
        at=floor.now,
        now=floor.now,
        request_headers={},
        status=200,
        answer_headers={"X-Said": "Zebra"},
        answer_body="Zebra",
    )
    erase = partial(erase_subjects, team_id=floor.team.id, subjects=["seat 1"], now=floor.now)

    between(floor.services.db, erase, partial(record_attempt, done=answered))

    assert floor.deliveries(webhook)[0]["state"] == "canceled"
    assert statuses(floor, delivery) == [(1, 200)]
    assert "Zebra" not in json.dumps(floor.details(delivery["id"]))


@pytest.mark.parametrize("status", [200, 410, 500])
def test_canceled_it_is_waited_for_by_what_is_told_meanwhile(
    floor: Floor, receiver: Receiver, webhook: int, status: int
) -> None:
    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 200, {}, b""
        cancel(floor, webhook)
        tell(floor, "1")
        assert floor.work() == 0
        return status, {}, b""

    receiver.answers = answer
    tell(floor, "1")
    floor.work()

    told = [one["state"] for one in floor.deliveries(webhook)]
    assert told == ["canceled" if status == 410 else "delivered", "canceled"]
    assert floor.work(minutes=60) == 0


@pytest.mark.parametrize("status", [200, 410, 500])
def test_to_an_endpoint_that_is_deleted_it_is_canceled(
    floor: Floor, receiver: Receiver, webhook: int, status: int
) -> None:
    delete = partial(delete_endpoint, team_id=floor.team.id, endpoint_id=webhook, actor=OPERATOR, now=floor.now)

    def answer(_: Came) -> Reply:
        floor.services.db.write_now(delete)
        return status, {}, b""

    receiver.answers = answer
    tell(floor, "1")
    (delivery,) = floor.deliveries(webhook)
    floor.work()

    assert floor.details(delivery["id"])["delivery"]["state"] == "canceled"
    assert statuses(floor, delivery) == [(1, status)]
    assert floor.work(minutes=60) == 0


def test_canceled_before_it_is_sent_the_next_that_is_told_at_that_moment_has_its_turn(
    floor: Floor, receiver: Receiver, webhook: int
) -> None:
    """The job has found that nothing waits, and another delivery is added before its end is written."""

    def handler(job: RunningJob, services: Services) -> Verb | None:
        ending = DELIVER.handler(job, services)
        if len(floor.deliveries(webhook)) == 1:
            tell(floor, "1")
        return ending

    tell(floor, "1")
    cancel(floor, webhook)
    kind = dataclasses.replace(DELIVER, handler=handler)
    drain(floor.services, [kind], now=floor.now, team_id=floor.team.id)

    assert [one["state"] for one in floor.deliveries(webhook)] == ["delivered", "canceled"]
    assert len(receiver.came) == 1


def test_answered_while_an_older_one_is_sent_again_that_one_is_next(
    floor: Floor, receiver: Receiver, webhook: int
) -> None:
    """The end of the job waits for the redelivery, which does not wait for the job."""
    tell(floor, "1")
    floor.work()
    tell(floor, "1")
    newer, older = floor.deliveries(webhook)
    take = partial(claim_of_team, share=floor.team.id, queue=QUEUE, count=1, owner="another worker")
    (job,) = floor.services.db.write_now(partial(take, now=floor.now, until=floor.now + 60_000))
    line = Line(floor.team.id, webhook, newer["subject"])
    answered = Attempted(line, newer["id"], at=floor.now, now=floor.now, request_headers={}, status=200)
    end = partial(complete, job=job, verb=partial(record_attempt, done=answered), now=floor.now)

    with ThreadPoolExecutor() as pool:
        ends: list[Future[None]] = []

        def again(tx: Tx) -> None:
            lock_endpoint(tx, floor.team.id, webhook)
            ends.append(pool.submit(floor.services.db.write_now, end))
            wait_until_somebody_waits(floor.services.db)
            redeliver(tx, floor.team.id, older["id"], now=floor.now)

        floor.services.db.write_now(again)
        ends[0].result()
    floor.work()

    assert [one.headers["webhook-id"] for one in receiver.came] == [older["id"]] * 2
    assert {one["state"] for one in floor.deliveries(webhook)} == {"delivered"}


@pytest.mark.parametrize("status", [200, 500])
def test_of_years_before_the_next_of_its_line_is_as_urgent_as_what_is_told_meanwhile(
    floor: Floor, receiver: Receiver, status: int
) -> None:
    first, *others = [make_conversation(floor.services.db, floor.team) for _ in range(4)]

    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 200, {}, b""
        for subject in others:
            floor.publish("call.received", subject, priority=BACKGROUND_PRIORITY)
        floor.publish("call.edited", first)
        floor.tell()
        return status, {}, b""

    floor.listen(receiver.url, "call_received", "call_edited")
    floor.publish("call.received", first, priority=BACKGROUND_PRIORITY)
    floor.tell()
    receiver.answers = answer
    take_one(floor)
    floor.work(minutes=1)

    of_first = ["call_edited"] if status == 200 else ["call_received", "call_edited"]
    told = [(body["eventType"], body["call"]["id"]) for body in (json.loads(one.body) for one in receiver.came[1:])]
    assert told[: len(of_first)] == [(name, first) for name in of_first]
    assert sorted(told[len(of_first) :]) == sorted(("call_received", one) for one in others)


def test_when_what_was_told_today_is_delivered_the_rest_of_its_line_waits_behind_others(
    floor: Floor, receiver: Receiver
) -> None:
    first, other = [make_conversation(floor.services.db, floor.team) for _ in range(2)]
    floor.listen(receiver.url, "call_received", "call_edited")
    floor.publish("call.edited", first)
    floor.publish("call.received", first, priority=BACKGROUND_PRIORITY)
    floor.publish("call.received", other, priority=BACKGROUND_PRIORITY)
    floor.publish("call.edited", other)
    floor.tell()
    floor.work()

    told = [(body["eventType"], body["call"]["id"]) for body in (json.loads(one.body) for one in receiver.came)]
    assert told == [
        ("call_edited", first),
        ("call_received", other),
        ("call_edited", other),
        ("call_received", first),
    ]


def test_of_years_before_it_is_not_waited_for_when_somebody_sends_it_again(floor: Floor, receiver: Receiver) -> None:
    first, *others = [make_conversation(floor.services.db, floor.team) for _ in range(3)]
    webhook = floor.listen(receiver.url, "call_received")["webhook"]["id"]
    floor.publish("call.received", first, priority=BACKGROUND_PRIORITY)
    floor.tell()
    floor.work()
    for subject in others:
        floor.publish("call.received", subject, priority=BACKGROUND_PRIORITY)
    floor.tell()
    again = floor.deliveries(webhook, state="delivered")[0]["id"]
    redelivered = partial(redeliver, team_id=floor.team.id, delivery_id=again, now=floor.now)
    floor.services.db.write_now(redelivered)
    floor.work()

    told = [json.loads(one.body)["call"]["id"] for one in receiver.came]
    assert told == [first, first, *others]
