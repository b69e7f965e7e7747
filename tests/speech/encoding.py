"""Encodes sound in memory, so that no test needs a recording from elsewhere."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np

from tests.speech.synthesis import RATE_HZ, Wave, as_int16

ENCODINGS = [
    ("wav", "pcm_s16le", "wav"),
    ("wav", "pcm_mulaw", "wav"),
    ("wav", "pcm_alaw", "wav"),
    ("flac", "flac", "flac"),
    ("mp3", "libmp3lame", "mp3"),
    ("ogg", "libopus", "ogg"),
    ("ipod", "aac", "m4a"),
    ("mp4", "aac", "mp4"),
    ("adts", "aac", "aac"),
    ("webm", "libopus", "webm"),
    ("matroska", "libopus", "webm"),
]
"""Container as FFmpeg names it, encoder, and what ``sniff`` calls it."""


def encode(*channels: Wave, form: str, codec: str, rate_hz: int | None = None) -> bytes:
    """Return the channels, range -1..1, in this container."""
    rate_hz = rate_hz or (48_000 if codec == "libopus" else RATE_HZ)
    layout = "stereo" if len(channels) == 2 else "mono"
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(
            as_int16(np.stack(channels, axis=1)).reshape(1, -1), format="s16", layout=layout
        )
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return target.getvalue()
