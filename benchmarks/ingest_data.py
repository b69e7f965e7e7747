"""A team of devices that are logged in, made in bulk, and the requests by which they report."""

from __future__ import annotations

import functools
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from pydantic import SecretStr
from sqlalchemy import insert

from benchmarks.seats_data import postgres_database, sqlite_url
from callfloor.access.audit import OPERATOR
from callfloor.access.secrets import keyed_hash
from callfloor.devices.tables import device, device_token
from callfloor.devices.tokens import ACTIVE_FOR, TOKEN_LIFE
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR, SECOND, Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from callfloor.teams.tables import Payment, SeatStatus, TeamType, seat
from callfloor.teams.teams import CreateTeam, create_team

_KINDS = ("heartbeat", "state", "call")
_WEIGHTS = (70, 25, 5)
_STATES = ("online", "in_call", "unavailable", "unhealthy")
_HEADSETS = ("Jabra Evolve2 65", "Poly Blackwire 5220", "Headset (Realtek Audio)", "Logitech Zone Wired")
_APPS = ("Softphone", "Zoom", "Microsoft Teams", "Browser")
_LANGUAGES = ("en-US", "en-GB", "de-DE", "fr-FR", "es-MX", "pt-BR", "it-IT", "fil-PH")
_HEAD = "POST /api/v2/agent/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n"
_ENROLLED_AGO: Millis = 5 * HOUR
_STEP: Millis = 100
"""Between two events of one request: none of them is from before a device was last heard of."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seeded database, and the tokens by which its devices speak."""

    data: Path
    database: str
    tokens: tuple[str, ...]


def seed(folder: Path, server: str | None, devices: int) -> tuple[Seeded, tuple[str, str]]:
    """Make a database with a team of devices that are logged in, and two copies of it that nobody serves.

    Args:
        folder: where its data folder is made.
        server: address of the PostgreSQL server; None makes SQLite files.
        devices: how many.

    Returns:
        the database to serve, and the addresses of the copies.
    """
    data = folder / "data"
    data.mkdir()
    url = sqlite_url(data) if server is None else postgres_database(server, "ours")
    services = open_services(Settings(data=data, database=SecretStr(url)))
    tokens = tuple(new_secret() for _ in range(devices))
    hashes = [keyed_hash(token, key=services.settings.hash_key) for token in tokens]
    services.db.write_now(functools.partial(_add_devices, hashes=hashes, now=clock.now()))
    services.close_now()
    if server is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    copies = _copy(folder, url, server, "every"), _copy(folder, url, server, "once")
    return Seeded(data, url, tokens), copies


def _copy(folder: Path, url: str, server: str | None, name: str) -> str:
    if server is None:
        copy = folder / f"{name}.db"
        copy.write_bytes(Path(url.removeprefix("sqlite:///")).read_bytes())
        return f"sqlite:///{copy}"
    return postgres_database(server, name, template="ours")


def _add_devices(tx: Tx, hashes: Sequence[bytes], now: Millis) -> None:
    command = CreateTeam(
        name="Benchmark",
        type=TeamType.DEVICE,
        payment=Payment.CARD,
        seat_price=1000,
        currency="USD",
        device_secret_hash=None,
        actor=OPERATOR,
        now=now,
    )
    team_id = create_team(tx, command).id
    ids = range(1, len(hashes) + 1)
    tx.run(insert(seat), [_seat(team_id, id_, now) for id_ in ids])
    tx.run(insert(device), [_device(team_id, id_, now) for id_ in ids])
    tokens = zip(ids, hashes, strict=True)
    tx.run(insert(device_token), [_token(team_id, id_, token_hash, now) for id_, token_hash in tokens])


def _seat(team_id: int, id_: int, now: Millis) -> dict[str, Any]:
    held = {"status": SeatStatus.ASSIGNED.value, "assigned_at": now, "last_active_at": now}
    names = {"hostname": f"WS-{id_:05}", "hostname_key": f"ws-{id_:05}"}
    return (
        {"team_id": team_id, "id": id_, "type": TeamType.DEVICE.value, "role": "user", "created_at": now} | held | names
    )


def _device(team_id: int, id_: int, now: Millis) -> dict[str, Any]:
    return {
        "team_id": team_id,
        "id": id_,
        "machine_id": f"4c4c4544-{id_:08}",
        "hostname": f"WS-{id_:05}",
        "hostname_key": f"ws-{id_:05}",
        "username": f"agent.{id_}",
        "os": "windows",
        "os_version": "11 24H2",
        "app_version": "1.0.0",
        "seat_id": id_,
        "enrolled_at": now - _ENROLLED_AGO,
        "last_seen_at": now,
        "active_until": now + ACTIVE_FOR,
    }


def _token(team_id: int, id_: int, token_hash: bytes, now: Millis) -> dict[str, Any]:
    key = {"team_id": team_id, "device_id": id_, "username": f"agent.{id_}"}
    return {**key, "token_hash": token_hash, "expires_at": now + TOKEN_LIFE}


@dataclass(slots=True)
class Request:
    """A whole request, and what it says, by which the rows it ends in are found."""

    device_id: int
    events: int
    content: bytes = b""
    event_ids: list[str] = field(default_factory=list)
    """Of those that leave a row: states and calls."""
    call_ids: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    """Of the calls."""
    states: int = 0


class Devices:
    """All devices, each with its agent: what they report has just happened."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._dice = random.Random(len(tokens))
        self._turn = 0

    def requests(self, count: int, events: int) -> Iterator[Request]:
        """Yield requests of so many events, of one device after the other."""
        for _ in range(count):
            place = self._turn % len(self._tokens)
            self._turn += 1
            request, begin = Request(place + 1, events), clock.now() - events * _STEP
            made = [self._event(request, begin + step * _STEP) for step in range(events)]
            body = msgspec.json.encode({"events": made})
            request.content = _HEAD.format(self._tokens[place], len(body)).encode() + body
            yield request

    def _event(self, request: Request, at: Millis) -> dict[str, Any]:
        kind, id_ = self._dice.choices(_KINDS, _WEIGHTS)[0], self._uuid()
        plain = {"kind": kind, "id": id_, "at": clock.iso(at)}
        if kind == "heartbeat":
            return plain
        request.event_ids.append(id_)
        return plain | (self._state(request, at) if kind == "state" else self._call(request, at))

    def _state(self, request: Request, at: Millis) -> dict[str, Any]:
        request.states += 1
        state = self._dice.choice(_STATES)
        call = {"app_name": self._dice.choice(_APPS), "started_at": clock.iso(at)} if state == "in_call" else None
        return {"state": state, "reason": None, "call": call, "mic": self._sound(), "speaker": self._sound()}

    def _sound(self) -> dict[str, Any]:
        return {
            "device": self._dice.choice(_HEADSETS),
            "muted": self._dice.random() < 0.3,
            "noise_cancellation": self._dice.random() < 0.7,
            "accent_conversion": self._dice.random() < 0.1,
        }

    def _call(self, request: Request, at: Millis) -> dict[str, Any]:
        seconds, call_id, language = self._dice.randint(20, 1_800), self._uuid(), self._dice.choice(_LANGUAGES)
        request.call_ids.append(call_id)
        request.languages.append(language)
        return {
            "call_id": call_id,
            "revision": 1,
            "app_name": self._dice.choice(_APPS),
            "language": language,
            "started_at": clock.iso(at - seconds * SECOND),
            "ended_at": clock.iso(at),
            "mic_seconds": seconds // 2,
            "speaker_seconds": seconds // 3,
            "features": {"mic_noise_cancellation": seconds // 2, "speaker_noise_cancellation": seconds // 4},
        }

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
