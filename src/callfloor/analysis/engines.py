"""Loaded speech models, kept by this process: one each job at a time, as many as there are jobs at once."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from callfloor.speech.recognition import Engine, load_engine


class EnginePool:
    """Lends an engine to one thread at a time; loads another only when all are lent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: defaultdict[Path, list[Engine]] = defaultdict(list)

    @contextlib.contextmanager
    def lent(self, model: Path, *, threads: int) -> Iterator[Engine]:
        """Lend an engine of this model.

        Raises:
            ModelMissing, ModelDamaged: see `speech.recognition.load_engine`.
        """
        with self._lock:
            free = self._free[model]
            engine = free.pop() if free else None
        if engine is None:
            engine = load_engine(model, threads=threads)
            engine.load()
        try:
            yield engine
        finally:
            with self._lock:
                self._free[model].append(engine)


ENGINES = EnginePool()
"""Those of this process."""
