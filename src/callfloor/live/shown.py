"""Live rows as `/api/v2` writes them."""

from __future__ import annotations

from typing import Any, Literal

from callfloor.foundation.clock import iso
from callfloor.foundation.web import Shape
from callfloor.live.queries import LiveDevice
from callfloor.live.tables import State

StateName = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]


class LiveCall(Shape):
    """The call that a device is in."""

    app_name: str
    started_at: str


class LiveSound(Shape):
    """A microphone or a speaker; null is not known."""

    device: str | None
    muted: bool | None
    noise_cancellation: bool | None
    accent_conversion: bool | None


class LiveDeviceShown(Shape):
    """What a device does at this moment; `since` when it is in its state, `updated_at` when it last changed."""

    id: int
    state: StateName
    reason: str | None
    since: str
    updated_at: str
    hostname: str
    nickname: str | None
    os: str
    app_version: str
    username: str
    account_id: int | None
    email: str | None
    call: LiveCall | None
    mic: LiveSound | None
    speaker: LiveSound | None


def shown(one: LiveDevice) -> dict[str, Any]:
    """Return the device as `LiveDeviceShown`, to be encoded: thousands are shown at once."""
    is_there = one.state != State.OFFLINE
    call = one.content.call if is_there else None
    return {
        "id": one.id,
        "state": one.state,
        "reason": one.reason if is_there else None,
        "since": iso(one.since),
        "updated_at": iso(one.updated_at),
        "hostname": one.hostname,
        "nickname": one.nickname,
        "os": one.os,
        "app_version": one.app_version,
        "username": one.username,
        "account_id": one.account_id,
        "email": one.email,
        "call": None if call is None else {"app_name": call.app_name, "started_at": iso(call.started_at)},
        "mic": one.content.mic if is_there else None,
        "speaker": one.content.speaker if is_there else None,
    }
