"""Seat reclaim by the clock: whose hour has come, and the mails that go out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.clock import as_datetime, iso
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Daily, Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.mail import send_mail_kind
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.teams.tables import Payment
from callfloor.teams.teams import Team
from callfloor.usage.reclaim.cases import put_off_case
from callfloor.usage.reclaim.jobs import RECLAIM_SEATS, start_due_runs
from callfloor.usage.reclaim.mails import SEAT_NOTICE_MAIL, SEATS_NOTICE_MAIL, seat_notice_mail, seats_notice_mail
from callfloor.usage.reclaim.policy import policy_of_team
from callfloor.usage.reclaim.runs import runs_below
from tests.factories.agents import make_signed_in, session_of
from tests.factories.devices import HASH_KEY, DeviceTeam, log_in, machine, make_device_team
from tests.factories.reclaim import DAY, GRACE_DAYS, INACTIVE_DAYS, notices, run, set_to, steps, switch_on
from tests.factories.teams import make_team
from tests.support.mail import MailServer

START = clock.now()
LATER = START + (INACTIVE_DAYS + 1) * DAY
KINDS = [
    RECLAIM_SEATS,
    send_mail_kind({SEAT_NOTICE_MAIL: seat_notice_mail, SEATS_NOTICE_MAIL: seats_notice_mail}),
]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def services(db: Database, mail: MailServer, tmp_path: Path) -> Services:
    """Services that send to the mail server."""
    settings = Settings(
        data=tmp_path,
        smtp_url=SecretStr(mail.url),
        mail_from="desk@callfloor.example",
        public_url="https://callfloor.example",
        secret_key=SecretStr(HASH_KEY.decode()),
    )
    return Services(settings, db, open_files(settings))


def invoice_team(db: Database) -> Team:
    """Make an email team without jobs of its own: nothing is to be paid."""
    return make_team(db, payment=Payment.INVOICE, seats=3)


def invoice_floor(db: Database) -> DeviceTeam:
    return make_device_team(db, payment=Payment.INVOICE, seats=3)


def runs_of(db: Database, team_id: int) -> list[tuple[int, int, str]]:
    found = db.read_now(lambda tx: runs_below(tx, team_id, below=2**62, take=100))
    return [(one.at, one.noticed, one.started_by) for one in found]


def test_a_team_has_one_run_a_day_at_its_hour(services: Services, db: Database) -> None:
    team = invoice_team(db)
    due = switch_on(db, team.id, now=START, hour=4).next_run_at
    assert due is not None
    assert iso(due).endswith("T04:00:00.000Z")

    for at in (due - 1, due, due + 300_000, due + DAY - 1, due + DAY, due + 5 * DAY):
        db.write_now(functools.partial(start_due_runs, now=at))
        drain(services, KINDS, now=at, team_id=team.id)

    assert [(at, by) for at, _, by in runs_of(db, team.id)] == [
        (due + 5 * DAY, "Callfloor"),
        (due + DAY, "Callfloor"),
        (due, "Callfloor"),
    ]
    assert db.read_now(lambda tx: policy_of_team(tx, team.id)).next_run_at == due + 6 * DAY


def test_a_team_that_is_off_has_none(services: Services, db: Database) -> None:
    team = invoice_team(db)
    known = switch_on(db, team.id, now=START)
    set_to(db, team.id, dataclasses.replace(known, is_on=False), now=START)

    db.write_now(lambda tx: start_due_runs(tx, now=LATER))
    db.write_now(lambda tx: enqueue(tx, Enqueue(kind=RECLAIM_SEATS.name, args={}, team_id=team.id, now=LATER)))
    drain(services, KINDS, now=LATER, team_id=team.id)

    assert runs_of(db, team.id) == []


def test_another_hour_holds_from_its_next_time_on(db: Database) -> None:
    team = invoice_team(db)
    switch_on(db, team.id, now=START, hour=4)

    changed = switch_on(db, team.id, now=START, hour=5)

    assert changed.next_run_at == Daily(5, 0).next_after(START)


def test_the_person_is_mailed(services: Services, db: Database, mail: MailServer) -> None:
    team = invoice_team(db)
    switch_on(db, team.id, now=START)
    ada = make_signed_in(db, team)
    make_signed_in(db, team, role=Role.ADMIN)
    run(db, team.id, now=LATER)

    drain(services, KINDS, now=LATER, team_id=team.id)

    (sent,) = mail.mails
    assert sent.recipients == [ada.email]
    assert team.name in str(sent.message["Subject"])
    assert "https://callfloor.example/" in sent.body("plain")


def test_who_could_not_be_mailed_has_the_days_of_grace_from_then_on(
    services: Services, db: Database, mail: MailServer
) -> None:
    team = invoice_team(db)
    switch_on(db, team.id, now=START)
    ada = make_signed_in(db, team)
    without = Services(services.settings.model_copy(update={"smtp_url": None}), db, services.files)
    run(db, team.id, now=LATER)
    drain(without, KINDS, now=LATER, team_id=team.id)

    late = LATER + (GRACE_DAYS + 1) * DAY
    nothing = run(db, team.id, now=late)
    drain(services, KINDS, now=late, team_id=team.id)
    still_there = run(db, team.id, now=late + DAY)
    gone = run(db, team.id, now=late + GRACE_DAYS * DAY)

    (sent,) = mail.mails
    told = as_datetime(late + GRACE_DAYS * DAY)
    assert (steps(nothing), steps(still_there), steps(gone)) == ([], [], [("reclaimed", ada.email)])
    assert f"On {told.day} {told.strftime('%B %Y')}" in sent.body("plain")


def test_who_came_back_before_the_mail_went_out_is_not_mailed(
    services: Services, db: Database, mail: MailServer
) -> None:
    team = invoice_team(db)
    switch_on(db, team.id, now=START)
    ada = make_signed_in(db, team)
    run(db, team.id, now=LATER)
    session_of(db, team, ada.account_id, now=LATER + 1)
    run(db, team.id, now=LATER + 2)

    drain(services, KINDS, now=LATER + 3, team_id=team.id)

    assert (notices(db, team.id), mail.mails) == ([], [])


def test_administrators_of_machines_are_mailed_once_for_all(services: Services, db: Database, mail: MailServer) -> None:
    floor = invoice_floor(db)
    switch_on(db, floor.id, now=START)
    boss = make_signed_in(db, floor.team, role=Role.ADMIN)
    for number in (1, 2):
        log_in(db, floor, machine(number), now=START)
    run(db, floor.id, now=LATER)

    drain(services, KINDS, now=LATER, team_id=floor.id)

    (sent,) = mail.mails
    assert sent.recipients == [boss.email]
    assert all(name in sent.body("plain") for name in ("ws-1", "ws-2", "2 seats"))


def test_administrators_are_told_the_day_of_each_seat(services: Services, db: Database, mail: MailServer) -> None:
    floor = invoice_floor(db)
    switch_on(db, floor.id, now=START)
    make_signed_in(db, floor.team, role=Role.ADMIN)
    for number in (1, 2):
        log_in(db, floor, machine(number), now=START)
    run(db, floor.id, now=LATER)
    first, second = notices(db, floor.id)
    db.write_now(lambda tx: put_off_case(tx, floor.id, second, due_at=first.due_at + 3 * DAY))

    drain(services, KINDS, now=LATER, team_id=floor.id)

    (sent,) = mail.mails
    days = [as_datetime(first.due_at + days * DAY) for days in (0, 3)]
    early, late = (f"{day.day} {day.strftime('%B %Y')}" for day in days)
    text = " ".join(sent.body("plain").split())
    assert f"from {early} on" in str(sent.message["Subject"])
    assert all(f"given back on {day}" in text for day in (early, late))


def test_nobody_is_mailed_of_a_team_that_wants_it_so(services: Services, db: Database, mail: MailServer) -> None:
    team = invoice_team(db)
    known = switch_on(db, team.id, now=START)
    set_to(db, team.id, dataclasses.replace(known, tells_person=False), now=START)
    make_signed_in(db, team)
    run(db, team.id, now=LATER)

    drain(services, KINDS, now=LATER, team_id=team.id)

    assert len(notices(db, team.id)) == 1
    assert mail.mails == []
