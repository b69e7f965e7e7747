"""What a client of the Portal API is told while its server refuses, or cannot do, anything."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.contracts.portal_client import ENDPOINTS, send
from tests.support.databases import PostgresTemplate, postgres_server
from tests.support.portal_place import place_of

LOCK = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_too_many_requests(tmp_path: Path) -> None:
    limits = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "3", "CALLFLOOR_RATE_LIMIT_BLOCK_SECONDS": "90"}
    with place_of(tmp_path / "data", None, **limits) as place:
        walker = place.walker(place.team("email"))
        answers = [send(place.http, "GET", "/api/v1/none").error, walker.seats().error, walker.add_seats(0).error]
        assert answers == ["AUTH_HEADER_MISSING", None, "VALIDATION_ERROR"]
        for method, path in ENDPOINTS:
            refused = walker.call(method, path.replace(":id", "1"), json={})
            assert refused.error == "TOO_MANY_REQUESTS"
            assert 0 < int(refused.headers["retry-after"]) <= 90
            assert "r=0" in refused.headers["ratelimit"]


def test_a_fault_has_the_envelope_too(tmp_path: Path) -> None:
    """PostgreSQL stops while the server runs."""
    with contextlib.ExitStack() as stack:
        url = PostgresTemplate(stack.enter_context(postgres_server(tmp_path / "pg"))).fresh_url()
        with place_of(tmp_path / "data", url) as place:
            walker = place.walker(place.team("email", seats=1))
            assert walker.seats().data["count"] == 1

            stack.close()

            with ThreadPoolExecutor(3) as pool:
                calls = [walker.seats, lambda: walker.add_seats(1), lambda: walker.invite("ada@people.example")]
                answers = list(pool.map(lambda asked: asked(), calls))
            for answer in answers:
                assert (answer.error, answer.code, answer.status) == ("INTERNAL_SERVER_ERROR", 10000, 500)
                assert int(answer.headers["retry-after"]) > 0


def test_a_database_that_is_locked_is_a_fault_that_passes(tmp_path: Path) -> None:
    """Another program holds the SQLite file for longer than the server waits."""
    with place_of(tmp_path / "data", None) as place:
        walker = place.walker(place.team("email"))
        file = place.server.data / "callfloor.db"
        with subprocess.Popen(
            [sys.executable, "-c", LOCK, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "locked\n"
            answer = walker.add_seats(1)
            other.communicate()

        assert (answer.error, answer.code, answer.status) == ("INTERNAL_SERVER_ERROR", 10000, 500)
        assert int(answer.headers["retry-after"]) > 0
        assert walker.add_seats(1).data["count"] == 1
