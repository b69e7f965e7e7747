"""A PulseAudio server of a test's own: a headset made of a null sink, and programs that record and play."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from agent_support import DEADLINE_SECONDS

SINK, MICROPHONE = "headset", "microphone"


class SoundServer:
    """A server; `environment` leads its clients to it."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "native"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
        self.environment = {
            **plain,
            "HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "run"),
            "PULSE_STATE_PATH": str(folder / "state"),
            "PULSE_SERVER": f"unix:{self._socket}",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[SoundServer]:
        """Run it; it answers once this has begun."""
        assert shutil.which("pulseaudio"), "install the packages pulseaudio and pulseaudio-utils, as .ci/run does"
        native = f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}"
        # The parent ends when the server is ready; the log would keep a pipe of ours open.
        options = ("-n", "--daemonize=yes", "--exit-idle-time=-1", "--disable-shm=yes", "--log-target=null")
        self._run("pulseaudio", *options, "-L", native, "-L", "module-always-sink")
        try:
            yield self
        finally:
            self._run("pulseaudio", "--kill")

    def plug_in(self) -> None:
        """Make a headset: a null sink to play to, and a microphone that hears what is played there."""
        self.control(
            "load-module", "module-null-sink", f"sink_name={SINK}", "sink_properties=device.description=Headset"
        )
        self.control(
            "load-module",
            "module-remap-source",
            f"source_name={MICROPHONE}",
            f"master={SINK}.monitor",
            "source_properties=device.description=Boom",
        )
        self.control("set-default-source", MICROPHONE)
        self.control("set-default-sink", SINK)

    def control(self, *arguments: str) -> None:
        """Run pactl."""
        self._run("pactl", *arguments)

    @contextlib.contextmanager
    def program(self, *arguments: str) -> Iterator[None]:
        """Run a program that records or plays: parec, pacat."""
        process = subprocess.Popen(
            arguments, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            arguments,
            env=self.environment,
            check=True,
            timeout=DEADLINE_SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
