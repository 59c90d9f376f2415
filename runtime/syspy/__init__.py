"""Systems Python: a strict subset of Python over C structs that runs under CPython as it is, and natively through LLVM.

This package is its vocabulary: `from runtime.syspy import u64, struct, Struct, load, ...`. SUBSET.md is its
specification. The native engine is in native.py, and imported only by those who build or load an image.

    machine.py      u8 ... f64            memory.py      load, store, memset    failure.py     throw, fail
    pointers.py     address, nil          intrinsics.py  ctz64, sqrt, index     functions.py   @inline, @c_function
    arrays.py       Array, Inline         atomics.py     atomic_add, cas        attempts.py    attempt, fail_again
    structs.py      Struct, @struct       constants.py   table, text, constant

The names are imported when they are first asked for: a warm start, which needs only native.py, stays quick.
"""

from __future__ import annotations

from builtins import bool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Annotated

    from runtime.syspy.arrays import Array, Inline, array_at, element
    from runtime.syspy.atomics import (
        atomic_add,
        atomic_add_at,
        atomic_and,
        atomic_and_at,
        atomic_load,
        atomic_load_at,
        atomic_or,
        atomic_or_at,
        atomic_release,
        atomic_release_at,
        atomic_store,
        atomic_store_at,
        cas,
        cas_at,
    )
    from runtime.syspy.attempts import attempt, fail_again
    from runtime.syspy.constants import constant, table, text
    from runtime.syspy.failure import FAIL_EXIT, FAIL_INTERRUPT, FAIL_PANIC, FAIL_THROW, Failure, fail, throw
    from runtime.syspy.functions import (
        c_function,
        call_at,
        cold,
        errno,
        function_address,
        inline,
        once,
    )
    from runtime.syspy.intrinsics import (
        bits_of,
        call_address,
        ceil,
        clz64,
        ctz64,
        divide,
        fabs,
        float_of,
        floor,
        fma,
        index,
        known,
        likely,
        machine_i32,
        machine_i64,
        multiply_high,
        nonnil,
        out_of_bounds,
        popcount64,
        prefetch,
        quotient,
        relax,
        remainder,
        reverse_bytes,
        shift_left,
        shift_right,
        sqrt,
        stack_pointer,
        trunc,
        unlikely,
    )
    from runtime.syspy.machine import OutOfRange, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, uintptr
    from runtime.syspy.memory import load, memmove, memory_equal, memset, store
    from runtime.syspy.pointers import NilAccess, address, is_nil, nil
    from runtime.syspy.structs import Struct, copy_struct, local, offsetof, sizeof, struct

_HOMES = (
    "machine",
    "pointers",
    "arrays",
    "structs",
    "memory",
    "failure",
    "intrinsics",
    "atomics",
    "functions",
    "attempts",
    "constants",
)


def __getattr__(name: str) -> object:
    """A name of the vocabulary, from the module that it is at home in."""
    if name in __all__:
        from importlib import import_module

        for home in _HOMES:
            found: object = getattr(import_module(f"{__name__}.{home}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "FAIL_EXIT",
    "FAIL_INTERRUPT",
    "FAIL_PANIC",
    "FAIL_THROW",
    "Annotated",
    "Array",
    "Failure",
    "Inline",
    "NilAccess",
    "OutOfRange",
    "Struct",
    "address",
    "array_at",
    "atomic_add",
    "atomic_add_at",
    "atomic_and",
    "atomic_and_at",
    "atomic_load",
    "atomic_load_at",
    "atomic_or",
    "atomic_or_at",
    "atomic_release",
    "atomic_release_at",
    "atomic_store",
    "atomic_store_at",
    "attempt",
    "bits_of",
    "bool",
    "c_function",
    "call_address",
    "call_at",
    "cas",
    "cas_at",
    "ceil",
    "clz64",
    "cold",
    "constant",
    "copy_struct",
    "ctz64",
    "divide",
    "element",
    "errno",
    "f32",
    "f64",
    "fabs",
    "fail",
    "fail_again",
    "float_of",
    "floor",
    "fma",
    "function_address",
    "i8",
    "i16",
    "i32",
    "i64",
    "index",
    "inline",
    "is_nil",
    "known",
    "likely",
    "load",
    "local",
    "machine_i32",
    "machine_i64",
    "memmove",
    "memory_equal",
    "memset",
    "multiply_high",
    "nil",
    "nonnil",
    "offsetof",
    "once",
    "out_of_bounds",
    "popcount64",
    "prefetch",
    "quotient",
    "relax",
    "remainder",
    "reverse_bytes",
    "shift_left",
    "shift_right",
    "sizeof",
    "sqrt",
    "stack_pointer",
    "store",
    "struct",
    "table",
    "text",
    "throw",
    "trunc",
    "u8",
    "u16",
    "u32",
    "u64",
    "uintptr",
    "unlikely",
]
