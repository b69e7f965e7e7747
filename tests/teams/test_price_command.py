"""`callfloor team set --seat-price`: what a seat costs from now on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.server import run_command


def test_sets_the_price_and_says_so(tmp_path: Path) -> None:
    place = ("--data", str(tmp_path), "--json")
    made = json.loads(run_command("team", "create", "Ada", "--type", "email", "--seats", "2", *place).stdout)

    done = run_command("team", "set", str(made["team_id"]), "--seat-price", "1500", *place)
    refused = run_command("team", "set", str(made["team_id"]), "--seat-price", "-1", *place)

    assert (json.loads(done.stdout)["seat_price"], json.loads(done.stdout)["currency"]) == (1500, "USD")
    assert refused.returncode != 0
    assert refused.stdout == ""
