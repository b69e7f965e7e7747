"""The upload of one large recording, as a form and by tus, against a copy of the file, and what the server holds of it.

    python -m benchmarks.upload [--database sqlite|postgresql] [--rounds 5] [--quick]

The server, and `cp` with fsync in its place, has one core, the client the other; within a round each has its turn, in
an order that alternates. What is compared is bytes for each second of the clock, until the answer is there: then the
recording is on disk, and its conversation too. The server's memory is looked at all the while.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from benchmarks import command, report
from benchmarks.processes import LOAD_CORE, SERVER_CORE, Server, ServerFailed, pinned, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats_data import add_team, database_server, postgres_database, sqlite_url
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings

FORM, TUS = "a form", "tus"
GOALS = {FORM: 0.10, TUS: 0.25}
GROWTH_MB = 64.0
_MB = 1_000_000
_WARM_BYTES = 4 * _MB
_HEAD_BYTES = 44
_BLOCK_BYTES = 1 << 20
_LOOK_SECONDS = 0.02
_PIECE = "application/offset+octet-stream"
_BOUNDARY = "callfloor-bench"


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    megabytes: int = 1_000


QUICK = Plan(rounds=2, megabytes=64)

Way = Callable[["Target", Path, str], None]
"""Sends a recording that has an external id of its own."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A server, the key by which it takes recordings, and where it keeps them."""

    server: Server
    headers: Mapping[str, str]
    data: Path


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """One upload: MB a second, and by how many MB the server's memory grew at most."""

    speed: float
    growth: float


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    ways: dict[str, Way] = {FORM: send_form, TUS: send_by_tus}
    found: dict[str, list[Measured]] = {way: [] for way in ways}
    copies: list[float] = []
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(pinned(LOAD_CORE))
        target = stack.enter_context(_target(folder, stack.enter_context(database_server(database, folder))))
        recording = write_recording(folder / "recording.wav", plan.megabytes * _MB)
        small = write_recording(folder / "small.wav", _WARM_BYTES)
        for way, send in ways.items():
            send(target, small, f"warm {way}")
        for number in range(plan.rounds):
            turns: list[Callable[[], None]] = [lambda: copies.append(_copied(recording))]
            for way, send in ways.items():
                turns.append(functools.partial(_turn, found[way], target, recording, send, f"{way} {number}"))
            report.progress(f"{database}: round {number + 1} of {plan.rounds}")
            for turn in turns if number % 2 == 0 else reversed(turns):
                turn()
                _forget_files(target.data)
    return [row for way in ways for row in _rows(database, way, plan, found[way], copies)]


def _rows(database: str, way: str, plan: Plan, found: list[Measured], copies: list[float]) -> list[Row]:
    what = f"upload of {plan.megabytes:,} MB as {way}" if way == FORM else f"upload of {plan.megabytes:,} MB by {way}"
    speeds = [(one.speed, copy) for one, copy in zip(found, copies, strict=True)]
    growths = [(one.growth, GROWTH_MB) for one in found]
    return [
        faster(what, database, "cp, fsync", "MB/s", speeds, goal=Goal(at_least=GOALS[way])),
        faster(f"{what}, memory", database, "limit", "MB", growths, goal=Goal(at_most=1.0)),
    ]


@contextlib.contextmanager
def _target(folder: Path, database_url: str | None) -> Iterator[Target]:
    data = folder / "data"
    data.mkdir()
    url = sqlite_url(data) if database_url is None else postgres_database(database_url, "upload")
    services = open_services(Settings(data=data, database=SecretStr(url)))
    try:
        key, secret = services.settings.hash_key, new_secret()
        hashed = [keyed_hash(one, key=key) for one in (secret, new_secret())]
        team_id = services.db.write_now(functools.partial(add_team, secret_hash=hashed[1]))
        scopes = ("conversations:write",)
        command = CreateKey(team_id, KeyKind.API, "upload", hashed[0], OPERATOR, 0, scopes=scopes)
        services.db.write_now(functools.partial(create_key, command=command))
    finally:
        services.close_now()
    with serving(data, url) as server:
        yield Target(server, {"Authorization": f"Bearer {secret}"}, data)


def write_recording(path: Path, size: int) -> Path:
    """Write a recording of noise, the same block of it again and again, with about so many bytes."""
    block = os.urandom(_BLOCK_BYTES)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48_000, (size - _HEAD_BYTES) // 4, "NONE", ""))
        for at in range(_HEAD_BYTES, size, _BLOCK_BYTES):
            file.writeframesraw(block[: (min(_BLOCK_BYTES, size - at) // 4) * 4])
    return path


def _copied(recording: Path) -> float:
    """Return the MB a second of a copy that is on disk."""
    copy = recording.with_name("copy.wav")
    begun = time.perf_counter()
    with pinned(SERVER_CORE):
        subprocess.run(["cp", "--reflink=never", "--sparse=never", str(recording), str(copy)], check=True)
        subprocess.run(["sync", str(copy)], check=True)
    took = time.perf_counter() - begun
    copy.unlink()
    return recording.stat().st_size / _MB / took


def _turn(found: list[Measured], target: Target, recording: Path, send: Way, external_id: str) -> None:
    with _watched(target.server) as growth:
        begun = time.perf_counter()
        send(target, recording, external_id)
        took = time.perf_counter() - begun
    found.append(Measured(recording.stat().st_size / _MB / took, growth[0]))


@contextlib.contextmanager
def _watched(server: Server) -> Iterator[list[float]]:
    """Yield a list whose one number is, after the block, by how many MB the server's memory grew at most."""
    stop = threading.Event()
    before = server.resident_bytes()
    growth = [0.0]

    def look() -> None:
        while not stop.wait(_LOOK_SECONDS):
            growth[0] = max(growth[0], (server.resident_bytes() - before) / _MB)

    watcher = threading.Thread(target=look, name="watcher")
    watcher.start()
    try:
        yield growth
    finally:
        stop.set()
        watcher.join()


def send_form(target: Target, recording: Path, external_id: str) -> None:
    """Send the recording as one multipart form."""
    head = _part("external_call_id") + external_id.encode() + b"\r\n"
    head += _part("file", recording.name)
    end = f"\r\n--{_BOUNDARY}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield head
        yield from _blocks(recording)
        yield end

    length = len(head) + recording.stat().st_size + len(end)
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Content-Length": str(length)}
    answer = json.loads(_asked(target, "POST", "/api/v2/calls", headers, body(), 202)[1])
    if answer["external_call_id"] != external_id:
        raise ServerFailed(f"the upload {external_id!r} became {answer}")


def send_by_tus(target: Target, recording: Path, external_id: str) -> None:
    """Send the recording by tus, begun by one request, sent by the next as one piece."""
    size = recording.stat().st_size
    encoded = base64.b64encode(external_id.encode()).decode()
    tus = {"Tus-Resumable": "1.0.0"}
    create = {**tus, "Upload-Length": str(size), "Upload-Metadata": f"external_call_id {encoded}"}
    place, _ = _asked(target, "POST", "/api/v2/uploads", create, None, 201)
    path = "/" + place.split("/", 3)[3]
    piece = {**tus, "Upload-Offset": "0", "Content-Type": _PIECE, "Content-Length": str(size)}
    _asked(target, "PATCH", path, piece, _blocks(recording), 204)


def _part(name: str, file_name: str | None = None) -> bytes:
    file = f'; filename="{file_name}"' if file_name is not None else ""
    return f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()


def _blocks(recording: Path) -> Iterator[bytes]:
    with recording.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _asked(
    target: Target, method: str, path: str, headers: Mapping[str, str], body: Iterator[bytes] | None, status: int
) -> tuple[str, bytes]:
    """Return where the answer points to, and its body.

    Raises:
        ServerFailed: it has another status.
    """
    connection = http.client.HTTPConnection("127.0.0.1", target.server.port, timeout=600)
    try:
        connection.request(method, path, body=body, headers={**headers, **target.headers})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != status:
        raise ServerFailed(f"{method} {path} was answered {answer.status}: {content[:300]!r}")
    return answer.headers.get("Location", ""), content


def _forget_files(data: Path) -> None:
    """Take the large recordings from the disk: nobody asks for them any more."""
    for file in data.rglob("*"):
        if file.is_file() and file.stat().st_size > _WARM_BYTES and not file.name.startswith("callfloor.db"):
            file.unlink()


def main() -> int:
    """Measure and print."""
    return command.run(
        "upload", "Uploads of a large recording against a copy of the file.", all_rows, full=Plan(), quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
