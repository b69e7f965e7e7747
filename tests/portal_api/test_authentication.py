"""Who a request comes from: every form of the Authorization header."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import DeleteKey, delete_key
from callfloor.foundation.database import Database
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient, basic, send
from tests.factories.teams import PortalKey, make_conversations_key, make_portal_key, make_team

SEATS = "/api/v1/seats"


def encoded(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


@pytest.fixture
def key(db: Database, key_of: Callable[[Team], PortalKey]) -> PortalKey:
    return key_of(make_team(db, seats=1))


class TestTheHeader:
    def test_missing(self, http: httpx.Client) -> None:
        answer = send(http, "GET", SEATS)

        assert answer.error == "AUTH_HEADER_MISSING"
        assert answer.headers["www-authenticate"].startswith("Basic realm=")

    @pytest.mark.parametrize(
        "header", ["", " ", "Basic", "Basic ", "Bearer", "Digest abc", "abc", "Basic a b", "Bearer a b", "NTLM TlRM"]
    )
    def test_of_the_wrong_format(self, http: httpx.Client, header: str) -> None:
        assert send(http, "GET", SEATS, headers={"Authorization": header}).error == "AUTH_HEADER_WRONG_FORMAT"

    @pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER abc"])
    def test_of_the_other_scheme(self, http: httpx.Client, header: str) -> None:
        assert send(http, "GET", SEATS, headers={"Authorization": header}).error == "AUTH_BASIC_ONLY"

    @pytest.mark.parametrize(
        "token",
        [
            "%%%",
            "abc",
            "a",
            "=",
            "b3Bz",
            encoded("no colon"),
            encoded(":"),
            encoded("ops:"),
            encoded("\0:\0"),
            "\xff\xfe",
            "b3BzOnNlY3JldA==\xa0",
        ],
    )
    def test_with_a_token_of_no_key(self, http: httpx.Client, token: str) -> None:
        header = f"Basic {token}".encode("latin-1")

        answer = send(http, "GET", SEATS, headers={b"Authorization": header})

        assert answer.error == "AUTH_BASIC_INVALID_TOKEN"

    @pytest.mark.parametrize("form", ["basic {}", "BASIC {}", "Basic   {}", "  Basic {}  ", "Basic\t{}"])
    def test_in_a_form_that_is_taken(self, http: httpx.Client, key: PortalKey, form: str) -> None:
        header = form.format(encoded(f"{key.name}:{key.secret}"))

        assert send(http, "GET", SEATS, headers={"Authorization": header}).error is None


class TestTheKey:
    @pytest.mark.parametrize("change", ["name", "secret", "case", "space", "longer secret"])
    def test_is_refused_when_anything_differs(self, http: httpx.Client, key: PortalKey, change: str) -> None:
        name, secret = {
            "name": ("other", key.secret),
            "secret": (key.name, key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B")),
            "case": (key.name.upper(), key.secret),
            "space": (key.name, key.secret + " "),
            "longer secret": (key.name, key.secret + ":" + key.secret),
        }[change]

        answer = PortalClient(http, name, secret).seats()

        assert answer.error == "AUTH_BASIC_INVALID_TOKEN"

    @pytest.mark.parametrize("name", ["Büro", "客服", "a" * 64, "ops & sales", "👩\u200d💻", "%41", "percent%"])
    def test_may_have_any_name(self, db: Database, http: httpx.Client, hash_key: bytes, name: str) -> None:
        key = make_portal_key(db, make_team(db, seats=2), hash_key=hash_key, name=name)

        assert PortalClient(http, key.name, key.secret).seats().data["count"] == 2

    def test_may_be_sent_in_latin_1(self, db: Database, http: httpx.Client, hash_key: bytes) -> None:
        key = make_portal_key(db, make_team(db, seats=2), hash_key=hash_key, name="Büro")
        header = "Basic " + encoded(f"{key.name}:{key.secret}", "latin-1")

        assert send(http, "GET", SEATS, headers={"Authorization": header}).data["count"] == 2

    def test_is_refused_from_the_moment_it_is_deleted(self, db: Database, http: httpx.Client, hash_key: bytes) -> None:
        team = make_team(db)
        kept = make_portal_key(db, team, hash_key=hash_key, name="kept")
        gone = make_portal_key(db, team, hash_key=hash_key, name="gone")
        assert PortalClient(http, "gone", gone.secret).seats().error is None

        db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, gone.id, OPERATOR, 1)))

        assert PortalClient(http, "gone", gone.secret).seats().error == "AUTH_BASIC_INVALID_TOKEN"
        assert PortalClient(http, "kept", kept.secret).seats().error is None

    def test_of_the_other_api_is_none(self, db: Database, http: httpx.Client, hash_key: bytes) -> None:
        key = make_conversations_key(db, make_team(db), hash_key=hash_key, name="crm")

        assert PortalClient(http, "crm", key.api_key).seats().error == "AUTH_BASIC_INVALID_TOKEN"

    def test_sees_its_own_team_only(
        self, db: Database, http: httpx.Client, hash_key: bytes, portal: Callable[[Team], PortalClient]
    ) -> None:
        ours, theirs = make_team(db, seats=2), make_team(db, seats=3)
        their_key = make_portal_key(db, theirs, hash_key=hash_key, name="theirs")
        our_seats = [row["id"] for row in portal(ours).every_seat()]

        their_client = PortalClient(http, "theirs", their_key.secret)

        assert not set(our_seats) & {row["id"] for row in their_client.every_seat()}
        assert {their_client.delete_seat(seat_id).error for seat_id in our_seats} == {"SEAT_NOT_FOUND"}
        assert [row["id"] for row in portal_again(http, ours, db, hash_key).every_seat()] == our_seats


def portal_again(http: httpx.Client, team: Team, db: Database, hash_key: bytes) -> PortalClient:
    key = make_portal_key(db, team, hash_key=hash_key, name="again")
    return PortalClient(http, key.name, key.secret)


class TestBeforeAnythingElse:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", SEATS), ("POST", SEATS), ("DELETE", f"{SEATS}/x"), ("GET", "/api/v1/none"), ("PATCH", SEATS)],
    )
    def test_the_key_is_asked_for(self, http: httpx.Client, method: str, path: str) -> None:
        assert send(http, method, path, content=b"{").error == "AUTH_HEADER_MISSING"
        assert send(http, method, path, headers={"Authorization": basic("a", "b")}).error == "AUTH_BASIC_INVALID_TOKEN"
