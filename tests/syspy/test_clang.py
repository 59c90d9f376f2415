"""Clang and llvmlite: the same code of the same text; whichever is missing or fails, the other one has compiled it."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

import pytest

from runtime.syspy import clang
from runtime.syspy.clang import Clang, executable
from runtime.syspy.elf_link import link
from runtime.syspy.optimise import by_llvmlite, compile_text, practise
from tests.syspy.modules import Made, made

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="clang is used for x86-64")

TEXT = """
@struct
class Numbers(Struct):
    data: Array[f64]
    length: i64

def total(numbers: Numbers) -> f64:
    found = 0.0
    i = 0
    while i < numbers.length:
        if numbers.data[i] < 0.0:
            throw("S1: negative", i)
        found += numbers.data[i] * numbers.data[i]
        i += 1
    return found

def answer() -> i64:
    return 42
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "clanged")


@pytest.fixture(scope="module")
def text(functions: Made) -> str:
    return functions.lowered(functions.total, functions.answer).text()


def pretend(path: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """A script in clang's place."""
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    monkeypatch.setattr(clang, "executable", lambda: str(path))


@pytest.mark.parametrize("opt_level", [0, 1, 3])
def test_the_code_is_llvmlites_byte_for_byte(text: str, opt_level: int) -> None:
    import llvmlite.binding as llvm

    if llvm.llvm_version_info[0] != 22:
        pytest.skip("llvmlite has another LLVM")
    theirs = by_llvmlite(text, opt_level).object_code
    with Clang(text, opt_level) as process:
        ours = process.result()
    assert ours is not None
    assert link([ours]).memory == link([theirs]).memory


def test_texts_are_made_when_somebody_wants_to_read_them(text: str) -> None:
    for compiled in (compile_text(text), by_llvmlite(text)):
        assert re.search(r"^define .*@entry\.clanged\.total\(", compiled.ir, re.MULTILINE)
        assert re.search(r"^entry\.clanged\.answer:\n(.*\n){1,60}.*\$42", compiled.assembly, re.MULTILINE)


@pytest.mark.parametrize("lines", ["exit 1", "kill -9 $$", "printf part; exit 1"])
def test_without_an_answer_llvmlite_compiles(
    functions: Made, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    pretend(tmp_path / "zig", monkeypatch, lines)
    with Clang(text, 3) as process:
        assert process.result() is None
    assert link([compile_text(text).object_code]).memory == link([by_llvmlite(text).object_code]).memory
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    assert functions.image(functions.answer).call("clanged.answer") == 42


@pytest.mark.parametrize("path", [None, "/nowhere/zig"])
def test_where_it_is_not_installed_llvmlite_compiles(
    text: str, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    monkeypatch.setattr(clang, "executable", lambda: path)
    with Clang(text, 3) as process:
        assert process.result() is None
    practise(text)
    assert link([compile_text(text).object_code]).memory == link([by_llvmlite(text).object_code]).memory


def test_what_is_wrong_with_a_text_is_said() -> None:
    with pytest.raises(RuntimeError, match="function result type"):
        compile_text("define i32 @f() { ret i64 0 }")


def test_a_text_that_is_not_verified_is_refused() -> None:
    """It parses, but a value is used before it is there."""
    wrong = "define i32 @f(i1 %c) {\nbr i1 %c, label %a, label %b\na:\n%x = add i32 1, 2\nbr label %b\nb:\nret i32 %x}"
    with Clang(wrong, 3) as process:
        assert process.result() is None


def test_a_process_is_ended_when_nobody_waits_for_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(tmp_path / "zig", monkeypatch, "exec sleep 60")
    begin = time.monotonic()
    process = Clang(text, 3)
    pid = process.pid
    with pytest.raises(KeyboardInterrupt), process:
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_it_is_installed_with_toy() -> None:
    path = executable()
    assert path is not None
    assert os.access(path, os.X_OK)
