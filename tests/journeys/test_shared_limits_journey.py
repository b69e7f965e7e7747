"""The limits on several real servers: of keys and agents, by a Valkey that goes away, with a server that was paused."""

from __future__ import annotations

import collections
import json
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.limited import BEHIND, SEATS, asked, eventually, two_servers, where
from tests.support.server import run_command, running_server
from tests.support.valkey import OwnValkey, own_valkey

ABUSER, NEIGHBOR = "198.51.100.7", "198.51.100.8"
LIMIT, FREE = 400, 10
"""A process lets in a fortieth of a limit by itself."""
NO_DEVICE = {"Authorization": "Bearer no device's"}


@pytest.fixture
def valkey() -> Iterator[OwnValkey]:
    """A Valkey of this test, to be stopped."""
    with own_valkey() as one:
        yield one


def limits(*names: str, window: int = 3600) -> dict[str, str]:
    """Return settings of these limits, in windows that a slow machine does not outlast."""
    values = {"REQUESTS": LIMIT, "WINDOW_SECONDS": window, "BLOCK_SECONDS": 3600}
    return {f"CALLFLOOR_{api}_LIMIT_{name}": str(value) for api in names for name, value in values.items()}


def made(*arguments: str) -> Any:
    """Return what a command prints."""
    run = run_command(*arguments, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def conversations_key(place: list[str], name: str) -> dict[str, str]:
    """Make a key of the Conversations API in a new team; return its headers."""
    team = made("team", "create", name, "--type", "email", *place)["team_id"]
    key = made("key", "create", "--team", str(team), "--kind", "conversations", "--name", name, *place)
    return {"api-key": key["api_key"], "client-id": key["client_id"]}


def statuses(
    clients: list[httpx.Client], headers: dict[str, str], times: int, *, request: tuple[str, str] = ("GET", "/calls")
) -> dict[int, int]:
    """Ask the servers in turn, eight at once; return how often each status came."""

    def ask(number: int) -> int:
        return clients[number % len(clients)].request(*request, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        return collections.Counter(pool.map(ask, range(times)))


def left(answer: httpx.Response) -> tuple[int, int]:
    """Return what an answer tells of its limit: requests that are left, and seconds until the window ends."""
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found is not None
    return int(found[1]), int(found[2])


def test_a_key_has_one_limit_on_two_servers_which_the_operator_lifts(
    tmp_path: Path, database_of: str | None, store: dict[str, str]
) -> None:
    place = where(tmp_path, database_of)
    headers = conversations_key(place, "one")
    with (
        two_servers(tmp_path, database_of, {**store, **limits("CONVERSATIONS", "EVENTS")}) as servers,
        servers[0].client() as one,
        servers[1].client() as other,
    ):
        first = one.get("/calls", headers=headers)
        counts = statuses([one, other], headers, LIMIT + 60)

        assert left(first) == (LIMIT - 1, 3600)
        assert first.headers["ratelimit-policy"] == f'"default";q={LIMIT};w=3600'
        # Both were asked for the whole limit: what each has by itself is counted when it asks for more.
        assert counts == {200: LIMIT - 1, 429: 61}
        refused = other.get("/calls", headers=headers)
        assert 3400 < int(refused.headers["retry-after"]) <= 3600

        def blocked() -> list[tuple[str, str]]:
            return [(block["api"], block["client"]) for block in made("limits", "list", *place)["blocks"]]

        eventually(lambda: len(blocked()) == 1)
        [(api, client)] = blocked()
        assert (api, re.sub(r"\d+", "N", client)) == ("conversations", "team N key N")
        assert made("limits", "lift", client, *place) == {"lifted": client}
        eventually(lambda: {server.get("/calls", headers=headers).status_code for server in (one, other)} == {200})
        assert blocked() == []

        of_team = made("audit", "list", "--team", client.split()[1], *place)["entries"]
        lifted = next(entry for entry in of_team if entry["action"] == "limit.lifted")
        assert (lifted["actor_kind"], lifted["object_id"], lifted["before"]["api"]) == ("operator", client, api)

        counts = statuses([one, other], NO_DEVICE, LIMIT + 60, request=("POST", "/api/v2/agent/events"))
        assert counts == {401: LIMIT, 429: 60}


def test_the_password_of_an_account_is_tried_ten_times_on_all_servers_together(
    tmp_path: Path, store: dict[str, str]
) -> None:
    with two_servers(tmp_path, None, store) as servers, servers[0].client() as one, servers[1].client() as other:

        def tried(number: int) -> int:
            body = {"email": "ada@office.example", "password": f"no password {number}"}
            return (one, other)[number % 2].post("/api/v2/session", json=body).status_code

        with ThreadPoolExecutor(4) as pool:
            assert collections.Counter(pool.map(tried, range(16))) == {401: 10, 429: 6}

        def blocked() -> list[tuple[str, str]]:
            return [(one["api"], one["client"]) for one in made("limits", "list", *where(tmp_path, None))["blocks"]]

        eventually(lambda: blocked() == [("sign-in", "127.0.0.1 ada@office.example")])


def test_the_lift_of_an_address_is_in_the_trail_of_the_installation(tmp_path: Path, database_of: str | None) -> None:
    settings, place = {**BEHIND, "CALLFLOOR_RATE_LIMIT_REQUESTS": "1"}, where(tmp_path, database_of)
    options = ("--no-worker", "--behind-proxy")
    with (
        running_server(tmp_path, *options, database_url=database_of, settings=settings) as server,
        server.client() as client,
    ):
        assert [asked(client, ABUSER) for _ in range(2)] == ["AUTH_HEADER_MISSING", "TOO_MANY_REQUESTS"]
        server.wait_for("client_blocked", lambda line: line["client"] == ABUSER)
        [block] = made("limits", "list", *place)["blocks"]

        made("limits", "lift", ABUSER, *place)

    [entry] = made("audit", "list", *place)["entries"]
    assert (entry["action"], entry["object_kind"], entry["object_id"]) == ("limit.lifted", "client", ABUSER)
    assert (entry["actor_kind"], entry["before"]["api"], block["api"]) == ("operator", "portal", "portal")
    assert entry["before"]["ends_at"] > entry["after"]["ends_at"]
    assert made("audit", "verify", *place)["not_yet_sealed"] >= 1


def test_while_valkey_is_away_each_server_counts_by_itself(tmp_path: Path, valkey: OwnValkey) -> None:
    settings = {
        "CALLFLOOR_RATE_LIMIT_STORE": "valkey",
        "CALLFLOOR_RATE_LIMIT_URL": valkey.url,
        "CALLFLOOR_RATE_LIMIT_REQUESTS": "5",
        "CALLFLOOR_RATE_LIMIT_WINDOW_SECONDS": "3600",
    }
    headers = conversations_key(where(tmp_path, None), "one")
    with (
        two_servers(tmp_path, None, settings) as servers,
        servers[0].client() as one,
        servers[1].client() as other,
    ):
        assert one.get("/readyz").json()["rate_limit_store"] == "answers"
        assert [asked(one, ABUSER) for _ in range(6)][-1] == "TOO_MANY_REQUESTS"
        servers[0].wait_for("client_blocked")
        doctor = ("doctor", "--data", str(tmp_path))
        assert "ok    limits" in run_command(*doctor, settings=settings).stdout

        valkey.stop()

        for client in (one, other):
            said = [asked(client, NEIGHBOR) for _ in range(7)]
            assert said == ["AUTH_HEADER_MISSING"] * 5 + ["TOO_MANY_REQUESTS"] * 2
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert ready.json()["rate_limit_store"] == "does not answer"
            assert client.get("/calls", headers=headers).status_code == 200
        eventually(lambda: asked(one, ABUSER) == asked(other, ABUSER) == "TOO_MANY_REQUESTS")
        assert "BAD   limits" in run_command(*doctor, settings=settings).stdout

        valkey.start()

        for server, client in zip(servers, (one, other), strict=True):
            server.wait_for("limit_store_back")
            assert client.get("/readyz").json()["status"] == "ok"
        # Counted together again, and nobody was let out of a block by the start of an empty Valkey.
        together = [asked((one, other)[n % 2], "198.51.100.9") for n in range(7)]
        assert together == ["AUTH_HEADER_MISSING"] * 5 + ["TOO_MANY_REQUESTS"] * 2
        assert {asked(client, address) for client in (one, other) for address in (ABUSER, NEIGHBOR)} == {
            "TOO_MANY_REQUESTS"
        }
        assert not [line for server in servers for line in server.events("request_failed")]


def test_a_valkey_that_hangs_is_not_waited_for(tmp_path: Path, valkey: OwnValkey) -> None:
    settings = {"CALLFLOOR_RATE_LIMIT_STORE": "valkey", "CALLFLOOR_RATE_LIMIT_URL": valkey.url}
    with (
        running_server(tmp_path, "--no-worker", "--behind-proxy", settings={**BEHIND, **settings}) as server,
        server.client() as client,
    ):
        with valkey.hung():
            assert {asked(client, ABUSER) for _ in range(20)} == {"AUTH_HEADER_MISSING"}
            assert len(server.events("limit_store_lost")) == 1
        server.wait_for("limit_store_back")
        assert asked(client, ABUSER) == "AUTH_HEADER_MISSING"


def test_a_server_that_was_paused_does_not_spend_what_it_had(tmp_path: Path, store: dict[str, str]) -> None:
    window = {"CALLFLOOR_RATE_LIMIT_WINDOW_SECONDS": "5", "CALLFLOOR_RATE_LIMIT_REQUESTS": "1000000"}
    headers = conversations_key(where(tmp_path, None), "one")
    with (
        two_servers(tmp_path, None, {**store, **limits("CONVERSATIONS", window=5), **window}) as servers,
        servers[0].client() as paused,
        servers[1].client() as busy,
    ):
        # It asks the store once, and is given far more than it has by itself.
        assert {paused.get("/calls", headers=headers).status_code for _ in range(FREE + 1)} == {200}
        servers[0].process.send_signal(signal.SIGSTOP)
        _wait_for_window(lambda: left(busy.get(SEATS))[0])
        assert statuses([busy], headers, 3 * LIMIT)[429] > 0

        servers[0].process.send_signal(signal.SIGCONT)

        assert statuses([paused], headers, 5 * FREE)[200] <= FREE
        eventually(lambda: paused.get("/calls", headers=headers).status_code == 429)


def _wait_for_window(remaining: Callable[[], int]) -> None:
    """Ask until a window of the same length that began after this call has ended."""
    begun, before = 0, remaining()

    def has_turned() -> bool:
        nonlocal before, begun
        now = remaining()
        begun, before = begun + (now > before), now
        return begun == 2

    eventually(has_turned)
