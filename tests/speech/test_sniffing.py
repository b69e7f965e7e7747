"""Which files are recordings, judged by their first bytes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from callfloor.speech.sniffing import HEAD_BYTES, sniff, wav_seconds_share
from tests.speech.encoding import ENCODINGS, encode
from tests.speech.synthesis import sample_call, tone

MAGIC = {
    b"RF64\xff\xff\xff\xffWAVEds64": "rf64",
    b"FORM\x00\x00\x10\x00AIFFCOMM": "aiff",
    b"FORM\x00\x00\x10\x00AIFCFVER": "aiff",
    b"caff\x00\x01\x00\x00desc": "caf",
    b"#!AMR\n\x3c": "amr",
    b"#!AMR-WB\n\x3c": "amr",
    b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00": "w64",
    b"ADIF\x00": "aac",
    b"ID3\x04\x00\x00\x00\x00\x00\x00": "mp3",
    b"ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00\xff\xf1\x50\x80\x10\x1f\xfc": "aac",
}


class TestSniff:
    @pytest.mark.parametrize(("form", "codec", "name"), ENCODINGS)
    def test_names_what_an_encoder_writes(self, form: str, codec: str, name: str) -> None:
        head = encode(tone(1.0, level_dbfs=-20, rate_hz=48_000), form=form, codec=codec)[:HEAD_BYTES]

        assert sniff(head) == name

    @pytest.mark.parametrize(("head", "name"), MAGIC.items())
    def test_names_rarer_containers(self, head: bytes, name: str) -> None:
        assert sniff(head) == name

    def test_names_a_sample_call(self) -> None:
        assert sniff(sample_call("wrong_number.opus")[0].read_bytes()[:HEAD_BYTES]) == "ogg"

    @pytest.mark.parametrize(
        "head",
        [
            b"",
            b"\x00" * 4096,
            b"Dear team, please find my recording attached.\n" * 50,
            b"ffconcat version 1.0\nfile other.wav\n",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            b"%PDF-1.7",
            b"PK\x03\x04",
            b"RIFF\x24\x08\x00\x00AVI LIST",
            b"\xff\xfb\x90\x00" + b"no frame follows the first one" * 40,
            b"#EXTM3U\n",
        ],
    )
    def test_names_nothing_else(self, head: bytes) -> None:
        assert sniff(head) is None

    def test_is_not_deceived_by_noise(self) -> None:
        source = np.random.default_rng(3)

        assert [sniff(source.bytes(HEAD_BYTES)) for _ in range(200)] == [None] * 200


class TestWavSecondsShare:
    def test_tells_how_much_of_the_announced_sound_is_there(self) -> None:
        head = encode(tone(1.0, level_dbfs=-20), form="wav", codec="pcm_s16le")
        data_begins = head.index(b"data") + 8

        assert wav_seconds_share(head, len(head)) == 1.0
        assert wav_seconds_share(head, data_begins + (len(head) - data_begins) // 4) == pytest.approx(0.25, abs=0.01)

    def test_says_whole_when_the_writer_did_not_know_the_length(self) -> None:
        head = bytearray(encode(tone(1.0, level_dbfs=-20), form="wav", codec="pcm_s16le"))
        at = head.index(b"data") + 4
        head[at : at + 4] = b"\xff\xff\xff\xff"

        assert wav_seconds_share(bytes(head), len(head)) == 1.0

    def test_says_whole_of_another_container(self) -> None:
        assert wav_seconds_share(b"OggS" + b"\x00" * 100, 10) == 1.0


def test_the_encoder_under_these_tests_is_there() -> None:
    assert {codec for _, codec, _ in ENCODINGS} <= av.codecs_available
