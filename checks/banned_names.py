"""No module is named for its place in a pattern: such a name has no edge at which to stop growing.

A module is named for a thing or for what it can do: `seats`, `enrollment`, `deliveries`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from checks.tree import SOURCE, Breach, Tree

BANNED = {
    "common",
    "handlers",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "models",
    "repository",
    "service",
    "util",
    "utils",
    "views",
}
ALLOWED = {f"{SOURCE}/speech/models.py"}
"""There a model is a speech model, not a table."""


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find files and folders with such a name."""
    for module in tree.modules:
        names = {PurePosixPath(part).stem for part in PurePosixPath(module.path).parts}
        for name in sorted(names & BANNED):
            if module.path not in ALLOWED:
                yield module.breach(0, f"{name} says nothing; name it for what it can do")
