"""Small files that are whole or absent, made once or replaced at once: keys and certificates."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def make_private(path: Path, content: bytes) -> bytes:
    """Write the file, for its owner alone, if there is none.

    Returns:
        what the file holds: of several that make it at the same moment one wins, and all get the winner's content.
    """
    return _make(path, content, PRIVATE)


def make_public(path: Path, content: bytes) -> bytes:
    """As `make_private`, readable by everybody."""
    return _make(path, content, PUBLIC)


def _make(path: Path, content: bytes, mode: int) -> bytes:
    draft = _draft(path, content, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        draft.unlink()
    sync_folder(path.parent)
    return content


def replace(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write the file in place of the one there is; a reader sees the old or the new."""
    _draft(path, content, mode).replace(path)
    sync_folder(path.parent)


def _draft(path: Path, content: bytes, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)
    return Path(draft)


def sync_folder(folder: Path) -> None:
    """Bring the folder's own entries to disk: a file that was renamed into it is there after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
