"""Amounts go to the payment provider once each, and what it made of them is kept."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, select

from callfloor.access.audit import OPERATOR
from callfloor.foundation.database import Database, Tx, open_database, param
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.teams.payments import RENEW_PERIODS, AmountDue, Outcome, RecordingProvider, settle, settle_kind
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.teams.tables import EntryKind, Payment, SettlementState, ledger_entry, settlement
from tests.factories.teams import make_team

NOW = 1_800_000_000_000

_settlements = (
    select(settlement.c.number, settlement.c.state, settlement.c.reason)
    .where(settlement.c.team_id == param("team"))
    .order_by(settlement.c.number)
)
_events = select(outbox_event.c.subject, outbox_event.c.payload).where(
    outbox_event.c.team_id == param("team"), outbox_event.c.kind == "charge.settled"
)
_entries = (
    select(ledger_entry.c.id, ledger_entry.c.kind, ledger_entry.c.amount)
    .where(ledger_entry.c.team_id == param("team"))
    .order_by(ledger_entry.c.number)
)


class Provider:
    """A provider that answers as it is told, and remembers what it was asked for."""

    name = "told"

    def __init__(self, *answers: Outcome | Unavailable) -> None:
        self.asked: list[AmountDue] = []
        self._answers = list(answers)

    def collect(self, due: AmountDue) -> Outcome:
        """Give the next answer."""
        self.asked.append(due)
        answer = self._answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer


@pytest.fixture
def services(db: Database, tmp_path: Path) -> Services:
    """What a job is handed."""
    settings = Settings(data=tmp_path)
    return Services(settings, db, open_files(settings))


def test_the_default_provider_records(db: Database, services: Services) -> None:
    team = make_team(db, seats=3, now=NOW)

    drain(services, [settle_kind(RecordingProvider())], now=NOW, team_id=team.id)

    assert db.read_now(lambda tx: tx.all(_settlements, {"team": team.id})) == [(1, "recorded", None)]


def test_a_decline_is_kept_with_its_reason_and_told(db: Database, services: Services) -> None:
    team = make_team(db, seats=3, now=NOW)
    provider = Provider(Outcome(SettlementState.DECLINED, reason="the card has expired"))

    drain(services, [settle_kind(provider)], now=NOW, team_id=team.id)

    ((entry_id, _, amount),) = db.read_now(lambda tx: tx.all(_entries, {"team": team.id}))
    assert provider.asked == [AmountDue(entry_id, team.id, amount, "USD", 3)]
    assert db.read_now(lambda tx: tx.all(_settlements, {"team": team.id})) == [(1, "declined", "the card has expired")]
    ((subject, payload),) = db.read_now(lambda tx: tx.all(_events, {"team": team.id}))
    assert (subject, payload["state"]) == ("1", "declined")


def test_a_provider_that_does_not_answer_is_asked_again_with_the_same_id(db: Database, services: Services) -> None:
    team = make_team(db, seats=3, now=NOW)
    provider = Provider(Unavailable("no answer"), Outcome(SettlementState.PAID, reference="p-1"))

    for later in (0, 600_000):
        drain(services, [settle_kind(provider)], now=NOW + later, team_id=team.id)

    first, second = provider.asked
    assert first == second
    assert db.read_now(lambda tx: tx.all(_settlements, {"team": team.id})) == [(1, "paid", None)]


def test_only_the_first_outcome_counts(db: Database) -> None:
    team = make_team(db, seats=3, now=NOW)
    for state in (SettlementState.PAID, SettlementState.DECLINED):
        verb = functools.partial(settle, team_id=team.id, number=1, provider="told", outcome=Outcome(state), now=NOW)
        db.write_now(verb)

    assert db.read_now(lambda tx: tx.all(_settlements, {"team": team.id})) == [(1, "paid", None)]
    assert len(db.read_now(lambda tx: tx.all(_events, {"team": team.id}))) == 1


def test_an_invoice_team_is_never_handed_over(db: Database, services: Services) -> None:
    team = make_team(db, payment=Payment.INVOICE, seats=3, now=NOW)

    assert drain(services, [settle_kind(Provider())], now=NOW, team_id=team.id) == []


def test_a_period_is_renewed_once_and_collected(fresh_database_url: str, tmp_path: Path) -> None:
    db = open_database(fresh_database_url)
    settings = Settings(data=tmp_path)
    services = Services(settings, db, open_files(settings))
    teams = [make_team(db, seats=2, now=NOW) for _ in range(3)]
    later = NOW + 40 * 86_400_000
    db.write_now(functools.partial(add_seats, command=AddSeats(teams[0].id, 1, OPERATOR, later)))

    for _ in range(2):
        order = Enqueue(kind=RENEW_PERIODS.name, args={}, team_id=None, now=later)
        db.write_now(functools.partial(enqueue, order=order))
        drain(services, [RENEW_PERIODS, settle_kind(RecordingProvider())], now=later)

    for team in teams:
        entries = db.read_now(functools.partial(_rows, statement=_entries, team_id=team.id))
        states = db.read_now(functools.partial(_rows, statement=_settlements, team_id=team.id))
        assert [row[1:] for row in entries].count((EntryKind.RENEWAL.value, 2000)) == 1
        assert [state for _, state, _ in states] == ["recorded"] * len(entries)
    db.close_now()


def _rows(tx: Tx, statement: Executable, team_id: int) -> list[tuple[Any, ...]]:
    return tx.all(statement, {"team": team_id})
