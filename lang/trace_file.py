"""Trace file: what `--trace` writes: the collections of a run on a timeline, for ui.perfetto.dev or chrome://tracing.

    program     |------ runs ------|            |--------------- runs ---------------|
    collector                      |==== GC 1 ==|
                                   | S | mark |T|        S  sweep termination    T  mark termination
                                          look  |        what toyrun itself did meanwhile (heap_record.py)
    sweeper                                     |----- sweeps -----|
    counters    heap: live, goal; pages: in use, free, released; spans of each class in use

It is the JSON of Chrome's Trace Event Format: times in microseconds since the program began.

Owner: the host's main thread.        Next: driver.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lang.execution import Executable
from lang.heap_record import Collection, HeapRecord
from lang.output_file import OutputFile
from lang.reports import End, Engine
from runtime.size_classes import CLASS_TO_SIZE, NUM_SPAN_CLASSES

PROCESS = 1
PROGRAM, COLLECTOR, SWEEPER = 1, 2, 3  # threads, as the timeline has them
THREADS = {PROGRAM: "program", COLLECTOR: "collector", SWEEPER: "sweeper"}

Event = dict[str, Any]


class TraceFile:
    """A file that a trace will be written to."""

    name = "the trace"

    def __init__(self, path: str, record: HeapRecord) -> None:
        """Open it. Raises OSError."""
        self.file = OutputFile(path)
        self.record = record

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Note what happens from now on."""
        self.program = program
        self.record.begin(engine, runtime)

    def write(self, end: End) -> None:
        """Write the trace. Raises OSError."""
        self.record.finish(end in (End.RETURNED, End.FAILED), end is End.RETURNED)
        events = [*named(self.program.name), *trace_events(self.record)]
        missing = self.record.count - len(self.record.collections)
        other = {"program": self.program.name, "collections": self.record.count, "collections left out": missing}
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms", "otherData": other}, separators=(",", ":"))
        self.file.write(text.encode())


def named(program: str) -> Iterator[Event]:
    """The names of the process and its threads."""
    yield {"ph": "M", "pid": PROCESS, "name": "process_name", "args": {"name": program}}
    for thread, name in THREADS.items():
        yield {"ph": "M", "pid": PROCESS, "tid": thread, "name": "thread_name", "args": {"name": name}}
        yield {"ph": "M", "pid": PROCESS, "tid": thread, "name": "thread_sort_index", "args": {"sort_index": thread}}


def trace_events(record: HeapRecord) -> Iterator[Event]:
    """The events of a run, collection by collection."""
    runs_since = record.begun
    shown: set[int] = set()
    for collection in record.collections:
        yield slice_of("runs", PROGRAM, record, runs_since, collection.start)
        yield from collection_slices(record, collection)
        yield from counters(record, collection, shown)
        runs_since = end_of(collection)
    if len(record.collections) == record.count:
        yield slice_of("runs", PROGRAM, record, runs_since, record.ended)
    elif record.collections:
        missing = record.count - len(record.collections)
        yield slice_of(f"{missing} more collections", PROGRAM, record, runs_since, record.ended)


def end_of(collection: Collection) -> int:
    """When the world went on after a collection, as far as it is known."""
    return max(collection.end, collection.looked)


def collection_slices(record: HeapRecord, collection: Collection) -> Iterator[Event]:
    """A collection, its phases inside of it, and the sweep behind it."""
    end = end_of(collection)
    kind = "forced" if collection.forced else "GC"
    whole = slice_of(f"{kind} {collection.number}", COLLECTOR, record, collection.start, end)
    whole["args"] = {
        "live before": collection.live_before,
        "live": collection.live,
        "goal of the next": collection.goal,
        "forced": collection.forced,
    }
    yield whole
    yield slice_of("sweep termination", COLLECTOR, record, collection.start, collection.mark)
    yield slice_of("mark", COLLECTOR, record, collection.mark, collection.marked)
    yield slice_of("toyrun looks at the heap", COLLECTOR, record, collection.marked, collection.looked)
    yield slice_of("mark termination", COLLECTOR, record, collection.looked, end)
    if collection.swept > end:
        yield slice_of(f"sweep {collection.number}", SWEEPER, record, end, collection.swept)


def slice_of(name: str, thread: int, record: HeapRecord, start: int, end: int) -> Event:
    """Something that lasts."""
    return {
        "name": name,
        "ph": "X",
        "pid": PROCESS,
        "tid": thread,
        "ts": microseconds(record, start),
        "dur": max(end - start, 0) / 1000,
    }


def counters(record: HeapRecord, collection: Collection, shown: set[int]) -> Iterator[Event]:
    """The counters at a collection; `shown` are the span classes that have one."""
    yield counter(record, "heap", collection.start, {"live": collection.live_before, "goal": collection.goal})
    yield counter(record, "heap", collection.marked, {"live": collection.live, "goal": collection.goal})
    pages = {"in use": collection.in_use, "free": collection.free, "released": collection.released}
    yield counter(record, "pages", collection.marked, pages)
    shown.update(span_class for span_class in range(NUM_SPAN_CLASSES) if collection.spans[span_class])
    for span_class in sorted(shown):
        name = f"spans {class_name(span_class)}"
        yield counter(record, name, collection.marked, {"spans": collection.spans[span_class]})


def counter(record: HeapRecord, name: str, at: int, values: dict[str, int]) -> Event:
    """What something comes to from now on."""
    return {"name": name, "ph": "C", "pid": PROCESS, "ts": microseconds(record, at), "args": values}


def microseconds(record: HeapRecord, at: int) -> float:
    """A time, since the program began."""
    return max(at - record.begun, 0) / 1000


def class_name(span_class: int) -> str:
    """A span class as a person reads it."""
    size = CLASS_TO_SIZE[span_class >> 1]
    return f"{f'{size} B' if size else 'large'}{', no pointers' if span_class & 1 else ''}"
