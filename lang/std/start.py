"""Start: a runtime made ready for one program, and taken down again.

    host                                     here                                  program
    Settings --> open_program(settings) --> Runtime, Output, globals, arguments
    g        ------------------------------------------------------------------> start(g)
             --> flush_program(g), close_program(runtime)

Owner: the host.
"""

from __future__ import annotations

from runtime.fixalloc import persistent_alloc
from runtime.heap import Runtime, close_runtime, new_runtime
from runtime.layout import PTR_SIZE
from runtime.output import close_output, flush, open_output
from runtime.proc import G
from runtime.roots import add_globals
from runtime.syspy import Array, Struct, i64, is_nil, stack_pointer, struct, throw, u8, u32, u64
from runtime.types import String


@struct
class Settings(Struct):
    """What the host says about the run."""

    gogc: i64  # percent; negative: off
    gc_trace: u32  # GODEBUG=gctrace
    gc_check_mark: u32  # GODEBUG=gccheckmark
    clobber_free: u32  # GODEBUG=clobberfree
    line_buffered: u32  # 1: standard output is a terminal
    gc_stress: u64  # GODEBUG=gcstress: collect at every n-th allocation; 0: no
    shadow_bytes: u64  # size of the shadow stack
    globals_bytes: u64  # of the package-level variables
    globals_mask: Array[u8]  # which of their words are pointers
    arguments: Array[String]  # os.Args
    argument_count: i64  # how many
