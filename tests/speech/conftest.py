"""The small speech model, loaded once a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callfloor.speech.models import default_models_dir, find_model
from callfloor.speech.recognition import Engine, load_engine


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The folder of the model tiny, which ``make setup`` installs."""
    return find_model("tiny", Path(os.environ.get("CALLFLOOR_MODELS_DIR") or default_models_dir()))


@pytest.fixture(scope="session")
def tiny_engine(tiny_model: Path) -> Engine:
    return load_engine(tiny_model)
