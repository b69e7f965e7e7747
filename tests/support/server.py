"""A real `callfloor serve` process for tests: started on a free port, asked over HTTPS, stopped or killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

DEADLINE_SECONDS = 60.0
"""Long, since the machine may be busy: a test waits for what happens, never for the time to pass."""

Line = Mapping[str, Any]


class Program:
    """A process of Callfloor's command line, and the log lines it writes to stderr."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, event: str, matches: Callable[[Line], bool] = lambda _: True, *, after: int = 0) -> Line:
        """Return the first log line of the event that matches, among the lines from number `after` on.

        Raises:
            AssertionError: the process ended without it, or the deadline passed.
        """
        found: list[Line] = []

        def is_there() -> bool:
            found.extend(line for line in self.events(event, after=after) if matches(line))
            return bool(found) or self._ended

        with self._changed:
            self._changed.wait_for(is_there, DEADLINE_SECONDS)
            assert found, f"no line {event!r} came; stderr was:\n{''.join(self.lines)}"
        return found[0]

    def events(self, event: str, *, after: int = 0) -> list[Line]:
        """Return the log lines of the event so far."""
        parsed = [json.loads(line) for line in self.lines[after:] if line.startswith("{")]
        return [line for line in parsed if line.get("event") == event]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()


class Server(Program):
    """A server that listens: `url` is its address, `authority` the file by which clients trust it."""

    def __init__(self, data: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(arguments, environment)
        self.data = data
        self.url = ""
        self.authority = data / "tls" / "ca.pem"

    def wait_until_it_listens(self) -> None:
        self.url = str(self.wait_for("listening")["url"])

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return httpx.URL(self.url).port or 443

    def trust(self) -> ssl.SSLContext:
        """Return a client's TLS context that trusts this server alone."""
        return ssl.create_default_context(cafile=self.authority)

    def client(self, **options: Any) -> httpx.Client:
        """Return a client of this server; its `base_url` and trust are set."""
        verify = self.trust() if self.url.startswith("https:") else True
        return httpx.Client(base_url=self.url, verify=verify, timeout=DEADLINE_SECONDS, trust_env=False, **options)


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with these settings of Callfloor, and no others but JSON lines on stderr."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_")}
    return {**plain, "CALLFLOOR_LOG_FORMAT": "json", **(settings or {})}


@contextlib.contextmanager
def running_server(
    data: Path,
    *options: str,
    database_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "callfloor.server.cli", "serve"),
) -> Iterator[Server]:
    """Start a server on a free port and yield it once it listens; it is stopped at the end, if it still runs.

    Args:
        data: its data folder, made if absent.
        options: further options of `callfloor serve`: without `--no-worker` a worker runs beside it.
        database_url: left out, SQLite in the data folder.
        settings: environment variables.
        program: another program that takes the same options.
    """
    arguments = [*program, "--data", str(data), *options]
    if "--port" not in options:
        arguments += ["--port", "0"]
    if database_url is not None:
        arguments += ["--database", database_url]
    server = Server(data, arguments, environment(settings))
    try:
        server.wait_until_it_listens()
        yield server
        if server.process.poll() is None:
            server.stop()
    finally:
        server.end()


def run_command(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `callfloor` with these arguments to its end."""
    return subprocess.run(
        [sys.executable, "-m", "callfloor.server.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(settings),
        timeout=DEADLINE_SECONDS,
    )
