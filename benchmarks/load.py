"""The load: wrk for the reads, a slow trickle of writes beside them."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOAD_CORE, Server, ServerFailed, pinned

CONNECTIONS = 32
WRITES_A_SECOND = 5
_SCRIPT = Path(__file__).with_name("load.lua")
_NO_WRK = "wrk, the load generator, is not installed. On Debian and Ubuntu: apt-get install wrk; elsewhere: build it."


class WrkMissing(Exception):
    """The load generator is not installed."""

    def __init__(self) -> None:
        super().__init__(_NO_WRK)


@dataclass(frozen=True, slots=True)
class Paths:
    """The requests of a load, in a file as wrk reads them."""

    file: Path
    count: int

    @staticmethod
    def written(file: Path, paths: Sequence[str]) -> Paths:
        """Write the paths, one a line."""
        file.write_text("".join(f"{path}\n" for path in paths), encoding="ascii")
        return Paths(file, len(paths))


@dataclass(frozen=True, slots=True)
class Measured:
    """One window of load on one server; latencies are those of a saturated server."""

    requests: int
    cpu_seconds: float
    wall_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        """Return the requests answered with one second of the server's CPU time."""
        return self.requests / self.cpu_seconds


def measure(
    server: Server,
    paths: Paths,
    headers: Mapping[str, str],
    *,
    seconds: int,
    start_at: int = 0,
    connections: int = CONNECTIONS,
) -> Measured:
    """Send the requests for `seconds` and return what they cost.

    Raises:
        WrkMissing: wrk is not installed.
        ServerFailed: an answer was not a success.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise WrkMissing
    command = [wrk, "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--timeout=30s"]
    command += ["--latency", f"--script={_SCRIPT}"]
    command += [f"--header={name}: {value}" for name, value in headers.items()]
    command += [f"http://127.0.0.1:{server.port}", "--", str(paths.file), str(start_at % paths.count)]
    before = server.cpu_seconds()
    with pinned(LOAD_CORE):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    cpu = server.cpu_seconds() - before
    if done.returncode:
        raise ServerFailed(f"wrk failed against {server.name}: {done.stderr or done.stdout}")
    told = json.loads(done.stdout.splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise ServerFailed(f"{server.name} did not answer every request: {told}")
    return Measured(told["requests"], cpu, told["microseconds"] / 1e6, told["p50_us"] / 1000, told["p99_us"] / 1000)


class Trickle:
    """Adds a seat, deletes a seat, and so on, through the server's own API."""

    def __init__(self, server: Server, headers: Mapping[str, str], deletable: Sequence[int]) -> None:
        self._server = server
        self._headers = headers
        self._deletable = iter(deletable)
        self._add_next = itertools.cycle((True, False))
        self._failure: Exception | None = None

    @contextlib.contextmanager
    def going(self) -> Iterator[None]:
        """Write from a thread until the block ends.

        Raises:
            ServerFailed: a write was refused.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="trickle")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self, stop: threading.Event) -> None:
        try:
            with pinned(LOAD_CORE):
                while not stop.wait(1 / WRITES_A_SECOND):
                    self._write()
        except (ServerFailed, OSError) as failure:
            self._failure = failure

    def _write(self) -> None:
        if next(self._add_next):
            self._server.answer(
                "POST", "/api/v1/seats", {**self._headers, "Content-Type": "application/json"}, '{"count":1}'
            )
        else:
            self._server.answer("DELETE", f"/api/v1/seats/{next(self._deletable)}", self._headers)
