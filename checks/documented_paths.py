"""Every path of this repository that a document names in backticks exists: a reader follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from checks.tree import PASSED_OVER, SOURCE, Breach, Tree

SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[A-Za-z0-9_.][\w./-]*")
SUFFIXES = {".json", ".mako", ".md", ".py", ".sh", ".toml", ".ts", ".tsx", ".txt", ".yaml", ".yml"}


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find backticked paths in *.md that lead nowhere."""
    names = {path.name for path in tree.files()}
    folders = {path.name for path in tree.root.iterdir() if path.is_dir()}
    for document in tree.files(".md"):
        bases = (tree.root, document.parent, tree.root / SOURCE)
        fenced = False
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
            fenced ^= line.lstrip().startswith("```")
            for text in SPAN.findall("" if fenced else line):
                if _is_path(text, folders) and not _exists(text, bases, names):
                    yield Breach(tree.relative(document), number, f"`{text}` is not there")


def _is_path(text: str, folders: set[str]) -> bool:
    """Return whether it means a file that is written by hand; what programs make is not there in a fresh clone."""
    parts = Path(text).parts
    made = any(part in PASSED_OVER - {"versions"} or re.match(r"\.(?!\.|ci$)", part) for part in parts)
    named = Path(text).suffix in SUFFIXES or ("/" in text and parts[0] in folders)
    return bool(PATH.fullmatch(text)) and named and not made


def _exists(text: str, bases: tuple[Path, ...], names: set[str]) -> bool:
    """Return whether it is there; a bare file name may be that of any file, as `tables.py` is in each domain."""
    return any((base / text).exists() for base in bases) or ("/" not in text and text in names)
