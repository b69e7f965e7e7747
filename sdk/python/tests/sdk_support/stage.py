"""Where every method is called: a real server with a worker, a receiver of webhooks, and one of the two clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from callfloor.teams.teams import Team
from callfloor_sdk import AsyncCallfloor, Callfloor
from sdk_support import DEADLINE_SECONDS
from sdk_support.driving import Driven
from sdk_support.installation import Installation
from tests.support.server import Program, environment
from tests.webhooks.receiver import Receiver

Either = Callfloor | AsyncCallfloor
LOCATION = "monitor"
NAP_SECONDS = 0.02


class Stage:
    """What scenes stand on; `called` are the methods that they have called."""

    def __init__(
        self, installation: Installation, folder: Path, settings: Mapping[str, str], kind: type[Either]
    ) -> None:
        self.installation = installation
        self.db = installation.db
        self.folder = folder
        self.receiver = Receiver()
        self.called: set[str] = set()
        self._settings = settings
        self._kind = kind
        self._runner = asyncio.Runner()
        self._worker: Program | None = None

    @contextlib.contextmanager
    def client(self, team: Team) -> Iterator[Driven]:
        """Open a client with all keys of the team."""
        opened = self.installation.client if self._kind is Callfloor else self.installation.async_client
        driven = Driven(opened(team), self._runner, self.called)
        yield driven
        driven.close()

    def start_worker(self) -> None:
        """Let jobs run from now on."""
        self._worker = Program(["-m", "callfloor.server.cli", "worker"], environment(self._settings))

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Look again and again until the worker has done it."""
        assert self._worker is not None
        nap = threading.Event()
        for _ in range(int(DEADLINE_SECONDS / NAP_SECONDS)):
            if is_so():
                return
            assert self._worker.process.poll() is None, "".join(self._worker.lines)
            nap.wait(NAP_SECONDS)
        raise AssertionError("it never came:\n" + "".join(self._worker.lines))

    def close(self) -> None:
        """End what was started."""
        if self._worker is not None:
            self._worker.end()
        self.receiver.close()
        self._runner.close()


@contextlib.contextmanager
def set_stage(folder: Path, database_url: str, kind: type[Either]) -> Iterator[Stage]:
    """Start a server whose worker is started by whoever needs it."""
    recordings = folder / LOCATION
    recordings.mkdir()
    settings = {
        "CALLFLOOR_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
        "CALLFLOOR_OUTGOING_PLAIN_HTTP": "true",
        "CALLFLOOR_IMPORTS_LOCATIONS": f"{LOCATION}={recordings}",
        "CALLFLOOR_SPEECH_MODEL": "none",
    }
    of_worker = {**settings, "CALLFLOOR_DATA": str(folder / "data"), "CALLFLOOR_DATABASE": database_url}
    with Installation.running(folder, database_url, options=("--no-worker",), **settings) as installation:
        stage = Stage(installation, folder, of_worker, kind)
        try:
            yield stage
        finally:
            stage.close()
