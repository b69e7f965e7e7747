"""The repository as the checks see it: its Python modules, parsed, and the names their code refers to."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "callfloor"
SOURCE = f"src/{PACKAGE}"
FOLDERS = ("src", "tests", "checks", "benchmarks", "samples", "agent", "sdk")
PASSED_OVER = frozenset({"__pycache__", "build", "data", "dist", "models", "node_modules", "versions"})
"""Folders that hold nothing written by hand; folders that begin with a dot are passed over too."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One place where a rule is broken; `line` is 0 when it is the whole file."""

    path: str
    line: int
    message: str


@dataclasses.dataclass(frozen=True)
class Module:
    """One Python file; `path` is relative to the repository, with slashes."""

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.path)

    @property
    def name(self) -> str:
        """The file's name without `.py`."""
        return Path(self.path).stem

    @property
    def domain(self) -> str | None:
        """The folder of the package it lies in, None outside the package and at its root."""
        parts = Path(self.path).parts
        return parts[2] if self.path.startswith(f"{SOURCE}/") and len(parts) > 3 else None

    @functools.cached_property
    def aliases(self) -> dict[str, str]:
        """What each imported name stands for, in full."""
        return {alias: full for alias, full, _ in self.imports()}

    def imports(self) -> Iterator[tuple[str, str, int]]:
        """Every import: the name it binds, the full name behind it, its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    full = item.name if item.asname else item.name.partition(".")[0]
                    yield item.asname or full, item.name if item.asname else full, node.lineno
                    if full != item.name:
                        yield item.name, item.name, node.lineno
            elif isinstance(node, ast.ImportFrom) and node.module:
                for item in node.names:
                    yield item.asname or item.name, f"{node.module}.{item.name}", node.lineno

    def full_name(self, expression: ast.expr) -> str:
        """Return the dotted name with its import in full, or "" for anything but a dotted name."""
        if isinstance(expression, ast.Name):
            return self.aliases.get(expression.id, expression.id)
        if isinstance(expression, ast.Attribute):
            base = self.full_name(expression.value)
            return f"{base}.{expression.attr}" if base else ""
        return ""

    def calls(self, within: ast.AST | None = None) -> Iterator[tuple[ast.Call, str]]:
        """Every call and the full name of what is called."""
        for node in ast.walk(within or self.tree):
            if isinstance(node, ast.Call):
                yield node, self.full_name(node.func)

    def functions(self) -> Iterator[Function]:
        """Every function, nested ones and methods included."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def breach(self, node: ast.AST | int, message: str) -> Breach:
        """Return a breach at the node or line."""
        return Breach(self.path, node if isinstance(node, int) else getattr(node, "lineno", 0), message)


class Tree:
    """The repository at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, *suffixes: str) -> Iterator[Path]:
        """Every file written by hand with one of the suffixes, in order."""
        yield from (path for path in _walk(self.root) if not suffixes or path.suffix in suffixes)

    @functools.cached_property
    def modules(self) -> tuple[Module, ...]:
        """Every Python file of the repository."""
        paths = (path for folder in FOLDERS for path in _walk(self.root / folder) if path.suffix == ".py")
        return tuple(Module(self.relative(path), path.read_text(encoding="utf-8")) for path in paths)

    @property
    def source(self) -> Iterator[Module]:
        """The modules of the package itself."""
        return (module for module in self.modules if module.path.startswith(f"{SOURCE}/"))

    def relative(self, path: Path) -> str:
        """Return the path below the root, with slashes."""
        return path.relative_to(self.root).as_posix()


def is_verb(function: ast.AST) -> bool:
    """Return whether the function runs inside a transaction: its first parameter is a Tx."""
    if not isinstance(function, Function):
        return False
    first = [*function.args.posonlyargs, *function.args.args][:1]
    return bool(first) and first[0].annotation is not None and ast.unparse(first[0].annotation).strip("'\"") == "Tx"


def _walk(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in PASSED_OVER and (not path.name.startswith(".") or path.name == ".ci"):
                yield from _walk(path)
        else:
            yield path
