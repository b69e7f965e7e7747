"""The limit by client address: what it allows, how long it blocks, what it tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.foundation.database import Database
from callfloor.foundation.limit_settings import RateLimit
from callfloor.foundation.rate_limit import Limit, MemoryRateLimit, Verdict
from callfloor.portal_api import create_app
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient, send
from tests.factories.teams import PortalKey, make_team
from tests.portal_api.conftest import services_of
from tests.portal_api.in_process import LoopTransport

SEATS = "/api/v1/seats"
LIMIT = Limit(requests=5, window_seconds=10, block_seconds=30)
_steps = st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from(["a", "b"])), max_size=80)


def verdicts(steps: list[tuple[int, str]]) -> list[tuple[int, str, Verdict]]:
    """Return when, who and the verdict, for requests that come so many milliseconds after each other."""
    limit, now, out = MemoryRateLimit(LIMIT), 1_000_000, []
    for wait, client in steps:
        now += wait
        out.append((now, client, limit.take(client, now)))
    return out


class TestLimit:
    @given(_steps)
    def test_follows_the_rule_told_in_plain_words(self, steps: list[tuple[int, str]]) -> None:
        """An independent reading of the contract: count from the first request; over the limit, shut out."""
        window_end: dict[str, int] = {}
        counted: dict[str, int] = {}
        blocked_until: dict[str, int] = {}
        for now, client, verdict in verdicts(steps):
            if now < blocked_until.get(client, 0):
                assert not verdict.allowed
                continue
            if client in blocked_until:
                del blocked_until[client], window_end[client]
            if now >= window_end.get(client, 0):
                window_end[client], counted[client] = now + LIMIT.window_seconds * 1000, 0
            counted[client] += 1
            assert verdict.allowed == (counted[client] <= LIMIT.requests)
            if not verdict.allowed:
                blocked_until[client] = now + LIMIT.block_seconds * 1000

    @given(_steps)
    def test_says_when_it_is_worth_coming_back(self, steps: list[tuple[int, str]]) -> None:
        for _, _, verdict in verdicts(steps):
            assert 1 <= verdict.reset_seconds <= (LIMIT.window_seconds if verdict.allowed else LIMIT.block_seconds)
            assert 0 <= verdict.remaining < LIMIT.requests
            assert verdict.allowed or verdict.remaining == 0

    @given(st.lists(st.integers(0, 400), min_size=10, max_size=60))
    def test_a_block_is_not_lengthened_by_those_who_knock(self, waits: list[int]) -> None:
        limit = MemoryRateLimit(LIMIT)
        blocked_at = 1_000_000
        for _ in range(LIMIT.requests + 1):
            limit.take("a", blocked_at)
        end = blocked_at + LIMIT.block_seconds * 1000
        now = blocked_at
        for wait in waits:
            now = min(now + wait, end - 1)
            assert not limit.take("a", now).allowed

        after = [limit.take("a", end).allowed for _ in range(LIMIT.requests + 1)]

        assert after == [True] * LIMIT.requests + [False]


Limited = Callable[[str], contextlib.AbstractContextManager[httpx.Client]]


@pytest.fixture
def limited(db: Database, runner: asyncio.Runner, tmp_path: Path) -> Limited:
    """Clients of one application that allows three requests, by address."""
    app = create_app(services_of(db, tmp_path, RateLimit(requests=3, window_seconds=50, block_seconds=3600)))

    @contextlib.contextmanager
    def client(address: str) -> Iterator[httpx.Client]:
        transport = LoopTransport(app, runner, address=address)
        with httpx.Client(transport=transport, base_url="https://callfloor.example") as one:
            yield one

    return client


class TestApplication:
    def test_shuts_out_an_address_with_its_right_key(
        self, db: Database, limited: Limited, key_of: Callable[[Team], PortalKey]
    ) -> None:
        key = key_of(make_team(db, seats=1))
        with limited("198.51.100.7") as http, limited("198.51.100.8") as neighbor:
            client = PortalClient(http, key.name, key.secret)
            remaining = [client.seats().headers["ratelimit"] for _ in range(3)]

            refused = client.seats()

            assert remaining == ['"default";r=2;t=50', '"default";r=1;t=50', '"default";r=0;t=50']
            assert (refused.error, refused.status, refused.code) == ("TOO_MANY_REQUESTS", 429, 1026)
            assert refused.headers["retry-after"] == "3600"
            assert refused.headers["ratelimit-policy"] == '"default";q=3;w=50'
            assert refused.headers["ratelimit"] == '"default";r=0;t=3600'
            assert client.add_seats(1).error == "TOO_MANY_REQUESTS"
            assert PortalClient(neighbor, key.name, key.secret).seats().data["count"] == 1

    def test_counts_whatever_the_answer(self, limited: Limited) -> None:
        with limited("198.51.100.9") as http:
            first = send(http, "GET", SEATS)
            send(http, "GET", "/api/v1/none", headers={"Authorization": "Basic x"})
            send(http, "POST", SEATS, content=b"{")

            assert first.error == "AUTH_HEADER_MISSING"
            assert first.headers["ratelimit"] == '"default";r=2;t=50'
            assert send(http, "GET", SEATS).error == "TOO_MANY_REQUESTS"
