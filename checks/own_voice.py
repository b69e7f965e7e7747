"""The project speaks for itself: no path of somebody's machine, no host of a package registry, no word of who typed it.

A path works on one machine only; a registry is the reader's own setting; a change is signed by its author.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

from checks.tree import Breach, Tree

SUFFIXES = (
    ".cfg",
    ".css",
    ".html",
    ".ini",
    ".js",
    ".json",
    ".mako",
    ".md",
    ".mjs",
    ".py",
    ".sh",
    ".toml",
    ".ts",
    ".tsx",
    ".txt",
    ".yaml",
    ".yml",
)
NAMES = ("LICENSE", "Makefile", "NOTICE", "run")
MACHINE_PATH = re.compile(r"(?:^|[^\w.{}$/-])/(?:work|farm|root|tmp|home/\w+|Users/\w+)/")
WORDS = re.compile(r"(?i)\b(?:[c]o-authored-by|[c]oding assistant|[a]i[- ]generated|[g]enerated (?:with|by) an? ai)\b")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find such lines in every text file."""
    hosts = registry_hosts()
    for path in tree.files():
        if path.suffix not in SUFFIXES and path.name not in NAMES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE_PATH.search(line):
                yield Breach(tree.relative(path), number, "a path of one machine")
            if WORDS.search(line):
                yield Breach(tree.relative(path), number, "says who typed it")
            if any(host in line for host in hosts):
                yield Breach(tree.relative(path), number, "names a package registry")


def registry_hosts() -> set[str]:
    """Return the hosts that pip, and npm if it is there, install from."""
    from pip._internal.models.index import PyPI  # noqa: PLC0415  # no public name; slow to import

    hosts = {PyPI.netloc, PyPI.file_storage_domain}
    npm = shutil.which("npm")
    if npm is not None:
        answer = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)
        hosts.add(urlsplit(answer.stdout.strip()).hostname or "")
    return {host for host in hosts if "." in host}
