"""Small repositories written for one check."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from checks.tree import Breach, Tree

DOMAIN = "src/callfloor/teams"


def planted(folder: Path, files: Mapping[str, str]) -> Tree:
    """Write the files and return the repository they make."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return Tree(folder)


def caught(check: Callable[[Tree], Iterable[Breach]], folder: Path, files: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return file and line of each breach that the check finds in these files."""
    return [(breach.path, breach.line) for breach in sorted(check(planted(folder, files)))]
