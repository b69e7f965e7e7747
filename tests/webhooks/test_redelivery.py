"""Deliveries that are sent again by hand, and what may come between."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from callfloor.foundation.database import Tx
from callfloor.webhooks.deliveries import (
    DeliveryErased,
    DeliveryPending,
    erase_subjects,
    redeliver,
    redeliver_since,
)
from callfloor.webhooks.endpoints import endpoint_by_id
from callfloor.webhooks.tables import DeliveryState
from tests.support.racing import between
from tests.webhooks.conftest import Floor, tell
from tests.webhooks.receiver import Came, Receiver, Reply, refuse


def test_sends_again_what_has_ended(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    floor.work()
    (delivery,) = floor.deliveries(webhook)

    answer = floor.http.post(f"/webhook-deliveries/{delivery['id']}/redelivery")
    floor.now += 60_000
    floor.work()

    assert answer.status_code == 202
    first, second = receiver.came
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert floor.deliveries(webhook)[0]["attempts"] == 2


def test_that_fails_is_tried_again_as_soon_as_a_new_one(floor: Floor, receiver: Receiver, webhook: int) -> None:
    receiver.answers = refuse(500)
    tell(floor, "1")
    for _ in range(8):
        floor.work(minutes=120)
    (delivery,) = floor.deliveries(webhook)
    for is_enabled in (False, True):
        floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": is_enabled})

    floor.now += 60_000
    floor.services.db.write_now(again(floor, delivery))
    for minutes in (0, 1, 1, 4):
        floor.work(minutes=minutes)

    assert delivery["attempts"] > 6
    assert floor.deliveries(webhook)[0]["attempts"] == delivery["attempts"] + 4
    numbers = [one["number"] for one in floor.details(delivery["id"])["attempts"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_refuses_what_is_still_tried(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    (delivery,) = floor.deliveries(webhook)

    answer = floor.http.post(f"/webhook-deliveries/{delivery['id']}/redelivery")

    assert (answer.status_code, answer.json()["code"]) == (409, "delivery_pending")


def test_refuses_what_a_disabled_endpoint_would_not_be_sent(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    floor.work()
    (delivery,) = floor.deliveries(webhook)
    floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": False})

    since = {"since": "2020-01-01T00:00:00Z", "state": "delivered"}
    refused = [
        floor.http.post(f"/webhook-deliveries/{delivery['id']}/redelivery"),
        floor.http.post(f"/webhooks/{webhook}/redeliveries", json=since),
        floor.http.post(f"/webhooks/{webhook}/test"),
    ]

    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "webhook_disabled")] * 3
    assert floor.deliveries(webhook) == [delivery]


def test_sends_again_all_that_failed_since(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    receiver.answers = refuse(410)
    for subject in range(4):
        floor.publish("seat.added", str(subject))
    floor.tell()
    floor.work()
    floor.http.patch(f"/webhooks/{webhook}", json={"is_enabled": True})
    receiver.answers = lambda _: (200, {}, b"")

    since = {"since": "2020-01-01T00:00:00Z"}
    failed = floor.http.post(f"/webhooks/{webhook}/redeliveries", json=since).json()["data"]
    canceled = floor.http.post(f"/webhooks/{webhook}/redeliveries", json={**since, "state": "canceled"}).json()
    floor.now += 60_000
    floor.work()

    assert (len(failed), len(canceled["data"])) == (1, 3)
    assert {one["state"] for one in floor.deliveries(webhook)} == {"delivered"}


def test_what_was_erased_is_not_sent_again(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    for subject in ("1", "2"):
        floor.publish("seat.added", subject)
    floor.tell()
    floor.work()
    kept, gone = floor.deliveries(webhook)
    erase = functools.partial(erase_subjects, team_id=floor.team.id, subjects=[gone["subject"]], now=floor.now)
    floor.services.db.write_now(erase)

    alone = floor.http.post(f"/webhook-deliveries/{gone['id']}/redelivery")
    all_of_them = {"since": "2020-01-01T00:00:00Z", "state": "delivered"}
    together = floor.http.post(f"/webhooks/{webhook}/redeliveries", json=all_of_them)
    floor.work(minutes=1)

    assert (alone.status_code, alone.json()["code"]) == (409, "delivery_erased")
    assert together.json()["data"] == [kept["id"]]
    assert len(receiver.came) == 3
    assert {one.body for one in receiver.came if one.headers["webhook-id"] == gone["id"]} != {b"{}"}


def delivered(floor: Floor, webhook: int, *subjects: str) -> list[dict[str, Any]]:
    """Deliver one event of each subject; returns the deliveries, newest first."""
    tell(floor, *subjects)
    floor.work()
    return floor.deliveries(webhook)


def again(floor: Floor, delivery: dict[str, Any]) -> Callable[[Tx], None]:
    """Return the verb that has the delivery tried anew."""
    return functools.partial(redeliver, team_id=floor.team.id, delivery_id=delivery["id"], now=floor.now)


def all_again(floor: Floor, webhook: int) -> Callable[[Tx], list[str]]:
    """Return the verb that has all that was delivered tried anew."""
    state = DeliveryState.DELIVERED

    def verb(tx: Tx) -> list[str]:
        endpoint_by_id(tx, floor.team.id, webhook, for_change=True)
        return redeliver_since(tx, floor.team.id, webhook, state=state, since=0, now=floor.now)

    return verb


def erasing(floor: Floor, delivery: dict[str, Any]) -> Callable[[Tx], int]:
    """Return the verb that erases what the delivery is about."""
    return functools.partial(erase_subjects, team_id=floor.team.id, subjects=[delivery["subject"]], now=floor.now)


def test_refuses_what_is_erased_at_that_moment(floor: Floor, receiver: Receiver, webhook: int) -> None:
    (delivery,) = delivered(floor, webhook, "1")

    refused = between(floor.services.db, erasing(floor, delivery), again(floor, delivery))
    floor.work(minutes=1)

    assert isinstance(refused, DeliveryErased)
    assert floor.deliveries(webhook)[0]["state"] == "delivered"
    assert len(receiver.came) == 1


def test_ends_when_it_is_erased_at_that_moment(floor: Floor, receiver: Receiver, webhook: int) -> None:
    (delivery,) = delivered(floor, webhook, "1")

    erased = between(floor.services.db, again(floor, delivery), erasing(floor, delivery))
    floor.work(minutes=1)

    assert erased == 1
    assert floor.deliveries(webhook)[0]["state"] == "canceled"
    assert len(receiver.came) == 1


def test_of_many_passes_over_what_is_erased_at_that_moment(floor: Floor, receiver: Receiver, webhook: int) -> None:
    kept, gone = delivered(floor, webhook, "1", "2")

    begun = between(floor.services.db, erasing(floor, gone), all_again(floor, webhook))
    floor.work(minutes=1)

    assert begun == [kept["id"]]
    assert len(receiver.came) == 3


def test_asked_for_twice_at_once_is_done_once(floor: Floor, receiver: Receiver, webhook: int) -> None:
    (delivery,) = delivered(floor, webhook, "1")

    refused = between(floor.services.db, again(floor, delivery), again(floor, delivery))

    assert isinstance(refused, DeliveryPending)
    assert floor.work() == 1
    assert len(receiver.came) == 2


@pytest.mark.parametrize("is_one_of_many", [False, True], ids=["alone", "of many"])
class TestOlderThanOneThatIsTried:
    """An older delivery is sent again while a newer one of its subject waits or is sent: one after the other."""

    @pytest.fixture
    def older(self, floor: Floor, webhook: int) -> dict[str, Any]:
        (one,) = delivered(floor, webhook, "1")
        return one

    def newer(self, floor: Floor, receiver: Receiver, webhook: int) -> dict[str, Any]:
        """Let another one of the subject fail once."""
        receiver.answers = refuse(500)
        tell(floor, "1")
        floor.work()
        return floor.deliveries(webhook)[0]

    def send_again(self, floor: Floor, older: dict[str, Any], *, is_one_of_many: bool) -> None:
        verb = all_again(floor, older["webhook_id"]) if is_one_of_many else again(floor, older)
        floor.services.db.write_now(verb)

    def watch(self, floor: Floor, receiver: Receiver) -> list[tuple[str, str]]:
        """Take everything, and run meanwhile what else is due; returns what is sent and answered from now on."""
        seen: list[tuple[str, str]] = []

        def answer(one: Came) -> Reply:
            seen.append(("sent", one.headers["webhook-id"]))
            floor.work(minutes=1)
            seen.append(("answered", one.headers["webhook-id"]))
            return 200, {}, b""

        receiver.answers = answer
        return seen

    def one_after_the_other(self, *deliveries: dict[str, Any]) -> list[tuple[str, str]]:
        return [(what, one["id"]) for one in deliveries for what in ("sent", "answered")]

    def test_is_sent_at_once_and_the_other_once_after_it(
        self, floor: Floor, receiver: Receiver, webhook: int, older: dict[str, Any], *, is_one_of_many: bool
    ) -> None:
        newer = self.newer(floor, receiver, webhook)
        self.send_again(floor, older, is_one_of_many=is_one_of_many)
        receiver.answers = lambda _: (200, {}, b"")
        floor.work()
        sent_at_once = receiver.came[2:]

        seen = self.watch(floor, receiver)
        floor.work(minutes=1)

        assert [one.headers["webhook-id"] for one in sent_at_once] == [older["id"]]
        assert seen == self.one_after_the_other(newer)
        assert floor.work(minutes=120) == 0

    def test_is_sent_before_the_other_when_both_are_due(
        self, floor: Floor, receiver: Receiver, webhook: int, older: dict[str, Any], *, is_one_of_many: bool
    ) -> None:
        newer = self.newer(floor, receiver, webhook)
        self.send_again(floor, older, is_one_of_many=is_one_of_many)

        seen = self.watch(floor, receiver)
        floor.work(minutes=1)

        assert seen == self.one_after_the_other(older, newer)
        assert floor.work(minutes=120) == 0

    @pytest.mark.parametrize("status", [200, 500])
    def test_is_sent_when_the_other_was_answered(
        self,
        floor: Floor,
        receiver: Receiver,
        webhook: int,
        older: dict[str, Any],
        *,
        is_one_of_many: bool,
        status: int,
    ) -> None:
        run_meanwhile = []

        def answer(one: Came) -> Reply:
            if one.headers["webhook-id"] == older["id"] or len(receiver.came) > 2:
                return 200, {}, b""
            self.send_again(floor, older, is_one_of_many=is_one_of_many)
            run_meanwhile.append(floor.work(minutes=1))
            return status, {}, b""

        receiver.answers = answer
        tell(floor, "1")
        floor.work()
        floor.work(minutes=1)

        newer = floor.deliveries(webhook)[0]
        expected = [older, newer, older] if status == 200 else [older, newer, older, newer]
        assert run_meanwhile == [0]
        assert [one.headers["webhook-id"] for one in receiver.came] == [one["id"] for one in expected]
        assert {one["state"] for one in floor.deliveries(webhook)} == {"delivered"}
