"""Recordings made of numbers."""

from __future__ import annotations

import io
import itertools
import math
import wave

_unique = itertools.count()


def make_wav(*, seconds: float = 0.5, rate_hz: int = 8000, channels: int = 1, tone_hz: float | None = None) -> bytes:
    """Return a 16 bit wav of a tone; every call returns another content."""
    tone = 200 + next(_unique) if tone_hz is None else tone_hz
    count = int(seconds * rate_hz)
    frames = bytearray()
    for at in range(count):
        level = int(8000 * math.sin(2 * math.pi * tone * at / rate_hz)) if tone else 0
        frames += level.to_bytes(2, "little", signed=True) * channels
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(bytes(frames))
    return out.getvalue()
