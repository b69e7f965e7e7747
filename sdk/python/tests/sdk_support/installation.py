"""A real Callfloor server, and teams with keys of all three APIs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callfloor.access.scopes import Scope
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_id
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from callfloor_sdk import AsyncCallfloor, Callfloor
from tests.factories.devices import make_device_team
from tests.factories.teams import make_api_key, make_conversations_key, make_portal_key, make_team
from tests.support.server import Server, running_server

MANY = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "1000000"}
SCOPES = tuple(scope.value for scope in Scope)


@dataclasses.dataclass(frozen=True)
class Keys:
    """A key of each API, as a client takes them."""

    token: str
    portal_key: tuple[str, str]
    conversations_key: tuple[str, str]


class Installation:
    """A server and its database."""

    def __init__(self, server: Server, db: Database) -> None:
        self.server = server
        self.db = db
        self.hash_key = (server.data / "secret.key").read_bytes().strip()

    @classmethod
    @contextlib.contextmanager
    def running(
        cls, folder: Path, database_url: str, *, options: tuple[str, ...] = ("--no-worker",), **settings: str
    ) -> Iterator[Installation]:
        """Run a server without a worker, unless told otherwise."""
        with running_server(
            folder / "data", *options, database_url=database_url, settings={**MANY, **settings}
        ) as server:
            db = open_database(database_url)
            yield cls(server, db)
            db.close_now()

    def team(self, *, type_: TeamType = TeamType.EMAIL, seats: int = 0) -> Team:
        """Make a team."""
        if type_ is TeamType.DEVICE:
            return make_device_team(self.db, seats=seats, hash_key=self.hash_key).team
        return make_team(self.db, seats=seats)

    def keys(self, team: Team, *scopes: str) -> Keys:
        """Make a key of each API; of the Callfloor API with these scopes, or all."""
        header = make_api_key(self.db, team.id, *(scopes or SCOPES), hash_key=self.hash_key)
        portal = make_portal_key(self.db, team, hash_key=self.hash_key, name=new_id())
        conversations = make_conversations_key(self.db, team, hash_key=self.hash_key, name=new_id())
        return Keys(
            header["Authorization"].removeprefix("Bearer "),
            (portal.name, portal.secret),
            (conversations.api_key, conversations.client_id),
        )

    def client(self, team: Team, *scopes: str, url: str | None = None, **options: Any) -> Callfloor:
        """Return a client with all keys."""
        return Callfloor(url or self.server.url, **self._options(team, scopes), **options)

    def async_client(self, team: Team, *scopes: str, url: str | None = None, **options: Any) -> AsyncCallfloor:
        """Return a client with all keys."""
        return AsyncCallfloor(url or self.server.url, **self._options(team, scopes), **options)

    def _options(self, team: Team, scopes: tuple[str, ...]) -> dict[str, Any]:
        keys = dataclasses.asdict(self.keys(team, *scopes))
        return {**keys, "ca_file": self.server.authority, "trust_env": False}
