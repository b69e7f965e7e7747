"""``callfloor models``: brings speech models to this machine and tells which are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from callfloor.foundation.command_line import AsJson, answer, refuse
from callfloor.speech import models
from callfloor.speech.errors import SpeechUnavailable
from callfloor.speech.presets import PRESETS

app = typer.Typer(help="Speech models on this machine.", no_args_is_help=True)

Into = Annotated[
    Path | None,
    typer.Option(
        "--into", metavar="DIR", help="Folder of the models (or CALLFLOOR_MODELS_DIR); this environment's by default."
    ),
]


@app.command()
def install(
    *,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"A pinned model: {', '.join(PRESETS)} (default: base).")
    ] = None,
    path: Annotated[Path | None, typer.Option(metavar="DIR", help="A model's folder on this machine.")] = None,
    hub: Annotated[str | None, typer.Option(metavar="NAME", help="A model of the hub; needs the internet.")] = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Bring a speech model to this machine; an interrupted download goes on where it stopped."""
    if sum(choice is not None for choice in (preset, path, hub)) > 1:
        refuse("Give one of --preset, --path and --hub.", code=2)
    if preset is not None and preset not in PRESETS:
        refuse(f"There is no preset '{preset}': choose one of {', '.join(PRESETS)}.", code=2)
    place = _models_dir(into)
    try:
        if path is not None:
            folder = models.install_folder(path, place)
        elif hub is not None:
            folder = models.install_from_hub(hub, place)
        else:
            folder = _install_preset(preset or "base", place)
    except SpeechUnavailable as fault:
        refuse(str(fault))
    except OSError as fault:
        refuse(f"{fault.filename or place} cannot be used: {fault.strerror}.")
    answer({"model": folder.name, "folder": str(folder)}, as_json=as_json)


@app.command("list")
def list_models(*, into: Into = None, as_json: AsJson = False) -> None:
    """Tell which speech models are on this machine and whether every byte of them is right."""
    found = list(models.installed_models(_models_dir(into)))
    if as_json:
        rows = [
            {"model": one.name, "folder": str(one.folder), "size_bytes": one.size_bytes, "fault": one.fault}
            for one in found
        ]
        answer({"models": rows}, as_json=True)
        return
    for one in found:
        typer.echo(f"{one.name:<24} {one.size_bytes / 1e6:7.1f} MB  {one.fault or 'verified'}")
    for name in PRESETS.keys() - {one.name for one in found}:
        typer.echo(f"{name:<24} {'-':>7}     not installed: {models.INSTALL_COMMAND} --preset {name}")


def _models_dir(into: Path | None) -> Path:
    given = into or os.environ.get("CALLFLOOR_MODELS_DIR")
    return Path(given).expanduser().absolute() if given else models.default_models_dir()


def _install_preset(name: str, into: Path) -> Path:
    columns = (
        TextColumn(f"{name}: {{task.description}}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("finding", total=None)
        return models.install_preset(
            name,
            into,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
