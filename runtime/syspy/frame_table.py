"""Frame table: what a walk up the stack has to know of an image's code, made of LLVM's tables for debuggers.

    from the byte at       the caller's frame is         and the calls here are at these places
    0x0060                 at sp + 8                     none that a trace names
    0x0083                 at sp + 40, rbp at -16        [17]       the function's own
    0x0103                 at sp + 40, rbp at -16        [3, 21]    of an inlined function, and where that was called

One row holds for all bytes up to the next one. As bytes, all words of 32 bits but the first:

    count (64 bits) | count starts | count rules | count lists | the lists: a number of places, then these; from the
                                                                 innermost one outward. List 0 is empty

    rule    bits 0-1    END: no code of ours; FROM_SP, FROM_FP: what the frame above counts from
            bits 2-16   how many words further up the frame above is: it begins behind the return address
            bits 17-31  how many words below that the caller's rbp is kept; 0: it is still in the register

A call is known by its last byte: what follows it may belong to something else. Rows of a single byte hold no call, and
are left out.

Next: mapping.py
"""

from __future__ import annotations

import struct as packing
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

END, FROM_SP, FROM_FP = 0, 1, 2
SIZE_SHIFT, SAVED_SHIFT = 2, 17
MOST_WORDS = (1 << 15) - 1  # that a rule can count

RBP, RSP = 6, 7  # DWARF's numbers of registers

# Of debug_info, the attributes and forms that LLVM uses where it is asked for lines alone.
INLINED_SUBROUTINE = 0x1D
LOW_PC, HIGH_PC, RANGES, CALL_LINE = 0x11, 0x12, 0x55, 0x59
FORM_BYTES = {0x01: 8, 0x05: 2, 0x06: 4, 0x07: 8, 0x0B: 1, 0x0C: 1, 0x0E: 4, 0x13: 4, 0x17: 4, 0x19: 0}

Row = tuple[int, int]  # from which byte on, and what holds from there


class Inlined(NamedTuple):
    """A stretch of code that was inlined."""

    start: int
    end: int
    depth: int  # of inlined functions in each other
    line: int  # of the call


class Reader:
    """A place in a table."""

    def __init__(self, data: bytes | bytearray, at: int = 0) -> None:
        self.data = data
        self.at = at

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little")

    def uleb(self) -> int:
        """A number in groups of seven bits."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def sleb(self) -> int:
        """The same, signed."""
        start = self.at
        value = self.uleb()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value


# --- .eh_frame: where the caller's frame is --------------------------------------------------------------------------


class Unwinding:
    """The rules of one function, as its instructions set them."""

    def __init__(self) -> None:
        self.base = RSP
        self.size = 8  # bytes from there to the frame above
        self.saved = 0  # bytes below that, where rbp is

    def rule(self) -> int:
        """Them as one word; END if it cannot hold them."""
        size, saved = self.size // 8, self.saved // 8
        if self.base not in (RSP, RBP) or not 0 < size <= MOST_WORDS or not 0 <= saved <= MOST_WORDS:
            return END
        return (FROM_SP if self.base == RSP else FROM_FP) | size << SIZE_SHIFT | saved << SAVED_SHIFT


def rules(table: bytes | bytearray) -> Iterator[Row]:
    """The rules of all functions."""
    reader = Reader(table)
    while reader.at + 4 <= len(table):
        length = reader.number(4)
        end = reader.at + length
        if length and reader.number(4):  # the others describe what all functions have in common
            place = reader.at
            start = place + reader.number(4) & 0xFFFFFFFF
            size = reader.number(4)
            reader.at += reader.uleb()
            yield from function_rules(reader, end, start)
            yield start + size, END
        reader.at = end


def function_rules(reader: Reader, end: int, at: int) -> Iterator[Row]:
    """The rules of one function, whose code begins at an offset."""
    state, kept = Unwinding(), []
    while reader.at < end:
        op = reader.number(1)
        if op >> 6 == 1 or op in (2, 3, 4):
            yield at, state.rule()
            at += op & 63 if op >> 6 == 1 else reader.number(1 << op - 2)
        elif op >> 6 == 2:
            distance = 8 * reader.uleb()
            if op & 63 == RBP:
                state.saved = distance
        elif op == 0x0C:
            state.base, state.size = reader.uleb(), reader.uleb()
        elif op == 0x0D:
            state.base = reader.uleb()
        elif op == 0x0E:
            state.size = reader.uleb()
        elif op == 0x0A:
            kept.append((state.base, state.size, state.saved))
        elif op == 0x0B:
            state.base, state.size, state.saved = kept.pop()
        elif op == 0x2E:
            reader.uleb()
        elif op >> 6 == 3:
            if op & 63 == RBP:
                state.saved = 0
        elif op:
            yield at, END  # nothing that LLVM makes of systems code
            return
    yield at, state.rule()


# --- .debug_line: the lines of calls ---------------------------------------------------------------------------------


def lines(table: bytes | bytearray) -> Iterator[Row]:
    """From which byte on which line holds; 0: none."""
    reader = Reader(table)
    while reader.at + 4 <= len(table):
        end = reader.number(4) + reader.at
        reader.at += 2
        start = reader.number(4) + reader.at
        reader.at += 3
        base, span, first = reader.number(1) - 256, reader.number(1), reader.number(1)
        reader.at = start
        yield from line_rows(reader, end, base, span, first)
        reader.at = end


def line_rows(reader: Reader, end: int, base: int, span: int, first: int) -> Iterator[Row]:
    """The rows of one program of line numbers."""
    at, line = 0, 1
    while reader.at < end:
        op = reader.number(1)
        if op >= first:
            at += (op - first) // span
            line += base + (op - first) % span
            yield at, line
        elif op == 0:
            next_op = reader.uleb() + reader.at
            kind = reader.number(1)
            if kind == 1:
                yield at, 0
                at, line = 0, 1
            elif kind == 2:
                at = reader.number(8)
            reader.at = next_op
        elif op == 1:
            yield at, line
        elif op == 2:
            at += reader.uleb()
        elif op == 3:
            line += reader.sleb()
        elif op in (4, 5, 12):
            reader.uleb()
        elif op == 8:
            at += (255 - first) // span
        elif op == 9:
            at += reader.number(2)


# --- .debug_info: what was inlined -----------------------------------------------------------------------------------


class Shape(NamedTuple):
    """What entries of one kind look like."""

    tag: int
    has_children: bool
    attributes: list[tuple[int, int]]  # and their forms


def shapes(table: bytes | bytearray) -> dict[int, Shape]:
    """The kinds of entries, by number."""
    reader, found = Reader(table), {}
    while code := reader.uleb():
        tag, has_children = reader.uleb(), reader.number(1)
        attributes = []
        while (pair := (reader.uleb(), reader.uleb())) != (0, 0):
            attributes.append(pair)
        found[code] = Shape(tag, bool(has_children), attributes)
    return found


def inlined(tables: Mapping[str, bytes | bytearray]) -> Iterator[Inlined]:
    """All stretches of code that were inlined."""
    reader, kinds = Reader(tables[".debug_info"]), shapes(tables[".debug_abbrev"])
    end = reader.number(4) + reader.at
    reader.at += 7
    outer: list[bool] = []  # of the entries around this one: are they inlined functions
    base = 0  # what ranges count from: where the code of the whole begins, if it is in one piece
    while reader.at < end:
        code = reader.uleb()
        if code == 0:
            outer.pop()
            continue
        shape = kinds[code]
        values = {name: reader.number(FORM_BYTES[form]) for name, form in shape.attributes}
        is_inlined = shape.tag == INLINED_SUBROUTINE
        if not outer:
            base = values.get(LOW_PC, 0)
        if is_inlined:
            for start, stop in stretches(values, tables.get(".debug_ranges", b""), base):
                yield Inlined(start, stop, sum(outer), values.get(CALL_LINE, 0))
        if shape.has_children:
            outer.append(is_inlined)


def stretches(values: Mapping[int, int], ranges: bytes | bytearray, base: int) -> Iterator[tuple[int, int]]:
    """Where the code of an entry is; its ranges count from a base."""
    if RANGES not in values:
        yield values[LOW_PC], values[LOW_PC] + values[HIGH_PC]
        return
    reader = Reader(ranges, values[RANGES])
    while (pair := (reader.number(8), reader.number(8))) != (0, 0):
        yield base + pair[0], base + pair[1]


# --- Together --------------------------------------------------------------------------------------------------------


def frame_table(objects: Sequence[Mapping[str, bytes | bytearray]]) -> bytes:
    """The table of an image, of the tables of its objects, as the linker has kept them."""
    all_rules = (row for tables in objects for row in rules(tables.get(".eh_frame", b"")))
    all_lines = (row for tables in objects for row in lines(tables.get(".debug_line", b"")))
    by_rule = sorted(all_rules, key=lambda row: (row[0], row[1] != END))
    by_line = sorted(all_lines, key=lambda row: row[0])
    stretches_ = [one for tables in objects if ".debug_info" in tables for one in inlined(tables)]
    lists: dict[tuple[int, ...], int] = {(): 0}
    words, rows = [0], []
    for start, rule, places in swept(by_rule, by_line, stretches_):
        if places not in lists:
            lists[places] = len(words)
            words += [len(places), *places]
        rows.append((start, rule, lists[places]))
    columns = [[row[i] for row in rows] for i in range(3)]
    numbers = [number for column in (*columns, words) for number in column]
    return packing.pack(f"<Q{len(numbers)}I", len(rows), *numbers)


def swept(by_rule: list[Row], by_line: list[Row], found: list[Inlined]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """The rows of all three, merged: start, rule and places, where these change."""
    rule_starts, line_starts = ([row[0] for row in rows] for rows in (by_rule, by_line))
    starting: dict[int, list[Inlined]] = {}
    for one in found:
        starting.setdefault(one.start, []).append(one)
    borders = sorted({*rule_starts, *line_starts, *starting, *(one.end for one in found)})
    active: list[Inlined] = []
    before: tuple[int, tuple[int, ...]] = (END, ())
    for start, stop in zip(borders, [*borders[1:], borders[-1] + 2] if borders else [], strict=True):
        active = [one for one in active if one.end > start] + starting.get(start, [])
        if stop - start < 2:
            continue
        rule, line = value_at(by_rule, rule_starts, start), value_at(by_line, line_starts, start)
        calls = [one.line for one in sorted(active, key=lambda one: -one.depth)]
        now = (rule, tuple(number - 1 for number in (line, *calls) if number))
        if now != before:
            yield start, *now
        before = now


def value_at(rows: list[Row], starts: list[int], at: int) -> int:
    """What holds at a byte: of several rows that begin there, the last one says it."""
    found = bisect_right(starts, at)
    return rows[found - 1][1] if found else 0
