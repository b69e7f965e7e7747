"""Sound with a known answer, and files of it."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
RATE_HZ = 16_000

Wave: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def tone(seconds: float, *, level_dbfs: float, hertz: float = 300.0, rate_hz: int = RATE_HZ) -> Wave:
    """Return a sine of this RMS level, shape (samples,)."""
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    return np.asarray(np.sqrt(2) * 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hertz * at))


def noise(seconds: float, *, level_dbfs: float, seed: int = 1, rate_hz: int = RATE_HZ) -> Wave:
    """Return white noise of this RMS level, shape (samples,)."""
    return 10 ** (level_dbfs / 20) * np.random.default_rng(seed).standard_normal(int(seconds * rate_hz))


def silence(seconds: float, *, rate_hz: int = RATE_HZ) -> Wave:
    return np.zeros(int(seconds * rate_hz))


def write_wav(file: Path, *channels: Wave, rate_hz: int = RATE_HZ) -> Path:
    """Write 16 bit PCM, one array a channel, range -1..1."""
    frames = np.stack(channels, axis=1)
    with wave.open(str(file), "wb") as sink:
        sink.setparams((len(channels), 2, rate_hz, 0, "NONE", ""))
        sink.writeframes(as_int16(frames).tobytes())
    return file


def write_raw(file: Path, samples: Wave) -> Path:
    """Write a decoded channel as ``decoding.decode`` does."""
    file.write_bytes(as_int16(samples).tobytes())
    return file


def as_int16(samples: Wave) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(np.clip(samples * 32767, -32768, 32767), dtype=np.int16)


def sample_call(name: str) -> tuple[Path, dict[str, Any]]:
    """Return one of the project's own calls and its truth."""
    entries = json.loads((SAMPLES / "manifest.json").read_text())["files"]
    entry = next(entry for entry in entries if entry["file"] == name)
    return SAMPLES / name, entry
