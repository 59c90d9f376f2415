"""Translate: the cold half of a build, from Python functions to object code.

    unit --> LLVM text of two halves --> two processes --> two objects --> linked
        `--> LLVM text of the whole  --> one object ---------------------> linked

Next: native.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.syspy.beside import Beside, processors
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


def translate(unit: Unit, name: str, opt_level: int, is_whole: bool) -> tuple[Facts, bytes, Compiled | None]:
    """The code of a unit, and what has to be known to load and call it; and if it is not halved, the module."""
    facts: Facts = {"name": name, "entries": unit.entries()}
    objects = None if is_whole else objects_of_halves(unit, opt_level)
    compiled = None if objects else compile_text(unit.text(), opt_level)
    try:
        linked = link(objects or [compiled.object_code])
    except Unsupported:
        compiled = compiled or compile_text(unit.text(), opt_level)
        facts |= {"is_object": True, "defined": unit.exported(), "imported": unit.imported()}
        return facts, compiled.object_code, compiled
    facts |= {"is_object": False, "frames": frame_table(linked.tables), **linked.facts()}
    return facts, bytes(linked.memory), compiled


def objects_of_halves(unit: Unit, opt_level: int) -> list[bytes]:
    """The objects of the unit's halves; none if it is too small for two, or there is no processor for another one."""
    texts = unit.texts() if processors() > 1 else []
    if len(texts) < 2:
        return []
    with Beside(lambda: compile_text(texts[1], opt_level).object_code) as other:
        own = compile_text(texts[0], opt_level).object_code
        others = other.result()
    return [own, others] if others is not None else []
