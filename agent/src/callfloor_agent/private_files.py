"""Small files that only their owner may read, replaced whole: a reader sees the old content or the new."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class PrivateFile:
    """One such file; absent is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        """Return the content without white space around it; empty when the file is absent."""
        try:
            return self.path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def write(self, content: str, *, is_durable: bool = True) -> None:
        """Replace the content.

        Args:
            content: of the whole file.
            is_durable: whether it is on disk when this returns.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                if is_durable:
                    file.flush()
                    os.fsync(file.fileno())
            Path(name).replace(self.path)
        finally:
            Path(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)
