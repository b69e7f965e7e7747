"""Upload a large recording by tus with a client of others, through five cuts and a kill of the server.

    python -m tests.fault.uploads --database URL [--megabytes 1000]

Prints one table: what the cuts and the kill cost, by how much the server grew, and its speed beside a plain copy that
is brought to disk; ends with 1 when the bytes do not come out equal, a cut lost what had been sent, or the server grew
by more than 64 MB.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr
from tusclient.uploader import Uploader

from callfloor.foundation.settings import Settings
from tests.fault.killing import print_table
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

CUTS = 5
GROWTH_LIMIT_MB = 64
_BLOCK_BYTES = 4 * MEGABYTE


def trial(url: str, megabytes: int) -> bool:
    """Upload twice, in one piece and through faults; return whether every promise held."""
    with tempfile.TemporaryDirectory() as folder:
        data, recording = Path(folder) / "data", Path(folder) / "call.wav"
        write_noise(recording, megabytes * MEGABYTE)
        copied = seconds_of_copy(recording, Path(folder) / "copy.wav")
        key = key_that_uploads(Settings(data=data, database=SecretStr(url)))
        with running_server(data, *OPTIONS, database_url=url) as server:
            sent, grown = in_one_piece(server, key, recording)
        at_cuts, at_kill, is_equal = through_faults(data, url, key, recording)
    print_table(
        f"{url.partition(':')[0]}: an upload of {megabytes} MB",
        [
            ("copied and brought to disk, in s", f"{copied:.1f}"),
            ("uploaded in one piece, in s", f"{sent:.1f}"),
            ("its speed, of the copy's", f"{copied / sent:.2f}"),
            ("growth of the server, in MB", f"{grown:.0f}"),
            ("lost by five cuts, in bytes", at_cuts),
            ("lost by a kill, in MB", f"{at_kill / MEGABYTE:.0f}"),
            ("bytes come out equal", "yes" if is_equal else "no"),
        ],
    )
    return is_equal and grown <= GROWTH_LIMIT_MB and at_cuts == 0


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
    with server.client(headers={**key, "Tus-Resumable": "1.0.0"}) as client:
        client.get("/api/v2/calls").raise_for_status()
        before = psutil.Process(server.process.pid).memory_info().rss
        began = time.monotonic()
        upload = client.post("/api/v2/uploads", headers={"Upload-Length": length}).headers["Location"]
        headers = {"Upload-Offset": "0", "Content-Type": PIECE, "Content-Length": length}
        client.patch(httpx.URL(upload).path, content=blocks(recording), headers=headers).raise_for_status()
        taken = time.monotonic() - began
    return taken, (peak_bytes(server.process.pid) - before) / MEGABYTE


def through_faults(data: Path, url: str, key: dict[str, str], recording: Path) -> tuple[int, int, bool]:
    """Upload; return the bytes that cuts and a kill cost, and whether what came out is equal."""
    chunk = recording.stat().st_size // (2 * CUTS + 2)
    with recording.open("rb") as file:
        with running_server(data, *OPTIONS, database_url=url) as first:
            uploader = uploader_of(first, key, file, chunk_bytes=chunk)
            uploader.upload_chunk()
            at_cuts = sum(lost_by_a_cut(uploader, key, recording, chunk // 2) for _ in range(CUTS))
            cut(uploader, key, recording, chunk, then=first.process.kill)
            first.wait()
            known = uploader.offset + chunk
        with running_server(data, *OPTIONS, "--port", str(first.port), database_url=url) as second:
            again = uploader_of(second, key, file, chunk_bytes=chunk, url=uploader.url)
            at_kill = known - int(again.offset)
            again.upload()
            return at_cuts, at_kill, is_same(second, recording_path(second, key, again), recording)


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
