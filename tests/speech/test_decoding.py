"""What comes out of a recording, and that a bad one is told apart, costs little and harms nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from callfloor.speech.decoding import Decoded, DecodeLimits, decode, open_samples
from callfloor.speech.errors import REASONS, AudioRejected
from tests.speech.encoding import ENCODINGS, encode
from tests.speech.synthesis import RATE_HZ, noise, silence, tone, write_wav

LIMITS = DecodeLimits()


def decoded(source: Path, tmp_path: Path, *, limits: DecodeLimits = LIMITS) -> Decoded:
    into = tmp_path / "decoded"
    into.mkdir()
    return decode(source, into, limits=limits)


def rejection(source: Path, tmp_path: Path, *, limits: DecodeLimits = LIMITS) -> str:
    with pytest.raises(AudioRejected) as raised:
        decoded(source, tmp_path, limits=limits)
    assert raised.value.reason.endswith(".")
    return raised.value.code


class TestDecode:
    @pytest.mark.parametrize(("form", "codec", "name"), ENCODINGS)
    def test_keeps_the_parties_apart_and_their_levels_in_every_format(
        self, form: str, codec: str, name: str, tmp_path: Path
    ) -> None:
        rate_hz = 48_000 if codec == "libopus" else RATE_HZ
        left = tone(3.0, level_dbfs=-20, hertz=300, rate_hz=rate_hz)
        right = tone(3.0, level_dbfs=-32, hertz=700, rate_hz=rate_hz)
        source = tmp_path / f"call.{name}"
        source.write_bytes(encode(left, right, form=form, codec=codec))

        result = decoded(source, tmp_path)

        assert result.duration_seconds == pytest.approx(3.0, abs=0.15)
        assert [channel.rms_dbfs for channel in result.channels] == pytest.approx([-20, -32], abs=1.0)
        assert [loudest_hertz(channel.path) for channel in result.channels] == pytest.approx([300, 700], abs=5)
        assert result.lost_packets == 0

    def test_brings_telephone_rate_to_sixteen_kilohertz(self, tmp_path: Path) -> None:
        source = write_wav(tmp_path / "call.wav", tone(2.0, level_dbfs=-20, rate_hz=8000), rate_hz=8000)

        result = decoded(source, tmp_path)

        assert result.source_rate_hz == 8000
        assert len(open_samples(result.channels[0].path)) == pytest.approx(2 * RATE_HZ, abs=64)

    def test_reads_a_streamed_wav_that_never_learned_its_length(self, tmp_path: Path) -> None:
        content = bytearray(write_wav(tmp_path / "call.wav", tone(2.0, level_dbfs=-20)).read_bytes())
        content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
        (tmp_path / "streamed.wav").write_bytes(content)

        assert decoded(tmp_path / "streamed.wav", tmp_path).duration_seconds == pytest.approx(2.0)

    def test_reads_what_is_left_of_a_cut_wav_and_knows_what_is_missing(self, tmp_path: Path) -> None:
        content = write_wav(tmp_path / "call.wav", tone(10.0, level_dbfs=-20)).read_bytes()
        (tmp_path / "cut.wav").write_bytes(content[: len(content) // 4])

        result = decoded(tmp_path / "cut.wav", tmp_path)

        assert result.duration_seconds == pytest.approx(2.5, abs=0.05)
        assert result.declared_seconds == pytest.approx(10.0, abs=0.1)

    def test_reads_what_is_left_of_a_cut_mp3(self, tmp_path: Path) -> None:
        content = encode(tone(10.0, level_dbfs=-20), form="mp3", codec="libmp3lame")
        (tmp_path / "cut.mp3").write_bytes(content[: len(content) // 2])

        assert decoded(tmp_path / "cut.mp3", tmp_path).duration_seconds == pytest.approx(5.0, abs=0.3)

    def test_goes_on_after_broken_packets_and_counts_them(self, tmp_path: Path) -> None:
        content = bytearray(encode(tone(10.0, level_dbfs=-20), form="adts", codec="aac"))
        middle = len(content) // 2
        content[middle : middle + 200] = bytes(byte ^ 0x5A for byte in content[middle : middle + 200])
        (tmp_path / "damaged.aac").write_bytes(content)

        result = decoded(tmp_path / "damaged.aac", tmp_path)

        assert result.lost_packets > 0
        assert result.duration_seconds == pytest.approx(10.0, abs=1.0)

    def test_tells_seconds_done_and_expected(self, tmp_path: Path) -> None:
        source = write_wav(tmp_path / "call.wav", tone(20.0, level_dbfs=-20))
        told: list[tuple[float, float]] = []

        decode(source, tmp_path, limits=LIMITS, on_progress=lambda done, total: told.append((done, total)))

        assert told
        assert all(0 <= done <= 20.0 for done, _ in told)
        assert told[-1][1] == pytest.approx(20.0)


BAD_FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "nothing at all": ("unreadable", lambda file: file.write_bytes(b"")),
    "text": ("unreadable", lambda file: file.write_text("Minutes of the meeting\n" * 200)),
    "noise": ("unreadable", lambda file: file.write_bytes(np.random.default_rng(5).bytes(10_000_000))),
    "a picture": ("unreadable", lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))),
    "a header alone": ("unreadable", lambda file: write_wav(file, silence(0.0))),
    "noise in a WAV's coat": ("unreadable", lambda file: file.write_bytes(b"RIFF\0\0\1\0WAVE" + noise_bytes())),
    "noise in an MP4's coat": ("unreadable", lambda file: file.write_bytes(b"\0\0\0\x20ftypM4A " + noise_bytes())),
    "noise in an Ogg's coat": ("unreadable", lambda file: file.write_bytes(b"OggS" + noise_bytes())),
    "an mp3 of noise": ("unreadable", lambda file: file.write_bytes(b"ID3\3\0\0\0\0\0\0" + noise_bytes())),
    "a film without sound": ("no_audio_stream", lambda file: file.write_bytes(film_without_sound())),
    "a second of silence": ("silent", lambda file: write_wav(file, silence(1.0))),
    "faint hiss on both sides": (
        "silent",
        lambda file: write_wav(file, noise(2.0, level_dbfs=-78), noise(2.0, level_dbfs=-78, seed=2)),
    ),
    "a tenth of a second": ("too_short", lambda file: write_wav(file, tone(0.1, level_dbfs=-20))),
    "three channels": ("too_many_channels", lambda file: write_wav(file, *[tone(1.0, level_dbfs=-20)] * 3)),
}


class TestRejections:
    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_says_what_is_wrong_with(self, kind: str, tmp_path: Path) -> None:
        code, write = BAD_FILES[kind]
        source = tmp_path / "call.wav"
        write(source)

        assert rejection(source, tmp_path) == code

    def test_an_over_long_recording_stops_at_the_cap(self, tmp_path: Path) -> None:
        source = write_wav(tmp_path / "long.wav", tone(30.0, level_dbfs=-20))

        assert rejection(source, tmp_path, limits=DecodeLimits(max_duration_seconds=5.0)) == "too_long"
        assert max(file.stat().st_size for file in (tmp_path / "decoded").iterdir()) < 8 * RATE_HZ * 2

    @pytest.mark.parametrize(
        "text",
        [
            "ffconcat version 1.0\nfile private.wav\n",
            "#EXTM3U\n#EXTINF:2,\nprivate.wav\n",
            # The tag makes it look like an mp3 at first sight.
            "ID3\3\0\0\0\0\0\0ffconcat version 1.0\nfile private.wav\n",
        ],
    )
    def test_a_list_of_other_files_is_not_followed(self, text: str, tmp_path: Path) -> None:
        write_wav(tmp_path / "private.wav", tone(2.0, level_dbfs=-20))
        source = tmp_path / "call.wav"
        source.write_text(text)

        assert rejection(source, tmp_path) == "unreadable"

    def test_one_silent_party_is_no_silent_recording(self, tmp_path: Path) -> None:
        source = write_wav(tmp_path / "call.wav", tone(1.0, level_dbfs=-20), silence(1.0))

        assert decoded(source, tmp_path).channels[1].peak_dbfs == -120

    def test_every_code_has_a_sentence(self) -> None:
        assert all(reason.endswith(".") and AudioRejected(code).reason == reason for code, reason in REASONS.items())


def loudest_hertz(channel: Path) -> float:
    samples = open_samples(channel)[RATE_HZ : 2 * RATE_HZ].astype(np.float64)
    return float(np.argmax(np.abs(np.fft.rfft(samples))))


def noise_bytes() -> bytes:
    return np.random.default_rng(9).bytes(1_000_000)


def film_without_sound() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8))
        for packet in (*stream.encode(picture), *stream.encode(None)):
            container.mux(packet)
    return target.getvalue()
