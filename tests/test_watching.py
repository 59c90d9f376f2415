"""toyrun --watch: what becomes of an object that is known by its number."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from lang import child
from lang.driver import Options
from lang.toyrun import USAGE_ERROR, command, run_guarded

ENGINES = ("native", "python")

LISTS = """package main

import (
	"fmt"
	"runtime"
)

type node struct {
	next  *node
	value int
}

var unused int
var kept *node
var all [3]*node

func build(n int) *node {
	var head *node
	for i := 0; i < n; i++ {
		head = &node{head, i}
	}
	return head
}

func main() {
	kept = build(3)
	list := build(2)
	all[2] = &node{}
	runtime.GC()
	fmt.Println(list.value)
	kept.next.next = nil
	all[2] = nil
	runtime.GC()
	kept = kept.next
	runtime.GC()
	fmt.Println(kept.value)
}
"""

STORY = """\
watch 1: allocated before collection 1, 16 bytes at A1: main.build lists.toy:20
watch 3: allocated before collection 1, 16 bytes at A3: main.build lists.toy:20
watch 4: allocated before collection 1, 16 bytes at A4: main.build lists.toy:20
watch 6: allocated before collection 1, 16 bytes at A6: main.main lists.toy:28
watch 1: kept by collection 1: variable kept -> A3+0 -> A2+0 -> A1
watch 3: kept by collection 1: variable kept -> A3
watch 4: kept by collection 1: main.main lists.toy:29 -> A5+0 -> A4
watch 6: kept by collection 1: variable all+16 -> A6
watch 1: dead in collection 2: A2+0 does not lead to A1 any more, but to nil
watch 3: kept by collection 2: variable kept -> A3
watch 4: dead in collection 2: the function is over, or needs it no more: nothing on the stack leads to it
watch 6: dead in collection 2: variable all+16 does not lead to A6 any more, but to nil
watch 3: dead in collection 3: variable kept does not lead to A3 any more, but to A2
watch 999: not allocated: the program made 6 objects
"""


def watch(tmp_path: Path, text: str, numbers: tuple[int, ...], engine: str, environ: dict[str, str]) -> tuple[int, str]:
    """The exit code of a program, and what it wrote on standard error, addresses of its first nodes as A1, A2, ..."""
    path = tmp_path / "lists.toy"
    path.write_text(text, encoding="utf-8")
    options, environ = Options(engine=engine, watch=numbers), {**os.environ, **environ}
    done = child.forked(lambda: run_guarded(str(path), [], options, environ), environ)
    said = done.stderr.decode().replace(str(tmp_path) + "/", "")
    first = re.search(r"watch 1: allocated .* at 0x([0-9a-f]+)", said)
    base = int(first[1], 16) if first else 0
    shown = re.sub(r"0x([0-9a-f]+)", lambda found: f"A{(int(found[1], 16) - base) // 16 + 1}", said)
    return done.exit_code, shown


@pytest.mark.parametrize("engine", ENGINES)
def test_where_it_was_made_what_kept_it_and_why_it_died(tmp_path: Path, engine: str) -> None:
    assert watch(tmp_path, LISTS, (4, 1, 3, 6, 999), engine, {}) == (0, STORY)


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_stay_what_they_are_under_stress(tmp_path: Path, engine: str) -> None:
    code, said = watch(tmp_path, LISTS, (1, 3), engine, {"GODEBUG": "gcstress=1,clobberfree=1"})
    lines = said.splitlines()
    assert code == 0
    assert lines[0].startswith("watch 1: allocated before collection 2, 16 bytes at A1: main.build lists.toy:20")
    assert sum("watch 3: allocated" in line for line in lines) == 1
    assert sum("watch 1: dead" in line for line in lines) == 1
    assert re.match(r"gcstress: [0-9]+ collections at 6 allocations", lines[-1])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_story_is_told_of_a_program_that_panics(tmp_path: Path, engine: str) -> None:
    text = LISTS.replace("\tkept = kept.next\n", "\tkept.next.next.value = 1\n")
    code, said = watch(tmp_path, text, (3,), engine, {})
    assert code == 2
    assert "panic: runtime error: invalid memory address or nil pointer dereference" in said
    assert said.endswith("watch 3: not found dead by the end of the program\n")


@pytest.mark.parametrize("value", ["", "0", "x", "1,", "-3", "1,0", "1" * 30])
def test_what_is_no_number(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command([f"--watch={value}", "hello.toy"]) == USAGE_ERROR
    assert f"--watch takes numbers of allocations, not {value!r}" in capsys.readouterr().err
