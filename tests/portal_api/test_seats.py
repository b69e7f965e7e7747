"""`/api/v1/seats`: listed, filtered, added, deleted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from callfloor.access.tables import Role, audit_entry
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.ids import new_id
from callfloor.teams.billing import period_of, prorated_amount
from callfloor.teams.tables import Payment, TeamType, ledger_entry, seat
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient
from tests.factories.teams import make_person, make_team

PortalOf = Callable[[Team], PortalClient]

_name = (
    update(seat)
    .where(seat.c.team_id == param("team"), seat.c.id == param("seat_id"))
    .values(
        hostname=param("host"), hostname_key=param("host_key"), nickname=param("nick"), nickname_key=param("nick_key")
    )
)
_charges = select(ledger_entry.c.amount, ledger_entry.c.seats_before, ledger_entry.c.seats_after).where(
    ledger_entry.c.team_id == param("team"), ledger_entry.c.kind == "charge"
)
_trail = (
    select(
        audit_entry.c.action,
        audit_entry.c.actor_kind,
        audit_entry.c.actor_name,
        audit_entry.c.before,
        audit_entry.c.after,
        audit_entry.c.request_id,
        audit_entry.c.address,
    )
    .where(audit_entry.c.team_id == param("team"), audit_entry.c.object_kind == "seat")
    .order_by(audit_entry.c.at, audit_entry.c.id)
)


def name_seats(db: Database, team: Team, names: dict[int, tuple[str | None, str | None]]) -> None:
    """Give seats a hostname and a nickname."""

    def verb(tx: Tx) -> None:
        for seat_id, (host, nick) in names.items():
            values = {"host": host, "host_key": host and host.casefold(), "nick": nick}
            tx.run(_name, {"team": team.id, "seat_id": seat_id, **values, "nick_key": nick and nick.casefold()})

    db.write_now(verb)


@pytest.fixture
def named(db: Database, portal: PortalOf) -> tuple[PortalClient, list[int]]:
    """A device team of six seats with names, and their ids."""
    team = make_team(db, type_=TeamType.DEVICE, seats=6)
    client = portal(team)
    ids = [row["id"] for row in client.every_seat()]
    names: list[tuple[str | None, str | None]] = [
        ("WS-Berlin-01", "Front desk"),
        ("ws-berlin-02", None),
        ("100%_load", "50% off"),
        ("a_b", "A\\B"),
    ]
    names += [("STRASSE", "straße"), (None, "İstanbul")]
    name_seats(db, team, dict(zip(ids, names, strict=True)))
    return client, ids


class TestList:
    def test_of_an_empty_team(self, db: Database, portal: PortalOf) -> None:
        assert portal(make_team(db)).seats().data == {"rows": [], "count": 0}

    def test_shows_who_sits_there(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db, seats=2)
        address = f"Ada-{new_id()}@People.example"  # an account is spelled as it was first
        ada = make_person(db, team, email=address, role=Role.ANALYTICS)

        first, second = portal(team).seats().data["rows"]

        assert (first["status"], first["role"], first["type"]) == ("assigned", "analyst", "email")
        assert first["user"]["id"] == ada.account_id
        assert first["user"]["email"] == address
        assert first["assigned_at"] is not None
        assert (second["status"], second["role"], second["user"]) == ("unassigned", "user", None)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"hostname": "berlin"}, [0, 1]),
            ({"hostname": "BERLIN-02"}, [1]),
            ({"hostname": "%"}, [2]),
            ({"hostname": "_"}, [2, 3]),
            ({"hostname": "straße"}, [4]),
            ({"hostname": "\\"}, []),
            ({"nickname": "\\"}, [3]),
            ({"nickname": "STRASSE"}, [4]),
            ({"nickname": "50%"}, [2]),
            ({"nickname": "desk", "hostname": "ws"}, [0]),
            ({"nickname": "desk", "hostname": "nowhere"}, []),
            ({"hostname": "'; DROP TABLE seat; --"}, []),
            ({"hostname": "x" * 255}, []),
            ({"hostname": ""}, [0, 1, 2, 3, 4, 5]),
            ({"hostname": "berlin", "status": "unassigned", "role": "user"}, [0, 1]),
            ({"hostname": "berlin", "status": "assigned"}, []),
            ({"hostname": "berlin", "perPage": 1, "page": 2}, [1]),
            ({"hostname": "berlin", "page": 9}, []),
        ],
    )
    def test_by_names(self, named: tuple[PortalClient, list[int]], query: dict[str, str], expected: list[int]) -> None:
        client, ids = named

        answer = client.seats(**query)

        assert [row["id"] for row in answer.data["rows"]] == [ids[index] for index in expected]
        if "page" not in query:
            assert answer.data["count"] == len(expected)

    def test_by_status_and_role(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db, seats=5)
        for role in (Role.ADMIN, Role.ANALYTICS, Role.USER):
            make_person(db, team, role=role)
        client = portal(team)

        def roles(**query: str) -> list[str]:
            rows = client.seats(**query).data["rows"]
            assert client.seats(**query).data["count"] == len(rows)
            return [row["role"] for row in rows]

        assert roles(status="assigned") == ["admin", "analyst", "user"]
        assert roles(status="unassigned") == ["user", "user"]
        assert roles(status="invited") == []
        assert roles(role="analyst") == ["analyst"]
        assert roles(role="user") == ["user"] * 3
        assert roles(role="configurator") == []
        assert roles(role="user", status="assigned") == ["user"]
        assert roles(role="admin", status="unassigned") == []

    def test_ignores_what_it_does_not_know(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, seats=1))

        answer = client.seats(sort="id", q="x", per_page="0", Page="0", perpage="0")

        assert answer.data["count"] == 1

    def test_takes_a_body_that_a_get_should_not_have(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, seats=1))

        answer = client.call("GET", "/api/v1/seats", content=b"{" * 100_000)

        assert answer.data["count"] == 1


class TestPages:
    def test_default_to_twenty(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, seats=21))

        assert len(client.seats().data["rows"]) == 20
        assert len(client.seats(page=2).data["rows"]) == 1
        assert client.seats(page=2).data["count"] == 21

    @pytest.mark.parametrize("page", [4, 100, 10**6, 2**31, 2**63, 2**64, 10**30, 10**3999])
    def test_past_the_end_are_empty(self, db: Database, portal: PortalOf, page: int) -> None:
        client = portal(make_team(db, seats=3))

        assert client.seats(page=page, perPage=1).data == {"rows": [], "count": 3}
        assert client.seats(page=page, hostname="x").data == {"rows": [], "count": 0}

    def test_are_found_by_number_beyond_the_first_thousand(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, seats=2_500))
        ids = [row["id"] for row in client.every_seat(per_page=100)]
        assert len(ids) == 2_500
        assert ids == sorted(set(ids))

        for page, per_page in [(1250, 2), (36, 33), (11, 100), (25, 100), (357, 7)]:
            rows = client.seats(page=page, perPage=per_page).data["rows"]
            assert [row["id"] for row in rows] == ids[(page - 1) * per_page : page * per_page]


class TestAdd:
    @pytest.mark.parametrize("body", ["json", "form"])
    @pytest.mark.parametrize("type_", list(TeamType))
    def test_charges_a_card_team_at_once(self, db: Database, portal: PortalOf, type_: TeamType, body: str) -> None:
        team = make_team(db, type_=type_, seats=2)
        client = portal(team)
        before = clock.now()

        answer = client.add_seats(3, form=body == "form")

        period = period_of(before)
        amounts = {
            prorated_amount(
                seat_price=team.seat_price, seats=3, days_left=period_of(at).days_left(at), days_in_period=period.days
            )
            for at in (before, clock.now())
        }
        assert (answer.data["added"], answer.data["count"]) == (3, 5)
        assert answer.data["charge"]["amount"] in amounts
        assert answer.data["charge"]["seats"] == 3
        assert answer.data["charge"]["currency"] == team.currency
        assert answer.data["charge"]["period_start"] == clock.iso(period.start)
        assert [row["type"] for row in client.every_seat()] == [type_.value] * 5
        ledger = db.read_now(lambda tx: tx.all(_charges, {"team": team.id}))
        assert (answer.data["charge"]["amount"], 2, 5) in ledger
        assert len(ledger) == 2

    def test_is_recorded_with_who_and_where(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db)
        client = portal(team)

        added = client.add_seats(2)
        seat_id = client.seats().data["rows"][0]["id"]
        deleted = client.delete_seat(seat_id)

        rows = db.read_now(lambda tx: tx.all(_trail, {"team": team.id}))
        assert [row[0] for row in rows] == ["seat.added", "seat.deleted"]
        assert {row[1:3] for row in rows} == {("portal_key", "ops")}
        assert [row[5] for row in rows] == [added.headers["x-request-id"], deleted.headers["x-request-id"]]
        assert {row[6] for row in rows} == {"127.0.0.1"}
        assert rows[0][3:5] == (None, {"added": 2, "first_seat_id": seat_id, "seats": 2})
        assert rows[1][3:5] == ({"status": "unassigned", "role": "user"}, None)

    def test_is_refused_to_an_invoice_team(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, payment=Payment.INVOICE, seats=1))

        assert client.add_seats(1).error == "NOT_PERMITTED_ADD_SEATS"
        assert client.seats().data["count"] == 1

    def test_is_free_of_charge_at_once_with_activity_billing(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, payment=Payment.INVOICE, activity_billing=True))

        answer = client.add_seats(2)

        assert answer.data == {"added": 2, "count": 2, "charge": None}

    def test_takes_as_many_as_the_limit(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db))

        assert client.add_seats(10_000).data["count"] == 10_000
        assert len(client.seats(page=100, perPage=100).data["rows"]) == 100

    def test_ignores_fields_it_does_not_know(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db))

        answer = client.call("POST", "/api/v1/seats", json={"count": 1, "a": {"b": [None]}, "a2": 1.5})

        assert answer.data["added"] == 1


class TestRepeat:
    def test_gets_the_first_answer_and_is_charged_once(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db)
        client, key = portal(team), str(uuid.uuid4())

        first = client.add_seats(4, repeat_key=key)
        client.add_seats(1)
        again = client.add_seats(4, repeat_key=key, form=True)

        assert again.data == first.data
        assert client.seats().data["count"] == 5
        assert len(db.read_now(lambda tx: tx.all(_charges, {"team": team.id}))) == 2

    def test_with_another_body_is_refused(self, db: Database, portal: PortalOf) -> None:
        client, key = portal(make_team(db)), str(uuid.uuid4())
        client.add_seats(4, repeat_key=key)

        answer = client.add_seats(5, repeat_key=key)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"Idempotency-Key"})
        assert client.seats().data["count"] == 4

    def test_of_a_refused_request_is_a_first_one(self, db: Database, portal: PortalOf) -> None:
        client, key = portal(make_team(db)), str(uuid.uuid4())
        assert client.add_seats(0, repeat_key=key).error == "VALIDATION_ERROR"

        assert client.add_seats(3, repeat_key=key).data["added"] == 3

    def test_of_another_team_is_its_own(self, db: Database, portal: PortalOf) -> None:
        ours, theirs, key = portal(make_team(db)), portal(make_team(db)), str(uuid.uuid4())

        ours.add_seats(1, repeat_key=key)

        assert theirs.add_seats(2, repeat_key=key).data["count"] == 2

    @pytest.mark.parametrize("key", ["", "k" * 256, "a\x00b", "a\x7fb"])
    def test_needs_a_key_that_can_be_kept(self, db: Database, portal: PortalOf, key: str) -> None:
        client = portal(make_team(db))

        answer = client.add_seats(1, repeat_key=key)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"Idempotency-Key"})
        assert client.seats().data["count"] == 0


class TestDelete:
    @pytest.mark.parametrize("type_", list(TeamType))
    def test_removes_a_free_seat_for_good(self, db: Database, portal: PortalOf, type_: TeamType) -> None:
        client = portal(make_team(db, type_=type_, seats=3))
        first, second, third = [row["id"] for row in client.every_seat()]

        answer = client.delete_seat(second)

        assert answer.error is None
        assert [row["id"] for row in client.every_seat()] == [first, third]
        assert client.delete_seat(second).error == "SEAT_NOT_FOUND"

    def test_is_refused_while_somebody_sits_there(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db, seats=1)
        seat_id = make_person(db, team).seat_id
        client = portal(team)

        assert client.delete_seat(seat_id).error == "SEAT_IS_NOT_EMPTY"
        assert client.seats().data["count"] == 1

    def test_is_refused_to_an_invoice_team(self, db: Database, portal: PortalOf) -> None:
        for activity in (False, True):
            client = portal(make_team(db, payment=Payment.INVOICE, activity_billing=activity, seats=1))
            seat_id = client.seats().data["rows"][0]["id"]

            assert client.delete_seat(seat_id).error == "NOT_PERMITTED_DELETE_SEAT"
            assert client.delete_seat(2**62).error == "NOT_PERMITTED_DELETE_SEAT", "permission comes before existence"
            assert client.delete_seat("x").error == "VALIDATION_ERROR", "validation comes before permission"
            assert client.seats().data["count"] == 1

    @pytest.mark.parametrize("seat_id", [0, 2**31, 2**63 - 1, 2**63, 2**64, 10**100])
    def test_of_no_seat(self, db: Database, portal: PortalOf, seat_id: int) -> None:
        assert portal(make_team(db)).delete_seat(seat_id).error == "SEAT_NOT_FOUND"

    def test_ignores_a_body(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db, seats=1))
        seat_id = client.seats().data["rows"][0]["id"]

        answer = client.call("DELETE", f"/api/v1/seats/{seat_id}", content=json.dumps({"id": 1}).encode())

        assert answer.error is None
