"""The runner finds every check, and every check is planted a breach."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.__main__ import all_checks, main


def test_every_check_has_a_test_that_plants_its_breach() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*_rules.py"))

    assert [name for name in all_checks() if f"{name}.breaches" not in tests] == []


def test_names_an_unknown_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["file_width"]) == 2
    assert "file_width" in capsys.readouterr().out
