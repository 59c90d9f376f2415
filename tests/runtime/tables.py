"""Go's tables: the cases of its own tests, as data in go_tables/*.json, in a form of our own.

    @cases("page_alloc", "free")
    def test_free_gives_pages_back(engine, case):
        heap = PageHeap(engine, chunks(case["before"]))

Each file says with "what" what it holds, and with "go" where Go has it; so does each case, whose name is Go's.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "go_tables"


@cache
def go_table(name: str) -> dict[str, Any]:
    """A file of go_tables."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def section(name: str, key: str) -> dict[str, Any]:
    """The cases of one section of a file, by name."""
    return {case: value for case, value in go_table(name)[key].items() if case != "what"}


def cases(name: str, key: str) -> pytest.MarkDecorator:
    """Run a test with each case of a section as `case`."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=at) for at, case in section(name, key).items()])


def chunks(described: dict[str, str]) -> dict[int, str]:
    """Runs of pages by chunk, whose number is written in decimal or hexadecimal."""
    return {int(chunk, 0): runs for chunk, runs in described.items()}


def place(text: str | None) -> tuple[int, int] | None:
    """(chunk, page) of chunk:page; None for nowhere."""
    if text is None:
        return None
    chunk, _, page = text.partition(":")
    return int(chunk, 0), int(page)
