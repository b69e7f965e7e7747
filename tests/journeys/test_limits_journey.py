"""The limit by address on real server processes: shared, lifted by an operator, not fooled by what a client claims."""

from __future__ import annotations

import collections
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.contracts.portal_client import send
from tests.support.limited import BEHIND, SEATS, asked, eventually, two_servers, where
from tests.support.server import Program, environment, run_command, running_server

ABUSER, NEIGHBOR = "198.51.100.7", "198.51.100.8"


def test_the_701st_request_and_all_after_are_refused_by_both_processes(
    tmp_path: Path, database_of: str | None, store: dict[str, str]
) -> None:
    # A window that a slow machine does not outlast: the count is what is tested.
    settings = {**store, "CALLFLOOR_RATE_LIMIT_WINDOW_SECONDS": "3600"}
    with (
        two_servers(tmp_path, database_of, settings) as servers,
        servers[0].client() as one,
        servers[1].client() as other,
        ThreadPoolExecutor(8) as pool,
    ):
        errors = list(pool.map(lambda n: asked((one, other)[n % 2], ABUSER), range(720)))

        counts = collections.Counter(errors)
        assert counts == {"AUTH_HEADER_MISSING": 700, "TOO_MANY_REQUESTS": 20}
        refused = send(other, "GET", SEATS, headers={"X-Forwarded-For": ABUSER, "X-Forwarded-Proto": "https"})
        assert (refused.error, refused.status, refused.code) == ("TOO_MANY_REQUESTS", 429, 1026)
        assert 3500 < int(refused.headers["retry-after"]) <= 3600
        assert asked(one, NEIGHBOR) == asked(other, NEIGHBOR) == "AUTH_HEADER_MISSING"
        assert asked(one, ABUSER) == asked(other, ABUSER) == "TOO_MANY_REQUESTS"

        place = where(tmp_path, database_of)

        def listed() -> list[str]:
            run = run_command("limits", "list", "--json", *place)
            return [block["client"] for block in json.loads(run.stdout)["blocks"]]

        eventually(lambda: listed() == [ABUSER])
        lifted = run_command("limits", "lift", ABUSER, "--json", *place)
        assert json.loads(lifted.stdout) == {"lifted": ABUSER}
        eventually(lambda: asked(one, ABUSER) == asked(other, ABUSER) == "AUTH_HEADER_MISSING")
        assert listed() == []
        again = run_command("limits", "lift", ABUSER, *place)
        assert (again.returncode, again.stdout) == (1, "")


def test_a_block_in_memory_is_listed_lifted_and_outlives_a_restart(tmp_path: Path, database_of: str | None) -> None:
    settings = {**BEHIND, "CALLFLOOR_RATE_LIMIT_REQUESTS": "3"}
    options = ("--no-worker", "--behind-proxy")
    place = where(tmp_path, database_of)
    with (
        running_server(tmp_path, *options, database_url=database_of, settings=settings) as server,
        server.client() as client,
    ):
        assert [asked(client, ABUSER) for _ in range(5)].count("TOO_MANY_REQUESTS") == 2
        server.wait_for("client_blocked", lambda line: line["client"] == ABUSER)
    with (
        running_server(tmp_path, *options, database_url=database_of, settings=settings) as server,
        server.client() as client,
    ):
        assert asked(client, ABUSER) == "TOO_MANY_REQUESTS"
        assert asked(client, NEIGHBOR) == "AUTH_HEADER_MISSING"

        assert run_command("limits", "lift", ABUSER, *place).returncode == 0

        eventually(lambda: asked(client, ABUSER) == "AUTH_HEADER_MISSING")


def test_what_a_client_claims_of_its_address_does_not_count(tmp_path: Path) -> None:
    limit = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "5"}
    with running_server(tmp_path / "open", "--no-worker", settings=limit) as server, server.client() as client:
        errors = [asked(client, f"203.0.113.{n}") for n in range(7)]
        assert errors == ["AUTH_HEADER_MISSING"] * 5 + ["TOO_MANY_REQUESTS"] * 2

    options = ("--no-worker", "--behind-proxy")
    with (
        running_server(tmp_path / "behind", *options, settings={**BEHIND, **limit}) as server,
        server.client() as client,
    ):
        # The proxy appends whom it was asked by; what stands before that is the client's own.
        errors = [asked(client, f"203.0.113.{n}, {ABUSER}") for n in range(7)]
        assert errors == ["AUTH_HEADER_MISSING"] * 5 + ["TOO_MANY_REQUESTS"] * 2
        assert asked(client, f"{ABUSER}, {NEIGHBOR}") == "AUTH_HEADER_MISSING"


class TestSecondServer:
    def test_that_would_count_apart_does_not_start(self, tmp_path: Path, database_of: str | None) -> None:
        with running_server(tmp_path, "--no-worker", database_url=database_of):
            for settings in ({}, {"CALLFLOOR_RATE_LIMIT_STORE": "database"}):
                arguments = ["serve", "--port", "0", "--no-worker", *where(tmp_path, database_of)]
                second = run_command(*arguments, settings=settings)

                assert second.returncode == 1
                assert "Another server runs on this database" in second.stderr
                assert "CALLFLOOR_RATE_LIMIT_STORE" in second.stderr

        with running_server(tmp_path, "--no-worker", database_url=database_of) as after, after.client() as client:
            assert client.get("/readyz").status_code == 200

    def test_starts_at_once_where_the_first_was_killed(self, tmp_path: Path, database_of: str | None) -> None:
        with running_server(tmp_path, "--no-worker", database_url=database_of) as first:
            first.end()

        with running_server(tmp_path, "--no-worker", database_url=database_of) as second, second.client() as client:
            assert client.get("/readyz").status_code == 200

    def test_without_the_address_of_its_store_says_so(self, tmp_path: Path) -> None:
        second = Program(
            ["-m", "callfloor.server.cli", "serve", "--port", "0", "--no-worker", "--data", str(tmp_path)],
            environment({"CALLFLOOR_RATE_LIMIT_STORE": "valkey"}),
        )

        assert second.wait() == 1
        assert "CALLFLOOR_RATE_LIMIT_URL" in "".join(second.lines)
        second.end()
