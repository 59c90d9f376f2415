"""Toolchain: the native images of the runtime and of programs, and how they are found again.

    runtime image    all that programs call, and the functions of lang.std.start; built once for a version of Toy
    library image    the functions of the library that are common to all programs, on top of it
    program image    one program's functions, on top of both; kept under the hash of the program's text

Only when an image is missing are the modules that it is made of imported.

Next: driver.py
"""

from __future__ import annotations

import sys

from lang.version import version_key
from runtime.syspy import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

    from lang.build import Build
    from runtime.syspy.compiler import Compiler
    from runtime.syspy.image import Image


def runtime_image(use_cache: bool = True) -> Image:
    """The image that programs run on."""
    found = native.cached("runtime", version_key()) if use_cache else None
    if found is not None:
        return found
    from lang.lower_imports import program_functions
    from lang.std import start
    from runtime import basic_types
    from runtime.types import Type

    own = [function for function in vars(start).values() if getattr(function, "__module__", "") == start.__name__]
    roots: list[Callable[..., Any]] = [*program_functions(), *(f for f in own if callable(f))]
    exports = [value for value in vars(basic_types).values() if isinstance(value, Type)]
    return native.build(roots, name="runtime", key=version_key(), use_cache=use_cache, exports=exports)


def library_image(base: Image, use_cache: bool = True) -> Image:
    """The image of the library's common functions; what programs have to know of them is in its notes."""
    found = native.cached("library", version_key(), base=base) if use_cache else None
    if found is not None:
        return found
    from lang.lower_common import lower_common
    from lang.lower_imports import COMMON_MODULE
    from lang.python_engine import declarations, module_of

    text, common = lower_common()
    module = module_of(COMMON_MODULE, declarations(text))
    return native.build(
        [],
        "library",
        base=base,
        sources={COMMON_MODULE: text},
        key=version_key(),
        notes=common.notes(),
        use_cache=use_cache,
        exports=[getattr(module, function.name) for function in common.functions.values()],
    )


def program_key(text: str, build: Build) -> str:
    """The key of a program's image."""
    return native.key_of([], version_key(), text, *build.words)


def cached_program(text: str, base: Image, build: Build) -> Image | None:
    """The image of a program that was compiled before."""
    return native.cached("program", program_key(text, build), base=base)


def compiler(base: Image) -> AbstractContextManager[Compiler | None]:
    """What compiles a program on top of an image, from now on; nothing where there is no room for it."""
    from contextlib import nullcontext

    from runtime.syspy.beside import processors
    from runtime.syspy.compiler import Compiler

    if processors() == 1:
        return nullcontext()

    def prepare() -> list[Callable[..., Any]]:
        if "lang.lower_imports" in sys.modules:  # by a process that has compiled before, from which this one is forked
            return []
        from lang.lower_imports import program_functions
        from runtime.string_maps import insert_32

        program_functions()  # imports all that programs do
        return [insert_32]

    try:
        return Compiler("program", prepare, lambda sources: [start_of(sources)], base)
    except OSError:  # too many open files
        return nullcontext()


def start_of(sources: dict[str, str]) -> Callable[..., Any]:
    """The function that runs a lowered program, whose modules these are."""
    from lang.lower_imports import COMMON_MODULE
    from lang.python_engine import declarations, module_of, program_module

    module_of(COMMON_MODULE, sources[COMMON_MODULE])
    start: Callable[..., Any] = program_module(declarations(sources["program"])).start
    return start


def build_program(
    key: str,
    sources: dict[str, str],
    base: Image,
    notes: dict[str, Any],
    use_cache: bool,
    compiler: Compiler | None = None,
) -> Image:
    """Translate a lowered program, whose modules these are; `key` is that of its source."""
    found = compiler.code(sources) if compiler is not None else None
    if found is not None:
        return native.kept("program", key, *found, base=base, notes=notes)
    roots = [start_of(sources)]
    return native.build(roots, "program", base=base, sources=sources, key=key, notes=notes, use_cache=use_cache)
