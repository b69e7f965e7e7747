"""Services with the small speech model, and calls on their way to be transcribed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.conversations.arrival import Arrival, receive_conversation
from callfloor.conversations.intake import Intake
from callfloor.conversations.parties import Party
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings, Speech
from callfloor.teams.teams import Team
from tests.factories.audio import first_seconds
from tests.factories.teams import make_team

SAMPLES = Path(__file__).parents[2] / "samples"
WRONG_NUMBER = SAMPLES / "wrong_number.opus"
WRONG_NUMBER_SECONDS = 18
"""After 15 seconds the agent says that the number is wrong."""
WRONG_NUMBER_PATIENCE_SECONDS = 0.857
"""Between the speech of the customer and that answer, by the recording's truth."""
Receive = Callable[..., str]


@pytest.fixture
def services(db: Database, tmp_path: Path) -> Services:
    """The shared database, files of this test, the small model."""
    return open_with(db, tmp_path)


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db)


@pytest.fixture
def received(services: Services, team: Team) -> Receive:
    """Takes in a recording and returns the call's id."""
    return partial(receive, services, team)


@pytest.fixture(scope="session")
def wrong_number() -> bytes:
    """The beginning of one of our sample calls."""
    return first_seconds(WRONG_NUMBER, WRONG_NUMBER_SECONDS)


def open_with(db: Database, data: Path, **changes: Any) -> Services:
    """Return services on this database with a data folder."""
    settings = Settings(data=data, secret_key=SecretStr("k" * 43), speech=Speech(model="tiny"), **changes)
    return Services(settings, db, open_files(settings))


def receive(
    services: Services,
    team: Team,
    content: bytes,
    *,
    parties: Sequence[Party] = (),
    channels: Mapping[int, str] | None = None,
    container: str = "wav",
) -> str:
    """Take in a recording; returns the call's id."""
    return asyncio.run(_receive(services, team, content, parties, channels or {}, container))


async def _receive(
    services: Services,
    team: Team,
    content: bytes,
    parties: Sequence[Party],
    channels: Mapping[int, str],
    container: str,
) -> str:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    now = clock.now()
    recording = await Intake(services, team.id, now).keep(chunks(), container=container, original_name=None)
    arrival = Arrival(
        team_id=team.id,
        kind=ConversationKind.CALL,
        conversation_id=new_id(),
        now=now,
        actor=OPERATOR,
        date=now,
        name="A call",
        content_sha256=recording.sha256,
        parties=parties,
        channels=channels,
        recording=recording,
    )
    return (await services.db.write(partial(receive_conversation, arrival=arrival))).conversation_id
