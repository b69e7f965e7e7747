"""Linux: who records, as PulseAudio tells, or PipeWire through its PulseAudio interface; by the program pactl."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec

from callfloor_agent.audio import SOURCE, Changed
from callfloor_agent.sight import Device, Side, Sight

log = logging.getLogger(__name__)

PACTL = "pactl"
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 30.0
"""Between two looks without an event, in case one was missed."""
RETRY_SECONDS = 5.0
SETTLING_SECONDS = 0.05
"""Events come in bunches; one look answers a bunch."""
NOWHERE = "auto_null"
"""The sink that stands in where there is no sound device."""
METERS = frozenset({"org.PulseAudio.pavucontrol", "org.gnome.VolumeControl", "org.kde.plasma-pa"})
"""Programs that open a microphone to show its level."""
Row = Mapping[str, Any]


class PulseUnavailable(Exception):
    """There is no sound server, no pactl, or what it says cannot be read."""


class Listing(msgspec.Struct, frozen=True):
    """What the sound server has, as pactl prints it in JSON."""

    info: dict[str, Any]
    sources: list[dict[str, Any]]
    sinks: list[dict[str, Any]]
    source_outputs: list[dict[str, Any]]
    sink_inputs: list[dict[str, Any]]


class PulseWatcher:
    """Looks at the sound server when it tells of a change.

    Args:
        changed: told what is seen.
        environment: of pactl; left out, this process's.
    """

    def __init__(self, changed: Changed, environment: Mapping[str, str] | None = None) -> None:
        self.problem: str | None = None
        self._changed = changed
        # Numbers are written with a comma in some languages, which is no JSON.
        self._environment = {**(os.environ if environment is None else environment), "LC_ALL": "C"}

    async def run(self) -> None:
        """Watch until canceled."""
        while True:
            try:
                async with contextlib.aclosing(self._changes()) as changes:
                    async for _ in changes:
                        sight = sight_of(await self._listing())
                        self.problem = None
                        self._changed(sight)
            except (PulseUnavailable, OSError) as error:
                if self.problem is None:
                    log.warning("microphone use cannot be followed: %s", error)
                self.problem = str(error)
            self._changed(None)
            await asyncio.sleep(RETRY_SECONDS)

    async def _changes(self) -> AsyncGenerator[None]:
        """Yield at once, at each bunch of changes, and now and then; end when the sound server goes."""
        process = await asyncio.create_subprocess_exec(
            PACTL,
            "subscribe",
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            output = process.stdout or asyncio.StreamReader()
            yield
            while await _next_bunch(output):
                yield
            raise PulseUnavailable("the sound server went away")
        finally:
            await _end(process)

    async def _listing(self) -> Listing:
        return Listing(
            info=await self._asked(dict[str, Any], "info"),
            sources=await self._asked(list[dict[str, Any]], "list", "sources"),
            sinks=await self._asked(list[dict[str, Any]], "list", "sinks"),
            source_outputs=await self._asked(list[dict[str, Any]], "list", "source-outputs"),
            sink_inputs=await self._asked(list[dict[str, Any]], "list", "sink-inputs"),
        )

    async def _asked(self, type_: Any, *arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            PACTL,
            "--format=json",
            *arguments,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError as error:
            await _end(process)
            raise PulseUnavailable("the sound server does not answer") from error
        if process.returncode:
            raise PulseUnavailable(
                " ".join(errors.decode(errors="replace").split()) or f"pactl ended with {process.returncode}"
            )
        try:
            return msgspec.json.decode(output.decode(errors="replace"), type=type_)
        except msgspec.DecodeError as error:
            raise PulseUnavailable(f"pactl is older than version 16, or says what cannot be read: {error}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process; by its number, since its own method would take its exit code from the loop."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    await process.wait()


async def _next_bunch(output: asyncio.StreamReader) -> bool:
    """Wait for a change that matters, or for long enough; return False at the end of the output."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            while line := await output.readline():
                if b" on client " not in line:  # each look is a client itself
                    break
            else:
                return False
    except TimeoutError:
        return True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLING_SECONDS):
            while await output.readline():
                pass
    return True


def sight_of(listing: Listing) -> Sight:
    """Return what is seen: in a call is who records from a microphone with a stream that is not paused."""
    microphones = {row.get("index"): row for row in _microphones(listing)}
    recording = [row for row in listing.source_outputs if _records(row) and row.get("source") in microphones]
    default = listing.info.get("default_source_name")
    source = microphones[recording[0]["source"]] if recording else _named(microphones.values(), default)
    sink = _named((row for row in listing.sinks if row.get("name") != NOWHERE), listing.info.get("default_sink_name"))
    is_suspended = bool(recording) and source is not None and source.get("state") == "SUSPENDED"
    return Sight(
        SOURCE,
        in_call=bool(recording),
        mic=Side(_device(source, is_muted=bool(recording) and all(row.get("mute") for row in recording))),
        speaker=Side(_device(sink)),
        fault="a program records from a microphone that is suspended" if is_suspended else None,
        app_names=tuple(dict.fromkeys(filter(None, map(_app_name, recording)))),
        has_speaker_stream=any(_plays(row, recording) for row in listing.sink_inputs),
    )


def _microphones(listing: Listing) -> list[Row]:
    """Return the sources that are microphones; the monitor of a sink is one only if it is the default source."""
    default = listing.info.get("default_source_name")
    return [
        row
        for row in listing.sources
        if (not row.get("monitor_source") or row.get("name") == default) and row.get("name") != f"{NOWHERE}.monitor"
    ]


def _records(row: Row) -> bool:
    """Return whether a program records: not the sound server for itself, not paused, not to show a level."""
    return row.get("client") is not None and not row.get("corked") and _property(row, "application.id") not in METERS


def _plays(row: Row, recording: list[dict[str, Any]]) -> bool:
    if row.get("corked"):
        return False
    names = ("application.process.id", "application.process.binary", "application.name")
    return any(
        _property(row, name) is not None and _property(row, name) == _property(other, name)
        for other in recording
        for name in names
    )


def _named(rows: Any, name: Any) -> Row | None:
    """Return the row of this name, else the first."""
    known = list(rows)
    return next((row for row in known if row.get("name") == name), known[0] if known else None)


def _device(row: Row | None, *, is_muted: bool = False) -> Device | None:
    if row is None:
        return None
    port = next((port for port in row.get("ports") or () if port.get("name") == row.get("active_port")), None)
    is_unplugged = port is not None and port.get("availability") == "not available"
    name = row.get("description") or row.get("name")
    return Device(str(name), is_muted=is_muted or bool(row.get("mute")), is_usable=not is_unplugged)


def _app_name(row: Row) -> str | None:
    return _property(row, "application.name") or _property(row, "application.process.binary")


def _property(row: Row, name: str) -> str | None:
    value = (row.get("properties") or {}).get(name)
    return None if value is None else str(value)
