"""Small files that only this user may read: keys."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def make_private(path: Path, content: bytes) -> bytes:
    """Write the file if there is none, readable by its owner alone, whole or not at all.

    Returns:
        what the file holds: of several that make it at once one wins, and all get the winner's content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_bytes()
    finally:
        Path(draft).unlink()
    sync_folder(path.parent)
    return content


def replace_private(path: Path, content: bytes) -> None:
    """Write the file, readable by its owner alone, in place of the one there is; a reader sees the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the folder's own entries to disk: a file that was renamed into it is there after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
