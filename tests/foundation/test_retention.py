"""What is old and of no more use is forgotten by daily jobs, in batches; nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.jobs import FORGET_ENDED_ACCESS
from callfloor.access.key_secrets import secret_at_rest, secrets_of
from callfloor.access.rotation import RotateKey, rotate_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import SESSION_LIFE, begin_session, forget_sessions
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.idempotency import KEPT_FOR, Repeatable, forget_answers
from callfloor.foundation.ids import new_secret
from callfloor.foundation.jobs import Enqueue, JobState, enqueue, job_by_id
from callfloor.foundation.jobs.kinds import JobKind
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.outbox import (
    FORGOTTEN_AT_ONCE,
    OUTBOX,
    Event,
    Follower,
    NumberedEvent,
    events_after,
    follower_in_the_way,
    forget_events,
    publish_all,
)
from callfloor.foundation.retention import FORGET_ANSWERS, FORGET_EVENTS, SCHEDULES
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.worker import SCHEDULES as ALL_SCHEDULES
from callfloor.server.worker import job_kinds
from tests.factories.teams import make_conversations_key, make_team

NOW = 1_800_000_000_000
OLD = NOW - 31 * DAY
BEFORE = NOW - 30 * DAY
KEY = b"a key of the tests, of thirty-two bytes or more"
MANY = FORGOTTEN_AT_ONCE + 5


@pytest.fixture
def services(fresh_database_url: str, tmp_path: Path) -> Iterator[Services]:
    """Services over a database of the test alone."""
    settings = Settings(data=tmp_path)
    opened = Services(settings, open_database(fresh_database_url, strict_reads=True), open_files(settings))
    opened.db.write_now(partial(prepare, what=OUTBOX))
    yield opened
    opened.close_now()


@pytest.fixture
def alone(services: Services) -> Database:
    """The database of the test alone."""
    return services.db


def published(db: Database, *instants: int, kind: str = "seat.added") -> None:
    """Publish and number an event for each instant."""
    events = [Event(kind, 7, f"seat-{n}", {}, at) for n, at in enumerate(instants)]
    db.write_now(partial(publish_all, events=events))
    number_waiting(db, OUTBOX)


def read_on(db: Database, name: str, kind: str = "seat.added") -> None:
    """Let a follower of this name read all there is."""
    Follower(name, [kind], nothing).follow(db)


def nothing(_tx: Tx, _event: NumberedEvent) -> None:
    """Make nothing of an event."""


def numbers(db: Database) -> list[int]:
    """Return the numbers of the events there are."""
    return [one.seq for one in db.read_now(partial(events_after, seq=0))]


def run(services: Services, kind: JobKind[Services], *, now: int = NOW) -> JobState:
    """Run one job of this kind and return how it ended."""
    job_id = services.db.write_now(lambda tx: enqueue(tx, Enqueue(kind=kind.name, args={}, team_id=None, now=now)))
    drain(services, [kind], now=now)
    status = services.db.read_now(lambda tx: job_by_id(tx, job_id))
    assert status is not None
    return status.state


class TestEvents:
    def test_are_forgotten_once_they_are_old_and_everybody_has_read_them(self, services: Services) -> None:
        published(services.db, *[OLD] * MANY, BEFORE, NOW)
        for name in ("live", "webhooks"):
            read_on(services.db, name)

        state = run(services, FORGET_EVENTS)

        assert state is JobState.DONE
        assert numbers(services.db) == [MANY + 1, MANY + 2]

    def test_are_kept_while_one_follower_has_not_read_them(self, alone: Database) -> None:
        published(alone, OLD, OLD)
        read_on(alone, "slow")
        published(alone, OLD, OLD)
        read_on(alone, "quick")

        assert alone.write_now(partial(forget_events, before=BEFORE)) == 2
        assert alone.write_now(partial(forget_events, before=BEFORE)) == 0
        assert numbers(alone) == [3, 4]
        assert alone.read_now(partial(follower_in_the_way, before=BEFORE)) == "slow"

        read_on(alone, "slow")
        assert alone.read_now(partial(follower_in_the_way, before=BEFORE)) is None
        assert alone.write_now(partial(forget_events, before=BEFORE)) == 2

    def test_that_nobody_follows_are_forgotten_by_their_age(self, alone: Database) -> None:
        published(alone, OLD, NOW)

        assert alone.write_now(partial(forget_events, before=BEFORE)) == 1
        assert numbers(alone) == [2]

    def test_without_a_number_are_kept(self, alone: Database) -> None:
        published(alone, OLD)
        alone.write_now(partial(publish_all, events=[Event("seat.added", 7, "late", {}, OLD)]))

        assert alone.write_now(partial(forget_events, before=BEFORE)) == 1
        number_waiting(alone, OUTBOX)
        assert numbers(alone) == [2]

    def test_of_other_kinds_do_not_hold_a_follower_back_for_ever(self, alone: Database) -> None:
        follower = Follower("picky", ["call.ended"], nothing)
        follower.follow(alone)
        published(alone, OLD)

        looks = 0
        while not alone.write_now(partial(forget_events, before=BEFORE)):
            follower.follow(alone)
            looks += 1
            assert looks < 5_000, "its place never moved"

        assert numbers(alone) == []

    def test_that_are_forgotten_do_not_give_their_numbers_back(self, alone: Database) -> None:
        published(alone, OLD)
        alone.write_now(partial(forget_events, before=BEFORE))

        published(alone, NOW)

        assert numbers(alone) == [2]


class TestAnswers:
    def test_are_kept_for_as_long_as_a_repeat_may_come(self, services: Services) -> None:
        def first(tx: Tx, key: str, now: int) -> None:
            one = Repeatable(7, "add_seats", key, "count=1", now)
            assert one.first_answer(tx) is None
            one.remember(tx, {"added": 1})

        for number in range(3):
            services.db.write_now(partial(first, key=f"old-{number}", now=NOW - KEPT_FOR - 1))
        services.db.write_now(partial(first, key="young", now=NOW - KEPT_FOR))

        assert services.db.write_now(partial(forget_answers, now=NOW, count=2)) == 2
        assert run(services, FORGET_ANSWERS) is JobState.DONE

        assert services.db.write_now(partial(forget_answers, now=NOW, count=2)) == 0
        repeat = Repeatable(7, "add_seats", "young", "count=1", NOW)
        assert services.db.write_now(repeat.first_answer) == {"added": 1}


class TestEndedAccess:
    def test_sessions_are_forgotten_once_they_are_over(self, services: Services) -> None:
        def begin(tx: Tx) -> None:
            for number, age in enumerate((SESSION_LIFE, SESSION_LIFE, SESSION_LIFE - 1)):
                token_hash = keyed_hash(f"token {number}", key=KEY)
                begin_session(tx, account_id=1, team_id=7, token_hash=token_hash, now=NOW - age)

        services.db.write_now(begin)

        assert services.db.write_now(partial(forget_sessions, now=NOW, count=1)) == 1
        assert run(services, FORGET_ENDED_ACCESS) is JobState.DONE

        assert services.db.write_now(partial(forget_sessions, now=NOW, count=9)) == 0
        assert services.db.write_now(partial(forget_sessions, now=NOW + 1, count=9)) == 1

    def test_secrets_are_forgotten_once_another_took_their_place(self, services: Services) -> None:
        team = make_team(services.db, now=NOW)
        key = make_conversations_key(services.db, team, hash_key=KEY, now=NOW)
        rotation = RotateKey(team.id, key.id, secret_at_rest(new_secret(), key=KEY), OPERATOR, NOW, overlap=DAY)
        services.db.write_now(partial(rotate_key, command=rotation))
        secrets = partial(secrets_of, team_id=team.id, key_ids=[key.id])

        run(services, FORGET_ENDED_ACCESS, now=NOW + DAY - 1)
        assert len(services.db.read_now(secrets)[key.id]) == 2
        run(services, FORGET_ENDED_ACCESS, now=NOW + DAY)

        [left] = services.db.read_now(secrets)[key.id]
        assert (left.ends_at, left.created_at) == (None, NOW)


def test_every_such_job_runs_each_day() -> None:
    kinds = {kind.name for kind in job_kinds()}
    scheduled = {schedule.kind for schedule in ALL_SCHEDULES}

    assert {FORGET_ANSWERS.name, FORGET_EVENTS.name, FORGET_ENDED_ACCESS.name} <= kinds & scheduled
    assert {schedule.name for schedule in SCHEDULES} <= {schedule.name for schedule in ALL_SCHEDULES}
