"""The demo's simulated fleet: days of calls, then live, by the program beside the headset in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from callfloor.foundation.small_files import make_private

if TYPE_CHECKING:
    from pathlib import Path

DEVICES = 12
HISTORY_DAYS = 14
_STOP_SECONDS = 8.0


def is_installed() -> bool:
    """Return whether this Python has the program beside the headset; it is a package of its own."""
    return importlib.util.find_spec("callfloor_agent") is not None


class FleetProcess:
    """At most one fleet, which ends with the demo.

    It holds the reading end of a pipe whose other end is ours: it stops by itself when this process is gone, however
    that happened. It is in a session of its own, so that Ctrl-C reaches it through us alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def start(self, folder: Path, url: str, authority: Path, team_secret: str) -> None:
        """Start it; what it says is in `demo-floor.log` in the folder."""
        secret_file = folder / "demo-floor.secret"
        make_private(secret_file, team_secret.encode())
        others = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_AGENT_")}
        environment = {
            **others,
            "CALLFLOOR_AGENT_SERVER": url,
            "CALLFLOOR_AGENT_CA_FILE": str(authority),
            "CALLFLOOR_AGENT_TEAM_SECRET_FILE": str(secret_file),
            "CALLFLOOR_AGENT_RETRY_LONGEST_SECONDS": "10",
        }
        command = (sys.executable, "-m", "callfloor_agent", "simulate", "--supervised")
        options = ("--devices", str(DEVICES), "--history-days", str(HISTORY_DAYS), "--connections", "4")
        with self._lock, (folder / "demo-floor.log").open("wb") as log:
            if not self._is_over:
                self._process = subprocess.Popen(
                    [*command, *options],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )

    @property
    def is_running(self) -> bool:
        """Return whether it runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it, if it runs; none is started after that."""
        with self._lock:
            self._is_over = True
            if self._process is None:
                return
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
