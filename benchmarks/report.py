"""What a benchmark found: a table for people, JSON for programs, a picture; only what was measured."""

from __future__ import annotations

import html
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "build"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on a ratio."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"

    def is_met_by(self, ratio: float) -> bool:
        """Return whether the ratio keeps the limit."""
        if self.at_least is not None:
            return ratio >= self.at_least
        return self.at_most is None or ratio <= self.at_most

    @property
    def value(self) -> float:
        """Return the limit itself."""
        return self.at_least if self.at_least is not None else self.at_most or 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, each round by itself: `ours` and `theirs` as a figure of the same unit, and their ratio."""

    what: str
    database: str
    against: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    ratios: tuple[float, ...]
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        """Return the median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def verdict(self) -> str:
        """Return whether the goal is met; nothing when there is none."""
        if self.goal is None:
            return "reported"
        return "met" if self.goal.is_met_by(self.ratio) else "MISSED"


def faster(what: str, database: str, against: str, unit: str, pairs: Sequence[tuple[float, float]], **more: Any) -> Row:
    """Return a row whose ratio is ours through theirs, from (ours, theirs) of each round."""
    ours, theirs = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    return Row(what, database, against, unit, ours, theirs, tuple(a / b for a, b in pairs), **more)


def progress(text: str) -> None:
    """Say on stderr what is going on, on one line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def progress_done() -> None:
    """End the line of the progress."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of text."""
    head = ("what", "database", "ours", "against", "theirs", "unit", "ratio", "min–max", "goal", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = {2, 4, 6, 7}
    return "\n".join(
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        row.database,
        f"{statistics.median(row.ours):,.0f}",
        row.against,
        f"{statistics.median(row.theirs):,.0f}",
        row.unit,
        f"{row.ratio:.2f}",
        f"{min(row.ratios):.2f}–{max(row.ratios):.2f}",
        str(row.goal) if row.goal else "",
        row.verdict,
    )


def write_json(rows: Sequence[Row], about: dict[str, Any], path: Path) -> None:
    """Write the rows, every round's figures included."""
    found = [
        {
            "what": row.what,
            "database": row.database,
            "against": row.against,
            "unit": row.unit,
            "ours": row.ours,
            "theirs": row.theirs,
            "ratios": row.ratios,
            "ratio": row.ratio,
            "goal": str(row.goal) if row.goal else None,
            "verdict": row.verdict,
        }
        for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"about": about, "rows": found}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


_LABEL, _BAR, _LINE, _TOP = 420, 420, 26, 44
_SHOWN = 2.0
"""The right edge of the picture: twice the goal."""


def write_svg(rows: Sequence[Row], path: Path) -> None:
    """Draw each row that has a goal as a bar, scaled so that every goal lies on one line."""
    drawn = [row for row in rows if row.goal is not None]
    height = _TOP + _LINE * len(drawn) + 12
    goal_x = _LABEL + _BAR / _SHOWN
    box = f'viewBox="0 0 {_LABEL + _BAR + 90} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{goal_x}" y="18" text-anchor="middle" fill="#444">goal</text>',
    ]
    for number, row in enumerate(drawn):
        parts += _bar(row, _TOP + _LINE * number)
    parts.append(
        f'<line x1="{goal_x}" x2="{goal_x}" y1="24" y2="{height - 8}" stroke="#222" stroke-dasharray="4 3"/></svg>'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _bar(row: Row, y: int) -> list[str]:
    if row.goal is None:
        return []

    def x(ratio: float) -> float:
        limit = row.goal.value if row.goal else 1.0
        return round(_LABEL + min(ratio / limit, _SHOWN) * _BAR / _SHOWN, 1)

    color = "#2f7d4f" if row.goal.is_met_by(row.ratio) else "#b3392f"
    label = html.escape(f"{row.what}, {row.database}, against {row.against}")
    low, high = x(min(row.ratios)), x(max(row.ratios))
    return [
        f'<text x="{_LABEL - 10}" y="{y + 13}" text-anchor="end" fill="#222">{label}</text>',
        f'<rect x="{_LABEL}" y="{y}" width="{x(row.ratio) - _LABEL:.1f}" height="17" fill="{color}"/>',
        f'<line x1="{low}" x2="{high}" y1="{y + 8.5}" y2="{y + 8.5}" stroke="#111"/>',
        f'<text x="{_LABEL + _BAR + 8}" y="{y + 13}" fill="#222">{row.ratio:.2f} ({html.escape(str(row.goal))})</text>',
    ]
