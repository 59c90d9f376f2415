"""Zombies: slots that are marked and free, and the report of them, in Go's format.

    runtime: marked free object in span 0x7f.., elemsize=1024 freeindex=1 (bad use of unsafe.Pointer or ...)
    0xc000014000 alloc marked                              one line for each slot of the span
    0xc000014400 free  marked   zombie
                       7 6 5 4  3 2 1 0 ...                 and up to 1024 bytes of it
    000000c000014400: 00000000 00000000 ...
    0xc000014800 free  unmarked
    fatal error: found pointer to free object

Somebody kept the address of an object where the collector does not look, and stored it as a pointer after the object
was freed; or a pointer was wrong from the start; or an object was freed that was alive, by a bug of the collector. The
report says which slot it was and what is left of its contents.

Owner: whoever sweeps the span. Go: runtime/mgcsweep.go reportZombies.                          Next: specials.py
"""

from __future__ import annotations

from runtime.hexdump import hex_dump, put_hex
from runtime.layout import smaller
from runtime.mspan import MSpan, find_zombie, has_bit, is_taken, slot_addr
from runtime.output import (
    STDERR_BUFFER_BYTES,
    STDERR_FD,
    Output,
    close_output,
    flush,
    new_output,
    write_byte,
    write_bytes,
)
from runtime.syspy import address, clz64, cold, nil, text, throw, u8, u64

MOST_DUMPED = 1024  # bytes of a zombie

MARKED_FREE = text(b"runtime: marked free object in span ")
ELEM_SIZE = text(b", elemsize=")
FREE_INDEX = text(b" freeindex=")
ADVICE = text(b" (bad use of unsafe.Pointer or having race conditions? try -d=checkptr or -race)\n")
HEX = text(b"0x")
ALLOC = text(b" alloc")
FREE = text(b" free ")
MARKED = text(b" marked  ")
UNMARKED = text(b" unmarked")
ZOMBIE = text(b" zombie")
NEWLINE = 0x0A
ZERO = 0x30


def check_marks(span: MSpan) -> None:
    """S4 holds. Otherwise the slots of the span are written to standard error."""
    if find_zombie(span) < u64(span.nelems):
        report_zombies(span)  # S4
        throw("found pointer to free object")


@cold
def report_zombies(span: MSpan) -> None:
    """Write what there is in the span."""
    out = new_output(STDERR_FD, STDERR_BUFFER_BYTES, nil(Output))
    write_bytes(out, MARKED_FREE, 36)
    put_address(out, address(span))
    write_bytes(out, ELEM_SIZE, 11)
    put_decimal(out, span.elem_size)
    write_bytes(out, FREE_INDEX, 11)
    put_decimal(out, u64(span.free_index))
    write_bytes(out, ADVICE, 81)
    for index in range(u64(span.nelems)):
        report_slot(out, span, index)
    flush(out)
    close_output(out)


def report_slot(out: Output, span: MSpan, index: u64) -> None:
    """The line of a slot, and its contents if it is a zombie."""
    addr = slot_addr(span, index)
    is_alloc = is_taken(span, index)
    is_marked = has_bit(span.mark_bits, index)
    put_address(out, addr)
    write_bytes(out, ALLOC if is_alloc else FREE, 6)
    write_bytes(out, MARKED if is_marked else UNMARKED, 9)
    is_zombie = is_marked and not is_alloc
    if is_zombie:
        write_bytes(out, ZOMBIE, 7)
    write_byte(out, u8(NEWLINE))
    if is_zombie:
        hex_dump(out, addr, smaller(span.elem_size, MOST_DUMPED))


def put_address(out: Output, value: u64) -> None:
    """A number as 0x and its hexadecimal digits."""
    write_bytes(out, HEX, 2)
    put_hex(out, value, (67 - clz64(value | 1)) // 4)


def put_decimal(out: Output, value: u64) -> None:
    """A number."""
    if value >= 10:
        put_decimal(out, value // 10)
    write_byte(out, u8(ZERO + value % 10))
