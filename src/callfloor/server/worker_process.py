"""The worker beside a server: started, started again when it dies, stopped at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

import structlog

from callfloor.foundation.settings import Settings

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_LIVED_LONG_SECONDS = 60.0
"""A worker that lived this long did not die of its start: the pauses begin anew."""
_HAND_BACK_SECONDS = 5.0
"""After its own grace the worker still hands back what it could not finish."""


class WorkerProcess:
    """Keeps one worker process alive until it is stopped.

    The worker holds the reading end of a pipe whose other end is ours: it stops by itself when this process is gone,
    however that happened. It is in a session of its own, so that Ctrl-C reaches it through us alone.
    """

    def __init__(self, settings: Settings) -> None:
        self._environment = _environment_of(settings, os.environ)
        self._grace_seconds = settings.shutdown_grace_seconds + _HAND_BACK_SECONDS
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the worker, and keep it."""
        self._task = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """Let the worker finish or hand back its jobs within the grace; kill it after that."""
        self._stopping.set()
        if self._task is None:
            return
        if self._process is None:
            self._task.cancel()
        else:
            self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._task], timeout=self._grace_seconds)
        if not done:
            self.kill()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """End the worker at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if loop.time() - started > _LIVED_LONG_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            log.error("worker_died", exit_code=code, started_again_after_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> int:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callfloor.server.cli",
            "worker",
            "--supervised",
            stdin=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        try:
            return await self._process.wait()
        finally:
            self._process = None


def _environment_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that gives the worker our settings; a database's address would show among arguments."""
    mine = {"CALLFLOOR_DATA": str(settings.data), "CALLFLOOR_LOG_LEVEL": settings.log.level}
    if settings.database is not None:
        mine["CALLFLOOR_DATABASE"] = settings.database.get_secret_value()
    return {**{name: value for name, value in environ.items() if name != "CALLFLOOR_DATABASE_FILE"}, **mine}
