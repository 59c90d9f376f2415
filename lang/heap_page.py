"""Heap page: what `--heapmap` writes: one page of HTML with everything in it, nothing of it from elsewhere.

    heap_page.html     the page: text, style, script, and a place for the data
    data               JSON: figures of the collections; snapshots, compressed, in base64; the summary of the graph

A browser opens a snapshot when it is looked at, so that many of them cost nothing.

Owner: the host's main thread.        Next: trace_file.py
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from lang import heap_record
from lang.execution import Executable
from lang.heap_record import HeapRecord
from lang.heap_summary import summarize
from lang.output_file import OutputFile
from lang.reports import End, Engine
from lang.source import Source
from runtime.layout import PAGE_SIZE, PAGES_PER_ARENA
from runtime.refusals import counted
from runtime.size_classes import (
    CLASS_TO_NPAGES,
    CLASS_TO_SIZE,
    NUM_SIZE_CLASSES,
    NUM_SPAN_CLASSES,
    SPAN_CLASS_TO_NELEMS,
)

TEMPLATE = Path(__file__).with_name("heap_page.html")
PLACE = "/* data */"  # in the template
ENDS = {
    End.RETURNED: "the program came to its end",
    End.FAILED: "the program was stopped by a panic, a fatal error or Ctrl-C",
    End.BROKEN: "the run time found an error of its own",
    End.RUNNING: "Ctrl-C ended the program while it was busy: the last snapshot is of the collection before",
}


class HeapPage:
    """A file that a page will be written to."""

    name = "the heap map"

    def __init__(self, path: str, record: HeapRecord, source: Source, engine: str) -> None:
        """Open it. Raises OSError."""
        self.file = OutputFile(path)
        self.record = record
        self.source = source
        self.engine_name = engine

    def begin(self, engine: Engine, runtime: int, program: Executable) -> None:
        """Note what happens from now on."""
        self.program = program
        self.record.begin(engine, runtime)

    def write(self, end: End) -> None:
        """Write the page. Raises OSError."""
        self.record.finish(end in (End.RETURNED, End.FAILED), end is End.RETURNED)
        if self.record.graph is None and self.record.graph_at is not None:
            count = self.record.count
            there = f"there {'was' if count == 1 else 'were'} {counted(count, 'collection')}"
            sys.stderr.write(f"toyrun: the heap map has no graph: {there}, so none was number {self.record.graph_at}\n")
        self.file.write(page(self.data(end)).encode("utf-8", "replace"))

    def data(self, end: End) -> dict[str, Any]:
        """What the page shows."""
        record = self.record
        return {
            "program": self.program.name,
            "engine": self.engine_name,
            "end": ENDS[end],
            "error": record.error,
            "milliseconds": (record.ended - record.begun - record.looking()) / 1e6,
            "count": record.count,
            "most": {"collections": heap_record.MOST_COLLECTIONS, "objects": heap_record.GRAPH_NODES - 1},
            "stride": record.stride,
            "leftOut": record.left_out,
            "layout": layout(),
            "usedPages": max((snapshot.used_pages for snapshot in record.snapshots), default=0),
            "collections": self.figures(),
            "snapshots": [
                [snapshot.number, snapshot.arenas, base64.b64encode(snapshot.planes).decode()]
                for snapshot in record.snapshots
            ],
            "graph": self.graph(),
        }

    def figures(self) -> list[list[Any]]:
        """What is drawn of each collection: number, forced, begin in ms, pause in ms, and bytes.

        The time that the program had to wait for what is noted here is taken out.
        """
        record, made, looking = self.record, [], 0
        for one in record.collections:
            begin = (one.start - record.begun - looking) / 1e6
            looking += one.looked - one.marked
            pause = (one.marked - one.start + max(one.end - one.looked, 0)) / 1e6
            sizes = [one.live_before, one.live, one.goal, one.in_use, one.free, one.released]
            made.append([one.number, int(one.forced), round(begin, 3), round(pause, 4), *sizes])
        return made

    def graph(self) -> dict[str, Any] | None:
        """The summary of the graph, if there is one, with the text of the lines that it names."""
        if self.record.graph is None:
            return None
        made = summarize(self.record.graph, self.program.objects, self.place)
        lines = {site[1] for kind in made["types"] for site in kind["sites"]}
        lines |= {one["site"][1] for kind in made["types"] for one in kind["largest"] if one["site"]}
        made["lines"] = {line: self.source.line_text(line).strip() for line in sorted(lines) if line}
        made["of"] = self.record.graph_of
        return made

    def place(self, site: int) -> tuple[str, int]:
        """The function and the line in the program of a site; of none that is known, the runtime and 0."""
        if not 1 <= site <= len(self.program.positions):
            return "the runtime", 0
        function, line, file = self.program.positions[site - 1]
        return function.removeprefix("main."), 0 if file else line


def layout() -> dict[str, Any]:
    """What the script has to know of the heap."""
    return {
        "pageBytes": PAGE_SIZE,
        "arenaPages": PAGES_PER_ARENA,
        "size": [CLASS_TO_SIZE[i] for i in range(NUM_SIZE_CLASSES)],
        "pages": [CLASS_TO_NPAGES[i] for i in range(NUM_SIZE_CLASSES)],
        "slots": [SPAN_CLASS_TO_NELEMS[i] for i in range(NUM_SPAN_CLASSES)],
    }


def page(data: dict[str, Any]) -> str:
    """The page for some data, which may hold any text."""
    # "</" would end the script; a line separator is fine in JSON, and in a script since ES2019.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return TEMPLATE.read_text("utf-8").replace(PLACE, text, 1)
