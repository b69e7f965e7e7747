"""The side-tone gate, on tones whose leak is known to the decibel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from callfloor.speech.crosstalk import GateSettings, leak_frames
from callfloor.speech.signals import FRAME_SECONDS, Signal, frame_levels, open_signal
from tests.speech.synthesis import RATE_HZ, Wave, noise, silence, tone, write_raw

TURN_SECONDS = 2.0


def opened(tmp_path: Path, *channels: Wave, muted: tuple[tuple[float, float], ...] = ()) -> Signal:
    paths = [write_raw(tmp_path / f"{index}.s16", channel) for index, channel in enumerate(channels)]
    return open_signal(paths, muted=muted)


def conversation(*, leak_db: float, customer_dbfs: float = -20.0, delay_seconds: float = 0.0) -> tuple[Wave, Wave]:
    """Turns of two seconds: the agent, the customer, the agent, the customer, both; each leaks into the other's."""
    agent_speaks, customer_speaks = np.repeat([[1, 0, 1, 0, 1], [0, 1, 0, 1, 1]], 2 * RATE_HZ, axis=1)
    agent = agent_speaks * tone(10.0, level_dbfs=-20)
    customer = customer_speaks * tone(10.0, level_dbfs=customer_dbfs, hertz=500)
    hiss = noise(10.0, level_dbfs=-70)
    gain, delay = 10 ** (leak_db / 20), int(delay_seconds * RATE_HZ)
    return agent + gain * np.roll(customer, delay) + hiss, customer + gain * np.roll(agent, delay) + hiss


def share(leak: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], channel: int, turn: int) -> float:
    """Share of a two-second turn that counts as leak, its first and last tenth of a second left out."""
    first = int((turn * TURN_SECONDS + 0.1) / FRAME_SECONDS)
    last = int(((turn + 1) * TURN_SECONDS - 0.1) / FRAME_SECONDS)
    return float(leak[channel, first:last].mean())


class TestLeakFrames:
    @pytest.mark.parametrize("leak_db", [-12.0, -20.0, -30.0, -38.0, -45.0])
    @pytest.mark.parametrize("delay_seconds", [0.0, 0.15])
    def test_mutes_the_leak_and_nothing_else(self, leak_db: float, delay_seconds: float, tmp_path: Path) -> None:
        channels = conversation(leak_db=leak_db, delay_seconds=delay_seconds)

        leak = leak_frames(frame_levels(opened(tmp_path, *channels)))

        assert [share(leak, 0, turn) for turn in range(1, 5)] == [1.0, 0.0, 1.0, 0.0]
        assert [share(leak, 1, turn) for turn in range(1, 5)] == [0.0, 1.0, 0.0, 0.0]

    def test_keeps_a_party_that_is_quieter_than_the_other(self, tmp_path: Path) -> None:
        channels = conversation(leak_db=-40.0, customer_dbfs=-40.0)

        leak = leak_frames(frame_levels(opened(tmp_path, *channels)))

        assert [share(leak, 1, turn) for turn in range(5)] == [1.0, 0.0, 1.0, 0.0, 0.0]

    def test_mutes_all_of_a_party_that_never_speaks(self, tmp_path: Path) -> None:
        agent = conversation(leak_db=-60.0)[0]

        leak = leak_frames(frame_levels(opened(tmp_path, agent, 0.05 * agent)))

        assert not leak[0].any()
        assert [share(leak, 1, turn) for turn in (0, 2, 4)] == [1.0, 1.0, 1.0]

    def test_leaves_one_sound_on_both_channels_alone(self, tmp_path: Path) -> None:
        agent = conversation(leak_db=-60.0)[0]

        assert not leak_frames(frame_levels(opened(tmp_path, agent, 0.7 * agent))).any()

    def test_leaves_mono_alone(self, tmp_path: Path) -> None:
        assert not leak_frames(frame_levels(opened(tmp_path, tone(1.0, level_dbfs=-20)))).any()

    def test_a_single_frame_does_not_decide(self, tmp_path: Path) -> None:
        agent, customer = conversation(leak_db=-38.0)
        at = int(3.0 * RATE_HZ)
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
