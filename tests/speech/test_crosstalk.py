"""The side-tone gate, on tones whose leak is known to the decibel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from callfloor.speech.crosstalk import GateSettings, leak_frames
from callfloor.speech.signals import FRAME_SECONDS, Signal, frame_levels, open_signal
from tests.speech.synthesis import Wave, noise, silence, tone, write_raw

TURN_SECONDS = 2.0


def opened(tmp_path: Path, *channels: Wave, muted: tuple[tuple[float, float], ...] = ()) -> Signal:
    paths = [write_raw(tmp_path / f"{index}.s16", channel) for index, channel in enumerate(channels)]
    return open_signal(paths, muted=muted)


def conversation(*, leak_db: float, customer_dbfs: float = -20.0) -> tuple[Wave, Wave]:
    """The agent for two seconds, then the customer, then both; each leaks into the other's channel."""
    agent = np.concatenate([tone(2.0, level_dbfs=-20), silence(2.0), tone(2.0, level_dbfs=-20)])
    customer = np.concatenate([silence(2.0), tone(4.0, level_dbfs=customer_dbfs, hertz=500)])
    hiss = noise(6.0, level_dbfs=-70)
    gain = 10 ** (leak_db / 20)
    return agent + gain * customer + hiss, customer + gain * agent + hiss


def share(leak: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], channel: int, turn: int) -> float:
    """Share of a two-second turn that counts as leak, its first and last tenth of a second left out."""
    first = int((turn * TURN_SECONDS + 0.1) / FRAME_SECONDS)
    last = int(((turn + 1) * TURN_SECONDS - 0.1) / FRAME_SECONDS)
    return float(leak[channel, first:last].mean())


class TestLeakFrames:
    @pytest.mark.parametrize("leak_db", [-20.0, -30.0, -38.0, -45.0])
    def test_mutes_the_leak_and_nothing_else(self, leak_db: float, tmp_path: Path) -> None:
        leak = leak_frames(frame_levels(opened(tmp_path, *conversation(leak_db=leak_db))))

        assert [share(leak, 0, turn) for turn in range(3)] == [0.0, 1.0, 0.0]
        assert [share(leak, 1, turn) for turn in range(3)] == [1.0, 0.0, 0.0]

    def test_keeps_a_party_that_is_quieter_than_the_other(self, tmp_path: Path) -> None:
        agent, customer = conversation(leak_db=-40.0, customer_dbfs=-34.0)

        leak = leak_frames(frame_levels(opened(tmp_path, agent, customer)))

        assert share(leak, 1, 1) == share(leak, 1, 2) == 0.0

    def test_leaves_mono_alone(self, tmp_path: Path) -> None:
        assert not leak_frames(frame_levels(opened(tmp_path, tone(1.0, level_dbfs=-20)))).any()

    def test_a_single_frame_does_not_decide(self, tmp_path: Path) -> None:
        agent, customer = conversation(leak_db=-38.0)
        at = int(3.0 * 16_000)
        agent[at : at + 320] += tone(0.02, level_dbfs=-20)

        leak = leak_frames(frame_levels(opened(tmp_path, agent, customer)))

        assert share(leak, 0, 1) == 1.0

    def test_settings_decide_how_much_louder_the_other_must_be(self, tmp_path: Path) -> None:
        levels = frame_levels(opened(tmp_path, *conversation(leak_db=-30.0)))

        assert not leak_frames(levels, settings=GateSettings(other_louder_db=35.0)).any()


class TestSignal:
    def test_measures_levels_in_decibels_below_full_scale(self, tmp_path: Path) -> None:
        signal = opened(tmp_path, tone(1.0, level_dbfs=-23.0), silence(1.0))

        levels = frame_levels(signal)

        assert levels.shape == (2, 50)
        assert levels[0] == pytest.approx(-23.0, abs=0.1)
        assert levels[1] == pytest.approx(-120.0)

    def test_reads_muted_spans_as_silence_on_every_channel(self, tmp_path: Path) -> None:
        loud = tone(2.0, level_dbfs=-20)
        signal = opened(tmp_path, loud, loud, muted=((0.505, 1.0),))

        for channel in (0, 1):
            assert not signal.read(channel, 8_100, 16_000).any()
            assert signal.read(channel, 0, 8_000).any()
            assert signal.read(channel, 16_000, 32_000).any()

    @pytest.mark.parametrize(("start", "stop"), [(0, 320), (1, 2), (319, 321), (8_001, 8_320), (31_999, 40_000)])
    def test_reads_any_stretch_as_it_is(self, start: int, stop: int, tmp_path: Path) -> None:
        wave = noise(2.0, level_dbfs=-20)
        signal = opened(tmp_path, wave)

        assert signal.read(0, start, stop) == pytest.approx(wave[start:stop], abs=1e-4)
