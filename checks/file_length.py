"""A module is at most 400 lines, a test module at most 600; aim at half.

Ruff has no such rule, and a file without an edge grows until nobody reads it whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.tree import Breach, Tree

LIMIT = 400
TEST_LIMIT = 600


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find files that are too long."""
    for path in tree.files(".py", ".ts", ".tsx"):
        name = tree.relative(path)
        limit = TEST_LIMIT if name.startswith(("tests/", "web/tests/")) else LIMIT
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > limit and "/generated/" not in name:
            yield Breach(name, 0, f"{lines} lines, {limit} are allowed; split it by what it can do")
