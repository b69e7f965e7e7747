"""A change of the source brings its note: a fragment `changelog.d/<issue or +subject>.<type>.md`.

Where nobody asks for them, notes are written for one change in twenty.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from checks.tree import SOURCE, Breach, Tree

FOLDER = "changelog.d"
NAME = re.compile(r"(\d+|\+[a-z0-9-]+)(\.\d+)?\.(added|changed|fixed|removed|security)(\.\d+)?\.md")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find misnamed or empty fragments, and source changed since the last release without one."""
    for path in sorted((tree.root / FOLDER).glob("[!.]*")):
        if not NAME.fullmatch(path.name):
            yield Breach(
                tree.relative(path), 0, "is not named <issue or +subject>.<added|changed|fixed|removed|security>.md"
            )
        elif not path.read_text(encoding="utf-8").strip():
            yield Breach(tree.relative(path), 0, "is empty")
    changed = _changed_since_release(tree.root)
    noted = any(name.startswith(f"{FOLDER}/") or name == "CHANGELOG.md" for name in changed)
    if any(name.startswith(f"{SOURCE}/") for name in changed) and not noted:
        yield Breach(FOLDER, 0, "the source has changed since the last release, and no fragment says what for")


def _changed_since_release(root: Path) -> list[str]:
    """Return the files that differ from the last tag, or from the first commit; none without git."""
    if shutil.which("git") is None or not (root / ".git").exists():
        return []
    base = _git(root, "describe", "--tags", "--abbrev=0") or _git(root, "rev-list", "--max-parents=0", "HEAD")
    if not base:
        return []
    tracked = _git(root, "diff", "--name-only", base[-1])
    return [*tracked, *_git(root, "ls-files", "--others", "--exclude-standard")]


def _git(root: Path, *arguments: str) -> list[str]:
    answer = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607
    return answer.stdout.split() if answer.returncode == 0 else []
