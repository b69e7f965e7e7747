"""The bound of adding a seat: a bare ASGI program, the same statements on the raw driver, one transaction a request.

It knows its team, takes no key, limits nobody and checks nothing; BENCH_DATABASE and BENCH_TEAM tell it where.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any, Protocol

import msgspec
from psycopg_pool import AsyncConnectionPool

from callfloor.foundation.database.sqlite_connection import connect

_TEAM = int(os.environ["BENCH_TEAM"])
_PERIOD = 30 * 86_400_000

_LOCK = "SELECT type, payment, seat_price, currency FROM team WHERE id = {team}"
_SEATS = "SELECT CAST(coalesce(sum(seats), 0) AS bigint) FROM seat_total WHERE team_id = {team}"
_NUMBER = "UPDATE number_counter SET last = last + 1 WHERE kind = 'seat' RETURNING last"
_SEAT = (
    "INSERT INTO seat (team_id, id, type, status, role, created_at) "
    "VALUES ({team}, {seat}, {type}, 'unassigned', 'user', {now})"
)
_COUNTS = tuple(
    f"INSERT INTO {table} (team_id, {keys}status, role, seats) VALUES ({{team}}, {values}'unassigned', 'user', 1) "
    f"ON CONFLICT (team_id, {keys}status, role) DO UPDATE SET seats = {table}.seats + 1"
    for table, keys, values in (
        ("seat_total", "", ""),
        ("seat_bucket", "bucket, ", "{seat} >> 10, "),
        ("seat_stretch", "stretch, ", "{seat} >> 15, "),
    )
)
_NEWEST = "SELECT number FROM ledger_entry WHERE team_id = {team} ORDER BY number DESC LIMIT 1"
_ENTRY = (
    "INSERT INTO ledger_entry (team_id, number, id, kind, at, amount, currency, payment, period_start, period_end, "
    "seats, seats_before, seats_after, seat_price, days_left, days_in_period) VALUES ({team}, {number}, {id}, "
    "'charge', {now}, {price}, {currency}, {payment}, {now}, {end}, 1, {before}, {after}, {price}, 30, 30)"
)
_LAST = (
    "SELECT turn FROM job WHERE queue = 'default' AND priority = 5 AND turn IS NOT NULL AND share = {team} "
    "ORDER BY turn DESC LIMIT 1"
)
_HEAD = "SELECT turn FROM job WHERE queue = 'default' AND priority = 5 AND turn IS NOT NULL ORDER BY turn LIMIT 1"
_JOB = (
    "INSERT INTO job (id, team_id, share, kind, queue, args, priority, state, turn, run_at, attempt, claim, "
    "cancel_requested, errors, created_at) VALUES ({id}, {team}, {team}, 'settle_charge', 'default', {args}, 5, "
    "'available', {turn}, {now}, 0, 0, {no}, '[]', {now})"
)
_AUDIT = (
    "INSERT INTO audit_entry (id, team_id, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, "
    "\"after\", request_id, address) VALUES ({id}, {team}, {now}, 'portal_key', '1', 'bench', 'seat.added', "
    "'seat', {seat_text}, {payload}, {id}, '127.0.0.1')"
)
_EVENT = (
    "INSERT INTO outbox_event (id, team_id, kind, subject, payload, at) "
    "VALUES ({id}, {team}, 'seat.added', {seat_text}, {payload}, {now})"
)
_NAMES = (
    *("team", "seat", "type", "now", "number", "id", "price", "currency", "payment", "end", "before", "after"),
    *("args", "turn", "no", "seat_text", "payload"),
)


class Driver(Protocol):
    """One database, by its raw driver."""

    def marked(self, sql: str) -> str:
        """Return the statement with the driver's own marks for its parameters."""

    async def add(self) -> dict[str, Any]:
        """Add a seat in one transaction; return what is answered."""


def _given(**more: Any) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return {"team": _TEAM, "now": now, "end": now + _PERIOD, "no": False, **more}


def _with_seat(params: dict[str, Any], seat: int, before: int) -> None:
    payload = json.dumps({"added": 1, "first_seat_id": seat, "seats": before + 1})
    params |= {"seat": seat, "seat_text": str(seat), "before": before, "after": before + 1, "payload": payload}


def _with_number(params: dict[str, Any], newest: Any) -> None:
    params["number"] = newest[0] + 1 if newest else 1
    params["args"] = json.dumps({"number": params["number"]})


def _with_turn(params: dict[str, Any], last: Any, head: Any) -> None:
    params["turn"] = max(head[0] if head else 0, last[0] + 1 if last else 0)


def _answer(params: dict[str, Any]) -> dict[str, Any]:
    charge = {name: params[key] for name, key in (("amount", "price"), ("currency", "currency"), ("seats", "after"))}
    return {"added": 1, "count": params["after"], "charge": charge}


class Sqlite:
    """apsw, in the loop."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)

    def marked(self, sql: str) -> str:
        return sql.format(**{name: f":{name}" for name in _NAMES})

    async def add(self) -> dict[str, Any]:
        run, one = self._connection.execute, self._one
        params = _given()
        run("BEGIN IMMEDIATE")
        params["type"], params["payment"], params["price"], params["currency"] = one(_lock, params)
        (before,) = one(_seats, params)
        _with_seat(params, one(_number, params)[0], before)
        for statement in (_seat, *_counts):
            run(statement, params)
        _with_number(params, one(_newest, params))
        params["id"] = str(uuid.uuid4())
        run(_entry, params)
        _with_turn(params, one(_last, params), one(_head, params))
        for statement in (_job, _audit, _event):
            params["id"] = str(uuid.uuid4())
            run(statement, params)
        run("COMMIT")
        return _answer(params)

    def _one(self, sql: str, params: dict[str, Any]) -> Any:
        rows = self._connection.execute(sql, params).fetchall()
        return rows[0] if rows else None


class Postgres:
    """psycopg's pool."""

    def __init__(self, url: str) -> None:
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=False
        )
        self._opening = asyncio.Lock()

    def marked(self, sql: str) -> str:
        return sql.format(**{name: f"%({name})s" for name in _NAMES})

    async def add(self) -> dict[str, Any]:
        async with self._opening:
            await self._pool.open()
        params = _given()
        async with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:

            async def one(sql: str) -> Any:
                await cursor.execute(sql, params)
                return await cursor.fetchone()

            params["type"], params["payment"], params["price"], params["currency"] = await one(f"{_lock} FOR UPDATE")
            (before,) = await one(_seats)
            _with_seat(params, (await one(_number))[0], before)
            for statement in (_seat, *_counts):
                await cursor.execute(statement, params)
            _with_number(params, await one(_newest))
            params["id"] = str(uuid.uuid4())
            await cursor.execute(_entry, params)
            _with_turn(params, await one(_last), await one(_head))
            for statement in (_job, _audit, _event):
                params["id"] = str(uuid.uuid4())
                await cursor.execute(statement, params)
        return _answer(params)


def _driver(database: str) -> Driver:
    if database.startswith("sqlite:///"):
        return Sqlite(Path(database.removeprefix("sqlite:///")))
    return Postgres(database)


_driver_of = _driver(os.environ["BENCH_DATABASE"])
_encode = msgspec.json.Encoder().encode
_counts = tuple(_driver_of.marked(sql) for sql in _COUNTS)
_lock, _seats, _number, _seat, _newest, _entry = (
    _driver_of.marked(sql) for sql in (_LOCK, _SEATS, _NUMBER, _SEAT, _NEWEST, _ENTRY)
)
_last, _head, _job, _audit, _event = (_driver_of.marked(sql) for sql in (_LAST, _HEAD, _JOB, _AUDIT, _EVENT))


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Add a seat, whatever is asked."""
    json.loads((await receive()).get("body") or b"{}")
    added = _encode(await _driver_of.add())
    body = b'{"code":0,"message":"Success","data":%b,"req_id":"%b"}' % (added, str(uuid.uuid4()).encode())
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
