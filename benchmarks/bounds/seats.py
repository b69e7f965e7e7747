"""The bound of the seats page: a bare ASGI program, the same statements on the raw driver, the same bytes.

It knows its team, takes no key, limits nobody and checks nothing; BENCH_DATABASE and BENCH_TEAM tell it where.
"""

from __future__ import annotations

import datetime
import functools
import os
import uuid
from pathlib import Path
from typing import Any, Protocol

import msgspec
from psycopg_pool import AsyncConnectionPool

from callfloor.foundation.database.sqlite_connection import connect

_TEAM = int(os.environ["BENCH_TEAM"])
_BUCKET_BITS = 10
_STRETCH_BITS = 5
_WALK_LIMIT = 1024
_ROLES = {"admin": "admin", "configurator": "configurator", "analytics": "analyst", "user": "user"}

_TOTAL = "SELECT CAST(coalesce(sum(seats), 0) AS bigint) FROM seat_total WHERE team_id = {team} AND status = {status}"
_STRETCHES = (
    "SELECT stretch, CAST(sum(seats) AS bigint) FROM seat_stretch WHERE team_id = {team} AND status = {status} "
    "GROUP BY stretch HAVING sum(seats) > 0 ORDER BY stretch"
)
_BUCKETS = (
    "SELECT bucket, CAST(sum(seats) AS bigint) FROM seat_bucket WHERE team_id = {team} AND status = {status} "
    "AND bucket BETWEEN {first} AND {last} GROUP BY bucket HAVING sum(seats) > 0 ORDER BY bucket"
)
_PAGE = (
    "SELECT page.id, page.type, page.status, page.role, page.hostname, page.nickname, page.created_at, "
    "page.assigned_at, page.last_active_at, account.id, account.email, account.first_name, account.last_name "
    "FROM (SELECT * FROM seat WHERE team_id = {team} AND id >= {from_id} AND status = {status} "
    "ORDER BY id LIMIT {take} OFFSET {skip}) page LEFT JOIN account ON account.id = page.account_id ORDER BY page.id"
)
_FREE = "WHERE team_id = {team} AND status = 'unassigned' AND role = 'user'"
_ADD = (
    (
        "INSERT INTO seat (team_id, id, type, status, role, created_at) "
        "SELECT {team}, max(id) + 1, 'email', 'unassigned', 'user', 0 FROM seat WHERE team_id = {team}"
    ),
    "UPDATE seat_total SET seats = seats + 1 " + _FREE,
    "UPDATE seat_stretch SET seats = seats + 1 "
    + _FREE
    + " AND stretch = (SELECT max(id) >> 15 FROM seat WHERE team_id = {team})",
    "UPDATE seat_bucket SET seats = seats + 1 "
    + _FREE
    + " AND bucket = (SELECT max(id) >> 10 FROM seat WHERE team_id = {team})",
)
_DELETE = (
    "DELETE FROM seat WHERE team_id = {team} AND id = {id}",
    "UPDATE seat_total SET seats = seats - 1 " + _FREE,
    "UPDATE seat_stretch SET seats = seats - 1 " + _FREE + " AND stretch = {id} >> 15",
    "UPDATE seat_bucket SET seats = seats - 1 " + _FREE + " AND bucket = {id} >> 10",
)
_NAMES = ("team", "status", "from_id", "take", "skip", "id", "first", "last")


class SeatUser(msgspec.Struct):
    """The person on a seat."""

    id: int
    email: str
    first_name: str
    last_name: str


class Seat(msgspec.Struct):
    """A row of the page."""

    id: int
    type: str
    status: str
    role: str
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: str
    assigned_at: str | None
    last_active_at: str | None


class SeatRows(msgspec.Struct):
    """The page."""

    rows: list[Seat]
    count: int


class Driver(Protocol):
    """One database, by its raw driver."""

    def marked(self, sql: str) -> str:
        """Return the statement with the driver's own marks for its parameters."""

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        """Return the rows of a select."""

    async def write(self, statements: tuple[str, ...], params: dict[str, Any]) -> None:
        """Run the statements in one transaction."""


class Sqlite:
    """apsw, in the loop."""

    def __init__(self, path: Path) -> None:
        self._reader = connect(path, read_only=True)
        self._writer = connect(path)

    def marked(self, sql: str) -> str:
        return sql.format(**{name: f":{name}" for name in _NAMES})

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        rows: list[Any] = self._reader.execute(sql, params).fetchall()
        return rows

    async def write(self, statements: tuple[str, ...], params: dict[str, Any]) -> None:
        with self._writer:
            for statement in statements:
                self._writer.execute(statement, params)


class Postgres:
    """psycopg's pool."""

    def __init__(self, url: str) -> None:
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=False
        )
        self._is_open = False

    def marked(self, sql: str) -> str:
        return sql.format(**{name: f"%({name})s" for name in _NAMES})

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        if not self._is_open:
            await self._open()
        async with self._pool.connection() as connection:
            rows: list[Any] = await (await connection.execute(sql, params)).fetchall()
            return rows

    async def write(self, statements: tuple[str, ...], params: dict[str, Any]) -> None:
        if not self._is_open:
            await self._open()
        async with self._pool.connection() as connection, connection.transaction():
            for statement in statements:
                await connection.execute(statement, params)

    async def _open(self) -> None:
        await self._pool.open()
        self._is_open = True


def _driver(database: str) -> Driver:
    if database.startswith("sqlite:///"):
        return Sqlite(Path(database.removeprefix("sqlite:///")))
    return Postgres(database)


_driver_of = _driver(os.environ["BENCH_DATABASE"])
_encode = msgspec.json.Encoder().encode
_total, _stretches, _buckets, _page = (_driver_of.marked(sql) for sql in (_TOTAL, _STRETCHES, _BUCKETS, _PAGE))
_add, _delete = (tuple(_driver_of.marked(sql) for sql in statements) for statements in (_ADD, _DELETE))


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer a page of seats; POST adds a seat, DELETE deletes one."""
    if scope["method"] == "GET":
        body = await _listed(scope["query_string"].decode())
    else:
        await receive()
        body = await _written(scope["method"], scope["path"])
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _listed(query: str) -> bytes:
    asked = dict(pair.split("=") for pair in query.split("&"))
    take = int(asked["perPage"])
    skip = (int(asked["page"]) - 1) * take
    params: dict[str, Any] = {"team": _TEAM, "status": asked["status"], "from_id": 0, "take": take, "skip": skip}
    if skip <= _WALK_LIMIT:
        (total,) = (await _driver_of.rows(_total, params))[0]
    else:
        stretches = await _driver_of.rows(_stretches, params)
        total = sum(seats for _, seats in stretches)
        stretch, skip = _position(stretches, skip)
        first = stretch << _STRETCH_BITS
        params |= {"first": first, "last": first + (1 << _STRETCH_BITS) - 1}
        bucket, params["skip"] = _position(await _driver_of.rows(_buckets, params), skip)
        params["from_id"] = bucket << _BUCKET_BITS
    rows = await _driver_of.rows(_page, params)
    page = _encode(SeatRows([_seat(row) for row in rows], total))
    return b'{"code":0,"message":"Success","data":%b,"req_id":"%b"}' % (page, str(uuid.uuid4()).encode())


def _position(parts: list[Any], offset: int) -> tuple[int, int]:
    found = 0
    for part, seats in parts:
        found = part
        if offset < seats:
            break
        offset -= seats
    return found, offset


async def _written(method: str, path: str) -> bytes:
    if method == "POST":
        await _driver_of.write(_add, {"team": _TEAM})
    else:
        await _driver_of.write(_delete, {"team": _TEAM, "id": int(path.rpartition("/")[2])})
    return b"{}"


def _seat(row: tuple[Any, ...]) -> Seat:
    seat_id, kind, status, role, hostname, nickname, created, assigned, active, user_id, email, first, last = row
    return Seat(
        seat_id,
        kind,
        status,
        _ROLES[role],
        hostname,
        nickname,
        None if user_id is None else SeatUser(user_id, email, first, last),
        _iso(created),
        None if assigned is None else _iso(assigned),
        None if active is None else _iso(active),
    )


@functools.lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return datetime.date.fromordinal(719_163 + number).isoformat()


_MINUTES = [f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
_SECONDS = [f"{second:02}." for second in range(60)]
_MILLIS = [f"{milli:03}Z" for milli in range(1000)]


def _iso(instant: int) -> str:
    day, rest = divmod(instant, 86_400_000)
    minute, rest = divmod(rest, 60_000)
    return _day(day) + _MINUTES[minute] + _SECONDS[rest // 1000] + _MILLIS[rest % 1000]
