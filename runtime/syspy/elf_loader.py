"""ELF loader: a relocatable object of x86-64 Linux becomes code in memory, without llvmlite.

    object file                      memory, one mapping
    .text ...          (AX)    ->    | code and stubs        read, execute |
    .rodata, .data.rel.ro (A)  ->    | constants, addresses  read          |
    .data, .bss        (WA)    ->    | variables             read, write   |

A symbol that the object does not define (a C function, a symbol of the image underneath) is bound through a slot that
holds its address: a call too far for 32 bits goes to a stub, `jmp *slot(%rip)`, and a reference to data reads the slot.
An object that needs anything else raises Unsupported, and llvmlite's loader takes it.

    E1  no page is ever writable and executable at once.
    E2  a relocation that does not fit in its field is an error, not a wrong address.

Next: llvm_loader.py
"""

from __future__ import annotations

import ctypes
import mmap
import struct as packing
from collections.abc import Callable
from dataclasses import dataclass

PAGE = 4096

PROGBITS, SYMTAB, RELA, NOBITS = 1, 2, 4, 8
WRITE, ALLOC, EXECUTE = 1, 2, 4

ABS64, PC32, PLT32, GOTPCREL, GOTPCRELX, REX_GOTPCRELX = 1, 2, 4, 9, 41, 42

Resolve = Callable[[str], int]


class Unsupported(Exception):
    """An object that this loader does not understand."""


@dataclass
class Section:
    """One section of the object."""

    name: int  # offset in the names
    kind: int
    flags: int
    offset: int  # in the file
    size: int
    link: int
    info: int
    align: int
    addr: int = 0  # in memory, once placed


@dataclass(frozen=True)
class Symbol:
    """One entry of the symbol table."""

    name: str
    section: int  # 0: defined elsewhere
    value: int


class Loader:
    """One object on its way into memory."""

    def __init__(self, data: bytes, resolve: Resolve) -> None:
        self.data = data
        self.resolve = resolve
        if data[:6] != b"\x7fELF\x02\x01" or packing.unpack_from("<HH", data, 16) != (1, 62):
            raise Unsupported("no relocatable object of x86-64")
        (table,) = packing.unpack_from("<Q", data, 40)
        _, count = packing.unpack_from("<HH", data, 58)
        self.sections = [self._section(table + 64 * i) for i in range(count)]
        self.symbols = self._symbols()
        self._slots: dict[str, int] = {}  # address of the slot of each symbol defined elsewhere
        self._stubs: dict[str, int] = {}

    def _section(self, at: int) -> Section:
        name, kind, flags, _, offset, size, link, info, align, _ = packing.unpack_from("<IIQQQQIIQQ", self.data, at)
        return Section(name, kind, flags, offset, size, link, info, max(1, align))

    def _symbols(self) -> list[Symbol]:
        table = next(section for section in self.sections if section.kind == SYMTAB)
        names = self.sections[table.link].offset
        found = []
        for at in range(table.offset, table.offset + table.size, 24):
            name, _, _, section, value, _ = packing.unpack_from("<IBBHQQ", self.data, at)
            end = self.data.index(b"\0", names + name)
            found.append(Symbol(self.data[names + name : end].decode(), section, value))
        return found

    def load(self, near: int) -> dict[str, int]:
        """Map, relocate and protect; the address of every named symbol. The mapping stays for good."""
        groups = [
            [
                section
                for section in self.sections
                if section.flags & ALLOC and section.flags & (WRITE | EXECUTE) == kind
            ]
            for kind in (EXECUTE, 0, WRITE)
        ]
        names = list(dict.fromkeys(symbol.name for symbol in self.symbols if symbol.name and not symbol.section))
        code, constants = _laid_out(groups[0], 0) + 8 * len(names), 0
        constants = _page_end(code)
        slots = (_laid_out(groups[1], constants) + 7) & -8
        variables = _page_end(slots + 8 * len(names))
        size = _page_end(_laid_out(groups[2], variables))
        base = _map(size, near)
        self._place(groups, base, names, base + code - 8 * len(names), base + slots)
        for section in self.sections:
            if section.kind == RELA and self.sections[section.info].flags & ALLOC:
                self._relocate(section)
        _protect(base, constants, mmap.PROT_READ | mmap.PROT_EXEC)
        _protect(base + constants, variables - constants, mmap.PROT_READ)
        return {symbol.name: self._address(symbol) for symbol in self.symbols if symbol.name and symbol.section}

    def _place(self, groups: list[list[Section]], base: int, names: list[str], stubs: int, slots: int) -> None:
        """Copy the sections; make a slot and a stub for every symbol defined elsewhere."""
        for section in (section for group in groups for section in group):
            section.addr += base
            if section.kind != NOBITS:
                ctypes.memmove(section.addr, self.data[section.offset : section.offset + section.size], section.size)
        for i, name in enumerate(names):
            slot, stub = slots + 8 * i, stubs + 8 * i
            _write(slot, "<Q", self.resolve(name))
            _write(stub, "<BBi", 0xFF, 0x25, slot - stub - 6)
            self._slots[name], self._stubs[name] = slot, stub

    def _address(self, symbol: Symbol) -> int:
        return self.sections[symbol.section].addr + symbol.value if symbol.section < 0xFF00 else symbol.value

    def _relocate(self, relocations: Section) -> None:
        """Apply the relocations of one section."""
        addr = self.sections[relocations.info].addr
        for at in range(relocations.offset, relocations.offset + relocations.size, 24):
            offset, info, addend = packing.unpack_from("<QQq", self.data, at)
            symbol, kind = self.symbols[info >> 32], info & 0xFFFFFFFF
            place = addr + offset
            if kind == ABS64:
                target = self._address(symbol) if symbol.section else self.resolve(symbol.name)
                _write(place, "<q", target + addend)
            else:
                _write(place, "<i", self._target(symbol, kind, place) + addend - place)

    def _target(self, symbol: Symbol, kind: int, place: int) -> int:
        """What a 32-bit relocation refers to."""
        if kind in (GOTPCREL, GOTPCRELX, REX_GOTPCRELX) and not symbol.section:
            return self._slots[symbol.name]
        if kind not in (PC32, PLT32):
            raise Unsupported(f"relocation {kind}")
        if symbol.section:
            return self._address(symbol)
        target = self.resolve(symbol.name)
        is_near = abs(target - place) < 1 << 31
        if kind == PC32 and not is_near:
            raise Unsupported(f"data of {symbol.name} out of reach")
        return target if is_near else self._stubs[symbol.name]


def _laid_out(sections: list[Section], start: int) -> int:
    """Give each section its offset from the base of the mapping; the end of the last."""
    for section in sections:
        section.addr = (start + section.align - 1) & -section.align
        start = section.addr + section.size
    return (start + 15) & -16


def _page_end(offset: int) -> int:
    return (offset + PAGE - 1) & -PAGE


def _write(addr: int, form: str, *values: int) -> None:
    try:
        data = packing.pack(form, *values)
    except packing.error as error:
        raise Unsupported(f"E2: {error}") from error
    ctypes.memmove(addr, data, len(data))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def _map(size: int, near: int) -> int:
    """Memory to write to, close to an address if the kernel has some there."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    addr = _libc.mmap(near or None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if addr in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"no room for {size} bytes of code")
    return int(addr)


def _protect(addr: int, size: int, protection: int) -> None:
    if size and _libc.mprotect(addr, size, protection):
        raise OSError(ctypes.get_errno(), "cannot protect the pages of an image")


def load_object(data: bytes, resolve: Resolve, near: int = 0) -> dict[str, int]:
    """Bring an object into memory; the addresses of its symbols. `near` is where the image underneath lies."""
    return Loader(data, resolve).load(near)
