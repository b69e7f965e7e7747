"""What the agent sees of this machine at one moment: the desktop app, or the operating system's microphone use."""

from __future__ import annotations

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A microphone or a speaker, as its source tells of it; the name may be unknown."""

    name: str | None
    is_muted: bool = False
    is_usable: bool = True
    """Present, enabled, and not known to be broken."""


class Side(msgspec.Struct, frozen=True):
    """One direction of the sound: the device and what works on it; no device is a source that has none."""

    device: Device | None = None
    noise_cancellation: bool = False
    accent_conversion: bool = False

    @property
    def is_usable(self) -> bool:
        """Return whether sound can go this way."""
        return self.device is not None and self.device.is_usable


class Sight(msgspec.Struct, frozen=True):
    """What one source sees.

    Args:
        source: `desktop` or `os`.
        in_call: None while the source has not told.
        in_call_changed_at: when `in_call` became what it is, where the source tells it; by this machine's own clock.
        fault: what the source says is broken.
        app_names: of the programs that use the microphone, where that is known.
        has_speaker_stream: whether a program that uses the microphone may also be heard; None where that is not told.
    """

    source: str
    in_call: bool | None = None
    in_call_changed_at: int | None = None
    mic: Side | None = None
    speaker: Side | None = None
    fault: str | None = None
    app_names: tuple[str, ...] = ()
    has_speaker_stream: bool | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether the source has told all that a state is derived from."""
        return self.in_call is not None and self.mic is not None and self.speaker is not None


def combined(desktop: Sight | None, system: Sight | None) -> Sight | None:
    """Return what is seen: by the desktop app once it has told all, else by the operating system."""
    if desktop is None or (system is not None and not desktop.is_complete and desktop.fault is None):
        return system
    if system is not None and system.app_names and not desktop.app_names:
        return msgspec.structs.replace(desktop, app_names=system.app_names)
    return desktop
