"""Halves: they do what the whole does, wherever the cut is; and a process beside that fails costs nothing but time."""

from __future__ import annotations

import os
import platform
import select
import signal
import time
from pathlib import Path

import pytest

from runtime.syspy import clang, division, translate
from runtime.syspy.beside import Beside
from runtime.syspy.clang import executable
from runtime.syspy.division import Function, calls_across, halves
from runtime.syspy.elf_link import link
from runtime.syspy.optimise import compile_text
from tests.syspy.modules import Made, made

TEXT = """
@struct
class Name(Struct):
    data: Array[u8]
    length: u64

TEXT = text(b"halves")
NAME = constant(Name, data=TEXT, length=6)

@inline
def twice(n: i64) -> i64:
    return n + n

def small(n: i64) -> i64:
    return twice(n) + 1

@cold
def refused(n: i64) -> NoReturn:
    throw("S1: refused", n)

def even(n: i64) -> bool:
    return True if n == 0 else odd(n - 1)

def odd(n: i64) -> bool:
    return False if n == 0 else even(n - 1)

def letters(name: Name) -> i64:
    sum = 0
    for i in range(name.length):
        sum += i64(name.data[i])
    return sum

def is_name(name: uintptr) -> bool:
    return name == address(NAME)

def applied(function: uintptr, n: i64) -> i64:
    return call_at(small, function, n)

def checked(n: i64) -> i64:
    if n < 0:
        refused(n)
    return small(n) + applied(function_address(small), n)

def main(n: i64) -> i64:
    result = checked(n) + letters(NAME)
    if even(n):
        result += 1000
    if is_name(address(NAME)):
        result += 10000
    return result
"""


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is built is not there already."""
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def functions() -> Made:
    return made(TEXT, "divided")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="objects of x86-64")
@pytest.mark.parametrize("most_copied", [0, 100_000])
@pytest.mark.parametrize("cut", range(1, 9))
def test_halves_do_what_the_whole_does_wherever_the_cut_is(
    functions: Made, monkeypatch: pytest.MonkeyPatch, cut: int, most_copied: int
) -> None:
    """Functions, constants, their addresses and failures go from one half to the other."""
    used = []

    def cut_there(all_functions: dict[str, Function]) -> list[set[str]]:
        order = list(all_functions)
        used.append(order)
        return [set(order[:cut]), set(order[cut:])]

    monkeypatch.setattr(division, "halves", cut_there)
    monkeypatch.setattr(division, "MOST_COPIED", most_copied)
    monkeypatch.setattr("runtime.syspy.translate.processors", lambda: 2)
    image = functions.image(functions.main, functions.is_name, key=f"{cut} {most_copied}")
    assert len(used[0]) == 10
    assert image.texts is None, "the whole has texts"
    for n in (3, 4):
        assert image.call("divided.main", n) == functions.main(n)
    with pytest.raises(Exception, match="S1: refused"):
        image.call("divided.main", -1)


def function(size: int, *calls: str) -> Function:
    return Function("internal", "", "head {\n" + "".join(f"call @{name}\n" for name in calls) + "x" * size)


def test_the_cut_is_near_the_middle_where_the_fewest_calls_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    functions = {
        "@main": function(4000, "a", "d"),
        "@a": function(8000, "b"),
        "@b": function(8000, "c"),
        "@c": function(4000, "b"),
        "@d": function(4000, "e", "small"),
        "@e": function(8000, "d"),
        "@f": function(8000, "e"),
        "@small": function(40),
    }
    assert calls_across(functions)[:8] == [0, 2, 2, 3, 1, 2, 1, 0]
    assert halves(functions) == [{"@main", "@a", "@b", "@c"}, {"@d", "@e", "@f", "@small"}]
    monkeypatch.setattr(division, "LEAST_TEXT", 1_000_000)
    assert halves(functions) == [set(functions)]


def test_one_function_is_not_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    assert halves({"@main": function(5000)}) == [{"@main"}]


@pytest.mark.parametrize("one", ["exit 1", "kill -9 $$", "printf part; exit 1"])
def test_without_one_half_the_whole_is_compiled(
    functions: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one: str
) -> None:
    """The second process to be started fails."""
    path = tmp_path / "zig"
    path.write_text(f'#!/bin/sh\nmkdir {tmp_path}/begun 2>/dev/null && exec {executable()} "$@"\n{one}\n')
    path.chmod(0o755)
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    monkeypatch.setattr(clang, "executable", lambda: str(path))
    monkeypatch.setattr(translate, "processors", lambda: 2)
    image = functions.image(functions.main, key=one)
    assert image.texts is not None
    assert image.call("divided.main", 4) == functions.main(4)


def late() -> bytes:
    time.sleep(60)
    return b"late"


def test_a_process_beside_is_ended_when_nobody_waits_for_it() -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Beside(late) as other:
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(other.pid, os.WNOHANG)


def test_a_part_of_a_result_is_none() -> None:
    """The process dies while it waits for room in the pipe."""
    with Beside(lambda: bytes(10_000_000)) as other:
        while not select.select([other.reader], [], [], 1.0)[0]:
            pass
        os.kill(other.pid, signal.SIGKILL)
        assert other.result() is None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="objects of x86-64")
def test_two_objects_are_linked_into_one_piece(functions: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "LEAST_TEXT", 1)
    texts = functions.lowered(functions.main).texts()
    assert len(texts) == 2
    linked = link([compile_text(text).object_code for text in texts])
    assert {"entry.divided.main", "divided.NAME", "divided.TEXT", "syspy.key"} <= set(linked.symbols)
    assert not {name for _, name in linked.slots} & set(linked.symbols)
    assert len(linked.tables) == 2
