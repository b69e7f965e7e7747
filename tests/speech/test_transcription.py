"""A recording in, its words out, with the small model on the project's own call."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import psutil
import pytest

from callfloor.speech.decoding import DecodeLimits
from callfloor.speech.errors import AudioRejected
from callfloor.speech.recognition import Engine
from callfloor.speech.transcription import Progress, Transcript, TranscriptionSettings, Word, as_segments, transcribe
from tests.speech.encoding import encode
from tests.speech.synthesis import noise, sample_call, silence, tone, write_wav

LIMITS = DecodeLimits()
STAGES = ("decoding", "listening", "transcribing")


def normalized(text: str) -> str:
    return re.sub(r"[^a-z' ]", " ", text.lower())


@dataclasses.dataclass
class Case:
    """A finished transcription, its truth, and what was told on the way."""

    transcript: Transcript
    truth: dict[str, list[str]]
    told: list[Progress]
    scratch: Path


@pytest.fixture(scope="module")
def case(tiny_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Case:
    source, entry = sample_call("wrong_number.opus")
    scratch = tmp_path_factory.mktemp("scratch")
    told: list[Progress] = []
    transcript = transcribe(
        source, engine=tiny_engine, scratch=scratch, limits=LIMITS, language=None, on_progress=told.append
    )
    truth = {
        str(channel): [part["text"] for part in entry["segments"] if part["channel"] == channel] for channel in (0, 1)
    }
    return Case(transcript, truth, told, scratch)


class TestTranscribe:
    def test_writes_down_what_each_party_says(self, case: Case) -> None:
        for channel in (0, 1):
            said = " ".join(part.text for part in case.transcript.segments if part.channel == channel)
            # A few words differ between kinds of CPU, whose sums are not the same to the last bit.
            assert jiwer.wer(normalized(" ".join(case.truth[str(channel)])), normalized(said)) < 0.3

    def test_gives_every_word_a_place_in_its_segment(self, case: Case) -> None:
        for segment in case.transcript.segments:
            assert segment.start == segment.words[0].start
            assert segment.end == segment.words[-1].end <= case.transcript.duration_seconds
            assert all(before.end <= after.start for before, after in pairwise(segment.words))
            assert " ".join(word.text for word in segment.words).replace(" ", "") == segment.text.replace(" ", "")
            assert all(0 <= word.probability <= 1 for word in segment.words)

    def test_orders_segments_by_time(self, case: Case) -> None:
        starts = [segment.start for segment in case.transcript.segments]

        assert starts == sorted(starts)

    def test_tells_how_much_each_party_speaks(self, case: Case) -> None:
        _, entry = sample_call("wrong_number.opus")
        for channel in (0, 1):
            true = sum(
                end - start for part in entry["segments"] if part["channel"] == channel for start, end in part["speech"]
            )
            assert case.transcript.speech_seconds[channel] == pytest.approx(true, rel=0.4)

    def test_tells_its_progress_stage_by_stage(self, case: Case) -> None:
        assert tuple(dict.fromkeys(progress.stage for progress in case.told)) == STAGES
        for stage in STAGES[1:]:
            of_stage = [progress for progress in case.told if progress.stage == stage]
            assert [progress.done for progress in of_stage] == sorted(progress.done for progress in of_stage)
            assert of_stage[-1].done == pytest.approx(of_stage[-1].total)

    def test_leaves_nothing_behind(self, case: Case) -> None:
        assert list(case.scratch.iterdir()) == []

    def test_gives_the_same_words_again(self, case: Case, tiny_engine: Engine, tmp_path: Path) -> None:
        source, _ = sample_call("wrong_number.opus")

        again = transcribe(source, engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language="en-GB")

        assert again == case.transcript

    def test_a_muted_span_holds_no_words(self, case: Case, tiny_engine: Engine, tmp_path: Path) -> None:
        source, _ = sample_call("wrong_number.opus")
        end = case.transcript.duration_seconds / 2

        muted = transcribe(
            source, engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language="en", muted=[(0.0, end)]
        )

        assert muted.segments
        assert min(segment.start for segment in muted.segments) >= end - 0.5

    @pytest.mark.parametrize("stage", STAGES)
    def test_stops_at_once_when_progress_raises(self, stage: str, tiny_engine: Engine, tmp_path: Path) -> None:
        source, _ = sample_call("wrong_number.opus")

        def stop(progress: Progress) -> None:
            if progress.stage == stage:
                raise KeyError(stage)

        with pytest.raises(KeyError):
            transcribe(source, engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language="en", on_progress=stop)

        assert list(tmp_path.iterdir()) == []
        assert not [child for child in psutil.Process().children() if "decode_child" in " ".join(child.cmdline())]

    def test_says_when_the_model_does_not_know_the_language(self, tiny_engine: Engine, tmp_path: Path) -> None:
        source, _ = sample_call("wrong_number.opus")

        transcript = transcribe(
            source, engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language="de", muted=[(6.0, 3600.0)]
        )

        assert transcript.language == "en"
        assert transcript.notes == ("The speech model does not know the language 'de'.",)

    def test_a_rejected_recording_leaves_nothing_behind(self, tiny_engine: Engine, tmp_path: Path) -> None:
        source = tmp_path / "call.wav"
        source.write_text("no recording")
        scratch = tmp_path / "scratch"
        scratch.mkdir()

        with pytest.raises(AudioRejected):
            transcribe(source, engine=tiny_engine, scratch=scratch, limits=LIMITS, language=None)

        assert list(scratch.iterdir()) == []


class TestNotes:
    def test_names_what_a_damaged_file_lost(self, tiny_engine: Engine, tmp_path: Path) -> None:
        content = bytearray(encode(tone(10.0, level_dbfs=-20), form="adts", codec="aac"))
        middle = len(content) // 2
        content[middle : middle + 200] = bytes(byte ^ 0x5A for byte in content[middle : middle + 200])
        (tmp_path / "call.aac").write_bytes(content)

        transcript = transcribe(
            tmp_path / "call.aac", engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language=None
        )

        assert "packets could not be read" in transcript.notes[0]

    def test_names_what_a_cut_file_lacks(self, tiny_engine: Engine, tmp_path: Path) -> None:
        content = write_wav(tmp_path / "call.wav", tone(20.0, level_dbfs=-20)).read_bytes()
        (tmp_path / "cut.wav").write_bytes(content[: len(content) // 4])

        transcript = transcribe(
            tmp_path / "cut.wav", engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language=None
        )

        assert transcript.notes == ("The file is cut short: it holds 5 of its 20 seconds.",)


class TestInventedWords:
    @pytest.mark.parametrize(
        "sound",
        [
            noise(35.0, level_dbfs=-30),
            (tone(35.0, level_dbfs=-18, hertz=440) + tone(35.0, level_dbfs=-18, hertz=480))
            * (np.arange(35 * 16_000) % (6 * 16_000) < 2 * 16_000),
            tone(35.0, level_dbfs=-20, hertz=196) + tone(35.0, level_dbfs=-20, hertz=247),
        ],
        ids=["noise", "ring-back", "held chord"],
    )
    def test_there_are_none_without_speech(
        self, sound: np.ndarray[tuple[int, ...], np.dtype[np.float64]], tiny_engine: Engine, tmp_path: Path
    ) -> None:
        source = write_wav(tmp_path / "call.wav", sound, silence(35.0))

        transcript = transcribe(source, engine=tiny_engine, scratch=tmp_path, limits=LIMITS, language=None)

        assert transcript.segments == ()
        assert transcript.language is None

    def test_the_model_alone_writes_nothing_for_silence_and_noise(self, tiny_engine: Engine) -> None:
        for sound in (silence(20.0), noise(20.0, level_dbfs=-30)):
            heard = tiny_engine.hear(sound.astype(np.float32))
            assert tiny_engine.write_down(heard, language="en") == []


class TestAsSegments:
    SETTINGS = TranscriptionSettings()

    def texts(self, *words: tuple[float, float, str]) -> list[str]:
        said = [Word(start, end, text, 1.0) for start, end, text in words]
        return [segment.text for segment in as_segments(0, said, settings=self.SETTINGS)]

    def test_a_long_pause_parts(self) -> None:
        assert self.texts((0, 1, "so"), (2.5, 3, "yes")) == ["so", "yes"]

    def test_a_short_pause_does_not(self) -> None:
        assert self.texts((0, 1, "so"), (1.5, 2, "yes")) == ["so yes"]

    def test_a_short_pause_after_a_sentence_does(self) -> None:
        assert self.texts((0, 1, "So."), (1.5, 2, "Yes")) == ["So.", "Yes"]

    def test_a_long_segment_ends_with_its_sentence(self) -> None:
        assert self.texts((0, 9, "Well."), (9.1, 10, "Yes")) == ["Well.", "Yes"]

    def test_a_word_part_is_joined_without_a_space(self) -> None:
        said = [Word(0, 1, "re", 1.0), Word(1, 2, "-run", 1.0, spaced=False)]

        assert as_segments(1, said, settings=self.SETTINGS)[0].text == "re-run"
