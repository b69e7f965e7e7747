"""What is tried again and what is not, where the server or the network fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from callfloor_sdk import (
    AsyncCallfloor,
    Callfloor,
    NoAnswer,
    NotFound,
    Retries,
    ServerFailed,
    TimedOut,
    TooManyRequests,
    UnreadableAnswer,
)
from sdk_support.installation import Installation
from sdk_support.standing_in import BREAK, Answer, StandIn, standing_in

QUICK = Retries(attempts=4, first_wait=0.01, longest_wait=2.0)
DOMAINS = Answer(200, b'{"data":[{"domain":"ours.example","created_at":"2026-11-03T09:30:00.000Z","new":1}],"new":[2]}')
ADDED = Answer(201, b'{"added":2,"count":2,"charge":null}')
UNAVAILABLE = Answer(503, b'{"code":"unavailable","detail":"Try again."}', {"retry-after": "1"})
FULL = Answer(429, b'{"code":"too_many_requests","detail":"Wait."}', {"retry-after": "1"})


def client_of(server: StandIn, retries: Retries = QUICK) -> Callfloor:
    return Callfloor(server.url, token="t", retries=retries, trust_env=False)


def test_a_question_is_asked_again_through_all_that_passes() -> None:
    with standing_in(UNAVAILABLE, BREAK, FULL, DOMAINS) as server, client_of(server) as client:
        found = client.team.list_domains().first()

    assert [one.domain for one in found.data] == ["ours.example"]
    assert [one.method for one in server.asked] == ["GET"] * 4


def test_the_awaited_client_asks_again_too() -> None:
    async def work(url: str) -> list[str]:
        async with AsyncCallfloor(url, token="t", retries=QUICK, trust_env=False) as client:
            return [one.domain async for one in client.team.list_domains()]

    with standing_in(BREAK, UNAVAILABLE, DOMAINS) as server:
        assert asyncio.run(work(server.url)) == ["ours.example"]
    assert len(server.asked) == 3


def test_what_costs_is_sent_again_with_the_same_key() -> None:
    with standing_in(BREAK, UNAVAILABLE, ADDED) as server, client_of(server) as client:
        client.seats.add(2)
        client.seats.add(2)

    keys = [one.headers["Idempotency-Key"] for one in server.asked]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] not in keys[:3]


@pytest.mark.parametrize(("answer", "kind"), [(BREAK, NoAnswer), (UNAVAILABLE, ServerFailed)])
def test_what_may_have_been_done_is_not_sent_twice(answer: Answer, kind: type[Exception]) -> None:
    with standing_in(answer) as server, client_of(server) as client, pytest.raises(kind):
        client.invitations.invite("dora@people.example")

    assert len(server.asked) == 1


def test_what_was_refused_unseen_is_sent_again() -> None:
    failed = Answer(404, b'{"code":"webhook_not_found","detail":"There is none.","request_id":"r1"}')
    with standing_in(FULL, failed) as server, client_of(server) as client, pytest.raises(NotFound) as missing:
        client.webhooks.test(3)

    assert len(server.asked) == 2
    assert (missing.value.code, missing.value.request_id) == ("webhook_not_found", "r1")


def test_a_server_that_is_not_there_is_no_answer() -> None:
    with standing_in(DOMAINS) as server:
        pass
    with client_of(server) as client, pytest.raises(NoAnswer):
        client.seats.add(1)


def test_gives_up_after_so_many_attempts() -> None:
    with standing_in(BREAK) as server, client_of(server) as client, pytest.raises(NoAnswer):
        client.team.get()

    assert len(server.asked) == QUICK.attempts


def test_a_longer_wait_than_allowed_is_raised_with_its_length() -> None:
    blocked = Answer(429, b'{"code":1026,"error_code":"TOO_MANY_REQUESTS"}', {"retry-after": "3600"})
    with (
        standing_in(blocked) as server,
        Callfloor(server.url, portal_key=("ops", "s"), retries=QUICK, trust_env=False) as client,
        pytest.raises(TooManyRequests) as refused,
    ):
        client.portal.list_seats().first()

    assert refused.value.retry_after == 3600.0
    assert len(server.asked) == 1


def test_an_answer_of_something_else_is_unreadable() -> None:
    with standing_in(Answer(200, b"<html>")) as server, client_of(server) as client, pytest.raises(UnreadableAnswer):
        client.team.get()


def test_a_silent_server_times_out(installation: Installation) -> None:
    team = installation.team()
    retries = Retries(attempts=1)
    with installation.client(team, timeout=0.3, retries=retries) as client, pytest.raises(TimedOut):
        client.changes.list(wait=5)


def test_a_client_that_holds_back_is_never_refused(tmp_path: Path) -> None:
    limit: dict[str, Any] = {
        "CALLFLOOR_RATE_LIMIT_REQUESTS": "4",
        "CALLFLOOR_RATE_LIMIT_WINDOW_SECONDS": "3",
        "CALLFLOOR_RATE_LIMIT_BLOCK_SECONDS": "3600",
    }
    url = f"sqlite:///{tmp_path / 'callfloor.db'}"
    with Installation.running(tmp_path, url, **limit) as one, one.client(one.team(seats=9)) as client:
        rows = list(client.portal.list_seats(per_page=1))
        with one.client(one.team(seats=50), retries=Retries(hold_back=False)) as hasty, pytest.raises(TooManyRequests):
            list(hasty.portal.list_seats(per_page=1))

    assert len(rows) == 9
