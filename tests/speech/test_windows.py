"""Packing speech into windows and mapping word times back, as laws that hold for any speech."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.speech.signals import open_signal
from callfloor.speech.voice import CHUNK_SAMPLES, Region
from callfloor.speech.windows import Piece, Window, pack
from tests.speech.synthesis import RATE_HZ, noise, write_raw

LONGEST_SECONDS = 29.0


@st.composite
def speech(draw: st.DrawFn) -> list[Region]:
    """Regions in order, up to a minute and a half each."""
    at, regions = 0, []
    for gap, length in draw(
        st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 90 * RATE_HZ)), min_size=1, max_size=12)
    ):
        regions.append(Region(at + gap, at + gap + length))
        at += gap + length
    return regions


@st.composite
def packed(draw: st.DrawFn) -> tuple[list[Region], tuple[Window, ...]]:
    regions = draw(speech())
    seed = draw(st.integers(0, 1000))
    probabilities = np.random.default_rng(seed).random(regions[-1].end // CHUNK_SAMPLES + 1, dtype=np.float32)
    joint_seconds = draw(st.sampled_from((0.0, 0.1, 0.5)))
    return regions, pack(regions, probabilities, longest_seconds=LONGEST_SECONDS, joint_seconds=joint_seconds)


class TestPack:
    @given(packed())
    def test_every_sample_of_speech_is_in_one_window_in_order(
        self, case: tuple[list[Region], tuple[Window, ...]]
    ) -> None:
        regions, windows = case

        pieces = [piece for window in windows for piece in window.pieces]

        assert all(piece.length > 0 for piece in pieces)
        assert all(before.end <= after.start for before, after in pairwise(pieces))
        assert sum(piece.length for piece in pieces) == sum(region.end - region.start for region in regions)
        assert all(any(r.start <= p.start and p.end <= r.end for r in regions) for p in pieces)

    @given(packed())
    def test_no_window_is_longer_than_the_model_hears(self, case: tuple[list[Region], tuple[Window, ...]]) -> None:
        assert all(window.length <= LONGEST_SECONDS * RATE_HZ for window in case[1])

    def test_cuts_an_over_long_region_where_speech_is_least_likely(self) -> None:
        probabilities = np.full(2000, 0.9, dtype=np.float32)
        probabilities[700] = 0.1

        windows = pack([Region(0, 40 * RATE_HZ)], probabilities, longest_seconds=29.0, joint_seconds=0.0)

        assert [window.pieces[0].end for window in windows] == [700 * CHUNK_SAMPLES, 40 * RATE_HZ]


class TestAsRealTimes:
    @given(
        packed(),
        st.lists(st.tuples(st.floats(0, 31), st.floats(0, 5)), max_size=40),
    )
    def test_words_stay_in_speech_and_never_run_backwards(
        self, case: tuple[list[Region], tuple[Window, ...]], drawn: list[tuple[float, float]]
    ) -> None:
        spans = [(start, start + length) for start, length in drawn]
        for window in case[1]:
            times = window.as_real_times(spans)
            within = [(p.start / RATE_HZ, p.end / RATE_HZ) for p in window.pieces]

            assert len(times) == len(spans)
            assert all(start <= end for start, end in times)
            assert all(before[1] <= after[0] for before, after in pairwise(times))
            assert all(any(first <= start and end <= last for first, last in within) for start, end in times)

    def test_moves_each_word_by_the_silence_left_out_before_it(self) -> None:
        window = Window((Piece(10 * RATE_HZ, 12 * RATE_HZ), Piece(60 * RATE_HZ, 65 * RATE_HZ)), 0)

        times = window.as_real_times([(0.5, 1.0), (1.5, 1.9), (2.5, 3.0)])

        assert np.array(times) == pytest.approx(np.array([(10.5, 11.0), (11.5, 11.9), (60.5, 61.0)]))

    def test_a_word_that_spans_a_joint_stays_where_its_middle_is(self) -> None:
        window = Window((Piece(10 * RATE_HZ, 12 * RATE_HZ), Piece(60 * RATE_HZ, 65 * RATE_HZ)), 0)

        assert window.as_real_times([(1.8, 3.0)]) == [pytest.approx((60.0, 61.0))]


def test_a_window_reads_its_pieces_one_behind_the_other(tmp_path: Path) -> None:
    wave = noise(4.0, level_dbfs=-20)
    signal = open_signal([write_raw(tmp_path / "0.s16", wave)])

    audio = Window((Piece(100, 200), Piece(40_000, 40_500)), 50).read(signal, 0)

    assert audio[:100] == pytest.approx(wave[100:200], abs=1e-4)
    assert not audio[100:150].any()
    assert audio[150:] == pytest.approx(wave[40_000:40_500], abs=1e-4)
