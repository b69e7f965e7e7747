"""What an upload left behind when it was cut off is removed a day later, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.conversations.arrival import Arrival, receive_conversation
from callfloor.conversations.incoming import ABANDONED_AFTER, FileSwept, condemn_abandoned
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations.jobs import SWEEP_INCOMING_FILES, SWEEP_SCHEDULE
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.teams.teams import Team
from tests.factories.teams import make_team

NOW = clock.now()


@pytest.fixture
def services(fresh_database_url: str, tmp_path: Path) -> Services:
    """A database and files of this test alone: the sweep knows no teams."""
    settings = Settings(data=tmp_path, secret_key=SecretStr("k" * 43))
    return Services(settings, open_database(fresh_database_url), open_files(settings))


def keep(services: Services, team: Team, *, now: int = NOW) -> StoredRecording:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"RIFF"

    return asyncio.run(Intake(services, team.id, now).keep(chunks(), container="wav", original_name=None))


def arrive(db: Database, team: Team, recording: StoredRecording) -> None:
    arrival = Arrival(
        team_id=team.id,
        kind=ConversationKind.CALL,
        conversation_id=new_id(),
        now=NOW,
        actor=OPERATOR,
        date=NOW,
        name="A call",
        content_sha256=new_id(),
        recording=recording,
    )
    db.write_now(partial(receive_conversation, arrival=arrival))


def sweep(services: Services, *, now: int) -> None:
    order = Enqueue(kind=SWEEP_INCOMING_FILES.name, args={}, team_id=None, now=now)
    services.db.write_now(partial(enqueue, order=order))
    drain(services, [SWEEP_INCOMING_FILES], now=now, team_id=0)


def path_of(services: Services, recording: StoredRecording) -> Path:
    return services.settings.data / "files" / recording.file_key


def test_removes_what_nobody_claimed_for_a_day(services: Services) -> None:
    team = make_team(services.db)
    claimed, abandoned, fresh = (keep(services, team, now=at) for at in (NOW, NOW, NOW + 2 * HOUR))
    arrive(services.db, team, claimed)

    sweep(services, now=NOW + ABANDONED_AFTER + HOUR)

    assert path_of(services, claimed).exists()
    assert not path_of(services, abandoned).exists()
    assert path_of(services, fresh).exists()
    assert services.db.write_now(partial(condemn_abandoned, now=NOW + ABANDONED_AFTER + HOUR)) == []
    services.close_now()


def test_a_file_that_is_being_removed_becomes_no_recording(services: Services) -> None:
    team = make_team(services.db)
    late = keep(services, team)
    services.db.write_now(partial(condemn_abandoned, now=NOW + ABANDONED_AFTER + HOUR))

    with pytest.raises(FileSwept):
        arrive(services.db, team, late)

    services.close_now()


def test_comes_by_the_clock() -> None:
    assert SWEEP_SCHEDULE.kind == SWEEP_INCOMING_FILES.name
    assert SWEEP_SCHEDULE.rule.next_after(NOW) - NOW <= HOUR
