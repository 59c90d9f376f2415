"""Translate: the cold half of a build, from Python functions to object code.

    unit --> LLVM text of two halves --> two processes --> two objects --> linked
        `--> LLVM text of the whole  --> one object ---------------------> linked

Next: compiler.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.syspy.beside import processors
from runtime.syspy.clang import Clang, executable
from runtime.syspy.elf_link import Unsupported, link
from runtime.syspy.frame_table import frame_table
from runtime.syspy.mapping import packed
from runtime.syspy.optimise import Compiled, compile_text
from runtime.syspy.sources import Sources
from runtime.syspy.subset import SubsetError
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
    try:
        add_all(unit, roots, exports)
    except SubsetError:  # is to say where
        add_all(Unit(Sources(sources, stand=True), base, debug), roots, exports)
        raise
    return unit


def add_all(unit: Unit, roots: Sequence[Callable[..., Any]], exports: Sequence[Any]) -> None:
    """Lower the exports and the roots into a unit."""
    unit.add_exports(exports)
    for root in roots:
        unit.add_root(root)


def translate(unit: Unit, name: str, opt_level: int, is_whole: bool) -> tuple[Facts, bytes, Compiled | None]:
    """The code of a unit, what has to be known to load and call it, and the module, if it was compiled as a whole.

    What need not be is compiled in halves, if it is large.
    """
    facts: Facts = {"name": name, "entries": unit.entries()}
    objects = [] if is_whole else objects_of_halves(unit, opt_level)
    compiled = None if objects else compile_text(unit.text(), opt_level)
    if compiled is not None:
        objects = [compiled.object_code]
    try:
        return *linked_code(facts, objects), compiled
    except Unsupported:
        facts |= {"is_object": True, "defined": unit.exported(), "imported": unit.imported()}
        return facts, objects[0], compiled


def linked_code(facts: Facts, objects: list[bytes]) -> tuple[Facts, bytes]:
    """The facts, completed, and the code that objects are. Unsupported if elf_link.py does not know them."""
    linked = link(objects)
    own = {"is_object": False, "frames": frame_table(linked.tables), **packed(linked.facts())}
    return facts | own, bytes(linked.memory)


def objects_of_halves(unit: Unit, opt_level: int) -> list[bytes]:
    """The objects of the unit's halves; none if it is too small, or a process has failed.

    One whole is left where there is no processor for another half, and where it is up to llvmlite, which loads one
    object.
    """
    texts = unit.texts() if processors() > 1 and executable() is not None else []
    if len(texts) < 2:
        return []
    with Clang(texts[0], opt_level) as first, Clang(texts[1], opt_level) as second:
        results = [first.result(), second.result()]
    objects = [code for code in results if code is not None]
    return objects if len(objects) == len(texts) else []
