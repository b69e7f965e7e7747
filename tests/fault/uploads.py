"""Upload a large recording by tus with clients of others, through five cuts and a kill of the server.

    python -m tests.fault.uploads --database URL [--megabytes 1000]

Prints one table: what the cuts and the kill cost, by how much the server grew, and its speed beside a plain copy that
is brought to disk; ends with 1 when the bytes do not come out equal, a cut lost what had been sent, or the server grew
by more than 64 MB. Python's client is cut where its pieces end, so that what is lost can be counted; JavaScript's finds
its line broken wherever it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr
from tusclient.uploader import Uploader

from callfloor.foundation.settings import Settings
from tests.fault.killing import print_table
from tests.support.breaking_line import BreakingLine
from tests.support.server import Server, running_server
from tests.support.tus import (
    MEGABYTE,
    OPTIONS,
    PIECE,
    cut,
    key_that_uploads,
    recording_path,
    uploader_of,
    write_noise,
)
from tests.support.tus_javascript import JavascriptUpload

CUTS = 5
GROWTH_LIMIT_MB = 64
KILL_COSTS_BYTES = 48 * MEGABYTE
"""What may be lost: 32 MiB that are being brought to disk, and what waits in the line's buffers behind them."""
CHUNK_BYTES = 50 * MEGABYTE
DEADLINE_SECONDS = 1800.0
_BLOCK_BYTES = 4 * MEGABYTE


@dataclasses.dataclass(frozen=True)
class Ran:
    """What came of an upload through faults."""

    at_cuts: int
    at_kill: int
    grown: float
    is_equal: bool


def trial(url: str, megabytes: int) -> bool:
    """Upload three times, in one piece and by both clients through faults; return whether every promise held."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "call.wav"
        write_noise(recording, megabytes * MEGABYTE)
        copied = seconds_of_copy(recording, Path(folder) / "copy.wav")
        data = Path(folder) / "data"
        settings = Settings(data=data, database=SecretStr(url))
        key = key_that_uploads(settings)
        with running_server(data, *OPTIONS, database_url=url) as server:
            sent, grown = in_one_piece(server, key, recording)
        python = through_faults(data, url, key, recording)
        javascript = through_a_breaking_line(data, url, key_that_uploads(settings), recording)
    print_table(
        f"{url.partition(':')[0]}: an upload of {megabytes} MB",
        [
            ("copied and brought to disk, in s", f"{copied:.1f}"),
            ("uploaded in one piece, in s", f"{sent:.1f}"),
            ("its speed, of the copy's", f"{copied / sent:.2f}"),
            ("growth of the server, in MB", f"{grown:.0f}"),
            ("tuspy: lost by five cuts, in bytes", python.at_cuts),
            ("tuspy: lost by a kill, in MB", f"{python.at_kill / MEGABYTE:.1f}"),
            ("tuspy: growth of the server, in MB", f"{python.grown:.0f}"),
            ("tuspy: bytes come out equal", "yes" if python.is_equal else "no"),
            ("tus-js-client: sent again after five cuts and a kill, in MB", f"{javascript.at_kill / MEGABYTE:.1f}"),
            ("tus-js-client: growth of the server, in MB", f"{javascript.grown:.0f}"),
            ("tus-js-client: bytes come out equal", "yes" if javascript.is_equal else "no"),
        ],
    )
    both = (python, javascript)
    held = all(one.is_equal and one.at_cuts == 0 and one.at_kill <= KILL_COSTS_BYTES for one in both)
    return held and max(grown, *(one.grown for one in both)) <= GROWTH_LIMIT_MB


def seconds_of_copy(recording: Path, to: Path) -> float:
    """Copy a file, bring it to disk, and remove it."""
    began = time.monotonic()
    shutil.copyfile(recording, to)
    with to.open("rb") as file:
        os.fsync(file.fileno())
    taken = time.monotonic() - began
    to.unlink()
    return taken


def in_one_piece(server: Server, key: dict[str, str], recording: Path) -> tuple[float, float]:
    """Upload; return the seconds it took and the megabytes by which the server grew at most."""
    length = str(recording.stat().st_size)
    growth = Growth(server, key)
    with server.client(headers={**key, "Tus-Resumable": "1.0.0"}) as client:
        began = time.monotonic()
        upload = client.post("/api/v2/uploads", headers={"Upload-Length": length}).headers["Location"]
        headers = {"Upload-Offset": "0", "Content-Type": PIECE, "Content-Length": length}
        client.patch(httpx.URL(upload).path, content=blocks(recording), headers=headers).raise_for_status()
        taken = time.monotonic() - began
    return taken, growth.megabytes()


def through_faults(data: Path, url: str, key: dict[str, str], recording: Path) -> Ran:
    """Upload by Python's client; return what cuts and a kill cost."""
    chunk = recording.stat().st_size // (2 * CUTS + 2)
    with recording.open("rb") as file:
        with running_server(data, *OPTIONS, database_url=url) as first:
            growth = Growth(first, key)
            uploader = uploader_of(first, key, file, chunk_bytes=chunk)
            uploader.upload_chunk()
            at_cuts = sum(lost_by_a_cut(uploader, key, recording, chunk // 2) for _ in range(CUTS))
            cut(uploader, key, recording, chunk, then=growth.kill)
            first.wait()
            known = uploader.offset + chunk
        with running_server(data, *OPTIONS, "--port", str(first.port), database_url=url) as second:
            last = Growth(second, key)
            again = uploader_of(second, key, file, chunk_bytes=chunk, url=uploader.url)
            at_kill = known - int(again.offset)
            again.upload()
            is_equal = is_same(second, recording_path(second, key, again), recording)
            return Ran(at_cuts, at_kill, max(growth.megabytes(), last.megabytes()), is_equal)


def through_a_breaking_line(data: Path, url: str, key: dict[str, str], recording: Path) -> Ran:
    """Upload by JavaScript's client; return what cuts and a kill cost together."""
    size, killed = recording.stat().st_size, threading.Event()
    run = partial(running_server, data, *OPTIONS, database_url=url)
    with run() as first:
        growth = Growth(first, key)

        def kill() -> None:
            growth.kill()
            killed.set()

        places = [size * number // (CUTS + 2) for number in range(1, CUTS + 2)]
        line = BreakingLine(first.port, [*((at, lambda: None) for at in places[:CUTS]), (places[CUTS], kill)])
        upload = JavascriptUpload(line.url, recording, key, chunk_bytes=CHUNK_BYTES)
        if not killed.wait(DEADLINE_SECONDS):
            raise TimeoutError("the line never broke")
        first.wait()
    with run("--port", str(first.port)) as second:
        last = Growth(second, key)
        done = upload.end(DEADLINE_SECONDS)
        line.close()
        with second.client(headers=key) as client:
            call = client.get(httpx.URL(done["url"]).path).json()["conversation_id"]
            path = httpx.URL(client.get(f"/api/v2/calls/{call}").json()["recording_url"]).raw_path.decode()
        grown = max(growth.megabytes(), last.megabytes())
        return Ran(0, line.sent - size, grown, is_same(second, path, recording))


class Growth:
    """By how much a server grows from now on; asked once before, so that what it loads first does not count."""

    def __init__(self, server: Server, key: dict[str, str]) -> None:
        self._process = server.process
        with server.client(headers=key) as client:
            client.get("/api/v2/calls").raise_for_status()
        self._before = psutil.Process(server.process.pid).memory_info().rss
        self._peak: int | None = None

    def kill(self) -> None:
        """Kill the server."""
        self._peak = peak_bytes(self._process.pid)
        self._process.kill()

    def megabytes(self) -> float:
        """Return how much it is."""
        peak = peak_bytes(self._process.pid) if self._peak is None else self._peak
        return float(peak - self._before) / MEGABYTE


def lost_by_a_cut(uploader: Uploader, key: dict[str, str], recording: Path, count: int) -> int:
    """Cut the connection behind so many bytes, send one whole piece; return how many bytes did not count."""
    before = int(uploader.offset)
    cut(uploader, key, recording, count, then=lambda: None)
    uploader.offset = uploader.get_offset()
    lost = before + count - int(uploader.offset)
    uploader.upload_chunk()
    return lost


def is_same(server: Server, path: str, recording: Path) -> bool:
    """Return whether the bytes at the path are the recording's."""
    came, sent = hashlib.sha256(), hashlib.sha256()
    with server.client() as client, client.stream("GET", path) as answer:
        for piece in answer.iter_bytes(_BLOCK_BYTES):
            came.update(piece)
    for block in blocks(recording):
        sent.update(block)
    return came.digest() == sent.digest()


def blocks(recording: Path) -> Iterator[bytes]:
    """Yield a file's bytes."""
    with recording.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def peak_bytes(pid: int) -> int:
    """Return the most memory a process has held."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return int(psutil.Process(pid).memory_info().rss)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--megabytes", type=int, default=1000)
    asked = parser.parse_args()
    sys.exit(0 if trial(asked.database, asked.megabytes) else 1)
