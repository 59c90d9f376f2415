"""The real compiler says the same: every error of the wrong programs at the same line and column, in the same words.

Slow: it compiles each program on its own. Without the go command the comparison is skipped.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lang.source import Source
from tests.go_oracle import find_go, go_environment, to_go
from tests.lang.test_wrong_programs import LINES, PROGRAMS
from tests.lang.wrong_programs import COMMENT, errors_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_go() is None, reason="no go command")]

MESSAGE = re.compile(r"^(?:\./)?(?:\w+/)?main\.go:(\d+):(\d+): (.*)", re.MULTILINE)
PACKAGE_CLAUSE = "package main; "

Found = set[tuple[int, int, str]]


def without_announcements(text: str) -> str:
    """The program without the comments that announce its errors."""
    return COMMENT.sub("", text)


def normal(message: str) -> str:
    """The first line of a message, without what names the file."""
    return re.sub(r"(\./)?(\w+/)?(prog\.toy|main\.go):\d+:\d+", "PLACE", message.partition("\n")[0])


def errors_of_go(text: str, directory: Path) -> Found:
    """What the real compiler says about a program, in the columns of the Toy source."""
    directory.mkdir()
    go_text = to_go(text)
    (directory / "main.go").write_text(go_text, encoding="utf-8")
    go = find_go()
    assert go is not None
    command = [go, "build", "-gcflags=-e", "-o", "/dev/null", f"./{directory.name}"]
    said = subprocess.run(
        command, cwd=directory.parent, env=go_environment(), capture_output=True, text=True, check=False
    )
    clause = go_text.find(PACKAGE_CLAUSE)
    clause_line = go_text.count("\n", 0, clause) + 1 if clause >= 0 and not text.startswith("package") else 0
    found: Found = set()
    for line, column, message in MESSAGE.findall(said.stderr):
        shift = len(PACKAGE_CLAUSE) if int(line) == clause_line else 0
        found.add((int(line), int(column) - shift, normal(message)))
    return found


def errors_of_toy(text: str) -> Found:
    source = Source("prog.toy", text)
    return {(*source.line_column(error.pos), normal(error.message)) for error in errors_of(text)}


def differences(texts: Iterable[str], directory: Path) -> list[str]:
    """What only one of the two says, over all programs."""
    (directory / "go.mod").write_text("module toy\n\ngo 1.22\n", encoding="utf-8")
    programs = [without_announcements(text) for text in texts]
    with ThreadPoolExecutor(2) as pool:
        by_go = list(pool.map(lambda i: errors_of_go(programs[i], directory / f"p{i}"), range(len(programs))))
    said = []
    for text, go in zip(programs, by_go, strict=True):
        toy = errors_of_toy(text)
        said += [f"only Go:  {error}\n{text}" for error in sorted(go - toy)]
        said += [f"only Toy: {error}\n{text}" for error in sorted(toy - go)]
    return said


def test_programs(tmp_path: Path) -> None:
    assert differences((path.read_text(encoding="utf-8") for path in PROGRAMS), tmp_path) == []


def test_lines(tmp_path: Path) -> None:
    assert differences((line + "\n" for line in LINES), tmp_path) == []
