"""What a Runtime has of the system is given back, also when Python drops it without a close."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from weakref import ref

import pytest

from runtime import Runtime
from runtime.engines import ENGINES
from runtime.syspy import Failure, address
from tests.runtime.kernel import mapping

ROOT = Path(__file__).resolve().parents[2]


def dropped(engine: str, background: bool = False, is_broken: bool = False) -> int:
    """Where a Runtime was that nobody has closed."""
    runtime = Runtime(engine, background=background)
    runtime.new_bytes(100).put("u8", 0, 1)
    root = address(runtime.state)
    if is_broken:
        runtime.state.heap.stats.small_alloc_count[3] = 77
        with pytest.raises(Failure, match="I3"):
            runtime.check()
    life = ref(runtime)
    del runtime
    gc.collect()
    assert life() is None
    return root


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("background", [False, True], ids=["alone", "background"])
@pytest.mark.parametrize("is_broken", [False, True], ids=["whole", "broken"])
def test_the_next_one_gives_back_what_was_dropped(engine: str, background: bool, is_broken: bool) -> None:
    threads = len(os.listdir("/proc/self/task"))
    root = dropped(engine, background, is_broken)
    assert mapping(root) != ""
    with Runtime(engine) as runtime:
        assert mapping(root) == "" or address(runtime.state) == root
    until = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > threads and time.monotonic() < until:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/task")) <= threads


@pytest.mark.parametrize("engine", ENGINES)
def test_so_does_the_end_of_another_one(engine: str) -> None:
    with Runtime(engine) as runtime:
        root = dropped(engine)
        assert runtime.new_bytes(8)[0] == 0
        assert mapping(root) != ""
    assert mapping(root) == ""


@pytest.mark.parametrize("engine", ENGINES)
def test_who_has_something_of_a_runtime_has_all_of_it(engine: str) -> None:
    node = Runtime(engine).describe("node", 16, [0])
    handle, table = node.owner.new(node), node.owner.roots(3)
    del node
    for use in (lambda: handle[0], lambda: table[0]):
        gc.collect()
        Runtime(engine).close()
        assert use() == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_closed_is_not_given_back_again(engine: str) -> None:
    runtime = Runtime(engine)
    root = address(runtime.state)
    runtime.close()
    other = Runtime(engine)  # mostly in the same place
    kept = other.new_bytes(8)
    del runtime
    gc.collect()
    Runtime(engine).close()
    assert kept[0] == 0
    other.check()
    other.close()
    assert mapping(root) == ""


def test_no_line_of_the_runtime_runs_when_one_is_dropped() -> None:
    runtime = Runtime("native")
    seen: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.append(frame.f_code.co_filename)

    sys.setprofile(profile)
    del runtime
    gc.collect()
    sys.setprofile(None)
    assert [name for name in seen if name.startswith(str(ROOT / "runtime"))] == []


def test_many_that_nobody_closes() -> None:
    for _ in range(300):
        runtime = Runtime("native")
        runtime.new_bytes(100)
    assert len(Path("/proc/self/maps").read_text().splitlines()) < 300 * 10


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forked_process_gives_back_what_was_dropped_before(engine: str) -> None:
    root = dropped(engine, background=True)
    child = os.fork()
    if child == 0:
        is_right = False
        try:
            Runtime(engine).close()
            is_right = mapping(root) == ""
        finally:
            os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    Runtime(engine).close()
    assert mapping(root) == ""


@pytest.mark.parametrize("engine", ENGINES)
def test_the_end_of_the_process_is_not_waited_for(engine: str) -> None:
    code = f"""
import gc
from runtime import Runtime
kept = Runtime({engine!r}, background=True)
lost = Runtime({engine!r}, background=True)
lost.new_bytes(100)
del lost
gc.collect()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
