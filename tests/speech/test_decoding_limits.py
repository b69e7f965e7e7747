"""The process that decodes: what it may use, what it knows, and when it ends."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pytest

from callfloor.speech.decoding import DecodeLimits, decode
from callfloor.speech.errors import AudioRejected, DecoderFailed
from tests.speech.encoding import encode
from tests.speech.synthesis import RATE_HZ, noise, tone, write_wav

LONG_SECONDS = 3600


class Stop(Exception):
    """What a caller raises to end the work."""


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour in a format that takes a while to decode."""
    minute = encode(noise(60.0, level_dbfs=-30), form="adts", codec="aac")
    file = tmp_path_factory.mktemp("long") / "call.aac"
    with file.open("wb") as sink:
        for _ in range(LONG_SECONDS // 60):
            sink.write(minute)
    return file


def decoding_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "callfloor.speech.decode_child" in child.cmdline()]


class TestTheChild:
    def test_is_ended_when_the_caller_stops(self, long_recording: Path, tmp_path: Path) -> None:
        children: list[psutil.Process] = []

        def stop(done: float, total: float) -> None:
            children.extend(decoding_children())
            raise Stop

        with pytest.raises(Stop):
            decode(long_recording, tmp_path, limits=DecodeLimits(), on_progress=stop)

        assert children
        assert not any(child.is_running() for child in children)

    def test_is_ended_when_its_time_is_up(self, long_recording: Path, tmp_path: Path) -> None:
        with pytest.raises(AudioRejected) as raised:
            decode(long_recording, tmp_path, limits=DecodeLimits(wall_seconds=0.2))

        assert raised.value.code == "decoder_limit"
        assert decoding_children() == []

    def test_gets_no_more_processor_time_than_allowed(self, long_recording: Path, tmp_path: Path) -> None:
        with pytest.raises(AudioRejected) as raised:
            decode(long_recording, tmp_path, limits=DecodeLimits(cpu_seconds=1))

        assert raised.value.code == "decoder_limit"

    def test_that_somebody_else_killed_is_no_fault_of_the_recording(self, long_recording: Path, tmp_path: Path) -> None:
        def kill(done: float, total: float) -> None:
            for child in decoding_children():
                child.terminate()

        with pytest.raises(DecoderFailed):
            decode(long_recording, tmp_path, limits=DecodeLimits(), on_progress=kill)

    def test_knows_nothing_of_the_environment(
        self, long_recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CALLFLOOR_SECRET_KEY", "not for a decoder")
        known: dict[str, str] = {}

        def look(done: float, total: float) -> None:
            known.update(decoding_children()[0].environ())
            raise Stop

        with pytest.raises(Stop):
            decode(long_recording, tmp_path, limits=DecodeLimits(), on_progress=look)

        assert "PATH" in known
        assert "not for a decoder" not in known.values()

    def test_ends_with_its_parent(self, long_recording: Path, tmp_path: Path) -> None:
        program = textwrap.dedent(
            """
            import sys, psutil
            from pathlib import Path
            from callfloor.speech.decoding import DecodeLimits, decode

            def tell(done, total):
                print(psutil.Process().children()[0].pid, flush=True)

            decode(Path(sys.argv[1]), Path(sys.argv[2]), limits=DecodeLimits(), on_progress=tell)
            """
        )
        command = [sys.executable, "-c", program, str(long_recording), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            child = psutil.Process(int(parent.stdout.readline()))
            parent.send_signal(signal.SIGKILL)

        gone, _ = psutil.wait_procs([child], timeout=30)

        assert gone == [child]


def test_the_callers_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "call.wav", *[noise(30.0, level_dbfs=-30)] * 2)
    head, minute = source.read_bytes()[:44], np.random.default_rng(1).bytes(60 * RATE_HZ * 4)
    with source.open("wb") as sink:
        sink.write(head[:40] + b"\xff\xff\xff\xff")
        for _ in range(30):
            sink.write(minute)
    (tmp_path / "warm").mkdir()
    decode(write_wav(tmp_path / "short.wav", tone(2.0, level_dbfs=-20)), tmp_path / "warm", limits=DecodeLimits())
    gc.collect()
    process = psutil.Process()
    before, peak = process.memory_info().rss, 0

    def watch(done: float, total: float) -> None:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)

    result = decode(source, tmp_path, limits=DecodeLimits(), on_progress=watch)

    assert result.duration_seconds == pytest.approx(1800, abs=1)
    # The decoded channels are mapped while they are measured: pages of a file, not memory of the process's own.
    assert process.memory_full_info().uss - before < 64 << 20
    assert peak - before < 64 << 20
