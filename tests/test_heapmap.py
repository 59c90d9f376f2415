"""toyrun --heapmap: what the page holds, when it is written, and that a browser shows it."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from lang import heap_record
from lang.driver import Options
from lang.heap_record import HeapRecord
from lang.toyrun import run_guarded
from runtime.phases import PHASE_MARKED
from tests.forked_toyrun import toyrun
from tests.test_toyrun import ENGINES, TIMEOUT_SECONDS, Finished, program, start

pytestmark = pytest.mark.full_on_python

Write = Callable[..., Path]
__all__ = ["program"]

PROGRAM = """package main

import (
	"fmt"
	"os"
	"runtime"
)

type Leaf struct {
	name string
	size int
}

type Tree struct {
	left, right *Tree
	leaves      []*Leaf
}

var kept *Tree
var code int

func build(depth int) *Tree {
	if depth == 0 {
		return &Tree{leaves: []*Leaf{&Leaf{name: fmt1(depth)}, &Leaf{size: 1}}}
	}
	return &Tree{left: build(depth - 1), right: build(depth - 1)}
}

func fmt1(n int) string {
	s := "a text that is longer than a tiny object"
	for i := 0; i <= n; i++ {
		s += "!"
	}
	return s
}

func look(local *Tree) int {
	runtime.GC()
	return len(local.leaves)
}

func main() {
	kept = build(2)
	local := build(1)
	shared := local.left.leaves
	kept.leaves = shared
	fmt.Println(look(local), len(shared))
	_ = os.Args
	END
}
"""


def data_of(path: Path) -> Any:
    """What a page holds."""
    found = re.search(r'<script id="data" type="application/json">(.*)</script>', path.read_text("utf-8"))
    assert found is not None
    return json.loads(found[1])


def by_name(data: Any) -> dict[str, Any]:
    return {kind["name"]: kind for kind in data["graph"]["types"]}


def edges(data: Any) -> dict[tuple[str, str], list[int]]:
    """From and to: pointers and bytes."""
    graph = data["graph"]
    name = [kind["name"] for kind in graph["types"]]
    return {(name[a] if a >= 0 else graph["roots"][-1 - a], name[b]): rest for a, b, *rest in graph["edges"]}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flags", [["--memprofilerate=1"], ["--memprofilerate=0"]], ids=["sampled", "not sampled"])
def test_it_says_who_holds_whom(program: Write, tmp_path: Path, engine: str, flags: list[str]) -> None:
    out = tmp_path / "out.html"
    done = toyrun("--engine", engine, "--heapmap", out, *flags, program(PROGRAM.replace("END", "")))
    assert (done.code, done.out, done.err) == (0, "0 2\n", "")
    data = data_of(out)
    kinds = by_name(data)
    assert data["graph"]["of"] == 1
    assert data["graph"]["left_out"] == 0
    assert {name: (kind["objects"], kind["bytes"]) for name, kind in kinds.items()} == {
        "main.Tree": (7 + 3, 10 * 48),
        "[]*main.Leaf": (4 + 2, 6 * 16),
        "main.Leaf": (8 + 4, 12 * 24),
        "string": (4 + 2 + 1, 6 * 48 + kinds["[]string"]["retained"] - 16),
        "[]string": (1, 16),
    }
    found = edges(data)
    assert found["var kept", "main.Tree"] == [1, 48]
    assert found["stack of look", "main.Tree"] == [1, 48]
    assert found["main.Tree", "main.Tree"] == [6 + 2, 8 * 48]
    assert found["main.Tree", "[]*main.Leaf"] == [6 + 1, 6 * 16]
    assert found["[]*main.Leaf", "main.Leaf"] == [12, 12 * 24]
    assert found["main.Leaf", "string"] == [6, 6 * 48]
    leaves = 16 + 2 * 24 + 48
    assert [one["retained"] for one in kinds["main.Tree"]["largest"]] == [7 * 48 + 4 * leaves, 3 * 48 + leaves]
    assert kinds["main.Tree"]["retained"] == 10 * 48 + 5 * leaves, "the leaves that both hold are retained by neither"
    assert kinds["main.Tree"]["largest"][0]["path"] == ["var kept", ["", "main.Tree"]]
    paths = [one["path"] for one in kinds["main.Leaf"]["largest"]]
    assert ["var kept", ["", "main.Tree"], ["leaves", "[]*main.Leaf"], ["[0]", "main.Leaf"]] in paths
    lines = {name: {line for _, line, _ in kind["sites"]} for name, kind in kinds.items()}
    assert lines["main.Tree"] == {24, 26}
    assert lines["main.Leaf"] == {24}
    assert data["graph"]["lines"]["26"] == "return &Tree{left: build(depth - 1), right: build(depth - 1)}"
    guessed = {name: kind["guessed"] for name, kind in kinds.items() if kind["guessed"]}
    assert guessed == ({} if "1" in flags[0] else {"main.Tree": 1}), "the one that only a stack leads to"
    samples = sum(count for _, _, count in kinds["main.Tree"]["sites"])
    assert samples == (10 if "1" in flags[0] else 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_of_several_types_of_a_shape_it_is_the_one_that_leads_to_the_same(
    program: Write, tmp_path: Path, engine: str
) -> None:
    out = tmp_path / "out.html"
    body = """type Node struct { next *Node; number int; kind name }
type Other struct { number *int; a, b, c int }
type name string
type List struct { first *Node }
type Heap struct { first *Other }
var others *Heap
func look(list *List) int {
	runtime.GC()
	return list.first.number
}
func made() *List { return &List{first: &Node{number: 5, kind: "a"+name("bcdefghijklmnopqrst")}} }
func main() {
	list := made()
	list.first.kind += "..."
	others = &Heap{first: &Other{}}
	println(look(list))
}
"""
    done = toyrun("--engine", engine, "--heapmap", out, "--memprofilerate=0", program('import "runtime"\n' + body))
    assert done.code == 0
    kinds = by_name(data_of(out))
    assert {name: kind["objects"] for name, kind in kinds.items()} == {
        "main.List": 1,
        "main.Node": 1,
        "main.Heap": 1,
        "main.Other": 1,
        "string": 1,
    }
    assert {name for name, kind in kinds.items() if kind["guessed"]} == {"main.List", "main.Node"}


def test_what_it_cannot_tell_it_says(program: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    body = """type Node struct { next *Node; number int }
type List struct { first *Node }
func look(list *List, more []*Node) int {
	runtime.GC()
	return list.first.number + more[0].number
}
func made() (*List, []*Node) {
	return &List{first: &Node{}}, []*Node{&Node{}}
}
func main() {
	println(look(made()))
}
"""
    path = program('import "runtime"\n' + body)
    assert toyrun("--heapmap", out, "--memprofilerate=0", path).code == 0
    assert {name: kind["objects"] for name, kind in by_name(data_of(out)).items()} == {
        "[]*main.Node or main.List": 2,
        "main.Node": 2,
    }
    assert toyrun("--heapmap", out, "--memprofilerate=1", path).code == 0
    assert {name: kind["objects"] for name, kind in by_name(data_of(out)).items()} == {
        "[]*main.Node or main.List": 2,
        "main.Node": 2,
    }, "both are made on one line"
    path.write_text(path.read_text().replace(", []*Node", ",\n[]*Node"))
    assert toyrun("--heapmap", out, "--memprofilerate=1", path).code == 0
    assert {name: kind["objects"] for name, kind in by_name(data_of(out)).items()} == {
        "[]*main.Node": 1,
        "main.List": 1,
        "main.Node": 2,
    }


def planes_of(data: Any, number: int) -> tuple[bytes, list[int], list[int]]:
    """Kinds, taken and marked of the snapshot of a collection."""
    arenas, text = next((arenas, text) for n, arenas, text in data["snapshots"] if n == number)
    raw = zlib.decompress(base64.b64decode(text))
    n = len(arenas) * data["layout"]["arenaPages"]
    assert len(raw) == 5 * n
    return raw[:n], list(memoryview(raw[n : 3 * n]).cast("H")), list(memoryview(raw[3 * n :]).cast("H"))


@pytest.mark.parametrize("engine", ENGINES)
def test_its_snapshots_agree_with_the_figures(program: Write, tmp_path: Path, engine: str) -> None:
    out = tmp_path / "out.html"
    body = """func main() {
	runtime.GC()
	var list [][]int
	for i := 0; i < 300; i++ {
		list = append(list, make([]int, 3))
	}
	big := make([]int, 100000)
	runtime.GC()
	list = list[:2]
	for i := range list {
		list[i] = list[i][:1]
	}
	runtime.GC()
	fmt.Println(len(list), big[0])
}
"""
    path = program('import ("fmt"; "runtime")\n' + body)
    done = toyrun("--engine", engine, "--heapmap", out, "--memstats", path)
    assert done.code == 0
    data = data_of(out)
    assert [number for number, *_ in data["snapshots"]] == [1, 2, 3, 0]
    layout = data["layout"]
    for number, forced, _, pause, before, live, goal, in_use, free, released in data["collections"]:
        kinds, taken, marked = planes_of(data, number)
        heads = [page for page, kind in enumerate(kinds) if kind < 252 and taken[page] < 1 << 15]
        large = {page: next(n for n in range(1, len(kinds)) if taken[page + n] < 1 << 15) for page in heads}
        size = [layout["size"][kinds[page] >> 1] or large[page] * 8192 for page in heads]
        assert sum(marked[page] * one for page, one in zip(heads, size, strict=True)) == live
        assert sum(1 for kind in kinds if kind < 252) * 8192 == in_use
        assert (kinds.count(252) * 8192, kinds.count(253) * 8192) == (free, released)
        assert forced == 1
        assert pause > 0
        assert before >= live
        assert goal >= 4 << 20
    assert data["collections"][1][5] > 800_000 + 300 * 24
    assert re.search(r"NumGC +3\n", done.err)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.Exit(3)", 3),
        ("var list []int; list[code] = 1", 2),
        ("hoard()", 2),
        ("for { code++ }", 130),
        ("for { fmt.Println(code) }", 130),
    ],
    ids=["exit", "panic", "out of memory", "ctrl-c", "ctrl-c while it prints"],
)
def test_it_is_written_however_the_program_ends(
    program: Write, tmp_path: Path, engine: str, end: str, code: int
) -> None:
    out, trace = tmp_path / "out.html", tmp_path / "out.json"
    text = PROGRAM.replace("END", f"code = 7; println(1); {end}") + "func hoard() { _ = make([]byte, code << 44) }\n"
    child = start("--engine", engine, "--heapmap", out, "--trace", trace, program(text))
    assert child.stderr is not None
    assert child.stderr.readline() == b"1\n"
    if code == 130:
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
    done = Finished(0, *child.communicate(timeout=TIMEOUT_SECONDS))
    assert (child.returncode, done.out[:4]) == (code, "0 2\n")
    data = data_of(out)
    assert data["error"] == ""
    assert by_name(data)["main.Tree"]["objects"] == 10
    numbers = [number for number, *_ in data["snapshots"]]
    assert numbers == [1] if end == "for { code++ }" else numbers[0] == 1 and numbers[-1] == 0
    assert json.loads(trace.read_text())["otherData"]["collections"] == data["count"] >= 1


def test_without_a_collection_it_shows_the_end(program: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    text = PROGRAM.replace("END", "").replace("runtime.GC()", "_ = runtime.GOOS")
    assert toyrun("--heapmap", out, program(text)).code == 0
    data = data_of(out)
    assert data["graph"]["of"] == 0
    assert by_name(data)["main.Tree"]["objects"] == 7, "what main has in locals is gone"


def test_many_collections_are_thinned_out_and_that_is_said(program: Write, tmp_path: Path) -> None:
    out, trace = tmp_path / "out.html", tmp_path / "out.json"
    body = "var sink []int\nfunc main() {\n\tfor i := 0; i < 501; i++ {\n\t\tsink = make([]int, 1)\n\t}\n}\n"
    done = toyrun("--heapmap", out, "--trace", trace, program(body), env={"GODEBUG": "gcstress=1"})
    assert (done.code, done.err[:32]) == (0, "gcstress: 501 collections at 501")
    data = data_of(out)
    kept = [number for number, *_ in data["snapshots"]]
    assert data["count"] == len(data["collections"]) == 501
    assert 50 <= len(kept) <= 101
    assert kept == [*range(data["stride"], 502, data["stride"]), 0]
    assert data["leftOut"] == 501 - (len(kept) - 1)
    assert out.stat().st_size < 1 << 20


@pytest.mark.parametrize(("flag", "found"), [(2, 2), (4, None)])
def test_the_graph_is_that_of_a_collection_that_is_named(
    program: Write, tmp_path: Path, flag: int, found: int | None
) -> None:
    out = tmp_path / "out.html"
    text = PROGRAM.replace("END", "kept = kept.left; local = nil; runtime.GC(); runtime.GC()")
    done = toyrun("--heapmap", out, "--heapmapat", str(flag), program(text))
    assert done.code == 0
    data = data_of(out)
    if found is None:
        assert data["graph"] is None
        assert done.err == "toyrun: the heap map has no graph: there were 3 collections, so none was number 4\n"
        again = toyrun("--heapmap", out, "--heapmapat", "4", program('import "runtime"\nfunc main() { runtime.GC() }'))
        assert again.err == "toyrun: the heap map has no graph: there was 1 collection, so none was number 4\n"
    else:
        assert data["graph"]["of"] == found
        assert by_name(data)["main.Tree"]["objects"] == 3
        assert done.err == ""


def test_when_something_cannot_be_noted_the_rest_is_there(
    program: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(HeapRecord, "_draw_graph", fail)
    out = tmp_path / "out.html"
    text = PROGRAM.replace("END", "runtime.GC()")
    options = Options(engine="python", heapmap=str(out))
    assert run_guarded(str(program(text)), [], options, {"GOGC": "100"}) == 0
    data = data_of(out)
    assert data["error"] == "MemoryError: no room"
    assert data["graph"] is None
    assert [number for number, *_ in data["snapshots"]] == [1, 2, 0]


def test_nothing_is_noted_while_the_page_is_written() -> None:
    """The program that does not react to Ctrl-C may collect meanwhile."""
    record = HeapRecord(keeps_maps=True)
    record.finish(is_over=False, is_at_end=False)
    assert record._tell(PHASE_MARKED) == 0
    assert (record.error, record.count, record.snapshots) == ("", 0, [])


def test_a_heap_beyond_what_a_page_has_room_for(
    program: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heap_record, "GRAPH_NODES", 10)
    monkeypatch.setattr(heap_record, "MOST_COLLECTIONS", 1)
    out = tmp_path / "out.html"
    text = PROGRAM.replace("END", "runtime.GC()")
    assert run_guarded(str(program(text)), [], Options(engine="python", heapmap=str(out)), {}) == 0
    data = data_of(out)
    assert (data["count"], len(data["collections"])) == (2, 1)
    assert (data["graph"]["objects"], data["graph"]["left_out"] > 0) == (9, True)
    assert data["most"] == {"collections": 1, "objects": 9}


@pytest.mark.slow
def test_a_large_heap_makes_no_large_page(program: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    body = """type Node struct { next *Node; pad [6]int }
var list *Node
func main() {
	for i := 0; i < 6000000; i++ {
		list = &Node{next: list}
		if i % 3 == 0 && i < 3000000 {
			list = list.next
		}
	}
}
"""
    assert toyrun("--heapmap", out, program(body)).code == 0
    data = data_of(out)
    assert max(len(arenas) for _, arenas, _ in data["snapshots"]) >= 5
    assert out.stat().st_size < 1 << 20
    assert data["graph"]["objects"] == 249_999
    dom, console = rendered(out)
    assert console == ""
    assert "There is room for 249,999 objects here" in dom
    assert 'data-shown="' in dom


def test_a_program_prints_the_same_when_it_is_looked_at(tmp_path: Path) -> None:
    path = Path(__file__).parent.parent / "examples" / "splay_tree.toy"
    env = {"GODEBUG": "gcstress=50,clobberfree=1,gccheckmark=1,heapcheck=1"}
    plain = toyrun(path, "30")
    seen = toyrun("--heapmap", tmp_path / "a", "--trace", tmp_path / "b", path, "30", env=env)
    assert (seen.code, seen.out) == (0, plain.out)
    assert [line.split(":")[0] for line in seen.err.splitlines()] == ["gcstress"]


def test_with_a_memory_profile_both_are_written(program: Write, tmp_path: Path) -> None:
    out, profile = tmp_path / "out.html", tmp_path / "out.pb.gz"
    text = PROGRAM.replace("END", "")
    done = toyrun("--memprofile", profile, "--heapmap", out, "--memprofilerate=1", program(text))
    assert done.code == 0
    assert profile.stat().st_size > 100
    assert sum(site[2] for site in by_name(data_of(out))["main.Tree"]["sites"]) == 10


# --- In a browser ----------------------------------------------------------------------------------------------------


def browser() -> str:
    """The command of a browser without a window."""
    command = which("chromium") or which("chromium-browser") or which("google-chrome")
    if command is None:
        pytest.skip("chromium is not installed")
    return command


def rendered(page: Path, script: str = "", dark: bool = False) -> tuple[str, str]:
    """The page as the browser has made it, after a script, and what it wrote on its console."""
    if script:
        # The page draws when it has opened the first snapshot.
        later = f"<script>addEventListener('load', () => setTimeout(async () => {{ {script} }}, 500))</script>"
        page.write_text(page.read_text("utf-8").replace("</body>", later + "</body>"), "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    flags += ["--blink-settings=preferredColorScheme=0"] if dark else []
    home = page.parent / "profile"
    command = [browser(), *flags, f"--user-data-dir={home}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_a_browser_shows_it(program: Write, tmp_path: Path) -> None:
    browser()
    out = tmp_path / "out.html"
    (tmp_path / "x<").mkdir()
    path = program(PROGRAM.replace("END", ""), "x</script><b>&amp;.toy")
    assert toyrun("--heapmap", out, "--memprofilerate=1", path).code == 0
    dom, console = rendered(out)
    assert console == ""
    assert '<h1 id="title">Heap of script&gt;&lt;b&gt;&amp;amp;.toy</h1>' in dom
    assert 'data-shown="0"' in dom
    assert re.search(r"<b>1\.\d KiB</b><span>alive</span>", dom)
    assert "main.Tree" in dom
    assert re.search(r'<canvas id="arenas" width="\d+" height="\d+" style="width: \d+px', dom)
    assert "held" in dom.lower()
    assert dom.count('class="node root"') >= 2


def test_a_narrow_page_of_an_empty_heap(program: Write, tmp_path: Path) -> None:
    browser()
    out = tmp_path / "out.html"
    assert toyrun("--heapmap", out, program("func main() {}")).code == 0
    script = """
        const main = document.querySelector('main'), right = (element) => element.getBoundingClientRect().right;
        main.style.width = '320px';
        document.title = right(document.querySelector('#mode')) < right(main) ? 'fits' : 'sticks out';
    """
    dom, console = rendered(out, script)
    assert console == ""
    assert "<title>fits</title>" in dom
    assert ">0 arenas of 64 MiB" in dom
    assert "of the arena were never used" not in dom.partition("<script")[0]


def test_every_control_of_the_page_works(program: Write, tmp_path: Path) -> None:
    browser()
    out = tmp_path / "out.html"
    assert toyrun("--heapmap", out, program(PROGRAM.replace("END", "kept = nil; runtime.GC()"))).code == 0
    script = """
        const found = [], $$ = (q) => document.querySelector(q);
        const pixels = () => $$('#arenas').toDataURL();
        const before = pixels();
        $$('#slider').value = 1; $$('#slider').dispatchEvent(new Event('input'));
        await new Promise((done) => setTimeout(done, 300));
        found.push($$('#where').textContent);
        $$('#mode').value = 'dead'; $$('#mode').dispatchEvent(new Event('change'));
        found.push(before !== pixels() && pixels().length > 500);
        document.querySelectorAll('#types tbody tr')[1].click();
        found.push($$('#detail h3').textContent === document.querySelectorAll('#types .name')[1].textContent);
        document.querySelectorAll('#classes th')[2].click();
        found.push($$('#classes th[aria-sort]').textContent);
        const box = $$('#arenas').getBoundingClientRect();
        $$('#arenas').dispatchEvent(new MouseEvent('mousemove', { clientX: box.left + 4, clientY: box.top + 4 }));
        found.push($$('#tip').textContent.split('\\n')[0]);
        $$('#theme').click(); $$('#theme').click();
        found.push(document.documentElement.dataset.theme);
        $$('#chart').dispatchEvent(new MouseEvent('click', { clientX: $$('#chart').getBoundingClientRect().left + 1 }));
        await new Promise((done) => setTimeout(done, 300));
        found.push($$('#where').textContent.split(' · ')[0]);
        document.title = JSON.stringify(found);
    """
    dom, console = rendered(out, script)
    assert console == ""
    title = re.search("<title>(.*)</title>", dom)
    assert title is not None
    where, changed, chosen, sorted_by, tip, theme, clicked = json.loads(title[1])
    assert where.startswith("Collection 2 of 2 · ")
    assert where.endswith("forced")
    assert (changed, chosen, sorted_by, theme) == (True, True, "spans", "dark")
    assert tip == "0xc000000000"
    assert clicked == "Collection 1 of 2"


def test_one_object_of_a_gigabyte(program: Write, tmp_path: Path) -> None:
    browser()
    out = tmp_path / "out.html"
    body = "func main() {\n\tbig := make([]byte, 1<<30)\n\truntime.GC()\n\tprintln(big[5])\n}\n"
    assert toyrun("--heapmap", out, program('import "runtime"\n' + body)).code == 0
    assert [len(arenas) for _, arenas, _ in data_of(out)["snapshots"]] == [0, 16, 16]
    script = """
        const text = pageText(131071);
        await show(0);
        document.title = JSON.stringify([text, $('arenaText').textContent, state.sums.total.inUse]);
    """
    dom, console = rendered(out, script)
    assert console == ""
    title = re.search("<title>(.*)</title>", dom)
    assert title is not None
    text, arenas, in_use = json.loads(title[1])
    assert text == (
        "0xc03fffe000\npage 131,072 of 131,072 of its span\none object of 1.0 GiB without pointers\n"
        "1 of 1 slots alive, 0 dead, 0 free"
    )
    assert arenas.startswith("0 arenas of 64 MiB")
    assert in_use == 0


def test_the_page_follows_the_system_into_the_dark(program: Write, tmp_path: Path) -> None:
    browser()
    out = tmp_path / "out.html"
    assert toyrun("--heapmap", out, program(PROGRAM.replace("END", ""))).code == 0
    assert 'data-theme="light"' in rendered(out)[0]
    assert 'data-theme="dark"' in rendered(out, dark=True)[0]


# --- Wrong input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--heapmap", "--trace"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/out", "no such file or directory"), (".", "is a directory")],
    ids=["missing", "directory"],
)
def test_a_file_that_cannot_be_written_is_an_error_before_the_program_runs(
    program: Write, tmp_path: Path, flag: str, name: str, reason: str
) -> None:
    out = tmp_path / name
    done = toyrun(flag, out, program(PROGRAM.replace("END", "")))
    assert (done.code, done.out, done.err) == (1, "", f"toyrun: {out}: {reason}\n")


@pytest.mark.parametrize(("flag", "what"), [("--heapmap", "the heap map"), ("--trace", "the trace")])
def test_a_disk_that_is_full_is_an_error_at_the_end(program: Write, flag: str, what: str) -> None:
    done = toyrun(flag, "/dev/full", program(PROGRAM.replace("END", "")))
    assert (done.code, done.out) == (1, "0 2\n")
    assert done.err == f"toyrun: write of {what}: no space left on device\n"


def test_what_the_file_held_stays_until_there_is_a_page(program: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    out.write_bytes(b"before" * 100_000)
    assert toyrun("--heapmap", out, program("func main() { x }")).code == 1
    assert out.read_bytes() == b"before" * 100_000
    assert toyrun("--heapmap", out, program(PROGRAM.replace("END", ""))).code == 0
    assert out.read_bytes().startswith(b"<!doctype html>")
    assert b"before" * 10 not in out.read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--heapmap"], "--heapmap takes a file"),
        (["--heapmap="], "--heapmap takes a file"),
        (["--trace"], "--trace takes a file"),
        (["--heapmapat"], "--heapmapat takes the number of a collection"),
        (["--heapmapat", "0"], "--heapmapat takes the number of a collection, not '0'"),
        (["--heapmapat=last"], "--heapmapat takes the number of a collection, not 'last'"),
        (["--heapmapat=3", "p.toy"], "--heapmapat goes with --heapmap"),
        (["--heapmap=x", "--trace", "x", "p.toy"], "--heapmap and --trace name the same file"),
        (["--memprofile=x", "--trace", "x", "p.toy"], "--memprofile and --trace name the same file"),
        (["--memprofile=x", "--trace", "./y/../x", "p.toy"], "--memprofile and --trace name the same file"),
        (["--trace", "./p.toy", "p.toy"], "--trace names the program's file"),
    ],
)
def test_flags_without_a_sense(flags: list[str], message: str) -> None:
    done = toyrun(*flags)
    assert (done.code, done.err.splitlines()[0]) == (2, f"toyrun: {message}")
