"""A lock file names packages, versions and hashes, never an address: the reader's own registry serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.tree import Breach, Tree

LOCKS = {"package-lock.json": re.compile(r'"resolved"\s*:'), "uv.lock": re.compile(r"://")}
REQUIREMENTS = re.compile(r"://|^\s*--(?:index-url|extra-index-url|find-links)")
PINNED = re.compile(r"^[a-z0-9][^=]*==")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find addresses in lock files, and packages without a hash."""
    for path in tree.files(".txt", ".json", ".lock"):
        pattern = LOCKS.get(path.name, REQUIREMENTS if path.parent.name == "requirements" else None)
        if pattern is None:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if pattern.search(line):
                yield Breach(tree.relative(path), number, "an address in a lock file")
            if pattern is REQUIREMENTS and PINNED.match(line) and "--hash=" not in "".join(lines[number : number + 1]):
                yield Breach(tree.relative(path), number, "a package without its hash")
