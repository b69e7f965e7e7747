"""Keys that are to end: given an end when they are made or later, refused after it by all three APIs."""

from __future__ import annotations

import asyncio
import datetime
import functools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.key_expiry import enqueue_due_notices, key_expiry_mail
from callfloor.access.keys import CONVERSATIONS_KEY_LIFE, CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, Role
from callfloor.conversations_api import create_app as conversations_app
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.jobs import newest_jobs
from callfloor.foundation.services import Services
from callfloor.portal_api import create_app as portal_app
from callfloor.teams.teams import Team
from tests.access.conftest import KEY, KeyOf
from tests.contracts.portal_client import PortalClient
from tests.factories.teams import make_person, make_team
from tests.portal_api.in_process import LoopTransport

KEYS = "/api/v2/keys"
NOW = 1_800_000_000_000
BASE = "https://callfloor.example"


@pytest.fixture(scope="module")
def portal(services: Services, runner: asyncio.Runner) -> Iterator[httpx.Client]:
    with httpx.Client(transport=LoopTransport(portal_app(services), runner), base_url=BASE) as client:
        yield client


@pytest.fixture(scope="module")
def conversations(services: Services, runner: asyncio.Runner) -> Iterator[httpx.Client]:
    with httpx.Client(transport=LoopTransport(conversations_app(services), runner), base_url=BASE) as client:
        yield client


def millis(text: str) -> int:
    return clock.from_datetime(datetime.datetime.fromisoformat(text))


def key_until(db: Database, team: Team, kind: KeyKind, *, expires_at: int | None, now: int = NOW) -> tuple[int, str]:
    """Return id and secret of a key named as its kind is."""
    secret = new_secret()
    hashed = keyed_hash(secret, key=KEY)
    scopes = ("keys:read",) if kind is KeyKind.API else None
    command = CreateKey(team.id, kind, kind.value, hashed, OPERATOR, now, scopes=scopes, expires_at=expires_at)
    return db.write_now(lambda tx: create_key(tx, command)).id, secret


def test_a_key_works_until_its_end_in_each_api(
    db: Database, http: httpx.Client, portal: httpx.Client, conversations: httpx.Client
) -> None:
    now = clock.now()

    def let_in(expires_at: int) -> list[bool]:
        team = make_team(db)
        secrets = {kind: key_until(db, team, kind, expires_at=expires_at, now=now - 2 * DAY)[1] for kind in KeyKind}
        bearer = {"Authorization": f"Bearer {secrets[KeyKind.API]}"}
        pair = {"api-key": secrets[KeyKind.CONVERSATIONS], "client-id": team.client_id}
        return [
            PortalClient(portal, "portal", secrets[KeyKind.PORTAL]).seats().error is None,
            conversations.get("/calls", headers=pair).status_code == 200,
            http.get(KEYS, headers=bearer).status_code == 200,
        ]

    assert let_in(now + DAY) == [True, True, True]
    assert let_in(now - DAY) == [False, False, False]


@pytest.mark.parametrize("kind", list(KeyKind))
def test_an_end_is_to_come_and_not_too_far_away(db: Database, kind: KeyKind) -> None:
    team = make_team(db)
    longest = CONVERSATIONS_KEY_LIFE if kind is KeyKind.CONVERSATIONS else 10 * CONVERSATIONS_KEY_LIFE

    for wrong in (0, NOW - 1, NOW, NOW + longest + 1):
        with pytest.raises(InvalidInput, match="expires_at"):
            key_until(db, team, kind, expires_at=wrong)

    assert key_until(db, team, kind, expires_at=NOW + longest)


class TestByTheApi:
    def test_a_key_is_made_with_days_and_given_others(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        who = key_of(make_team(db).id, "keys:read", "keys:write")
        before = clock.now()

        made = http.post(KEYS, json={"kind": "portal", "name": "ops", "expires_in_days": 30}, headers=who).json()["key"]
        url = f"{KEYS}/{made['id']}"
        later = http.patch(url, json={"expires_in_days": 60}, headers=who).json()
        renamed = http.patch(url, json={"name": "night"}, headers=who).json()
        endless = http.patch(url, json={"expires_in_days": None}, headers=who).json()

        assert before + 30 * DAY <= millis(made["expires_at"]) <= clock.now() + 30 * DAY
        assert before + 60 * DAY <= millis(later["expires_at"]) <= clock.now() + 60 * DAY
        assert (renamed["name"], renamed["expires_at"]) == ("night", later["expires_at"])
        assert endless["expires_at"] is None
        trail = http.get("/api/v2/keys", headers=who).json()["data"]
        assert [key["expires_at"] for key in trail if key["id"] == made["id"]] == [None]

    def test_a_conversations_key_keeps_its_year(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        who = key_of(make_team(db).id, "keys:read", "keys:write")
        crm = {"kind": "conversations", "name": "crm"}

        too_long = http.post(KEYS, json={**crm, "expires_in_days": 366}, headers=who)
        made = http.post(KEYS, json={**crm, "expires_in_days": 30}, headers=who).json()["key"]
        changed = http.patch(f"{KEYS}/{made['id']}", json={"expires_in_days": 300}, headers=who)

        assert (too_long.status_code, too_long.json()["errors"][0]["field"]) == (422, "expires_at")
        assert (changed.status_code, changed.json()["code"]) == (409, "key_expiry_fixed")

    @pytest.mark.parametrize("days", [0, -1, 3651, 1.5, "30", True])
    def test_days_are_whole_and_within_ten_years(
        self, http: httpx.Client, db: Database, key_of: KeyOf, days: object
    ) -> None:
        who = key_of(make_team(db).id, "keys:write")

        answer = http.post(KEYS, json={"kind": "portal", "name": "ops", "expires_in_days": days}, headers=who)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires_in_days")


class TestNotices:
    @pytest.mark.parametrize(
        ("kind", "api", "advice"),
        [
            (KeyKind.PORTAL, "Portal API", "later end"),
            (KeyKind.API, "Callfloor API", "later end"),
            (KeyKind.CONVERSATIONS, "Conversations API", "Rotate it"),
        ],
    )
    def test_say_what_ends_and_what_to_do(
        self, db: Database, services: Services, kind: KeyKind, api: str, advice: str
    ) -> None:
        team, email = make_team(db, seats=1), f"{new_id()}@people.example"
        make_person(db, team, email=email, role=Role.ADMIN)
        key_until(db, team, kind, expires_at=NOW + 60 * DAY)

        for days in (40, 30, 7, 1):
            db.write_now(functools.partial(enqueue_due_notices, now=NOW + (60 - days) * DAY))

        jobs = db.read_now(lambda tx: newest_jobs(tx, team_id=team.id, count=100))
        mails: list[dict[str, Any]] = [dict(job.args) for job in jobs if job.kind == "send_mail"]
        content = key_expiry_mail(services, team.id, mails[0]["args"])
        assert [mail["to"] for mail in mails] == [email] * 3
        assert content is not None
        assert f"of the {api} works until" in content.paragraphs[0]
        assert advice in content.paragraphs[1]
