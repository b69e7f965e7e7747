"""What every domain sees of the database, and the opening of the right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple, overload

if TYPE_CHECKING:
    from sqlalchemy import Executable
    from sqlalchemy.sql.selectable import TypedReturnsRows

    from callfloor.foundation.database.plan import Params
    from callfloor.foundation.database.tx import Tx

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database(Protocol):
    """Short reads, verbs and long reads; the async half for servers, the `_now` half for threads and the CLI."""

    name: str
    """`sqlite` or `postgresql`."""

    @overload
    async def read(self, statement: TypedReturnsRows[*Ts], params: Params = ...) -> list[tuple[*Ts]]: ...
    @overload
    async def read(self, statement: Executable, params: Params = ...) -> list[tuple[Any, ...]]: ...
    async def read(self, statement: Any, params: Params = ...) -> list[Any]:
        """Run one short indexed select, outside any transaction."""

    @overload
    async def select(self, statement: TypedReturnsRows[*Ts], params: Params = ...) -> list[tuple[*Ts]]: ...
    @overload
    async def select(self, statement: Executable, params: Params = ...) -> list[tuple[Any, ...]]: ...
    async def select(self, statement: Any, params: Params = ...) -> list[Any]:
        """Run one select that may take long, off the loop and outside any transaction."""

    async def write(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb in one transaction and return once it is on disk.

        Cancelling the caller does not roll back a verb that has started.
        """

    async def report(self, work: Callable[[Tx], T]) -> T:
        """Run a long read off the loop, in one read-only transaction."""

    def read_now(self, work: Callable[[Tx], T]) -> T:
        """Run reads in one read-only transaction, on the calling thread."""

    def write_now(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb in one transaction; blocks until it is on disk."""

    async def listen(self, channel: str, heard: Callable[[str | None], None]) -> None:
        """Call `heard` with the payload of each `Tx.notify` on the channel, by any process, until cancelled.

        With None, anything may have been told: on SQLite, which has no channels, after each commit of anybody; on
        PostgreSQL when the connection was made, since what was told before is lost.
        """

    async def close(self) -> None:
        """Finish the writes under way, then close every connection."""

    def close_now(self) -> None:
        """As `close`, for threads and the CLI (no `read` may have run in a loop)."""


def open_database(url: str, *, strict_reads: bool = False) -> Database:
    """Open the database; it must have been migrated (`migrate.migrate`).

    Args:
        url: ``sqlite:///path/to/file`` or ``postgresql://user@host/name``.
        strict_reads: fail a read in the loop that goes over its step budget, instead of logging it (tests).

    Raises:
        ValueError: another scheme.
        Gone: it cannot be opened.
    """
    if url.startswith("sqlite:///"):
        from callfloor.foundation.database.sqlite import SqliteDatabase  # noqa: PLC0415  # only one driver is loaded

        return SqliteDatabase(Path(url.removeprefix("sqlite:///")), strict_reads=strict_reads)
    if url.startswith(("postgresql://", "postgres://")):
        from callfloor.foundation.database.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(url)
    raise ValueError(f"the database URL must begin with sqlite:/// or postgresql://, not {url.split(':', 1)[0]!r}")
