"""The compiler: what it translates is what is translated here; and one that fails costs nothing but time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lang import driver, toolchain
from lang.source import Source
from runtime.syspy import division, native, translate
from runtime.syspy.compiler import Compiler
from tests.syspy.modules import Made, made

TEXT = """
def even(n: i64) -> bool:
    return True if n == 0 else odd(n - 1)

def odd(n: i64) -> bool:
    return False if n == 0 else even(n - 1)

def main(n: i64) -> i64:
    return 7 if even(n) else 8
"""


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "compiled")


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.syspy.beside.processors", lambda: 2)
    monkeypatch.setattr(translate, "processors", lambda: 2)


def compiler(functions: Made, prepare: Any = list) -> Compiler:
    return Compiler("compiled", prepare, lambda _: [functions.main])


@pytest.mark.parametrize("least", [1, 1_000_000])
def test_it_compiles_the_whole_and_the_halves(
    functions: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, least: int
) -> None:
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(division, "LEAST_TEXT", least)
    with compiler(functions) as other:
        found = other.code({})
    assert found is not None
    made_of = native.kept("compiled", "key", *found, base=None, notes={"a": 1})
    again = native.cached("compiled", "key")
    assert again is not None
    for image in (made_of, again):
        assert image.notes == {"a": 1}
        assert (image.call("compiled.main", 4), image.call("compiled.main", 5)) == (7, 8)


def test_it_practises_on_functions_and_forgets_them(functions: Made) -> None:
    with compiler(functions, lambda: [functions.even]) as other:
        found = other.code({})
    assert found is not None
    assert list(found[0]["entries"]) == ["compiled.main"]


def fail() -> None:
    raise MemoryError


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("prepare", [fail, die])
def test_one_that_fails_has_no_answer(functions: Made, prepare: Any) -> None:
    with compiler(functions, prepare) as other:
        assert other.code({"large": "x" * 1_000_000}) is None


def test_one_that_cannot_be_forked_has_no_answer(functions: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", no_process)
    with compiler(functions) as other:
        assert other.code({}) is None


def test_one_that_nothing_is_asked_of_is_ended(functions: Made) -> None:
    with pytest.raises(KeyboardInterrupt), compiler(functions) as unused:
        raise KeyboardInterrupt
    with pytest.raises(ChildProcessError):
        os.waitpid(unused.other.pid, os.WNOHANG)


PROGRAM = "func twice(n int) int { return 2 * n }\nfunc main() { println(twice(21)) }\n"


@pytest.mark.parametrize("fails", [False, True])
def test_a_program_is_translated_by_it_or_else_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    built = []
    build = native.build

    def noted(roots: Any, name: str, **options: Any) -> Any:
        built.append(name)
        return build(roots, name, **options)

    base = toolchain.library_image(toolchain.runtime_image())
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(toolchain, "runtime_image", lambda: base.base)
    monkeypatch.setattr(toolchain, "library_image", lambda _: base)
    monkeypatch.setattr(native, "build", noted)
    if fails:
        monkeypatch.setattr(Compiler, "code", lambda *_: None)
    source = Source("doubled.toy", PROGRAM)
    _, program = driver.on_native(source)
    assert built == (["program"] if fails else [])
    monkeypatch.undo()
    assert [position[0] for position in program.positions][-1:] == ["main.main"]


IMPORTED = """
import sys
from lang import driver
from lang.source import Source
from runtime.syspy import beside
beside.processors = lambda: 2
driver.on_native(Source("doubled.toy", {text!r}))
print(*sys.modules)
"""


def test_whoever_has_one_imports_neither_the_runtime_nor_what_translates(tmp_path: Path) -> None:
    """These take longer than reading and checking a program does; a compiler imports them meanwhile."""
    toolchain.library_image(toolchain.runtime_image())  # whoever has to build these imports all
    script = IMPORTED.format(text=f"// {tmp_path}\n{PROGRAM}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "lang.lower_program" in imported
    assert not imported & {"runtime.mheap", "lang.std.fmt", "runtime.syspy.unit", "llvmlite"}
