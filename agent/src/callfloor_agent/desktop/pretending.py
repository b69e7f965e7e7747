"""What the stand-in pretends: devices, switches, a call; and the commands that change it, one a line.

in_call on|off
mic|speaker device NAME        the device in use
mic|speaker none               no device
mic|speaker muted|disabled|available on|off
mic|speaker nc|ac on|off       noise cancellation, accent conversion
error CODE MESSAGE             the app reports an error
silent on|off                  nothing is answered any more, as by a program that hangs
wait SECONDS                   in a script
quit
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from callfloor_agent.desktop.reading import MICROPHONE, SPEAKER

SWITCHES = {"on": True, "off": False}
SIDES = {"mic": MICROPHONE, "speaker": SPEAKER}
DEVICE_FLAGS = {"muted": "isMuted", "disabled": "isDisabled", "available": "isAvailable"}


class CommandUnclear(Exception):
    """A line that is none of the commands."""


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What a command asks of the stand-in beside the change of what it pretends."""

    topic: str | None = None
    error: dict[str, Any] | None = None
    silent: bool | None = None
    wait_seconds: float = 0.0
    is_quit: bool = False


def device_info(name: str, side: str) -> dict[str, Any]:
    """Return a headset's microphone or speaker as the app describes it."""
    return {
        "id": f"{side}-{name}",
        "name": name,
        "description": name,
        "manufacturer": "Callfloor",
        "modelId": "stand-in",
        "bus": "usb",
        "formFactor": "headset",
        "isMuted": False,
        "isDefaultMultimedia": True,
        "isDefaultCommunication": True,
        "isKrisp": False,
        "isHIDHeadset": True,
        "isDisabled": False,
        "isAvailable": True,
    }


class Pretense:
    """The state of the app that is not there.

    Args:
        now: epoch milliseconds, of every `updatedAt` at the start.
    """

    def __init__(self, now: int) -> None:
        self._state: dict[str, dict[str, Any]] = {
            "devices": {
                side: {"physicalDeviceInfo": device_info("Headset", name), "updatedAt": now}
                for name, side in SIDES.items()
            },
            "nc": {side: {"enabled": False, "updatedAt": now} for side in SIDES.values()},
            "ac": {side: {"enabled": False, "updatedAt": now} for side in SIDES.values()},
            "in_call": {"inCall": False, "updatedAt": now},
        }

    def of_topic(self, topic: str) -> dict[str, Any]:
        """Return what the app tells of the topic."""
        return self._state[topic]

    def obey(self, line: str, now: int) -> Effect:
        """Carry out one line.

        Args:
            line: a command; empty, or beginning with #, does nothing.
            now: epoch milliseconds.

        Raises:
            CommandUnclear: it is none of the commands.
        """
        try:
            words = shlex.split(line, comments=True)
            return self._obey(words, now) if words else Effect()
        except (ValueError, KeyError, IndexError) as error:
            raise CommandUnclear(f"not understood: {line.strip()}") from error

    def _obey(self, words: list[str], now: int) -> Effect:
        match words:
            case ["quit"]:
                return Effect(is_quit=True)
            case ["wait", seconds]:
                return Effect(wait_seconds=float(seconds))
            case ["silent", switch]:
                return Effect(silent=SWITCHES[switch])
            case ["error", code, *message]:
                return Effect(error={"code": int(code), "message": " ".join(message)})
            case ["in_call", switch]:
                self._state["in_call"] = {"inCall": SWITCHES[switch], "updatedAt": now}
                return Effect("in_call")
            case [side, *rest]:
                return self._change_side(SIDES[side], side, rest, now)
        raise ValueError

    def _change_side(self, side: str, name: str, words: list[str], now: int) -> Effect:
        match words:
            case ["none"]:
                info = None
            case ["device", *device]:
                info = device_info(" ".join(device), name)
            case [("nc" | "ac") as topic, switch]:
                self._state[topic] = {**self._state[topic], side: {"enabled": SWITCHES[switch], "updatedAt": now}}
                return Effect(topic)
            case [flag, switch]:
                known = self._state["devices"][side]["physicalDeviceInfo"] or device_info("Headset", name)
                info = {**known, DEVICE_FLAGS[flag]: SWITCHES[switch]}
            case _:
                raise ValueError
        state = {"physicalDeviceInfo": info, "updatedAt": now}
        self._state["devices"] = {**self._state["devices"], side: state}
        return Effect("devices")
