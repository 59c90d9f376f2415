"""Annotations: from the text beside a parameter or a field to the type that it names.

    u32, bool, f64             a machine type                          the function u32, the class bool, ...
    MSpan                      a pointer to a struct                   the class MSpan
    Array[u8], Array[MSpan]    a pointer to elements                   the class Array[u8], ...
    Inline[PageAlloc]          the struct itself (fields only)         InlineOf(PageAlloc)
    Annotated[Array[T], 8]     a fixed array in place (fields only)    FixedArray(T, 8)
    tuple[u64, bool]           several results                         (u64, bool)
    None, NoReturn             no result                               None, NoReturn

A name may be defined further down its module, or be imported for the type checker alone (modules import only what lies
above them). So a name that is not among the module's globals is looked up among all structs (`STRUCTS`), those of the
same module first, then those of the same package.
"""

from __future__ import annotations

import ast
from functools import cache
from types import CodeType
from typing import Annotated, Any, NoReturn, get_args, get_origin

from runtime.syspy.arrays import Array

STRUCTS: dict[str, list[Any]] = {}  # every struct by its name, the newest last

Globals = dict[str, Any]


class FixedArray:
    """The type of a field `Annotated[Array[element], length]`."""

    def __init__(self, element: Any, length: int) -> None:
        self.element = element
        self.length = length


def resolve(text: str, names: Globals) -> Any:
    """The type that an annotation names. NameError if it, or a part of it, is not defined yet."""
    known: Globals = {}
    while True:
        try:
            value = eval(_compiled(text), names, known)
            break
        except NameError as error:
            if error.name is None or error.name in known:
                raise
            known[error.name] = _struct_named(error.name, names, error)
    return _as_type(value)


@cache
def _compiled(text: str) -> CodeType:
    return compile(text.strip(), "<annotation>", "eval")


def _as_type(value: Any) -> Any:
    if get_origin(value) is Annotated:
        array, length = get_args(value)
        return FixedArray(array.element, length)
    if get_origin(value) is tuple:
        return tuple(_as_type(part) for part in get_args(value))
    return NoReturn if value is NoReturn else value


def _struct_named(name: str, names: Globals, error: NameError) -> Any:
    candidates = STRUCTS.get(name, [])
    module = names.get("__name__", "")
    own = [cls for cls in candidates if cls.__module__ == module]
    if own:
        return own[-1]
    # What the runtime says of P is never said of a P that a program has.
    package = module.partition(".")[0]
    found = [cls for cls in candidates if cls.__module__.partition(".")[0] == package] or candidates
    if len(found) != 1:
        raise error
    return found[0]


@cache
def is_type_named(text: str, name: str) -> ast.Subscript | None:
    """The syntax tree of an annotation of the form name[...], else None."""
    tree = ast.parse(text, mode="eval").body
    is_named = isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name) and tree.value.id == name
    return tree if isinstance(tree, ast.Subscript) and is_named else None


def fixed_array_parts(text: str, names: Globals) -> tuple[str, int] | None:
    """The text of the element type and the length of `Annotated[Array[element], length]`, else None."""
    tree = is_type_named(text, "Annotated")
    if tree is None or not isinstance(tree.slice, ast.Tuple):
        return None
    array, length = tree.slice.elts
    assert isinstance(array, ast.Subscript), text
    return ast.unparse(array.slice), int(eval(ast.unparse(length), names))


__all__ = ["STRUCTS", "Array", "FixedArray", "fixed_array_parts", "is_type_named", "resolve"]
