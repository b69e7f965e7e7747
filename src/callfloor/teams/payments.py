"""The payment provider's seam: an amount is an entry of the ledger first, then a job hands it to the provider."""

from __future__ import annotations

import dataclasses
import functools
from typing import Protocol

from sqlalchemy import select

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.jobs import JobKind, RunningJob, Schedule, Verb
from callfloor.foundation.jobs.schedules import Daily
from callfloor.foundation.services import Services
from callfloor.teams.ledger import SETTLE_CHARGE, renew, teams_to_renew
from callfloor.teams.tables import SettlementState, ledger_entry, settlement
from callfloor.teams.teams import team_for_change

_entry = select(ledger_entry.c.id, ledger_entry.c.amount, ledger_entry.c.currency, ledger_entry.c.seats).where(
    ledger_entry.c.team_id == param("team_id"), ledger_entry.c.number == param("number")
)
_settle = (
    upsert(settlement)
    .values(
        team_id=param("team_id"),
        number=param("number"),
        state=param("state"),
        provider=param("provider"),
        reference=param("reference"),
        reason=param("reason"),
        at=param("at"),
    )
    .on_conflict_do_nothing()
    .returning(settlement.c.number)
)


@dataclasses.dataclass(frozen=True, slots=True)
class AmountDue:
    """What a provider is asked to collect; a repeat with the same `id` must not collect again."""

    id: str
    team_id: int
    amount: int
    """In minor units of `currency`, more than 0."""
    currency: str
    seats: int


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider made of it."""

    state: SettlementState
    reference: str | None = None
    """The provider's own name for it."""
    reason: str | None = None
    """Why it was declined."""


class PaymentProvider(Protocol):
    """Collects amounts from teams that pay by card."""

    name: str

    def collect(self, due: AmountDue) -> Outcome:
        """Collect the amount, or say that it was declined.

        Raises:
            Unavailable: the provider does not answer now; the job is tried again.
        """


class RecordingProvider:
    """Collects nothing: the amount stands in the ledger, for whoever writes the bills."""

    name = "recording"

    def collect(self, due: AmountDue) -> Outcome:
        """See `PaymentProvider.collect`."""
        return Outcome(SettlementState.RECORDED, reference=due.id)


def settle_kind(provider: PaymentProvider) -> JobKind[Services]:
    """Return the kind of job that hands an entry of the ledger to the provider."""
    return JobKind(SETTLE_CHARGE, functools.partial(_settle_charge, provider=provider), max_attempts=20)


def renew_periods(job: RunningJob, services: Services) -> Verb | None:
    """Enter the renewals of the period that has begun, team by team."""
    now, after, done = job.now(), 0, 0
    while teams := services.db.read_now(functools.partial(teams_to_renew, now=now, after=after)):
        for team_id in teams:
            services.db.write_now(functools.partial(_renew_team, team_id=team_id, now=now))
            done += 1
            job.progress("renewing", done)
        after = teams[-1]
    return None


RENEW_PERIODS: JobKind[Services] = JobKind(name="renew_periods", handler=renew_periods)
RENEW_SCHEDULE = Schedule("renew_periods", RENEW_PERIODS.name, Daily(0, 5))


def settle(tx: Tx, *, team_id: int, number: int, provider: str, outcome: Outcome, now: Millis) -> None:
    """Keep what the provider made of an entry; only the first outcome counts."""
    kept = tx.one(
        _settle,
        {
            "team_id": team_id,
            "number": number,
            "state": outcome.state.value,
            "provider": provider,
            "reference": outcome.reference,
            "reason": outcome.reason,
            "at": now,
        },
    )
    if kept is None:
        return
    after = {"state": outcome.state.value, "provider": provider, "reason": outcome.reason}
    change = audit.Change(team_id, "charge.settled", "charge", str(number), after=after)
    record_change(tx, audit.SYSTEM, change, now=now)


def _settle_charge(job: RunningJob, services: Services, *, provider: PaymentProvider) -> Verb | None:
    team_id, number = job.team_id, job.args["number"]
    row = services.db.read_now(lambda tx: tx.one(_entry, {"team_id": team_id, "number": number}))
    if team_id is None or row is None:
        return None
    entry_id, amount, currency, seats = row
    outcome = provider.collect(AmountDue(entry_id, team_id, amount, currency, seats))
    return functools.partial(
        settle, team_id=team_id, number=number, provider=provider.name, outcome=outcome, now=job.now()
    )


def _renew_team(tx: Tx, team_id: int, now: Millis) -> None:
    renew(tx, team_for_change(tx, team_id), now)
