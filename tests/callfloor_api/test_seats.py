"""`/api/v2/seats`: lists by cursor, tags, additions that cost once, deletions of one and of many."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.teams.tables import Payment, TeamType
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

ALL = ("seats:read", "seats:write", "billing:read")


def every(http: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Follow the cursors to the end."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = http.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        assert page["data"]
        cursor = {"cursor": page["next_cursor"]}


class TestList:
    @pytest.mark.parametrize("limit", [1, 3, 7, 8, 200])
    def test_comes_whole_and_in_order(self, db: Database, client: ClientOf, limit: int) -> None:
        team = make_team(db, seats=7)

        rows = every(client(team, "seats:read"), "/seats", limit=limit)

        assert [row["id"] for row in rows] == [seat_id for seat_id, *_ in seats_of(db, team.id)]

    def test_is_narrowed_by_status_and_role(self, db: Database, client: ClientOf) -> None:
        team = make_team(db, seats=5)
        make_person(db, team, role=Role.ADMIN)
        make_person(db, team)
        http = client(team, "seats:read")

        assert len(every(http, "/seats", status="assigned", limit=1)) == 2
        assert [row["user"]["first_name"] for row in every(http, "/seats", role="admin")] == ["Ada"]
        assert every(http, "/seats", role="admin", status="unassigned") == []
        assert every(http, "/seats", hostname="front", limit=2) == []

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 0},
            {"limit": 201},
            {"limit": "x"},
            {"cursor": "nonsense"},
            {"status": "asleep"},
            {"statuss": "assigned"},
            {"role": "analyst"},
            {"hostname": ""},
            [("limit", 1), ("limit", 2)],
        ],
    )
    def test_refuses_parameters_it_does_not_know(self, db: Database, client: ClientOf, query: Any) -> None:
        answer = client(make_team(db), "seats:read").get("/seats", params=query)

        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_shows_no_seat_of_another_team(self, db: Database, client: ClientOf) -> None:
        other, team = make_team(db, seats=2), make_team(db, seats=1)
        http = client(team, *ALL)
        theirs = seats_of(db, other.id)[0][0]

        assert len(every(http, "/seats")) == 1
        for answer in (http.get(f"/seats/{theirs}"), http.delete(f"/seats/{theirs}")):
            assert (answer.status_code, answer.json()["code"]) == (404, "seat_not_found")


class TestAddition:
    def test_is_charged_and_carried_out_once(self, db: Database, client: ClientOf) -> None:
        team = make_team(db)
        http, key = client(team, *ALL), {"Idempotency-Key": new_id()}

        answers = [http.post("/seats", json={"count": 4}, headers=key) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert len({answer.text for answer in answers}) == 1
        assert answers[0].json()["charge"]["seats"] == 4
        assert len(seats_of(db, team.id)) == 4
        assert len(every(http, "/billing/charges")) == 1

    def test_with_a_key_of_another_request_is_refused(self, db: Database, client: ClientOf) -> None:
        http, key = client(make_team(db), *ALL), {"Idempotency-Key": new_id()}
        http.post("/seats", json={"count": 4}, headers=key)

        answer = http.post("/seats", json={"count": 5}, headers=key)

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_is_refused_to_an_invoice_team(self, db: Database, client: ClientOf) -> None:
        http = client(make_team(db, payment=Payment.INVOICE), *ALL)

        answer = http.post("/seats", json={"count": 1})

        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted_add_seats")

    def test_of_an_invoice_team_by_activity_costs_nothing_at_once(self, db: Database, client: ClientOf) -> None:
        http = client(make_team(db, payment=Payment.INVOICE, activity_billing=True), *ALL)

        assert http.post("/seats", json={"count": 2}).json() == {"added": 2, "count": 2, "charge": None}
        assert every(http, "/billing/charges") == []

    @pytest.mark.parametrize("count", [0, -1, 10_001, "2", 2.0, True, None])
    def test_takes_whole_numbers_only(self, db: Database, client: ClientOf, count: object) -> None:
        answer = client(make_team(db), *ALL).post("/seats", json={"count": count})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "count")


class TestDeletion:
    def test_needs_the_state_that_was_read(self, db: Database, client: ClientOf) -> None:
        team = make_team(db, seats=1)
        http = client(team, *ALL)
        seat_id = seats_of(db, team.id)[0][0]
        tag = http.get(f"/seats/{seat_id}").headers["etag"]
        make_person(db, team)

        late = http.delete(f"/seats/{seat_id}", headers={"If-Match": tag})
        taken = http.delete(f"/seats/{seat_id}")

        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
        assert (taken.status_code, taken.json()["code"]) == (409, "seat_is_not_empty")

    def test_removes_a_free_seat(self, db: Database, client: ClientOf) -> None:
        team = make_team(db, type_=TeamType.DEVICE, seats=2)
        http = client(team, *ALL)
        seat_id = seats_of(db, team.id)[0][0]
        tag = http.get(f"/seats/{seat_id}").headers["etag"]

        assert http.delete(f"/seats/{seat_id}", headers={"If-Match": tag}).status_code == 204
        assert http.get(f"/seats/{seat_id}").status_code == 404
        assert_counts_hold(db, team.id)

    def test_of_many_is_first_tried_then_done_with_the_same_answer(self, db: Database, client: ClientOf) -> None:
        team, other = make_team(db, seats=4), make_team(db, seats=1)
        make_person(db, team)
        http = client(team, *ALL)
        ids = [seat_id for seat_id, *_ in seats_of(db, team.id)]
        asked = [ids[0], ids[1], ids[1], ids[2], seats_of(db, other.id)[0][0]]

        tried = http.post("/seats/deletions", json={"ids": asked, "dry_run": True})
        untouched = seats_of(db, team.id)
        done = http.post("/seats/deletions", json={"ids": asked})

        codes = ["seat_is_not_empty", None, "seat_not_found", None, "seat_not_found"]
        assert [row["code"] for row in tried.json()["data"]] == codes
        assert {**tried.json(), "dry_run": False} == done.json()
        assert [seat_id for seat_id, *_ in untouched] == ids
        assert (done.json()["seats_before"], done.json()["seats_after"]) == (4, 2)
        assert [seat_id for seat_id, *_ in seats_of(db, team.id)] == [ids[0], ids[3]]
        assert_counts_hold(db, team.id)

    def test_of_many_is_refused_whole_to_an_invoice_team(self, db: Database, client: ClientOf) -> None:
        team = make_team(db, payment=Payment.INVOICE, seats=2)

        answer = client(team, *ALL).post("/seats/deletions", json={"ids": [seats_of(db, team.id)[0][0]]})

        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted_delete_seat")
        assert len(seats_of(db, team.id)) == 2
