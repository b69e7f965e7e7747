"""What the desktop app says, read into a sight; what is malformed is passed over, since the app is of many versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from callfloor_agent.sight import Device, Side, Sight

MICROPHONE, SPEAKER = "0", "1"
SOURCE = "desktop"


class SwitchState(msgspec.Struct):
    """Of noise cancellation or accent conversion on one side."""

    enabled: bool = False


class PhysicalDevice(msgspec.Struct, rename="camel"):
    """What is known of a device, of which the agent needs these."""

    name: str | None = None
    description: str | None = None
    is_muted: bool | None = None
    is_disabled: bool | None = None
    is_available: bool | None = None


class DeviceState(msgspec.Struct, rename="camel"):
    """Which device the app uses on one side."""

    physical_device_info: PhysicalDevice | None = None


class InCallState(msgspec.Struct, rename="camel"):
    """Whether a program is in a call; `updated_at` is epoch milliseconds by this machine's clock."""

    in_call: bool
    updated_at: float | None = None


def with_event(sight: Sight, event: str, data: Any) -> Sight:
    """Return the sight after this event of the app; the same when the event says nothing that can be read."""
    try:
        if event == "in_call_state":
            told = msgspec.convert(data, InCallState, strict=False)
            changed_at = None if told.updated_at is None else round(told.updated_at)
            return msgspec.structs.replace(sight, in_call=told.in_call, in_call_changed_at=changed_at)
        sides: Mapping[Any, Any] = {str(key): value for key, value in data.items()}
        return msgspec.structs.replace(
            sight,
            mic=_side(sight.mic, event, sides.get(MICROPHONE)),
            speaker=_side(sight.speaker, event, sides.get(SPEAKER)),
        )
    except (msgspec.ValidationError, AttributeError, ValueError, OverflowError):
        return sight


def payload_of(answer: Any) -> Any:
    """Return the state within an acknowledgement, which may carry it itself or in one of its members; None without."""
    if not isinstance(answer, Mapping):
        return None
    for candidate in (answer, *answer.values()):
        if isinstance(candidate, Mapping) and ({"inCall", "0", "1"} & {str(key) for key in candidate}):
            return candidate
    return None


def _side(known: Side | None, event: str, data: Any) -> Side | None:
    if data is None:
        return known
    if event == "device_state":
        return msgspec.structs.replace(known or Side(), device=_device(msgspec.convert(data, DeviceState)))
    if known is None:  # which device it is about comes first
        known = Side()
    enabled = msgspec.convert(data, SwitchState).enabled
    if event == "nc_state":
        return msgspec.structs.replace(known, noise_cancellation=enabled)
    return msgspec.structs.replace(known, accent_conversion=enabled)


def _device(state: DeviceState) -> Device | None:
    info = state.physical_device_info
    if info is None:
        return None
    is_usable = info.is_available is not False and not info.is_disabled
    return Device(info.name or info.description, is_muted=bool(info.is_muted), is_usable=is_usable)
