"""GOGC and GODEBUG."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.knobs import KnobError, Settings, parse_godebug, parse_gogc
from tests.runtime.heaps import HeapUnderTest


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 100), ("off", -1), ("0", 0), ("50", 50), ("+200", 200), ("-5", -1), ("2147483647", (1 << 31) - 1)],
)
def test_gogc(text: str, value: int) -> None:
    assert parse_gogc(text) == value


@pytest.mark.parametrize("text", ["x", "1.5", "100%", " 100", "OFF", "0x10", "2147483648", "१००"])
def test_a_malformed_gogc(text: str) -> None:
    with pytest.raises(KnobError, match="malformed GOGC"):
        parse_gogc(text)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("gctrace=1", {"gctrace": 1}),
        ("gctrace=1,gccheckmark=1,gctrace=0", {"gctrace": 0, "gccheckmark": 1}),
        ("clobberfree=1,,gcstress=17,", {"clobberfree": 1, "gcstress": 17}),
        ("asyncpreemptoff=1,http2client=0,foo=bar", {}),
    ],
)
def test_godebug(text: str, settings: dict[str, int]) -> None:
    assert parse_godebug(text) == settings


@pytest.mark.parametrize("text", ["gctrace", "gctrace=", "gctrace=yes", "gcstress=-1", "gctrace=1;gccheckmark=1"])
def test_a_malformed_godebug(text: str) -> None:
    with pytest.raises(KnobError, match="malformed GODEBUG"):
        parse_godebug(text)


def test_the_environment() -> None:
    settings = Settings.from_environment({"GOGC": "off", "GODEBUG": "gctrace=2", "PATH": "/bin"})
    assert settings == Settings(gogc=-1, gctrace=2)
    assert Settings.from_environment({}) == Settings()


def test_settings_reach_the_runtime(new_heap: Callable[..., HeapUnderTest]) -> None:
    heap = new_heap(debug="gctrace=1,gccheckmark=1,clobberfree=1,heapcheck=1,gcstress=9")
    knobs = heap.state.knobs
    assert (knobs.gc_trace, knobs.gc_check_mark, knobs.gc_check_heap, knobs.gc_stress) == (True, True, True, 9)
    assert (heap.heap.clobber, heap.m_cache.run_bytes) == (True, 0)
    knobs.gc_trace = False
