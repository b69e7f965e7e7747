"""The agent's command in processes of its own, told to by the environment, stopped or killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent_support import DEADLINE_SECONDS


class Running:
    """A command that runs, and the lines it writes."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callfloor_agent", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.lines: list[str] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, text: str, *, after: int = 0) -> str:
        """Return the first line with this text, among the lines from number `after` on."""

        def found() -> str | None:
            return next((line for line in self.lines[after:] if text in line), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._is_over, DEADLINE_SECONDS)
            line = found()
        assert line is not None, f"no line with {text!r} came:\n" + "\n".join(self.lines)
        return line

    def type(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal, if it still runs; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(DEADLINE_SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        return code


def environment(**settings: object) -> dict[str, str]:
    """Return this process's environment with these settings of the agent and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_AGENT_")}
    return {**plain, **{f"CALLFLOOR_AGENT_{name.upper()}": str(value) for name, value in settings.items()}}


@contextlib.contextmanager
def started(*arguments: str, **settings: object) -> Iterator[Running]:
    """Start a command with these settings; it is killed at the end, if it still runs."""
    running = Running(arguments, environment(**settings))
    try:
        yield running
    finally:
        running.end()


def carried_out(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "callfloor_agent", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**settings),
        timeout=DEADLINE_SECONDS,
    )


@contextlib.contextmanager
def stand_in(port: int = 0, script: Path | None = None) -> Iterator[tuple[Running, int]]:
    """Start a stand-in of the desktop app in a process; yield it and its port."""
    options = ["--script", str(script)] if script else []
    with started("desktop-stand-in", "--port", str(port), *options) as running:
        line = running.wait_for("listening on")
        yield running, int(line.rpartition(":")[2])
