"""Recordings made of numbers."""

from __future__ import annotations

import io
import itertools
import math
import wave
from pathlib import Path

import av

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


def first_seconds(recording: Path, seconds: float) -> bytes:
    """Return the beginning of a stereo recording as a 16 kHz wav."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=16000)
    data = bytearray()
    with av.open(str(recording)) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                data += part.to_ndarray().tobytes()
            if len(data) >= seconds * 64000:
                break
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(data[: int(seconds * 64000)]))
    return out.getvalue()
