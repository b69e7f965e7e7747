"""A telephone line: its band, levels, side tone, noise and coding. Signals are mono float32, range about -1..1."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Spans = list[tuple[float, float]]

RATE_HZ = 8_000
BAND_HZ = (300.0, 3_400.0)
SPEECH_DBFS = -22.0
HISS_DBFS = -60.0
FRAME_S = 0.02
HOP_S = 0.01
# Speech is what lies less than this under the loud frames of the same party.
SPEECH_RANGE_DB = 28.0
BRIDGED_GAP_S = 0.3
SHORTEST_SPEECH_S = 0.05
EDGE_S = 0.02


def narrow(speech: Samples, *, rate_hz: int) -> Samples:
    """Return the speech in the telephone band at 8 kHz; `rate_hz` is a whole multiple of that."""
    factor, rest = divmod(rate_hz, RATE_HZ)
    if rest:
        raise ValueError(f"{rate_hz} Hz is not a multiple of {RATE_HZ} Hz.")
    filtered = np.convolve(speech, _band_pass(rate_hz), mode="same")
    return np.asarray(filtered[::factor], dtype=np.float32)


def _band_pass(rate_hz: int, taps: int = 301) -> npt.NDArray[np.float64]:
    """Return a linear-phase band-pass: two windowed sincs, one taken from the other."""
    time = np.arange(taps) - (taps - 1) / 2
    low, high = (2 * edge / rate_hz for edge in BAND_HZ)
    response = high * np.sinc(high * time) - low * np.sinc(low * time)
    return np.asarray(response * np.kaiser(taps, 7.0))


def frame_levels_db(signal: Samples) -> npt.NDArray[np.float64]:
    """Return the level of each 20 ms frame, one every 10 ms, in dB relative to full scale."""
    frame, hop = int(FRAME_S * RATE_HZ), int(HOP_S * RATE_HZ)
    padded = np.pad(signal.astype(np.float64), (0, frame))
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame)[: max(len(signal), 1) : hop]
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def loud_level_db(signal: Samples) -> float:
    """Return the 95th percentile of the frame levels, in dB relative to full scale."""
    return float(np.percentile(frame_levels_db(signal), 95))


def speech_spans(signal: Samples, *, loud_db: float) -> Spans:
    """Return where speech is, as (start, end) in seconds: frames within 28 dB of the loud level, short gaps bridged."""
    active = np.flatnonzero(frame_levels_db(signal) > loud_db - SPEECH_RANGE_DB) * HOP_S
    end_s = len(signal) / RATE_HZ
    spans: Spans = []
    for start in active.tolist():
        if spans and start - spans[-1][1] < BRIDGED_GAP_S:
            spans[-1] = (spans[-1][0], min(start + FRAME_S, end_s))
        else:
            spans.append((start, min(start + FRAME_S, end_s)))
    return [span for span in spans if span[1] - span[0] >= SHORTEST_SPEECH_S]


def trimmed(clip: Samples) -> Samples:
    """Return the clip without the silence at its ends, 20 ms of it kept on each side.

    Raises:
        ValueError: there is no speech in the clip.
    """
    spans = speech_spans(clip, loud_db=loud_level_db(clip))
    if not spans:
        raise ValueError("A clip holds no speech.")
    start, end = max(0.0, spans[0][0] - EDGE_S), spans[-1][1] + EDGE_S
    return clip[round(start * RATE_HZ) : round(end * RATE_HZ)]


def active_level_dbfs(signal: Samples) -> float:
    """Return the mean power of the frames that hold speech, pauses left out, in dB relative to full scale."""
    levels = frame_levels_db(signal)
    active = levels[levels > np.max(levels) - SPEECH_RANGE_DB]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def leveled(signal: Samples, *, level_dbfs: float) -> Samples:
    """Return the signal with its active frames at that level on average, pauses left out."""
    gain_db = level_dbfs - active_level_dbfs(signal)
    return np.asarray(signal * 10 ** (gain_db / 20), dtype=np.float32)


def hiss(frames: int, *, level_dbfs: float, chance: np.random.Generator) -> Samples:
    """Return noise of the telephone band at that level."""
    shaped = np.convolve(chance.standard_normal(frames), _band_pass(RATE_HZ), mode="same")
    return _at_level(shaped, level_dbfs)


def street(babble: list[Samples], frames: int, *, level_dbfs: float, chance: np.random.Generator) -> Samples:
    """Return the noise of a busy street: passing cars, and people whose words run backwards so that none is heard."""
    time = np.arange(frames) / RATE_HZ
    cars = np.cumsum(chance.standard_normal(frames))
    cars = np.convolve(cars - np.convolve(cars, np.ones(801) / 801, mode="same"), _band_pass(RATE_HZ), mode="same")
    passing = sum(np.exp(-(((time - middle) / 1.8) ** 2)) for middle in chance.uniform(0, time[-1], frames // 40_000))
    voices = np.zeros(frames)
    for clip in babble:
        place = int(chance.integers(0, max(1, frames - len(clip))))
        backwards = clip[::-1][: frames - place]
        voices[place : place + len(backwards)] += backwards * chance.uniform(0.3, 1.0)
    mixed = _at_level(voices, -20.0) + _at_level(cars, -24.0) * (0.35 + passing)
    return _at_level(np.asarray(mixed), level_dbfs)


def _at_level(signal: npt.NDArray[np.floating], level_dbfs: float) -> Samples:
    root_mean_square = float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
    return np.asarray(signal * (10 ** (level_dbfs / 20) / max(root_mean_square, 1e-12)), dtype=np.float32)


def leak(other: Samples, *, level_db: float, delay_s: float = 0.004) -> Samples:
    """Return what a telephone hears of the other party: the same signal, softer and a little later."""
    delay = int(delay_s * RATE_HZ)
    return np.asarray(np.pad(other, (delay, 0))[: len(other)] * 10 ** (level_db / 20), dtype=np.float32)


def companded(signal: Samples) -> Samples:
    """Return the signal after 8-bit mu-law coding and decoding (ITU-T G.711's curve, in its continuous form)."""
    curve = 255.0
    clipped = np.clip(signal.astype(np.float64), -1.0, 1.0)
    coded = np.round(np.sign(clipped) * np.log1p(curve * np.abs(clipped)) / np.log1p(curve) * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(curve)) / curve, dtype=np.float32)
