"""Every block of code in the documents runs, in the order in which it stands, on a real server, and is well typed."""

from __future__ import annotations

import base64
import datetime
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from callfloor.foundation import clock
from sdk_support.installation import Installation
from tests.factories.audio import make_wav
from tests.factories.teams import make_portal_key

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("docs/use/sdk.md", "sdk/python/README.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
GIVEN = """
TOKEN: str
SECRET: str
API_KEY: str
CLIENT_ID: str
WEBHOOK_SECRET: str
BODY: bytes
HEADERS: dict[str, str]
"""
"""What the documents take as given, as `said` returns it."""
BODY = json.dumps({"eventType": "seat_added", "seat": {"id": "4"}}).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with a worker, since changes are followed."""
    folder = tmp_path_factory.mktemp("documents")
    with Installation.running(folder, f"sqlite:///{folder / 'callfloor.db'}", options=()) as one:
        yield one


@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_blocks_run(name: str, running: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    Path("samples").mkdir()
    Path("samples/call.wav").write_bytes(make_wav(seconds=2))
    Path("data/tls").mkdir(parents=True)
    shutil.copy(running.server.authority, "data/tls/ca.pem")
    names = said(running)

    for block in blocks:
        code = block.replace("https://callfloor.example:8443", running.server.url)
        exec(compile(code, name, "exec"), names)  # noqa: S102  # that is the test

    assert blocks
    for client in ("client", "patient"):
        if client in names:
            names[client].close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_blocks_are_well_typed(name: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    program = tmp_path / "program.py"
    program.write_text("\n".join([GIVEN, *blocks]), encoding="utf-8")

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", program.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.stdout.startswith("Success"), checked.stdout + checked.stderr


def said(running: Installation) -> dict[str, Any]:
    """Return what the documents take as given."""
    team = running.team(seats=2)
    keys = running.keys(team)
    now = clock.now() // 1000
    moment = datetime.datetime.fromtimestamp(now, tz=datetime.UTC)
    signature = standardwebhooks.Webhook(WEBHOOK_SECRET).sign("msg-1", moment, BODY.decode())
    return {
        "TOKEN": keys.token,
        "SECRET": make_portal_key(running.db, team, hash_key=running.hash_key, name="ops").secret,
        "API_KEY": keys.conversations_key[0],
        "CLIENT_ID": keys.conversations_key[1],
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "BODY": BODY,
        "HEADERS": {"webhook-id": "msg-1", "webhook-timestamp": str(now), "webhook-signature": signature},
    }
