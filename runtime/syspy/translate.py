"""Translate: the cold half of a build, from Python functions to object code.

    unit --> LLVM text of two halves --> two processes --> two objects --> linked
        `--> LLVM text of the whole  --> one object ---------------------> linked

Next: native.py
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.syspy.beside import Beside, processors
from runtime.syspy.elf_link import Unsupported, link
from runtime.syspy.frame_table import frame_table
from runtime.syspy.mapping import packed
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


def translate(unit: Unit, name: str, opt_level: int, is_whole: bool) -> tuple[Facts, bytes, Compiled | None]:
    """The code of a unit, what has to be known to load and call it, and the module, unless it was halved."""
    facts: Facts = {"name": name, "entries": unit.entries()}
    objects = [] if is_whole else objects_of_halves(unit, opt_level)
    if objects:
        return *linked_code(facts, objects), None
    compiled = compile_text(unit.text(), opt_level)
    try:
        return *linked_code(facts, [compiled.object_code]), compiled
    except Unsupported:
        facts |= {"is_object": True, "defined": unit.exported(), "imported": unit.imported()}
        return facts, compiled.object_code, compiled


def linked_code(facts: Facts, objects: list[bytes]) -> tuple[Facts, bytes]:
    """The facts, completed, and the code that objects are. Unsupported if elf_link.py does not know them."""
    linked = link(objects)
    own = {"is_object": False, "frames": frame_table(linked.tables), **packed(linked.facts())}
    return facts | own, bytes(linked.memory)


def objects_of_halves(unit: Unit, opt_level: int) -> list[bytes]:
    """The objects of the unit's halves; none if it is too small, or there is no processor for another one.

    Nor is there where llvmlite has to load the object, which takes one only.
    """
    texts = unit.texts() if processors() > 1 and platform.machine() == "x86_64" else []
    if len(texts) < 2:
        return []
    with Beside(lambda: compile_text(texts[1], opt_level).object_code) as other:
        own = compile_text(texts[0], opt_level).object_code
        others = other.result()
    return [own, others] if others is not None else []
