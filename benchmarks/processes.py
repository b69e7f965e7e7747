"""Server processes under measurement: pinned to a core, waited for, their CPU time read."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

SERVER_CORE, LOAD_CORE = 0, 1
_CORES = os.sched_getaffinity(0)
_BIN = Path(sys.executable).parent
_APIS = "/api/v1/seats", "/api/v2/calls", "/calls"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_UNLIMITED = {
    f"CALLFLOOR_{limit}_REQUESTS": "1000000000"
    for limit in ("RATE_LIMIT", "CONVERSATIONS_LIMIT", "API_LIMIT", "AGENT_LIMIT", "EVENTS_LIMIT")
}


class ServerFailed(Exception):
    """A program did not start, or answered what it should not."""


class Server:
    """A running program that answers HTTP on `port` of the loopback address."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.port = port
        self._process = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its children so far, user and system."""
        total = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def resident_bytes(self) -> int:
        """Return the memory of the process that is in RAM."""
        resident: int = self._process.memory_info().rss
        return resident

    def load_api(self, path: str) -> None:
        """Ask, and wait for whatever it answers: what is loaded beside the first requests is there then."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path)
            connection.getresponse().read()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> bytes:
        """Return the body of one answer.

        Raises:
            ServerFailed: the status is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ServerFailed(f"{self.name} answered {method} {path} with {answer.status}: {content[:300]!r}")
        return content


@contextlib.contextmanager
def running(name: str, command: Sequence[str], environ: Mapping[str, str], log: Path, port: int) -> Iterator[Server]:
    """Run the program on the server's core until the block ends; yields once its port answers.

    Raises:
        ServerFailed: it ended, or did not listen in time; the end of its log is told.
    """
    with log.open("wb") as out, pinned(SERVER_CORE):
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        _wait_for(name, process, log, port)
        yield Server(name, port, process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(data: Path, database: str) -> Iterator[Server]:
    """Run `callfloor serve` as a reverse proxy would stand before it, its limits too high to be reached."""
    port = free_port()
    command = [str(_BIN / "callfloor"), "serve", "--data", str(data), "--database", database]
    command += ["--port", str(port), "--behind-proxy", "--no-worker"]
    with running("callfloor serve", command, _UNLIMITED, data / "server.log", port) as server:
        for path in _APIS:
            server.load_api(path)
        yield server


def _wait_for(name: str, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(_POLL_SECONDS)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise ServerFailed(f"{name} did not start:\n{said}")


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run this thread, and what is started in the block, on one core, within another such block too.

    A core that this process was not given, as on a machine of one, changes nothing.
    """
    before = os.sched_getaffinity(0)
    if core in _CORES:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
