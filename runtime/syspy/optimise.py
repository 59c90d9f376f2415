"""Optimise: from LLVM text to object code, by the O3 pipeline, for the machine that we run on.

TOY_CPU names another processor, in LLVM's words (x86-64-v3): for code that is the same on all machines.

Position-independent code of the small model, by clang.py where that is installed. llvmlite is imported here, and only
when something has to be compiled without.

Next: cache.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from runtime.syspy import clang
from runtime.syspy.cache import chosen_cpu


class Compiled(Protocol):
    """An optimised module. The texts are made when somebody wants to read them."""

    object_code: bytes

    @property
    def ir(self) -> str:
        """The optimised LLVM text."""

    @property
    def assembly(self) -> str:
        """The machine's assembly."""


class ByClang:
    """What clang.py has made of a text."""

    def __init__(self, text: str, opt_level: int, object_code: bytes) -> None:
        self._text = text
        self._opt_level = opt_level
        self.object_code = object_code

    @property
    def ir(self) -> str:
        """The optimised LLVM text."""
        return self._made(clang.IR)

    @property
    def assembly(self) -> str:
        """The machine's assembly."""
        return self._made(clang.ASSEMBLY)

    def _made(self, wanted: Sequence[str]) -> str:
        with clang.Clang(self._text, self._opt_level, wanted) as process:
            found = process.result()
        if found is None:
            raise MemoryError("no room for clang")  # which has compiled the same text before
        return found.decode()


class ByLlvmlite:
    """A module of llvmlite's."""

    def __init__(self, module: Any, machine: Any) -> None:
        self._module = module
        self._machine = machine
        self.object_code: bytes = machine.emit_object(module)

    @property
    def ir(self) -> str:
        """The optimised LLVM text."""
        return str(self._module)

    @property
    def assembly(self) -> str:
        """The machine's assembly."""
        return str(self._machine.emit_assembly(self._module))


def compile_text(text: str, opt_level: int = 3) -> Compiled:
    """Parse, verify, optimise and emit. RuntimeError if the text is not LLVM's."""
    with clang.Clang(text, opt_level) as process:
        object_code = process.result()
    return by_llvmlite(text, opt_level) if object_code is None else ByClang(text, opt_level, object_code)


def practise(text: str) -> None:
    """Load what the next text will need into this process, if anything."""
    if clang.executable() is None:
        by_llvmlite(text)


def by_llvmlite(text: str, opt_level: int = 3) -> ByLlvmlite:
    """The same in this process."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    chosen = chosen_cpu()
    machine = target.create_target_machine(
        cpu=chosen or llvm.get_host_cpu_name(),
        features="" if chosen else llvm.get_host_cpu_features().flatten(),
        opt=opt_level,
        reloc="pic",
        codemodel="small",
    )
    # In LLVM's global context: Python may end a context of our own before the module in it, and crash.
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_default_triple()
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(opt_level)
    options.loop_vectorization = options.slp_vectorization = opt_level > 1
    options.loop_interleaving = options.loop_unrolling = opt_level > 1
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return ByLlvmlite(module, machine)
