"""Optimise: from LLVM text to object code, by llvmlite: the O3 pipeline for the machine that we run on.

TOY_CPU names another processor, in LLVM's words (x86-64-v3): for code that is the same on all machines.

Position-independent code of the small model. llvmlite is imported here, and only when something has to be compiled.

Next: cache.py
"""

from __future__ import annotations

from typing import Any

from runtime.syspy.cache import chosen_cpu


class Compiled:
    """An optimised module and its object code. The texts are made when somebody wants to read them."""

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
    """Parse, verify, optimise and emit."""
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
    return Compiled(module, machine)
