"""What may become of a delivery while its endpoint takes its time to answer."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.webhooks.attempts import Attempted, record_attempt
from callfloor.webhooks.deliveries import cancel_pending, erase_subjects, redeliver
from callfloor.webhooks.endpoints import delete_endpoint
from tests.support.racing import between
from tests.webhooks.conftest import Floor, tell
from tests.webhooks.receiver import Came, Receiver, Reply


def cancel(floor: Floor, webhook: int) -> None:
    """Cancel what waits for the endpoint."""
    floor.services.db.write_now(partial(cancel_pending, team_id=floor.team.id, endpoint_id=webhook, now=floor.now))


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


def test_canceled_and_sent_again_meanwhile_both_attempts_are_written_down(
    floor: Floor, receiver: Receiver, webhook: int
) -> None:
    tell(floor, "1")
    (delivery,) = floor.deliveries(webhook)
    again = partial(redeliver, team_id=floor.team.id, delivery_id=delivery["id"], now=floor.now)

    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 202, {}, b""
        cancel(floor, webhook)
        floor.services.db.write_now(again)
        floor.work()
        return 200, {}, b""

    receiver.answers = answer
    floor.work()
    floor.work(minutes=60)

    assert statuses(floor, delivery) == [(1, 202), (2, 200)]
    assert floor.deliveries(webhook)[0]["attempts"] == 2


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
        team_id=floor.team.id,
        delivery_id=delivery["id"],
        endpoint_id=webhook,
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
def test_canceled_it_gives_no_turn_to_what_has_it_already(
    floor: Floor, receiver: Receiver, webhook: int, status: int
) -> None:
    def answer(_: Came) -> Reply:
        if len(receiver.came) > 1:
            return 200, {}, b""
        cancel(floor, webhook)
        tell(floor, "1")
        return status, {}, b""

    receiver.answers = answer
    tell(floor, "1")

    assert floor.work() == 2
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
