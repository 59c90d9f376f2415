"""Translate: the cold half of a build, from Python functions to object code.

Next: native.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.syspy.elf_link import Unsupported, link
from runtime.syspy.frame_table import frame_table
from runtime.syspy.image import Image
from runtime.syspy.optimise import Compiled, compile_text
from runtime.syspy.sources import Sources
from runtime.syspy.unit import Unit

if TYPE_CHECKING:
    from runtime.syspy.cache import Facts


def lowered(
    roots: Sequence[Callable[..., Any]],
    base: frozenset[str] | None = None,
    sources: dict[str, str] | None = None,
    debug: bool = False,
    exports: Sequence[Any] = (),
) -> Unit:
    """The unit of the roots, the exports and all that they call, checked and in LLVM text."""
    unit = Unit(Sources(sources), base, debug)
    unit.add_exports(exports)
    for root in roots:
        unit.add_root(root)
    return unit


def translate(
    roots: Sequence[Callable[..., Any]],
    name: str,
    base: Image | None,
    sources: dict[str, str],
    debug: bool,
    opt_level: int,
    exports: Sequence[Any] = (),
) -> tuple[Facts, bytes, Compiled]:
    """The code of an image, and what has to be known to load and call it."""
    unit = lowered(roots, None if base is None else base.names(), sources, debug, exports)
    compiled = compile_text(unit.text(), opt_level)
    facts: Facts = {"name": name, "entries": unit.entries()}
    try:
        linked = link(compiled.object_code)
    except Unsupported:
        facts |= {"is_object": True, "defined": unit.exported(), "imported": unit.imported()}
        return facts, compiled.object_code, compiled
    facts |= {"is_object": False, "frames": frame_table(linked.tables), **linked.facts()}
    return facts, bytes(linked.memory), compiled
