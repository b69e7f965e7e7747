"""What every program of Callfloor is handed: settings, database, files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callfloor.foundation.database import open_database
from callfloor.foundation.database.migrate import migrate
from callfloor.foundation.files import open_files
from callfloor.foundation.latest import Latest
from callfloor.foundation.limits.of_apis import NOT_GIVEN, Limits, limits_in_memory
from callfloor.foundation.settings import with_secret_key
from callfloor.foundation.stopping import Stopping

if TYPE_CHECKING:
    from callfloor.foundation.database import Database
    from callfloor.foundation.files import Files
    from callfloor.foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Opened once by a program, handed down as an argument."""

    settings: Settings
    db: Database
    files: Files
    key_uses: Latest[tuple[int, int]] = field(default_factory=Latest)
    """When keys (team id, key id) were used; written down by the server now and then."""
    stopping: Stopping = field(default_factory=Stopping)
    """Announced when the program is to end: answers without an end listen to it."""
    limits: Limits = NOT_GIVEN
    """Of each API; left out, in this process's memory. A server opens those that its settings name."""

    def __post_init__(self) -> None:
        if self.limits is NOT_GIVEN:
            object.__setattr__(self, "limits", limits_in_memory(self.settings))

    async def close(self) -> None:
        """Finish the writes under way, then close."""
        await self.db.close()

    def close_now(self) -> None:
        """As `close`, for threads and the command line."""
        self.db.close_now()


def open_services(settings: Settings) -> Services:
    """Make the data folder, bring the database to this release's schema, open everything.

    Raises:
        SchemaTooNew: the database is of a later release.
        Gone: the database cannot be reached.
        OSError: the data folder cannot be made or written.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    settings = with_secret_key(settings)
    migrate(settings.database_url)
    db = open_database(settings.database_url, strict_reads=settings.strict_reads)
    return Services(settings, db, open_files(settings))
