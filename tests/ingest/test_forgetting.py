"""Events are kept for as long as the setting says, and forgotten team by team after that."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from callfloor.access.secrets import keyed_hash
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, MINUTE
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Enqueue, JobState, enqueue, job_by_id
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Ingest, Settings
from callfloor.ingest.batches import parcel_of
from callfloor.ingest.forgetting import forget_events
from callfloor.ingest.jobs import FORGET_EVENTS
from callfloor.ingest.recording import Counted, Group, record_batch
from callfloor.teams.tables import Payment
from tests.factories.devices import HASH_KEY, make_device_team
from tests.factories.events import Agent, Event, call, make_agent, state
from tests.ingest.looking import rows_of, seconds_by_device

NOW = clock.now()


def report(db: Database, agent: Agent, events: list[Event], *, now: int) -> Counted:
    """Let the agent's events be received at `now`."""
    parcel = parcel_of(json.dumps({"events": events}).encode(), keyed_hash(agent.token, key=HASH_KEY), now=now)
    (outcome,) = db.write_now(functools.partial(record_batch, group=Group([parcel], 30, now)))
    assert isinstance(outcome, Counted)
    return outcome


def states(count: int, at: int) -> list[Event]:
    """Return so many states."""
    return [state(at=at) for _ in range(count)]


@pytest.mark.parametrize("kept_days", [35, 40])
def test_the_job_forgets_what_is_older_than_the_setting(db: Database, tmp_path: Path, kept_days: int) -> None:
    settings = Settings(data=tmp_path, secret_key=SecretStr(HASH_KEY.decode()), ingest=Ingest(kept_days=kept_days))
    services = Services(settings, db, open_files(settings))
    old, new = NOW - kept_days * DAY - MINUTE, NOW - kept_days * DAY + MINUTE
    # Teams without jobs of their own: nothing is to be paid.
    agents = [make_agent(db, make_device_team(db, seats=1, payment=Payment.INVOICE), now=old) for _ in range(2)]
    for agent in agents:
        report(db, agent, [call(old, at=clock.iso(old)), *states(2, old)], now=old)
        report(db, agent, states(3, new), now=new)

    order = Enqueue(FORGET_EVENTS.name, {}, agents[0].team.id, NOW)
    job_id = db.write_now(functools.partial(enqueue, order=order))
    drain(services, [FORGET_EVENTS], now=NOW, team_id=agents[0].team.id)

    job = db.read_now(functools.partial(job_by_id, job_id=job_id))
    assert job is not None
    assert job.state is JobState.DONE
    for agent in agents:
        assert {row["received_at"] for row in rows_of(db, "agent_event", agent.team.id)} == {new}
        assert seconds_by_device(db, agent.team.id) == (1, 300)


def test_a_few_are_forgotten_at_a_time_the_oldest_first(db: Database) -> None:
    agent = make_agent(db, now=NOW - 5 * DAY)
    for days in range(5):
        at = NOW - (days + 1) * DAY
        report(db, agent, states(2, at), now=at)
    forget = functools.partial(forget_events, team_id=agent.team.id, before=NOW - 2 * DAY, take=4)

    counts = [db.write_now(forget) for _ in range(3)]

    assert counts == [4, 2, 0]
    assert len(rows_of(db, "agent_event", agent.team.id)) == 4


def test_a_call_whose_event_is_forgotten_is_known_by_its_revision(db: Database) -> None:
    agent, event = make_agent(db), call(NOW - DAY)
    report(db, agent, [event], now=NOW)
    db.write_now(functools.partial(forget_events, team_id=agent.team.id, before=NOW + 1))

    again = report(db, agent, [event], now=NOW)

    assert (again.accepted, again.duplicates) == (0, 1)
    assert seconds_by_device(db, agent.team.id) == (1, 300)


def test_events_are_kept_at_least_as_long_as_agents_keep_theirs() -> None:
    with pytest.raises(ValidationError):
        Ingest(kept_days=29)
