"""LLVM loader: object code into memory by llvmlite, on machines whose objects elf_link.py does not know.

Next: cache.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_KEPT: list[Any] = []  # code stays for good: constants of it may be anywhere


def load_object(
    data: bytes, exported: Iterable[str], imported: Iterable[str], resolve: Callable[[str], int]
) -> dict[str, int]:
    """Bring an object into memory; the addresses of the exported symbols."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    compiler = llvm.create_lljit_compiler(machine, suppress_errors=False)
    library = llvm.JITLibraryBuilder().add_object_img(data).add_current_process()
    for name in exported:
        library.export_symbol(name)
    for name in imported:
        library.import_symbol(name, resolve(name))
    tracker = library.link(compiler, "image")
    _KEPT.append((compiler, tracker))
    return {name: int(tracker[name]) for name in exported}
