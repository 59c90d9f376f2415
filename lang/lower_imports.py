"""Imports: what the modules of all programs import, of the vocabulary, of the runtime and of lang.std.

    IMPORTS              the text, with which they begin
    program_functions()  the systems functions that programs may call

It is apart from what lowers programs: who translates a program needs these modules, and not the compiler's.

Next: shadow_stack.py
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType

import runtime.types

COMMON_MODULE = "library"  # the module of the common functions: lower_common.py
IMPORTS = """from __future__ import annotations

from lang.std.arithmetic import (
    divisor_i64,
    divisor_u64,
    float_to_u64,
    index_unsigned,
    max_float,
    min_float,
    shift_count,
)
from lang.std.debug_pkg import DebugGCStats, free_os_memory, read_gc_stats, set_gc_percent, set_memory_limit
from lang.std.defers import Defer, Defers, link_defer, push_defer, recovered, run_program, run_with_defers
from lang.std.finalizer_calls import ready_code, run_ready
from lang.std.fmt import (
    fmt_append,
    fmt_appendf,
    fmt_appendln,
    fmt_errorf,
    fmt_print,
    fmt_printf,
    fmt_println,
    fmt_sprint,
    fmt_sprintf,
    fmt_sprintln,
)
from lang.std.os_pkg import (
    getenv,
    length_of,
    os_args,
    os_close,
    os_exit,
    os_open,
    os_read,
    os_remove,
    os_remove_directory,
    os_write,
    os_write_file,
)
from lang.std.print_builtin import (
    print_begin,
    print_bool,
    print_end,
    print_float,
    print_float32,
    print_int,
    print_interface,
    print_newline,
    print_pointer,
    print_slice,
    print_space,
    print_string,
    print_uint,
)
from lang.std.runtime_pkg import (
    MemStats,
    add_cleanup_of,
    clear_finalizer,
    keep_alive,
    num_cpu,
    read_mem_stats,
    runtime_gc,
    set_finalizer_of,
    set_max_procs,
    stop_cleanup_of,
)
from lang.std.slices_of_any import (
    float32_bits,
    float32_of,
    is_pointer,
    kind_behind,
    kind_of,
    length_in,
    swap_elements,
)
from lang.std.start import show_output
from lang.std.strconv_pkg import formed_float, nearest_float32, nearest_float64, write_float
from lang.std.time_pkg import monotonic_clock, time_sleep, wall_clock
from lang.std.weak_pkg import weak_handle, weak_referent
from runtime.basic_types import (
    BOOL_TYPE,
    FLOAT32_TYPE,
    FLOAT64_TYPE,
    INT8_TYPE,
    INT16_TYPE,
    INT32_TYPE,
    INT64_TYPE,
    INT_TYPE,
    SMALL_VALUES,
    STRING_TYPE,
    UINT8_TYPE,
    UINT16_TYPE,
    UINT32_TYPE,
    UINT64_TYPE,
    UINT_TYPE,
    UINTPTR_TYPE,
)
from runtime.finalizers import closes_over, keeps_alive
from runtime.map_hash import check_key, hash_any, hash_float, hash_string, hash_value, hash_word
from runtime.maps import (
    Map,
    clear_map,
    first_slot,
    group_of,
    grow_groups,
    is_last,
    map_groups,
    map_length,
    match_tags,
    new_map,
    next_entry,
    next_seed,
    place_entry,
    remove_entry,
    tags_of,
    without_first,
)
from runtime.malloc import malloc_header, malloc_noscan, malloc_scan, malloc_scan_array, malloc_tiny, mallocgc
from runtime.panics import (
    UNSIGNED_HIGH,
    UNSIGNED_LIMIT,
    UNSIGNED_LOW,
    check_array,
    check_slice,
    check_slice3,
    check_slice3_of,
    check_slice_of,
    panic_any,
    panic_conversion,
    panic_missing_method,
    panic_nil_map,
    panic_nil_receiver,
    stack_overflow,
)
from runtime.proc import ERROR_TEXT, NO_TEXT, STRING_TEXT, SYNTAX_TEXT, G, MethodText
from runtime.roots import LOCAL_FLAG
from runtime.slices import copy_keeping, copy_slice, grow_slice, length_with, make_slice
from runtime.specials import is_ready
from runtime.string_maps import (
    assign_string_24,
    assign_string_32,
    assign_string_40,
    find_string_24,
    find_string_32,
    find_string_40,
)
from runtime.strings import (
    concat2,
    concat3,
    concat_all,
    decode_rune,
    index_byte,
    int_to_string,
    runes_to_string,
    slice_bytes_to_string,
    string_compare,
    string_equal,
    string_to_runes,
    string_to_slice_bytes,
)
from runtime.syspy import *
from runtime.types import *
from runtime.utf8 import count_runes
from runtime.values import equal_any
from runtime.write_barrier import keep_old, keep_words
"""


def imported_names() -> list[str]:
    """The names that IMPORTS brings into a program's module."""
    names = [name for name in vars(runtime.types) if not name.startswith("_")]
    for node in ast.parse(IMPORTS).body:
        if isinstance(node, ast.ImportFrom):
            names += [alias.name for alias in node.names]
    return names


def program_functions() -> list[Callable[..., object]]:
    """The systems functions that programs may call: the roots of the image that they run on."""
    namespace: dict[str, object] = {}
    exec(IMPORTS, namespace)
    return [value for value in namespace.values() if isinstance(value, FunctionType) and is_program_function(value)]


def is_program_function(function: FunctionType) -> bool:
    """Whether a function is one of the runtime's or of lang.std, and not of the vocabulary."""
    return not function.__module__.startswith("runtime.syspy")
