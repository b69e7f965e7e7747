"""A function is at most 60 lines, its docstring not counted; aim at 25."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from checks.tree import Breach, Function, Tree

LIMIT = 60


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find functions that are too long."""
    for module in tree.modules:
        for function in module.functions():
            lines = (function.end_lineno or function.lineno) - function.lineno + 1 - _docstring_lines(function)
            if lines > LIMIT:
                yield module.breach(function, f"{function.name} has {lines} lines, {LIMIT} are allowed")


def _docstring_lines(function: Function) -> int:
    if ast.get_docstring(function) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1
