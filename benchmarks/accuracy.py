"""Prints how well calls with a known truth are transcribed, and that signals without speech give no words.

    python -m benchmarks.accuracy [CORPUS] [--model base|tiny|DIR] [--kind stereo|mono|all] [--json FILE]

CORPUS is a folder with a manifest.json like that of ``samples/``. WER is counted on normalized text, a stereo call's
channels apart; RTF is CPU seconds for a second of audio, decoding included. Of a stereo call it also compares how turns
are taken, for either party.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

from benchmarks.turns import Turns, print_turns, turns_of
from callfloor.speech.decoding import DecodeLimits
from callfloor.speech.errors import AudioRejected, SpeechUnavailable
from callfloor.speech.models import default_models_dir, find_model
from callfloor.speech.recognition import Engine, load_engine
from callfloor.speech.transcription import Progress, Transcript, transcribe

REPOSITORY: Final = Path(__file__).resolve().parent.parent
GOAL_PERCENT: Final = {
    ("base", "stereo"): 12.0,
    ("base", "mono"): 15.0,
    ("tiny", "stereo"): 20.0,
    ("tiny", "mono"): 24.0,
}
WORST_CALL_PERCENT: Final = 20.0
RATE_HZ: Final = 8_000
SIGNAL_SECONDS: Final = 40

_normalized = EnglishTextNormalizer()


@dataclass(frozen=True, slots=True)
class Row:
    """One call: errors and words of its truth, CPU and audio seconds."""

    name: str
    kind: str
    errors: int
    words: int
    cpu_seconds: float
    audio_seconds: float
    notes: tuple[str, ...] = ()
    turns: tuple[Turns, ...] = ()

    @property
    def wer_percent(self) -> float:
        return 100 * self.errors / max(self.words, 1)

    @property
    def rtf(self) -> float:
        return self.cpu_seconds / self.audio_seconds


def calls_of(corpus: Path, kinds: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the kind and the entry of every call in the corpus whose words are known."""
    for entry in json.loads((corpus / "manifest.json").read_text())["files"]:
        segments = entry.get("segments") or []
        kind = "stereo" if entry["channels"] == 2 else "mono"
        is_call = len({segment["speaker"] for segment in segments}) > 1
        if is_call and kind in kinds and all(segment.get("text") for segment in segments):
            yield kind, entry


def measure(corpus: Path, kind: str, entry: dict[str, Any], transcriber: Transcriber) -> Row:
    before = _cpu_seconds()
    transcript = transcriber(corpus / entry["file"], entry["file"])
    cpu_seconds = _cpu_seconds() - before
    truth = sorted(entry["segments"], key=lambda segment: float(segment["start"]))
    errors = words = 0
    for channel in range(entry["channels"]):
        # On mono both parties stand on the one channel.
        true = [part["text"] for part in truth if kind == "mono" or part.get("channel") == channel]
        said = [part.text for part in transcript.segments if part.channel == channel]
        wrong, of = _word_errors(" ".join(true), " ".join(said))
        errors += wrong
        words += of
    turns = turns_of(entry, transcript) if kind == "stereo" else ()
    return Row(entry["file"], kind, errors, words, cpu_seconds, transcript.duration_seconds, transcript.notes, turns)


def _word_errors(truth: str, said: str) -> tuple[int, int]:
    truth, said = _normalized(truth), _normalized(said)
    if not truth:
        return len(said.split()), 0
    counted = jiwer.process_words(truth, said)
    errors = counted.substitutions + counted.deletions + counted.insertions
    return errors, counted.hits + counted.substitutions + counted.deletions


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Transcriber:
    """The product's own chain, with its progress on stderr."""

    def __init__(self, engine: Engine, scratch: Path) -> None:
        self._engine = engine
        self._scratch = scratch

    def __call__(self, source: Path, name: str) -> Transcript:
        def tell(progress: Progress) -> None:
            share = 100 * progress.done / progress.total if progress.total else 0
            sys.stderr.write(f"\r\033[K{name}: {progress.stage} {share:.0f} %")
            sys.stderr.flush()

        try:
            return transcribe(
                source,
                engine=self._engine,
                scratch=self._scratch,
                limits=DecodeLimits(),
                language=None,
                on_progress=tell,
            )
        finally:
            sys.stderr.write("\r\033[K")


def signals_without_speech() -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return half a minute or so of each thing a line carries while nobody speaks, range -1..1, 8 kHz."""
    random = np.random.default_rng(7)
    at = np.arange(SIGNAL_SECONDS * RATE_HZ) / RATE_HZ

    def tones(*hertz: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.asarray(sum(np.sin(2 * np.pi * f * at) for f in hertz) / len(hertz))

    white = random.standard_normal(len(at))
    brown = np.cumsum(white)
    brown -= np.convolve(brown, np.ones(801) / 801, mode="same")
    steps = random.choice([261.6, 293.7, 329.6, 392.0, 440.0, 523.3], size=SIGNAL_SECONDS * 4)
    note = np.repeat(steps, RATE_HZ // 4)
    decay = np.exp(-3 * (at % 0.25) / 0.25)
    phase = 2 * np.pi * np.cumsum(note) / RATE_HZ
    melody = decay * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase))
    chord = np.where(at % 8 < 4, tones(130.8, 164.8, 196.0), tones(110.0, 130.8, 164.8))
    return {
        "silence": np.zeros(len(at)),
        "faint line noise": 10 ** (-58 / 20) * white,
        "white noise": 0.05 * white,
        "rumble": 0.1 * brown / np.abs(brown).max(),
        "mains hum": 0.2 * tones(50, 100, 150),
        "ring-back, North America": 0.3 * tones(440, 480) * (at % 6 < 2),
        "ring-back, Europe": 0.3 * tones(425) * (at % 5 < 1),
        "busy": 0.3 * tones(480, 620) * (at % 1 < 0.5),
        "keys": 0.3 * tones(770, 1336) * (at % 0.6 < 0.1),
        "fax": 0.3 * tones(2100),
        "hold music": 0.2 * melody + 0.15 * chord,
        "hold music in noise": 0.2 * melody + 0.15 * chord + 0.02 * white,
    }


def words_without_speech(transcriber: Transcriber, scratch: Path) -> dict[str, int]:
    """Return how many words the chain invents for each signal; 0 is right."""
    invented = {}
    for name, samples in signals_without_speech().items():
        file = scratch / "signal.wav"
        with wave.open(str(file), "wb") as sink:
            sink.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            sink.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        try:
            transcript = transcriber(file, name)
        except AudioRejected:
            invented[name] = 0
        else:
            invented[name] = sum(len(segment.words) for segment in transcript.segments)
    return invented


def print_calls(rows: list[Row], kind: str, model: str) -> dict[str, Any]:
    """Print one kind's table and return its totals."""
    width = max(len(row.name) for row in rows)
    print(f"\n{kind} calls, model {model}")
    print(f"{'call':<{width}}  {'WER':>7}  {'words':>6}  {'RTF':>6}")
    for row in rows:
        notes = "  " + " ".join(row.notes) if row.notes else ""
        print(f"{row.name:<{width}}  {row.wer_percent:6.1f}%  {row.words:6}  {row.rtf:6.3f}{notes}")
    total = Row(
        "total",
        kind,
        sum(row.errors for row in rows),
        sum(row.words for row in rows),
        sum(row.cpu_seconds for row in rows),
        sum(row.audio_seconds for row in rows),
    )
    goal = GOAL_PERCENT.get((model, kind))
    worst = max(row.wer_percent for row in rows)
    verdict = "" if goal is None else f"  goal {goal:.0f}%: {'met' if total.wer_percent <= goal else 'missed'}"
    if model == "base" and kind == "stereo":
        verdict += f"; no call above {WORST_CALL_PERCENT:.0f}%: {'met' if worst <= WORST_CALL_PERCENT else 'missed'}"
    print(f"{'total':<{width}}  {total.wer_percent:6.1f}%  {total.words:6}  {total.rtf:6.3f}{verdict}")
    return {
        "wer_percent": round(total.wer_percent, 2),
        "words": total.words,
        "rtf": round(total.rtf, 4),
        "goal_percent": goal,
        "calls": {row.name: {"wer_percent": round(row.wer_percent, 2), "rtf": round(row.rtf, 4)} for row in rows},
    }


def print_signals(invented: dict[str, int]) -> None:
    print("\nwithout speech: words invented (goal 0)")
    for name, count in invented.items():
        print(f"{name:<26} {count:4}{'' if count == 0 else '  missed'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=REPOSITORY / "samples", metavar="CORPUS")
    parser.add_argument("--model", default="base", help="name of an installed model, or a folder (default: base)")
    parser.add_argument("--kind", choices=("stereo", "mono", "all"), default="all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    kinds = ("stereo", "mono") if asked.kind == "all" else (asked.kind,)
    try:
        models_dir = Path(os.environ.get("CALLFLOOR_MODELS_DIR") or default_models_dir())
        engine = load_engine(find_model(asked.model, models_dir))
        engine.load()
        calls = list(calls_of(asked.corpus, kinds))
    except (SpeechUnavailable, OSError, ValueError) as fault:
        sys.stderr.write(f"Cannot measure: {fault}\n")
        return 1
    figures: dict[str, Any] = {"corpus": asked.corpus.name, "model": asked.model}
    with tempfile.TemporaryDirectory() as folder:
        transcriber = Transcriber(engine, Path(folder))
        rows = [measure(asked.corpus, kind, entry, transcriber) for kind, entry in calls]
        for kind in kinds:
            if chosen := [row for row in rows if row.kind == kind]:
                figures[kind] = print_calls(chosen, kind, asked.model)
        if turns := {row.name: row.turns for row in rows if row.turns}:
            figures["turns"] = print_turns(turns)
        figures["words_without_speech"] = words_without_speech(transcriber, Path(folder))
    print_signals(figures["words_without_speech"])
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
