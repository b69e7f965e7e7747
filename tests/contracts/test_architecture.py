"""The house rules hold in this tree: the order of the domains, and every check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks.__main__ import all_checks
from checks.tree import Tree

ROOT = Path(__file__).parents[2]


def test_an_arrow_only_points_down() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("check", sorted(all_checks()))
def test_house_rule_is_kept(check: str) -> None:
    assert sorted(all_checks()[check](Tree(ROOT))) == []
