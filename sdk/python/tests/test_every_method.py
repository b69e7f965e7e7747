"""Every method of either client does its work on a real server; one that is added and not called here fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from callfloor_sdk import AsyncCallfloor, Callfloor
from sdk_support.driving import methods_of
from sdk_support.scenes import SCENES
from sdk_support.stage import Either, set_stage

pytestmark = pytest.mark.timeout(300)
"""A server and a worker are started, and everything is done that there is."""


@pytest.mark.parametrize("kind", [Callfloor, AsyncCallfloor])
def test_every_method_does_what_it_says(fresh_database_url: str, tmp_path: Path, kind: type[Either]) -> None:
    with set_stage(tmp_path, fresh_database_url, kind) as stage:
        for scene in SCENES:
            scene(stage)
        called = stage.called

    assert methods_of(kind("https://callfloor.example")) - called == set()


def test_both_clients_have_the_same_methods() -> None:
    waiting, awaited = Callfloor("https://callfloor.example"), AsyncCallfloor("https://callfloor.example")

    assert methods_of(waiting) == methods_of(awaited)
