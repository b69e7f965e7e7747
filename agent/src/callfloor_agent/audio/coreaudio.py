"""macOS: whether any program uses the default microphone, as CoreAudio tells; it does not tell which program."""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import logging
from typing import Protocol

from callfloor_agent.audio import SOURCE, Changed
from callfloor_agent.sight import Device, Side, Sight

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
SYSTEM_OBJECT = 1
NO_DEVICE = 0
DEFAULT_INPUT, DEFAULT_OUTPUT, IS_RUNNING_SOMEWHERE = "dIn ", "dOut", "gone"
"""Selectors of CoreAudio, four letters each: AudioHardware.h."""
SCOPE_GLOBAL = "glob"


class CoreAudioUnavailable(Exception):
    """The framework is not there, or a property cannot be read."""


class Properties(Protocol):
    """Reads whole numbers out of CoreAudio."""

    def number(self, object_id: int, selector: str) -> int:
        """Return the property; raises CoreAudioUnavailable."""


class CoreAudioWatcher:
    """Asks CoreAudio every two seconds.

    Args:
        changed: told what is seen.
        properties: left out, those of this machine.
    """

    def __init__(self, changed: Changed, properties: Properties | None = None) -> None:
        self.problem: str | None = None
        self._changed = changed
        self._properties = properties

    async def run(self) -> None:
        """Watch until canceled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Look once."""
        try:
            if self._properties is None:
                self._properties = FrameworkProperties()
            sight = sight_of(self._properties)
        except CoreAudioUnavailable as error:
            if self.problem is None:
                log.warning("microphone use cannot be followed: %s", error)
            self.problem = str(error)
            self._changed(None)
        else:
            self.problem = None
            self._changed(sight)


def sight_of(properties: Properties) -> Sight:
    """Return what CoreAudio tells.

    Raises:
        CoreAudioUnavailable: it tells nothing.
    """
    microphone = properties.number(SYSTEM_OBJECT, DEFAULT_INPUT)
    speaker = properties.number(SYSTEM_OBJECT, DEFAULT_OUTPUT)
    in_use = microphone != NO_DEVICE and properties.number(microphone, IS_RUNNING_SOMEWHERE) != 0
    return Sight(
        SOURCE,
        in_call=in_use,
        mic=Side(None if microphone == NO_DEVICE else Device(None)),
        speaker=Side(None if speaker == NO_DEVICE else Device(None)),
    )


class _Address(ctypes.Structure):
    _fields_ = (("selector", ctypes.c_uint32), ("scope", ctypes.c_uint32), ("element", ctypes.c_uint32))


class FrameworkProperties:
    """The properties of this machine.

    Raises:
        CoreAudioUnavailable: there is no CoreAudio.
    """

    def __init__(self) -> None:
        path = ctypes.util.find_library("CoreAudio")
        if path is None:
            raise CoreAudioUnavailable("CoreAudio is not on this system")
        self._framework = ctypes.CDLL(path)

    def number(self, object_id: int, selector: str) -> int:
        """Return the property.

        Raises:
            CoreAudioUnavailable: it cannot be read.
        """
        address = _Address(_code(selector), _code(SCOPE_GLOBAL), 0)
        size, value = ctypes.c_uint32(4), ctypes.c_uint32(0)
        status: int = self._framework.AudioObjectGetPropertyData(
            ctypes.c_uint32(object_id), ctypes.byref(address), 0, None, ctypes.byref(size), ctypes.byref(value)
        )
        if status != 0:
            raise CoreAudioUnavailable(f"CoreAudio refuses {selector!r} with status {status}")
        return value.value


def _code(letters: str) -> int:
    return int.from_bytes(letters.encode("ascii"), "big")
