"""ELF link: relocatable objects of x86-64 become one flat piece of memory, ready to be copied into place.

    object files                     flat image
    .text ...          (AX)    ->    | code and stubs        read, execute |   offset 0
    .rodata, .data.rel.ro (A)  ->    | constants, slots      read          |   CONSTANTS
    .data, .bss        (WA)    ->    | variables             read, write   |   VARIABLES

References inside the image are relative, and done here, once: what is stored on disk needs no linking any more. What
depends on where things are in this process is left as lists, for mapping.py:

    slots       where the address of a foreign symbol goes (a C function, or one of the image underneath)
    calls       calls of foreign symbols; they go through a stub, `jmp *slot(%rip)`, but may go straight if it is near
    absolutes   words that hold an offset in the image, to become an address
    foreign     words that hold an offset from a foreign symbol

    SY5  a relocation that is unknown or does not fit is an error, never a wrong address.

What one object defines, all may refer to by its name; none defines what another does (division.py).

LLVM's tables about the code are not part of the image. They are kept aside, with offsets in the image for addresses.

Next: frame_table.py
"""

from __future__ import annotations

import struct as packing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PAGE = 4096

PROGBITS, SYMTAB, RELA, NOBITS = 1, 2, 4, 8
WRITE, ALLOC, EXECUTE = 1, 2, 4
LOCAL = 0  # of a symbol's binding
RESERVED = 0xFF00  # numbers from here on are of no section

ABS64, PC32, PLT32, GOTPCREL, ABS32, GOTPCRELX, REX_GOTPCRELX = 1, 2, 4, 9, 10, 41, 42

TABLES = (".eh_frame", ".debug_line", ".debug_info", ".debug_abbrev", ".debug_ranges")  # frame_table.py reads them


class Unsupported(Exception):
    """SY5: an object that this linker does not understand; llvmlite's loader takes it."""


@dataclass
class Section:
    """One section of the object."""

    name: str
    kind: int
    flags: int
    start: int  # in the file
    size: int
    link: int
    info: int
    align: int
    offset: int = 0  # in the image, once laid out


@dataclass(frozen=True)
class Symbol:
    """One entry of the symbol table."""

    name: str
    section: Section | None  # None: foreign
    value: int
    is_local: bool  # no other object may refer to it

    @property
    def offset(self) -> int:
        """Where it is in the image, once that is laid out."""
        assert self.section is not None, "foreign symbols are elsewhere"
        return self.section.offset + self.value


@dataclass
class Linked:
    """A flat image, and what is left to do in each process."""

    memory: bytearray
    constants: int  # offset of the first page that is not executable
    variables: int  # offset of the first page that is writable
    symbols: dict[str, int] = field(default_factory=dict)  # offsets
    slots: list[tuple[int, str]] = field(default_factory=list)
    calls: list[tuple[int, str]] = field(default_factory=list)
    absolutes: list[int] = field(default_factory=list)
    foreign: list[tuple[int, str]] = field(default_factory=list)
    tables: list[dict[str, bytearray]] = field(default_factory=list)  # LLVM's, of each object, by their sections

    def facts(self) -> dict[str, Any]:
        """All but the memory and the tables, as plain data."""
        return {name: value for name, value in vars(self).items() if name not in ("memory", "tables")}


class ObjectFile:
    """One object, read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01" or packing.unpack_from("<HH", data, 16) != (1, 62):
            raise Unsupported("no relocatable object of x86-64")
        (table,) = packing.unpack_from("<Q", data, 40)
        _, count, names = packing.unpack_from("<HHH", data, 58)
        (self._names,) = packing.unpack_from("<Q", data, table + 64 * names + 24)
        self.sections = [self._section(table + 64 * i) for i in range(count)]
        self.symbols = self._symbols()

    def _section(self, at: int) -> Section:
        spelt, kind, flags, _, start, size, link, info, align, _ = packing.unpack_from("<IIQQQQIIQQ", self.data, at)
        name = self._text(self._names + spelt)
        if name.startswith(".data.rel.ro"):
            flags &= ~WRITE  # written by relocations alone, which are done before the pages are protected
        if name in TABLES:
            flags &= ~ALLOC
        return Section(name, kind, flags, start, size, link, info, max(1, align))

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()

    def _symbols(self) -> list[Symbol]:
        table = next(section for section in self.sections if section.kind == SYMTAB)
        names = self.sections[table.link].start
        found = []
        for at in range(table.start, table.start + table.size, 24):
            spelt, info, _, number, value, _ = packing.unpack_from("<IBBHQQ", self.data, at)
            section = self.sections[number] if 0 < number < RESERVED else None
            name = self._text(names + spelt) if number < RESERVED else ""
            found.append(Symbol(name, section, value, info >> 4 == LOCAL))
        return found

    def content(self, section: Section) -> bytes:
        """The bytes of one section."""
        return self.data[section.start : section.start + section.size]

    def relocations(self) -> list[tuple[Section, Section]]:
        """The sections of relocations, and whose they are."""
        return [(one, self.sections[one.info]) for one in self.sections if one.kind == RELA]


class Linker:
    """Objects on their way into one image."""

    def __init__(self, objects: Sequence[bytes]) -> None:
        self.objects = [ObjectFile(data) for data in objects]
        symbols = [symbol for one in self.objects for symbol in one.symbols if symbol.name]
        defined = (symbol for symbol in symbols if symbol.section is not None and not symbol.is_local)
        self._defined = {symbol.name: symbol for symbol in defined}  # what all objects may refer to
        foreign = (symbol.name for symbol in symbols if symbol.section is None and symbol.name not in self._defined)
        self._foreign = list(dict.fromkeys(foreign))
        self._slots: dict[str, int] = {}
        self._stubs: dict[str, int] = {}

    def link(self) -> Linked:
        """Lay out, copy and relocate."""
        stubs = self._laid_out(EXECUTE, 0)
        constants = _page_end(stubs + 8 * len(self._foreign))
        slots = self._laid_out(0, constants)
        variables = _page_end(slots + 8 * len(self._foreign))
        self.image = Linked(bytearray(_page_end(self._laid_out(WRITE, variables))), constants, variables)
        for one in self.objects:
            self._copy(one)
        for i, name in enumerate(self._foreign):
            self._bind(name, stubs + 8 * i, slots + 8 * i)
        for one, tables in zip(self.objects, self.image.tables, strict=True):
            for relocations, section in one.relocations():
                if section.flags & ALLOC:
                    self._relocate(one, relocations, section.offset)
                elif section.name in TABLES:
                    self._relocate_table(one, relocations, tables[section.name])
        self.image.symbols = {name: symbol.offset for name, symbol in self._defined.items()}
        return self.image

    def _laid_out(self, access: int, start: int) -> int:
        """Place the sections of one access from an offset on; the offset after the last."""
        for section in (section for one in self.objects for section in one.sections):
            if section.flags & ALLOC and section.flags & (WRITE | EXECUTE) == access:
                section.offset = (start + section.align - 1) & -section.align
                start = section.offset + section.size
        return (start + 15) & -16

    def _copy(self, one: ObjectFile) -> None:
        """The bytes of one object, into the image or aside."""
        self.image.tables.append({})
        for section in one.sections:
            if section.flags & ALLOC and section.kind != NOBITS:
                self.image.memory[section.offset : section.offset + section.size] = one.content(section)
            elif section.name in TABLES:
                self.image.tables[-1][section.name] = bytearray(one.content(section))

    def _bind(self, name: str, stub: int, slot: int) -> None:
        """The slot and the stub of a foreign symbol."""
        packing.pack_into("<BBi", self.image.memory, stub, 0xFF, 0x25, slot - stub - 6)
        self.image.slots.append((slot, name))
        self._slots[name], self._stubs[name] = slot, stub

    def _definition(self, symbol: Symbol) -> Symbol:
        """What a symbol means, whichever object defines it."""
        return symbol if symbol.is_local else self._defined.get(symbol.name, symbol)

    def _relocate(self, one: ObjectFile, relocations: Section, start: int) -> None:
        """Apply the relocations of a section that is at an offset."""
        for offset, info, addend in packing.iter_unpack("<QQq", one.content(relocations)):
            symbol, place = self._definition(one.symbols[info >> 32]), start + offset
            if info & 0xFFFFFFFF == ABS64:
                self._absolute(symbol, place, addend)
                continue
            distance = self._target(symbol, info & 0xFFFFFFFF, place) + addend - place
            if not -(1 << 31) <= distance < 1 << 31:
                raise Unsupported("SY5: a distance of more than 2 GiB")
            packing.pack_into("<i", self.image.memory, place, distance)

    def _relocate_table(self, one: ObjectFile, relocations: Section, table: bytearray) -> None:
        """The same in one of the tables. A relative word of one counts from its own offset in the table."""
        for place, info, addend in packing.iter_unpack("<QQq", one.content(relocations)):
            kind, value = info & 0xFFFFFFFF, one.symbols[info >> 32].offset + addend
            if kind not in (ABS64, ABS32, PC32):
                raise Unsupported(f"SY5: relocation {kind} of a table")
            packing.pack_into("<q" if kind == ABS64 else "<i", table, place, value - place if kind == PC32 else value)

    def _absolute(self, symbol: Symbol, place: int, addend: int) -> None:
        """A word that holds an address."""
        if symbol.section is not None:
            packing.pack_into("<q", self.image.memory, place, symbol.offset + addend)
            self.image.absolutes.append(place)
        else:
            packing.pack_into("<q", self.image.memory, place, addend)
            self.image.foreign.append((place, symbol.name))

    def _target(self, symbol: Symbol, kind: int, place: int) -> int:
        """The offset that a 32-bit relocation refers to."""
        if kind in (PC32, PLT32) and symbol.section is not None:
            return symbol.offset
        if kind in (GOTPCREL, GOTPCRELX, REX_GOTPCRELX) and symbol.section is None:
            return self._slots[symbol.name]
        if kind == PLT32:
            self.image.calls.append((place, symbol.name))
            return self._stubs[symbol.name]
        raise Unsupported(f"SY5: relocation {kind} of {symbol.name}")


def _page_end(offset: int) -> int:
    return (offset + PAGE - 1) & -PAGE


def link(objects: Sequence[bytes]) -> Linked:
    """The flat image of objects."""
    return Linker(objects).link()
