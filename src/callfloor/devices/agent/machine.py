"""A machine as agents describe it on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict

from callfloor.devices.arrival import Machine
from callfloor.devices.names import NAME_MAX_LENGTH
from callfloor.foundation.fields import is_line, is_name, line_field, name_field
from callfloor.foundation.web import Shape


def _clean(text: str) -> str:
    if not is_line(text):
        raise ValueError("must have no control characters")
    return text


def _filled(text: str) -> str:
    if not is_name(text):
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, line_field(NAME_MAX_LENGTH), AfterValidator(_clean)]
Name = Annotated[str, name_field(NAME_MAX_LENGTH), AfterValidator(_clean), AfterValidator(_filled)]


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
