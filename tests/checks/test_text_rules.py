"""The rules about words, documents, lock files, change notes and tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from checks import changelog_fragment, documented_paths, honest_tests, lock_files, own_voice
from tests.checks.planted import DOMAIN, caught


class TestOwnVoice:
    @pytest.mark.parametrize("folder", ["work", "farm", "tmp", "root", "home/ada"])
    def test_catches_a_path_of_one_machine(self, tmp_path: Path, folder: str) -> None:
        files = {"docs/use/start.md": f"Fine.\nLook into `/{folder}/callfloor`.\n"}

        assert caught(own_voice.breaches, tmp_path, files) == [("docs/use/start.md", 2)]

    def test_catches_a_registrys_host(self, tmp_path: Path) -> None:
        host = min(own_voice.registry_hosts())

        assert caught(own_voice.breaches, tmp_path, {"Makefile": f"\tcurl {host}\n"}) == [("Makefile", 1)]

    def test_catches_a_word_of_who_typed_it(self, tmp_path: Path) -> None:
        files = {"README.md": "Co-" + "authored-by: somebody\n"}

        assert caught(own_voice.breaches, tmp_path, files) == [("README.md", 1)]

    def test_lets_paths_of_the_project_and_of_urls_stand(self, tmp_path: Path) -> None:
        files = {"docs/use/start.md": "`docs/work/x.md`, `/api/v1/seats`, `$HOME/work/x`, `/var/lib/callfloor`\n"}

        assert caught(own_voice.breaches, tmp_path, files) == []


class TestChangelogFragment:
    def test_catches_source_without_a_note(self, tmp_path: Path) -> None:
        _commit(tmp_path, {"README.md": "One.\n"})
        _commit(tmp_path, {f"{DOMAIN}/seats.py": "a = 1\n"})

        assert caught(changelog_fragment.breaches, tmp_path, {}) == [("changelog.d", 0)]
        assert caught(changelog_fragment.breaches, tmp_path, {"changelog.d/+seats.added.md": "Seats.\n"}) == []

    def test_asks_again_after_a_release(self, tmp_path: Path) -> None:
        _commit(tmp_path, {"changelog.d/+seats.added.md": "Seats.\n"})
        _git(tmp_path, "tag", "v1")

        assert caught(changelog_fragment.breaches, tmp_path, {f"{DOMAIN}/seats.py": "a = 2\n"}) == [("changelog.d", 0)]

    def test_catches_a_misnamed_and_an_empty_fragment(self, tmp_path: Path) -> None:
        files = {"changelog.d/seats.md": "Seats.\n", "changelog.d/2.added.md": "\n", "changelog.d/2.fixed.md": "Yes.\n"}

        assert caught(changelog_fragment.breaches, tmp_path, files) == [
            ("changelog.d/2.added.md", 0),
            ("changelog.d/seats.md", 0),
        ]

    def test_asks_for_nothing_without_git(self, tmp_path: Path) -> None:
        assert caught(changelog_fragment.breaches, tmp_path, {f"{DOMAIN}/seats.py": "a = 1\n"}) == []


class TestLockFiles:
    def test_catches_addresses_and_missing_hashes(self, tmp_path: Path) -> None:
        files = {
            "requirements/runtime.txt": """\
                --index-url https://packages.example/simple
                apsw==3.54.1.0 \\
                    --hash=sha256:00
                numpy==2.4.6
                """,
            "web/package-lock.json": '{\n"resolved": "https://packages.example/react.tgz"\n}\n',
        }

        assert caught(lock_files.breaches, tmp_path, files) == [
            ("requirements/runtime.txt", 1),
            ("requirements/runtime.txt", 4),
            ("web/package-lock.json", 2),
        ]


class TestDocumentedPaths:
    def test_catches_a_path_that_leads_nowhere(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": "",
            "docs/use/start.md": """\
                `src/callfloor/teams/seats.py`, `teams/seats.py`, `seats.py`, `../use/start.md` are there,
                `application/json`, `/api/v1/seats.json`, `<domain>/api.py` are no paths, `docs/.made/x.md` is made,
                `src/callfloor/teams/chairs.py` is not there, nor is `chairs.py`.
                ```
                `chairs.py` in an example
                ```
                """,
        }

        assert caught(documented_paths.breaches, tmp_path, files) == [("docs/use/start.md", 3)] * 2


class TestHonestTests:
    @pytest.mark.parametrize(
        "line",
        [
            "import pytest\npytest.skip()",
            "import pytest\n@pytest.mark.xfail\ndef test(): ...",
            "import time\ntime.sleep(1)",
            "\nfrom unittest.mock import patch",
            "from callfloor.teams import seats\nmonkeypatch.setattr(seats, 'add', None)",
            "\nmonkeypatch.setattr('callfloor.teams.seats.add', None)",
            "\na = 1  # pragma: " + "no cover",
        ],
    )
    def test_catches_a_test_that_may_prove_nothing(self, tmp_path: Path, line: str) -> None:
        assert caught(honest_tests.breaches, tmp_path, {"tests/test_seats.py": line}) == [("tests/test_seats.py", 2)]

    def test_lets_the_environment_be_set(self, tmp_path: Path) -> None:
        files = {"tests/test_seats.py": "def test(monkeypatch):\n    monkeypatch.setenv('CALLFLOOR_DATA', 'x')\n"}

        assert caught(honest_tests.breaches, tmp_path, files) == []


def _commit(folder: Path, files: dict[str, str]) -> None:
    if not (folder / ".git").exists():
        _git(folder, "init", "--quiet")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "-m", "Add")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
