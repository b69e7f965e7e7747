"""Writes speech down: Whisper on CTranslate2, one pass a window, deterministic, with a guard against invented words."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from callfloor.speech.errors import ModelDamaged
from callfloor.speech.models import INSTALL_COMMAND, beam_size_of, default_models_dir, find_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faster_whisper import WhisperModel

    from callfloor.speech.signals import Samples

_FRAME_SAMPLES: Final = 160
_MAX_FRAMES: Final = 3000
_MAX_TOKENS: Final = 256
_OPENING_MARKS: Final = "\"'“¿([{-"
_CLOSING_MARKS: Final = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001  full-width marks of other scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """When the text of a window is taken for invented.

    Attributes:
        no_speech_probability: the model itself says more often than this that nobody speaks ...
        mean_log_probability: ... and is less sure of its tokens than this.
        hopeless_log_probability: less sure than this is enough alone.
        compression_ratio: text that packs better than this repeats itself.
        word_probability: a window of few words that are less sure than this on average is dropped.
        few_words: how many words count as few.
    """

    no_speech_probability: float = 0.6
    mean_log_probability: float = -1.0
    hopeless_log_probability: float = -1.7
    compression_ratio: float = 2.4
    word_probability: float = 0.3
    few_words: int = 4


@dataclass(frozen=True, slots=True)
class WindowWord:
    """A word and its seconds in the window; ``spaced`` tells whether a space stands before it."""

    text: str
    start: float
    end: float
    probability: float
    spaced: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What the encoder made of a window; about 3 MB with base."""

    encoded: Any
    frames: int


class Engine:
    """A Whisper model, loaded when it is first used, for one thread at a time."""

    def __init__(self, model_dir: Path, *, beam_size: int, threads: int, guard: GuardSettings | None = None) -> None:
        self.model_dir = model_dir
        self._beam_size = beam_size
        self._threads = threads
        self._guard = guard or GuardSettings()

    @cached_property
    def _model(self) -> WhisperModel:
        from faster_whisper import WhisperModel  # noqa: PLC0415  100 MB that a server without a worker never needs

        try:
            return WhisperModel(
                str(self.model_dir), device="cpu", compute_type="int8", cpu_threads=self._threads, local_files_only=True
            )
        except (RuntimeError, ValueError) as fault:
            raise ModelDamaged(self.model_dir.name, str(fault), INSTALL_COMMAND) from fault

    def load(self) -> None:
        """Load the model now.

        Raises:
            ModelDamaged: the files are no Whisper model.
        """
        _ = self._model

    @property
    def is_multilingual(self) -> bool:
        return bool(self._model.model.is_multilingual)

    @property
    def languages(self) -> tuple[str, ...]:
        """The language codes that the model knows."""
        return tuple(self._model.supported_languages)

    def hear(self, samples: Samples) -> Heard:
        """Encode a window: 16 kHz, range -1..1, at most 30 seconds."""
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415  as above

        features = self._model.feature_extractor(samples)[..., :-1]
        frames = min(_MAX_FRAMES, max(2, len(samples) // _FRAME_SAMPLES))
        return Heard(self._model.encode(pad_or_trim(features)), frames)

    def language_probabilities(self, heard: Heard) -> dict[str, float]:
        """Return how likely each language is in this window."""
        if not self.is_multilingual:
            return {"en": 1.0}
        return {token[2:-2]: probability for token, probability in self._model.model.detect_language(heard.encoded)[0]}

    def write_down(self, heard: Heard, *, language: str) -> list[WindowWord]:
        """Return the words of a window in order; none when the guard takes them for invented."""
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415  as above

        tokenizer = Tokenizer(
            self._model.hf_tokenizer,
            self.is_multilingual,
            task="transcribe",
            language=language if self.is_multilingual else "en",
        )
        tokens = self._tokens(heard, tokenizer)
        if not tokens:
            return []
        words = self._aligned(heard, tokenizer, tokens)
        mean = float(np.mean([word.probability for word in words])) if words else 0.0
        if len(words) <= self._guard.few_words and mean < self._guard.word_probability:
            return []
        return words

    def _tokens(self, heard: Heard, tokenizer: Any) -> list[int]:
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True)
        # A text that repeats itself gets a second try that forbids just that.
        for no_repeat_ngram_size in (0, 5):
            result = self._model.model.generate(
                heard.encoded,
                [prompt],
                beam_size=self._beam_size,
                max_length=_MAX_TOKENS,
                no_repeat_ngram_size=no_repeat_ngram_size,
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
            found = result.sequences_ids[0]
            # scores are means over the tokens; the end token counts as one more.
            mean_log_probability = result.scores[0] * len(found) / (len(found) + 1)
            if self._is_invented(result.no_speech_prob, mean_log_probability):
                return []
            tokens = [token for token in found if token < tokenizer.eot]
            if _compression_ratio(tokenizer.decode(tokens)) <= self._guard.compression_ratio:
                return tokens
        return []

    def _is_invented(self, no_speech_probability: float, mean_log_probability: float) -> bool:
        guard = self._guard
        return mean_log_probability < guard.hopeless_log_probability or (
            no_speech_probability > guard.no_speech_probability and mean_log_probability < guard.mean_log_probability
        )

    def _aligned(self, heard: Heard, tokenizer: Any, tokens: Sequence[int]) -> list[WindowWord]:
        from faster_whisper.transcribe import merge_punctuations  # noqa: PLC0415  as above

        found = self._model.find_alignment(tokenizer, [list(tokens)], heard.encoded, heard.frames)
        alignment = found[0] if found else []
        merge_punctuations(alignment, _OPENING_MARKS, _CLOSING_MARKS)
        return [
            WindowWord(
                text=entry["word"].strip(),
                start=float(entry["start"]),
                end=float(entry["end"]),
                probability=float(entry["probability"]),
                spaced=entry["word"].startswith(" "),
            )
            for entry in alignment
            if entry["word"].strip()
        ]


def load_engine(model_dir: Path, *, beam_size: int | None = None, threads: int = 1) -> Engine:
    """Return an engine for the model in this folder; it loads when it is first used.

    Args:
        model_dir: a Whisper model for CTranslate2.
        beam_size: 5 is the usual, 1 is quicker and a little worse; None takes what suits the model.
        threads: how many cores one window may use.

    Raises:
        ModelMissing: nothing is there.
        ModelDamaged: a file of it is missing or has another size.
    """
    folder = find_model(str(model_dir.absolute()), default_models_dir())
    return Engine(folder, beam_size=beam_size or beam_size_of(folder), threads=threads)


def _compression_ratio(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
