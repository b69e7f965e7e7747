"""Erasure of a person ends the uploads that name them and were not finished: what they said, and what came of them."""

from __future__ import annotations

import asyncio
import functools
import json

import httpx
import pytest
from sqlalchemy import select

from callfloor.conversations.erasure_jobs import ERASE_CONVERSATIONS
from callfloor.conversations.tus import advance_upload, claim_upload, upload_now
from callfloor.conversations.tus_tables import resumable_upload
from callfloor.conversations_api.tus_jobs import FINISH_UPLOAD
from callfloor.conversations_api.tus_writing import finished
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database, param
from callfloor.foundation.files import FileMissing
from callfloor.foundation.growing_files import GrowingFiles
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.callfloor_api.test_tus import begun, code, forget, kept, piece, write_whole_without_finishing
from tests.factories.audio import make_wav
from tests.factories.teams import make_team

SCOPES = ("conversations:read", "conversations:write", "conversations:erase")
CLEO, NUMBER = "cleo@customer.example", "+49 30 1234567"
BY_EMAIL, BY_NUMBER = {"email": CLEO.upper()}, {"number": "0049 (0)30 1234567"}
_rows = select(resumable_upload.c.id, resumable_upload.c.fields).where(resumable_upload.c.team_id == param("team"))


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    """A client of the team that may upload and erase."""
    return client(team, *SCOPES)


def participants(*emails: str) -> str:
    return json.dumps([{"name": "Somebody", "email": email} for email in emails])


def id_of(upload: str) -> str:
    return upload.rpartition("/")[2]


def rows_of(db: Database, team: Team) -> dict[str, dict[str, str]]:
    """Return what is kept of the fields of each upload of the team."""
    return dict(db.read_now(lambda tx: tx.all(_rows, {"team": team.id})))


def erased(services: Services, http: httpx.Client, team: Team, **whom: object) -> dict[str, int]:
    """Erase, and return the counts of the receipt."""
    asked = http.post("/erasures", json=whom)
    assert asked.status_code == 202, asked.text
    drain(services, [ERASE_CONVERSATIONS], now=clock.now(), team_id=team.id)
    receipt = http.get(asked.headers["location"].removeprefix("/api/v2")).json()
    assert receipt["state"] == "done"
    counts: dict[str, int] = receipt["counts"]
    return counts


@pytest.mark.parametrize(
    ("fields", "whom"),
    [
        ({"caller": NUMBER}, BY_NUMBER),
        ({"callee": "sip:+49301234567@pbx.example"}, BY_NUMBER),
        ({"caller": CLEO}, BY_EMAIL),
        ({"participants": participants("dana@other.example", CLEO)}, BY_EMAIL),
        ({"user_email": CLEO}, BY_EMAIL),
    ],
)
def test_an_upload_that_names_the_person_ends(
    db: Database, services: Services, http: httpx.Client, team: Team, fields: dict[str, str], whom: dict[str, str]
) -> None:
    content = make_wav()
    named = begun(http, content, kind="call", name="Call of Cleo", **fields)
    other = begun(http, content, caller="+49 30 7654321", participants=participants("dana@other.example"))
    for upload in (named, other):
        piece(http, upload, content[:100], at=0)
    before = rows_of(db, team)

    tried = http.post("/erasures", json={**whom, "dry_run": True})
    assert rows_of(db, team) == before
    counts = erased(services, http, team, **whom)

    assert (tried.json()["unfinished_uploads"], counts["unfinished_uploads"]) == (1, 1)
    assert rows_of(db, team) == {id_of(other): before[id_of(other)]}
    assert [path.name for path in kept(services, team)] == [id_of(other)]
    assert code(piece(http, named, content[100:], at=100)) == (404, "upload_not_found")
    assert piece(http, other, content[100:], at=100).headers["Upload-Conversation-New"] == "true"


def test_one_that_expired_and_is_not_forgotten_yet_ends_too(
    db: Database, services: Services, http: httpx.Client, team: Team
) -> None:
    upload = id_of(begun(http, make_wav(), caller=NUMBER))
    assert is_claimed(db, team, upload)
    assert is_moved_on(db, team, upload, reached=0, until=clock.now() - DAY)

    assert erased(services, http, team, **BY_NUMBER)["unfinished_uploads"] == 1
    assert rows_of(db, team) == {}


def is_claimed(db: Database, team: Team, upload: str) -> bool:
    """Begin to write the upload; return whether that may be."""
    claim = functools.partial(claim_upload, team_id=team.id, upload_id=upload, offset=0, writer="one")
    return db.write_now(claim)


def is_moved_on(db: Database, team: Team, upload: str, *, reached: int, until: int) -> bool:
    """Write down that so much of the upload is on disk; return whether its writer still may."""
    advance = functools.partial(advance_upload, team_id=team.id, upload_id=upload, writer="one", parts=[])
    return db.write_now(functools.partial(advance, reached=reached, now=clock.now(), until=until))


def test_what_is_not_theirs_stays(db: Database, services: Services, client: ClientOf, http: httpx.Client) -> None:
    elsewhere = make_team(db)
    theirs = begun(client(elsewhere, *SCOPES), make_wav(), caller=NUMBER)
    team = make_team(db)

    counts = erased(services, client(team, *SCOPES), team, **BY_NUMBER)

    assert "unfinished_uploads" not in counts
    assert rows_of(db, elsewhere)[id_of(theirs)]["caller"] == NUMBER


class TestHeld:
    def test_a_held_persons_upload_stays(self, db: Database, http: httpx.Client, team: Team) -> None:
        begun(http, make_wav(), caller=NUMBER)
        http.post("/holds", json={**BY_NUMBER, "reason": "Case 1"})
        before = rows_of(db, team)

        assert code(http.post("/erasures", json={**BY_NUMBER, "skip_held": True})) == (409, "legal_hold")
        assert rows_of(db, team) == before

    def test_one_that_names_a_held_person_too_is_left(
        self, db: Database, services: Services, http: httpx.Client, team: Team
    ) -> None:
        both = begun(http, make_wav(), participants=participants(CLEO, "dana@other.example"))
        begun(http, make_wav(), participants=participants(CLEO))
        http.post("/holds", json={"email": "dana@other.example", "reason": "Case 1"})

        refused = http.post("/erasures", json=BY_EMAIL)
        counts = erased(services, http, team, **BY_EMAIL, skip_held=True)

        assert code(refused) == (409, "legal_hold")
        assert counts["unfinished_uploads"] == 1
        assert list(rows_of(db, team)) == [id_of(both)]


class TestAtTheSameMoment:
    def test_a_request_that_writes_does_not_go_on(
        self, db: Database, services: Services, http: httpx.Client, team: Team
    ) -> None:
        upload = id_of(begun(http, make_wav(), caller=NUMBER))
        assert is_claimed(db, team, upload)

        http.post("/erasures", json=BY_NUMBER)

        assert not is_moved_on(db, team, upload, reached=10, until=clock.now() + DAY)
        assert not is_claimed(db, team, upload)
        assert rows_of(db, team) == {upload: {}}
        assert code(http.get(f"/uploads/{upload}")) == (410, "upload_expired")
        forget(services, now=clock.now())
        assert rows_of(db, team) == {}

    def test_one_that_is_whole_becomes_no_conversation(
        self, db: Database, services: Services, http: httpx.Client, team: Team
    ) -> None:
        content = make_wav()
        upload = id_of(begun(http, content, caller=NUMBER))
        write_whole_without_finishing(services, team, upload, content)
        seen = db.read_now(functools.partial(upload_now, team_id=team.id, upload_id=upload))
        assert seen is not None

        http.post("/erasures", json=BY_NUMBER)
        with pytest.raises(FileMissing):  # who saw it before
            asyncio.run(finished(services, GrowingFiles(services.files), seen))
        drain(services, [ERASE_CONVERSATIONS, FINISH_UPLOAD], now=clock.now() + HOUR, team_id=team.id)

        assert http.get("/calls").json()["total"] == 0
        assert (rows_of(db, team), kept(services, team)) == ({}, [])

    def test_what_a_finisher_that_was_killed_had_moved_goes(
        self, db: Database, services: Services, http: httpx.Client, team: Team
    ) -> None:
        content = b"Cleo, and no recording" * 100
        upload = id_of(begun(http, content, caller=NUMBER))
        write_whole_without_finishing(services, team, upload, content)
        drain(services, [FINISH_UPLOAD], now=clock.now() + HOUR, team_id=team.id)
        assert [path.parent.parent.name for path in kept(services, team)] == ["recordings"]

        assert erased(services, http, team, **BY_NUMBER)["unfinished_uploads"] == 1

        assert (rows_of(db, team), kept(services, team)) == ({}, [])
