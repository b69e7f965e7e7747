"""Files that break off on their way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callfloor_sdk import AsyncCallfloor, Callfloor, NoAnswer
from sdk_support.cutting import cut_line
from sdk_support.installation import Installation
from sdk_support.standing_in import Answer, standing_in
from tests.factories.audio import make_wav

RANGES = {"accept-ranges": "bytes", "etag": '"one"'}
CUT = Answer(200, b"first ", {**RANGES, "content-length": "17"})
AGAIN = Answer(206, b"second ", {**RANGES, "content-length": "11"})
REST = Answer(206, b"rest", RANGES)


def test_what_broke_off_is_gone_on_with(tmp_path: Path) -> None:
    with standing_in(CUT, AGAIN, REST) as server, Callfloor(server.url, trust_env=False) as client:
        path = client.recording(f"{server.url}/recordings/1?signature=s").save(tmp_path / "call.wav")

    assert path.read_bytes() == b"first second rest"
    assert [one.path for one in server.asked] == ["/recordings/1?signature=s"] * 3
    assert [one.headers.get("range") for one in server.asked] == [None, "bytes=6-", "bytes=13-"]
    assert server.asked[1].headers["if-range"] == '"one"'
    assert all("authorization" not in {name.lower() for name in one.headers} for one in server.asked)


def test_the_awaited_client_goes_on_too(tmp_path: Path) -> None:
    async def work(url: str) -> bytes:
        async with AsyncCallfloor(url, trust_env=False) as client:
            path = await client.recording(f"{url}/recordings/1").save(tmp_path / "call.wav")
            assert path == tmp_path / "call.wav"
            return path.read_bytes()

    with standing_in(CUT, AGAIN, REST) as server:
        assert asyncio.run(work(server.url)) == b"first second rest"


def test_a_recording_comes_whole_over_a_line_that_is_cut(installation: Installation, tmp_path: Path) -> None:
    team, wav = installation.team(), make_wav(seconds=120)
    with installation.client(team) as client:
        address = client.conversations.upload_call(wav).recording_ref
        assert address is not None

    cuts = [400_000, 50_000, 300_000]
    with (
        cut_line(installation.server.port, *cuts, is_on_way_back=True) as line,
        installation.client(team, url=line.url) as client,
    ):
        path = client.recording(address.replace(installation.server.url, line.url)).save(tmp_path / "call.wav")

    assert line.cuts == len(cuts)
    assert path.read_bytes() == wav


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([Answer(200, b"half", {"content-length": "8"})], id="no ranges"),
        pytest.param([CUT, Answer(200, b"another file", RANGES)], id="another file meanwhile"),
        pytest.param([CUT, Answer(206, b"", {**RANGES, "content-length": "11"})], id="nothing more comes"),
    ],
)
def test_half_a_file_is_never_saved(answers: list[Answer], tmp_path: Path) -> None:
    with (
        standing_in(*answers) as server,
        Callfloor(server.url, trust_env=False) as client,
        pytest.raises(NoAnswer),
    ):
        client.recording(f"{server.url}/recordings/1").save(tmp_path / "call.wav")

    assert not (tmp_path / "call.wav").exists()
