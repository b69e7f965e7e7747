"""`/api/v2/seat-reclaim` and `callfloor reclaim`: what is answered, what is refused, to whom it is shown."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from callfloor.teams.teams import Team
from tests.factories.agents import Person, make_signed_in
from tests.factories.devices import HASH_KEY, make_device_team
from tests.factories.reclaim import DAY, run, switch_on
from tests.factories.teams import make_person, make_team
from tests.portal_api.in_process import LoopTransport
from tests.support.server import run_command

RECLAIM = "/api/v2/seat-reclaim"
POLICY = {
    "enabled": True,
    "inactive_days": 30,
    "grace_days": 7,
    "protected_roles": ["admin"],
    "tells_person": True,
    "tells_administrators": False,
    "hour": 6,
}

ClientOf = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def db(database_url: str, runner: asyncio.Runner) -> Iterator[Database]:
    database = open_database(database_url, strict_reads=True)
    yield database
    runner.run(database.close())


@pytest.fixture(scope="module")
def client(db: Database, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> ClientOf:
    """Return a client with a new key of the team that has these scopes."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(HASH_KEY.decode()))
    transport = LoopTransport(create_app(Services(settings, db, open_files(settings))), runner)

    def of(team: Team, *scopes: str) -> httpx.Client:
        secret = new_secret()
        hashed = keyed_hash(secret, key=HASH_KEY)
        command = CreateKey(team.id, KeyKind.API, new_id(), hashed, OPERATOR, clock.now(), scopes=scopes)
        db.write_now(functools.partial(create_key, command=command))
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.Client(transport=transport, base_url="https://callfloor.example", headers=headers)

    return of


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db, seats=3)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    """A client that may read and write."""
    return client(team, "usage:read", "usage:write")


@pytest.fixture
def long_ago(db: Database, team: Team) -> Person:
    """Somebody whose seat has been reclaimed by two runs of the future, and who was told before."""
    switch_on(db, team.id, now=clock.now())
    ada = make_signed_in(db, team)
    run(db, team.id, now=clock.now() + 31 * DAY)
    run(db, team.id, now=clock.now() + 39 * DAY)
    return ada


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestPolicy:
    def test_is_off_until_it_is_set(self, http: httpx.Client) -> None:
        shown = http.get(RECLAIM)

        assert shown.status_code == 200
        assert shown.json() == {**POLICY, "enabled": False, "inactive_days": 60, "next_run_at": None}

    def test_is_set_by_who_has_read_it(self, http: httpx.Client) -> None:
        tag = http.get(RECLAIM).headers["etag"]

        first = http.put(RECLAIM, json=POLICY, headers={"If-Match": tag})
        late = http.put(RECLAIM, json={**POLICY, "hour": 7}, headers={"If-Match": tag})

        assert first.status_code == 200
        assert first.json()["next_run_at"].endswith("T06:00:00.000Z")
        assert code_of(late) == (412, "precondition_failed")
        assert http.get(RECLAIM).json() == first.json()
        assert http.get(RECLAIM).headers["etag"] == first.headers["etag"] != tag

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("inactive_days", 0),
            ("inactive_days", 3651),
            ("grace_days", 91),
            ("hour", 24),
            ("hour", "6"),
            ("protected_roles", ["owner"]),
            ("enabled", None),
        ],
    )
    def test_names_what_is_wrong(self, http: httpx.Client, field: str, value: object) -> None:
        answer = http.put(RECLAIM, json={**POLICY, field: value})

        assert code_of(answer) == (422, "validation_error")
        assert [one["field"].split(".")[0] for one in answer.json()["errors"]] == [field]

    def test_of_machines_tells_no_person(self, db: Database, client: ClientOf) -> None:
        floor = client(make_device_team(db).team, "usage:read", "usage:write")

        assert code_of(floor.put(RECLAIM, json=POLICY)) == (422, "validation_error")
        assert floor.put(RECLAIM, json={**POLICY, "tells_person": False}).status_code == 200


class TestRuns:
    def test_of_a_team_that_is_off_are_only_tried(self, http: httpx.Client) -> None:
        assert code_of(http.post(f"{RECLAIM}/runs", json={})) == (409, "seat_reclaim_is_off")
        assert http.post(f"{RECLAIM}/runs", json={"dry_run": True}).status_code == 200

    def test_tell_what_they_do(self, db: Database, http: httpx.Client, team: Team) -> None:
        ada = make_signed_in(db, team)
        http.put(RECLAIM, json=POLICY)

        tried = http.post(f"{RECLAIM}/runs", json={"dry_run": True}).json()
        done = http.post(f"{RECLAIM}/runs").json()

        assert tried == {**done, "dry_run": True, "run_id": None}
        assert (done["noticed"], done["free_seats_before"], done["data"]) == (0, 2, [])
        assert [one["id"] for one in http.get(f"{RECLAIM}/runs").json()["data"]] == [done["run_id"]]
        assert ada.seat_id is not None

    def test_are_listed_newest_first(self, db: Database, http: httpx.Client, team: Team, long_ago: Person) -> None:
        first = http.get(f"{RECLAIM}/runs", params={"limit": 1}).json()
        rest = http.get(f"{RECLAIM}/runs", params={"limit": 1, "cursor": first["next_cursor"]}).json()

        shown = [{name: one[name] for name in ("noticed", "reclaimed")} for one in first["data"] + rest["data"]]
        assert shown == [{"noticed": 0, "reclaimed": 1}, {"noticed": 1, "reclaimed": 0}]
        assert rest["next_cursor"] is None


class TestReclaimed:
    def test_is_listed_and_undone(self, http: httpx.Client, long_ago: Person) -> None:
        (shown,) = http.get(f"{RECLAIM}/reclaimed").json()["data"]
        undone = http.post(f"{RECLAIM}/reclaimed/{shown['id']}/undo")
        again = http.post(f"{RECLAIM}/reclaimed/{shown['id']}/undo")

        assert (shown["state"], shown["person_id"], shown["seat_id"], shown["name"]) == (
            "reclaimed",
            long_ago.account_id,
            long_ago.seat_id,
            long_ago.email,
        )
        assert (undone.status_code, undone.json()["state"]) == (200, "restored")
        assert undone.json()["restored_seat_id"] == long_ago.seat_id
        assert code_of(again) == (409, "seat_already_restored")
        assert [one["state"] for one in http.get(f"{RECLAIM}/reclaimed").json()["data"]] == ["restored"]

    def test_says_why_it_cannot_be_undone(self, db: Database, http: httpx.Client, team: Team, long_ago: Person) -> None:
        (shown,) = http.get(f"{RECLAIM}/reclaimed").json()["data"]
        for _ in range(3):
            make_person(db, team)

        assert code_of(http.post(f"{RECLAIM}/reclaimed/{shown['id']}/undo")) == (409, "no_empty_seat")

    def test_of_another_team_is_not_there(
        self, db: Database, client: ClientOf, http: httpx.Client, long_ago: Person
    ) -> None:
        stranger = client(make_team(db, seats=1), "usage:read", "usage:write")
        (shown,) = http.get(f"{RECLAIM}/reclaimed").json()["data"]

        answer = stranger.post(f"{RECLAIM}/reclaimed/{shown['id']}/undo")

        assert code_of(answer) == (404, "reclaimed_seat_not_found")
        for what in ("runs", "notices", "reclaimed"):
            assert stranger.get(f"{RECLAIM}/{what}").json()["data"] == []

    def test_notices_are_listed_until_they_end(self, db: Database, http: httpx.Client, team: Team) -> None:
        switch_on(db, team.id, now=clock.now())
        ada = make_signed_in(db, team)
        run(db, team.id, now=clock.now() + 31 * DAY)
        out = http.get(f"{RECLAIM}/notices").json()["data"]
        run(db, team.id, now=clock.now() + 39 * DAY)

        assert [(one["name"], one["state"]) for one in out] == [(ada.email, "noticed")]
        assert http.get(f"{RECLAIM}/notices").json()["data"] == []


def test_a_key_needs_its_scope(client: ClientOf, team: Team) -> None:
    reader = client(team, "usage:read")

    assert code_of(reader.put(RECLAIM, json=POLICY)) == (403, "forbidden")
    assert code_of(reader.post(f"{RECLAIM}/runs", json={"dry_run": True})) == (403, "forbidden")
    assert code_of(reader.post(f"{RECLAIM}/reclaimed/1/undo")) == (403, "forbidden")
    assert code_of(client(team, "seats:read").get(RECLAIM)) == (403, "forbidden")


def test_the_command_line_does_the_same(fresh_database_url: str, tmp_path: Path) -> None:
    db = open_database(fresh_database_url)
    team = make_team(db, seats=2)
    ada = make_signed_in(db, team)
    switch_on(db, team.id, now=clock.now())
    run(db, team.id, now=clock.now() + 31 * DAY)
    (row,) = run(db, team.id, now=clock.now() + 39 * DAY).rows
    where = ("--team", str(team.id), "--data", str(tmp_path), "--database", fresh_database_url, "--json")

    def command(*arguments: str) -> Any:
        done = run_command("reclaim", *arguments, *where)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    on = command("on", "--days", "45", "--protect", "admin", "--protect", "analytics")
    tried = command("run", "--dry-run")
    undone = command("undo", str(row.case.id))
    off = command("off")
    refused = run_command("reclaim", "run", *where)

    assert (on["enabled"], on["inactive_days"], on["protected_roles"]) == (True, 45, ["admin", "analytics"])
    assert (tried["dry_run"], tried["noticed"], tried["free_seats_after"]) == (True, 0, 2)
    assert undone == {"id": row.case.id, "name": ada.email, "seat_id": ada.seat_id}
    assert (off["enabled"], off["next_run_at"]) == (False, None)
    assert refused.returncode == 1
    assert "switched off" in refused.stderr
    db.close_now()
