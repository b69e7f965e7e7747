"""Where speech is: synthetic sound without any, and calls whose speech is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from callfloor.speech.decoding import DecodeLimits, decode
from callfloor.speech.signals import Signal, open_signal
from callfloor.speech.voice import CHUNK_SAMPLES, VoiceDetector, VoiceSettings, speech_regions
from tests.speech.synthesis import RATE_HZ, Wave, noise, sample_call, tone, write_raw

SILENT_SOUNDS = {
    "white noise": noise(12.0, level_dbfs=-30),
    "ring-back": tone(12.0, level_dbfs=-20, hertz=440) + tone(12.0, level_dbfs=-20, hertz=480),
    "mains hum": tone(12.0, level_dbfs=-25, hertz=50) + tone(12.0, level_dbfs=-30, hertz=100),
    "a fax": tone(12.0, level_dbfs=-15, hertz=2100),
}


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


def chances(*steps: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Probabilities for steps of (seconds, probability)."""
    return np.concatenate(
        [np.full(round(seconds * RATE_HZ / CHUNK_SAMPLES), value, dtype=np.float32) for seconds, value in steps]
    )


class TestVoiceDetector:
    @pytest.mark.parametrize("kind", SILENT_SOUNDS)
    def test_hears_no_speech_in(self, kind: str, detector: VoiceDetector, tmp_path: Path) -> None:
        signal = open_signal([write_raw(tmp_path / "0.s16", SILENT_SOUNDS[kind])])

        assert speech_regions(detector.probabilities(signal)[0], samples=signal.samples) == ()

    def test_drops_next_to_no_speech_of_a_call(self, detector: VoiceDetector, tmp_path: Path) -> None:
        source, truth = sample_call("wrong_number.opus")
        decoded = decode(source, tmp_path, limits=DecodeLimits())
        signal = open_signal([channel.path for channel in decoded.channels])

        found = detector.probabilities(signal)

        for channel in (0, 1):
            spoken, heard = np.zeros(signal.samples, dtype=np.bool_), np.zeros(signal.samples, dtype=np.bool_)
            for segment in truth["segments"]:
                for start, end in segment["speech"] if segment["channel"] == channel else ():
                    spoken[int(start * RATE_HZ) : int(end * RATE_HZ)] = True
            for region in speech_regions(found[channel], samples=signal.samples):
                heard[region.start : region.end] = True
            assert (spoken & ~heard).sum() / spoken.sum() < 0.05

    def test_two_channels_at_once_are_heard_as_each_alone(self, detector: VoiceDetector, tmp_path: Path) -> None:
        sounds: list[Wave] = [noise(3.0, level_dbfs=-30), tone(3.0, level_dbfs=-20)]
        paths = [write_raw(tmp_path / f"{index}.s16", sound) for index, sound in enumerate(sounds)]

        both = detector.probabilities(open_signal(paths))

        for index, path in enumerate(paths):
            alone: Signal = open_signal([path])
            assert both[index] == pytest.approx(detector.probabilities(alone)[0], abs=1e-4)

    def test_what_progress_raises_comes_out(self, detector: VoiceDetector, tmp_path: Path) -> None:
        signal = open_signal([write_raw(tmp_path / "0.s16", noise(40.0, level_dbfs=-30))])

        def stop(seconds: float) -> None:
            raise KeyError(seconds)

        with pytest.raises(KeyError):
            detector.probabilities(signal, on_progress=stop)


class TestSpeechRegions:
    SETTINGS = VoiceSettings(min_speech_seconds=0.2, min_silence_seconds=0.3, pad_seconds=0.1)

    def spans(self, *steps: tuple[float, float]) -> list[tuple[float, float]]:
        probabilities = chances(*steps)
        regions = speech_regions(probabilities, samples=len(probabilities) * CHUNK_SAMPLES, settings=self.SETTINGS)
        return [(region.start / RATE_HZ, region.end / RATE_HZ) for region in regions]

    def test_pads_speech_on_both_sides(self) -> None:
        assert self.spans((1.0, 0.0), (2.0, 0.9), (1.0, 0.0)) == [pytest.approx((0.9, 3.1), abs=0.04)]

    def test_a_short_pause_does_not_part_speech(self) -> None:
        assert len(self.spans((1.0, 0.9), (0.2, 0.0), (1.0, 0.9))) == 1

    def test_a_longer_pause_parts_it_and_pads_do_not_overlap(self) -> None:
        (_, first_end), (second_start, _) = self.spans((1.0, 0.9), (0.35, 0.0), (1.0, 0.9))

        assert 1.0 < first_end <= second_start < 1.4

    def test_a_click_is_no_speech(self) -> None:
        assert self.spans((1.0, 0.0), (0.1, 0.9), (1.0, 0.0)) == []

    def test_speech_to_the_very_end_is_kept(self) -> None:
        assert self.spans((1.0, 0.0), (1.0, 0.9)) == [pytest.approx((0.9, 2.0), abs=0.04)]

    def test_doubt_keeps_speech_going_but_does_not_begin_it(self) -> None:
        assert self.spans((1.0, 0.25)) == []
        assert self.spans((0.5, 0.9), (1.0, 0.25), (0.5, 0.0)) == [pytest.approx((0.0, 1.6), abs=0.04)]
