"""The generated modules are those of the documents that are checked in."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]


def test_is_what_make_documents_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "drafting", tmp_path], check=True, cwd=HERE)

    compared = filecmp.dircmp(tmp_path, HERE / "src" / "callfloor_sdk" / "generated", ignore=["__pycache__"])
    assert (compared.diff_files, compared.left_only, compared.right_only) == ([], [], []), "run make documents"
