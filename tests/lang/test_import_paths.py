"""A path that names no package: the message is the go command's, which looks at imports before the compiler does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.go_oracle import find_go, go_environment
from tests.lang.wrong_programs import diagnosed

RELATIVE = "relative, but relative import paths are not supported in module mode"
SAID = {
    '""': "invalid import path: ",
    '"a b"': "invalid import path: a b",
    r'"a\tb"': "invalid import path: a\tb",
    r'"a\xff"': "invalid import path: a\ufffd",
    r"`a\b`": r"invalid import path: a\b",
    '"a//b"': 'malformed import path "a//b": double slash',
    '"fmt/"': 'malformed import path "fmt/": trailing slash',
    '"a/../fmt"': 'malformed import path "a/../fmt": invalid path element ".."',
    '"a./b"': 'malformed import path "a./b": trailing dot in path element',
    '"-a"': 'malformed import path "-a": leading dash',
    '"é"': "malformed import path \"é\": invalid char 'é'",
    '"/fmt"': "\"/fmt\" is not a package path; see 'go help packages'",
    '"./fmt"': f'"./fmt" is {RELATIVE}',
    '".."': f'".." is {RELATIVE}',
    '"fmt/x"': "package fmt/x is not in std",
    '"main"': "package main is not in std",
}


def program(path: str) -> str:
    return f"package main\n\nimport {path}\n\nfunc main() {{}}\n"


@pytest.mark.parametrize("path", SAID)
def test_the_path_is_told_and_nothing_else(path: str) -> None:
    assert [diagnostic.message for diagnostic in diagnosed(program(path)).found] == [SAID[path]]


@pytest.mark.parametrize("path", SAID)
def test_the_go_command_says_the_same(path: str, tmp_path: Path) -> None:
    go = find_go()
    if go is None:
        pytest.skip("no go command")
    (tmp_path / "go.mod").write_text("module toy\n\ngo 1.22\n", encoding="utf-8")
    (tmp_path / "main.go").write_text(program(path), encoding="utf-8")
    command = [go, "build", "-o", "prog", "."]
    ran = subprocess.run(command, cwd=tmp_path, env=go_environment(), capture_output=True, check=False)
    assert f"main.go:3:8: {SAID[path]}" in ran.stderr.decode(errors="replace")


def test_a_path_may_be_spelled_with_escapes() -> None:
    assert not diagnosed(r'import "f\x6dt"; func main() { fmt.Println() }')


def test_a_path_that_does_not_end_is_no_path() -> None:
    found = diagnosed('import "fmt\n\nfunc main() {}\n')
    assert [diagnostic.message for diagnostic in found.found] == ["newline in string"]


def test_packages_that_there_are_not_have_no_names_that_clash() -> None:
    found = diagnosed('import "a/b"; import "c/b"; import . "d"; import init "e"; func b() {}; func main() { b.F() }')
    assert [diagnostic.message[:10] for diagnostic in found.in_order()] == [
        "package a/",
        "package c/",
        "package d ",
        "package e ",
    ]
