"""`/api/v2/billing`: statements that the charges add up to."""

from __future__ import annotations

import functools
import itertools

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.teams.ledger import renew
from callfloor.teams.payments import Outcome, settle
from callfloor.teams.seats import AddSeats, DeleteSeat, add_seats, delete_seat
from callfloor.teams.tables import Payment, SettlementState
from callfloor.teams.teams import Team, team_for_change
from tests.callfloor_api.conftest import ClientOf
from tests.callfloor_api.test_seats import every
from tests.factories.teams import make_team
from tests.teams.counting import seats_of


def grown_team(db: Database) -> Team:
    """Return a team that began four months ago, added twice, deleted once and is renewed."""
    now = clock.now()
    team = make_team(db, seats=5, now=now - 120 * DAY)
    for days in (70, 3):
        add = AddSeats(team.id, 2, OPERATOR, now - days * DAY)
        db.write_now(functools.partial(add_seats, command=add))
    gone = DeleteSeat(team.id, seats_of(db, team.id)[0][0], OPERATOR, now - DAY)
    db.write_now(functools.partial(delete_seat, command=gone))
    db.write_now(lambda tx: renew(tx, team_for_change(tx, team.id), clock.now()))
    return team


def test_charges_of_a_period_add_up_to_its_statement(db: Database, client: ClientOf) -> None:
    http = client(grown_team(db), "billing:read")

    statements = every(http, "/billing/statements", limit=2)

    assert len(statements) >= 4
    assert statements == sorted(statements, key=lambda one: str(one["period"]), reverse=True)
    for later, earlier in itertools.pairwise(statements):
        assert (later["opening_seats"], later["period_start"]) == (earlier["closing_seats"], earlier["period_end"])
    assert statements[0]["closing_seats"] == 8
    for one in statements:
        charges = every(http, "/billing/charges", period=one["period"], limit=1)
        assert sum(charge["amount"] for charge in charges) == one["total"] == one["base_amount"] + one["added_amount"]
        assert http.get(f"/billing/statements/{one['period']}").json() == one


def test_charges_tell_what_became_of_them(db: Database, client: ClientOf) -> None:
    team = make_team(db, seats=1)
    http = client(team, "billing:read")
    pending = every(http, "/billing/charges")[0]["settlement"]
    outcome = Outcome(SettlementState.DECLINED, reason="no money")
    db.write_now(
        functools.partial(settle, team_id=team.id, number=1, provider="bank", outcome=outcome, now=clock.now())
    )

    (charge,) = every(http, "/billing/charges")

    assert pending == {"state": "pending", "reason": None, "reference": None, "at": None}
    assert (charge["settlement"]["state"], charge["settlement"]["reason"]) == ("declined", "no money")
    assert (charge["seats_before"], charge["seats_after"], charge["kind"]) == (0, 1, "charge")


def test_renewals_of_an_invoice_team_are_invoiced(db: Database, client: ClientOf) -> None:
    team = make_team(db, payment=Payment.INVOICE, seats=3, now=clock.now() - 40 * DAY)
    db.write_now(lambda tx: renew(tx, team_for_change(tx, team.id), clock.now()))

    charges = every(client(team, "billing:read"), "/billing/charges")

    assert {(one["kind"], one["amount"], one["settlement"]["state"]) for one in charges} == {
        ("renewal", 3000, "invoiced")
    }


@pytest.mark.parametrize("period", ["2026-13", "2026-1", "now", "2026-00", "1969-12"])
def test_refuses_what_is_no_month(db: Database, client: ClientOf, period: str) -> None:
    http = client(make_team(db), "billing:read")

    assert http.get(f"/billing/statements/{period}").status_code == 422
    assert http.get("/billing/charges", params={"period": period}).status_code == 422


def test_has_none_of_a_team_without_seats_nor_of_the_future(db: Database, client: ClientOf) -> None:
    empty, http = client(make_team(db), "billing:read"), client(make_team(db, seats=1), "billing:read")

    assert every(empty, "/billing/statements") == []
    for one, period in ((empty, clock.iso(clock.now())[:7]), (http, "2999-01"), (http, "1999-12")):
        answer = one.get(f"/billing/statements/{period}")
        assert (answer.status_code, answer.json()["code"]) == (404, "statement_not_found")
