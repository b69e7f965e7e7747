"""A machine as agents describe it on the wire."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from callfloor.devices.arrival import Machine
from callfloor.devices.names import NAME_MAX_LENGTH
from callfloor.foundation.web import Shape


def _clean(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must have no control characters")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, Field(max_length=NAME_MAX_LENGTH), AfterValidator(_clean)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX_LENGTH), AfterValidator(_clean), AfterValidator(_filled)]


class DescribedMachine(Shape):
    """A machine and who uses it; fields of other names are ignored, since agents may be newer."""

    model_config = ConfigDict(extra="ignore")

    machine_id: Name
    hostname: Name
    username: Name
    os: Literal["windows", "macos", "linux"]
    os_version: Text
    app_version: Text

    def machine(self) -> Machine:
        """Return the machine."""
        return Machine(self.machine_id, self.hostname, self.username, self.os, self.os_version, self.app_version)


class DeviceLoggedIn(Shape):
    """The device, its seat and its token; a heartbeat is expected every `heartbeat_seconds`."""

    device_id: int
    seat_id: int
    token: str
    heartbeat_seconds: int
