"""A recording with parts of it silent: the same form, the same length, nothing to be heard in between."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from callfloor.speech.decoding import SAMPLE_RATE_HZ, DecodeLimits, decode, open_samples, silence
from callfloor.speech.errors import AudioRejected
from tests.speech.encoding import ENCODINGS, encode
from tests.speech.synthesis import tone

HIDDEN = (1.0, 2.0)
LOSSY_EDGE = 0.08
"""Seconds over which a lossy encoder smears an edge."""


@pytest.mark.parametrize(("form", "codec", "name"), ENCODINGS)
def test_is_silent_there_and_nowhere_else(tmp_path: Path, form: str, codec: str, name: str) -> None:
    source, copy = tmp_path / "call", tmp_path / "copy"
    speech = tone(3.0, level_dbfs=-20, rate_hz=48_000 if codec == "libopus" else 16_000)
    source.write_bytes(encode(speech, speech, form=form, codec=codec))

    assert silence(source, copy, [HIDDEN], limits=DecodeLimits()) == name

    before = decode(source, folder(tmp_path, "before"), limits=DecodeLimits())
    after = decode(copy, folder(tmp_path, "after"), limits=DecodeLimits())
    assert abs(after.duration_seconds - before.duration_seconds) < 0.1
    assert len(after.channels) == 2
    for channel in after.channels:
        wave = open_samples(channel.path)
        assert loudest(wave, HIDDEN[0] + LOSSY_EDGE, HIDDEN[1] - LOSSY_EDGE) < 30
        assert loudest(wave, 0.2, 0.9) > 3000
        assert loudest(wave, 2.1, 2.8) > 3000


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8", "pcm_mulaw"])
def test_leaves_every_other_sample_as_it_was(tmp_path: Path, codec: str) -> None:
    source, copy = tmp_path / "call", tmp_path / "copy"
    source.write_bytes(encode(tone(3.0, level_dbfs=-20), form="wav", codec=codec))

    silence(source, copy, [HIDDEN, (2.5, 60.0)], limits=DecodeLimits())

    before, after = (samples(tmp_path, one) for one in (source, copy))
    expected = before.copy()
    for start, end in (HIDDEN, (2.5, 60.0)):
        expected[int(start * SAMPLE_RATE_HZ) : int(end * SAMPLE_RATE_HZ)] = 0
    assert np.array_equal(after, expected)


def test_keeps_the_pictures_of_a_meeting(tmp_path: Path) -> None:
    source, copy = tmp_path / "meeting.mp4", tmp_path / "copy.mp4"
    write_film(source)

    assert silence(source, copy, [HIDDEN], limits=DecodeLimits()) == "mp4"

    with av.open(str(copy)) as film:
        assert sum(1 for packet in film.demux(film.streams.video[0]) if packet.size) == 30
    wave = samples(tmp_path, copy)
    assert loudest(wave, HIDDEN[0] + LOSSY_EDGE, HIDDEN[1] - LOSSY_EDGE) < 30
    assert loudest(wave, 0.2, 0.9) > 3000


@pytest.mark.parametrize("content", [b"", b"RIFF\x24\0\0\0WAVE", b"nothing of the kind" * 100])
def test_says_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "call"
    source.write_bytes(content)

    with pytest.raises(AudioRejected):
        silence(source, tmp_path / "copy", [HIDDEN], limits=DecodeLimits())


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir(exist_ok=True)
    return made


def samples(tmp_path: Path, file: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    decoded = decode(file, folder(tmp_path, f"{file.name}-decoded"), limits=DecodeLimits())
    return np.array(open_samples(decoded.channels[0].path))


def loudest(wave: np.ndarray[tuple[int], np.dtype[np.int16]], start: float, end: float) -> int:
    return int(np.abs(wave[int(start * SAMPLE_RATE_HZ) : int(end * SAMPLE_RATE_HZ)].astype(np.int32)).max())


def write_film(file: Path) -> None:
    with av.open(str(file), "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("aac", rate=16_000)
        assert isinstance(sound, av.AudioStream)
        sound.codec_context.layout = "mono"
        wave = (tone(3.0, level_dbfs=-20) * 32767).astype(np.int16).reshape(1, -1)
        heard = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        heard.sample_rate = 16_000
        container.mux(sound.encode(heard))
        for _ in range(30):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8))))
        container.mux([*pictures.encode(None), *sound.encode(None)])
