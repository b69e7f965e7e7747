"""The bound of the list of calls: a bare ASGI program, the same statements on the raw driver, the same records.

It knows its team, takes no key, limits nobody and checks nothing; BENCH_DATABASE and BENCH_TEAM tell it where.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec
from psycopg_pool import AsyncConnectionPool

from callfloor.conversations.recording_links import Holder, recording_path
from callfloor.conversations_api import wire
from callfloor.foundation.clock import DAY, iso
from callfloor.foundation.database.sqlite_connection import connect

_TEAM = int(os.environ["BENCH_TEAM"])
_KEY = bytes.fromhex(os.environ["BENCH_HASH_KEY"])
_HOLDER = Holder("conversations_key", 1)

_CLIENT = "SELECT client_id FROM team WHERE id = {team}"
_TOTAL = (
    "SELECT CAST(coalesce(sum(conversations), 0) AS bigint) FROM conversation_count WHERE team_id = {team} "
    "AND kind = 'call' AND domain = {domain} AND day >= {first_day} AND day <= {last_day} AND is_external"
)
_COLUMNS = (
    "SELECT c.id, c.name, c.date, c.created_at, c.updated_at, c.duration_ms, c.processing_status, "
    "c.processing_reason, c.direction, c.caller, c.callee, c.external_call_id, c.language, c.recording_consent, "
    "c.customer_domains, c.metrics, c.outcome, c.rating, c.crm_reference, account.id, account.email, recording.id "
)
_BELONGINGS = (
    "LEFT JOIN account ON account.id = c.owner_account_id "
    "LEFT JOIN recording ON recording.team_id = c.team_id AND recording.conversation_id = c.id "
)
_BY_DATE = (
    _COLUMNS + "FROM conversation c " + _BELONGINGS + "WHERE c.team_id = {team} AND c.kind = 'call' AND c.is_external "
    "AND c.date >= {first} AND c.date <= {last} ORDER BY c.date DESC, c.id DESC LIMIT {take} OFFSET {skip}"
)
_BY_DOMAIN = (
    _COLUMNS + "FROM (SELECT conversation_id, date FROM conversation_domain WHERE team_id = {team} AND kind = 'call' "
    "AND domain = {domain} AND date >= {first} AND date <= {last} ORDER BY date DESC, conversation_id DESC "
    "LIMIT {take} OFFSET {skip}) d JOIN conversation c ON c.team_id = {team} AND c.id = d.conversation_id "
    + _BELONGINGS
    + "ORDER BY d.date DESC, d.conversation_id DESC"
)
_PARTIES = (
    "SELECT conversation_id, id, name, email, is_internal, speak_permille FROM conversation_participant "
    "WHERE team_id = {team} AND conversation_id {in_ids} ORDER BY conversation_id, position"
)
_NAMES = ("team", "domain", "first_day", "last_day", "first", "last", "take", "skip", "ids")


class Driver(Protocol):
    """One database, by its raw driver."""

    def marked(self, sql: str) -> str:
        """Return the statement with the driver's own marks for its parameters."""

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        """Return the rows of a select."""


class Sqlite:
    """apsw, in the loop."""

    def __init__(self, path: Path) -> None:
        self._reader = connect(path, read_only=True)

    def marked(self, sql: str) -> str:
        sql = sql.replace("{in_ids}", "IN (SELECT value FROM json_each({ids}))")
        return sql.format(**{name: f":{name}" for name in _NAMES})

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        ids = {"ids": json.dumps(params["ids"])} if "ids" in params else {}
        rows: list[Any] = self._reader.execute(sql, {**params, **ids}).fetchall()
        return rows


class Postgres:
    """psycopg's pool."""

    def __init__(self, url: str) -> None:
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=False
        )
        self._opening = asyncio.Lock()

    def marked(self, sql: str) -> str:
        return sql.replace("{in_ids}", "= ANY({ids})").format(**{name: f"%({name})s" for name in _NAMES})

    async def rows(self, sql: str, params: dict[str, Any]) -> list[Any]:
        async with self._opening:
            await self._pool.open()
        async with self._pool.connection() as connection:
            rows: list[Any] = await (await connection.execute(sql, params)).fetchall()
            return rows


def _driver(database: str) -> Driver:
    if database.startswith("sqlite:///"):
        return Sqlite(Path(database.removeprefix("sqlite:///")))
    return Postgres(database)


_driver_of = _driver(os.environ["BENCH_DATABASE"])
_encode = msgspec.json.Encoder().encode
_client, _total, _by_date, _by_domain, _parties = (
    _driver_of.marked(sql) for sql in (_CLIENT, _TOTAL, _BY_DATE, _BY_DOMAIN, _PARTIES)
)
_client_id: list[str] = []


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer a page of calls."""
    asked = dict(pair.split("=") for pair in scope["query_string"].decode().split("&"))
    host = dict(scope["headers"])[b"host"].decode()
    body = _encode(await _page(asked, f"http://{host}"))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _page(asked: dict[str, str], base_url: str) -> wire.CallPage:
    take, page, domain = int(asked["pageSize"]), int(asked["page"]), asked.get("customerDomain", "")
    first_day, last_day = (
        datetime.date.fromisoformat(asked[name]).toordinal() - 719_163 for name in ("startDate", "endDate")
    )
    params: dict[str, Any] = {"team": _TEAM, "domain": domain, "first_day": first_day, "last_day": last_day}
    if not _client_id:
        _client_id.extend((await _driver_of.rows(_client, params))[0])
    (total,) = (await _driver_of.rows(_total, params))[0]
    params |= {"first": first_day * DAY, "last": last_day * DAY + DAY - 1, "take": take, "skip": page * take}
    rows = await _driver_of.rows(_by_domain if domain else _by_date, params)
    parties: dict[str, list[wire.Participant]] = {}
    for call, party, name, email, is_internal, share in await _driver_of.rows(
        _parties, {"team": _TEAM, "ids": [row[0] for row in rows]}
    ):
        found = wire.Participant(party, name, email, bool(is_internal), share / 1000)
        parties.setdefault(call, []).append(found)
    now = time.time_ns() // 1_000_000
    records = [_record(row, parties.get(row[0], []), base_url, now) for row in rows]
    return wire.CallPage(records, wire.PageMeta(total, len(rows), page, take))


def _record(row: tuple[Any, ...], parties: list[wire.Participant], base_url: str, now: int) -> wire.CallRecord:
    call, name, date, created, updated, duration, status, reason, direction, caller, callee, external, *rest = row
    language, consent, domains, metrics, outcome, rating, crm, owner, email, file = rest
    measured = _json(metrics)
    return wire.CallRecord(
        id=call,
        created_at=iso(created),
        updated_at=iso(updated),
        client_id=_client_id[0],
        name=name,
        date=iso(date),
        participants=parties,
        duration=duration / 1000,
        metrics=wire.Metrics(
            speak_ratio=measured["speak_share"],
            questions=measured["question_count"],
            words_per_minute=measured["words_per_minute"],
            longest_monologue=measured["longest_monologue_seconds"],
            silence_ratio=measured["silence_share"],
            talk_to_listen=measured["talk_to_listen"],
        ),
        language=language,
        outcome=outcome,
        rating=rating,
        user=wire.User() if owner is None else wire.User(str(owner), None, email),
        recording_ref=base_url + recording_path(_TEAM, file, holder=_HOLDER, now=now, key=_KEY),
        crm_reference=_json(crm),
        customer_domains=_json(domains),
        recording_consent=consent,
        processing_status=status,
        processing_reason=reason,
        caller=caller,
        callee=callee,
        direction=direction,
        external_call_id=external,
    )


def _json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str | bytes) else value
