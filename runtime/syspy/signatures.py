"""Signatures: what is known of a systems function before its body is looked at.

Parameters and result come from the annotations, the linkage from the mark (@inline, @cold, @once, @c_function). A
function's symbol is its module and its name, `runtime.malloc.mallocgc`; a C function's is its bare name. A symbol
without a dot is therefore C's.

Next: operators.py
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NoReturn

from runtime.syspy import subset
from runtime.syspy.annotations import resolve
from runtime.syspy.functions import MARK
from runtime.syspy.kinds import Kind, is_type, llvm_type
from runtime.syspy.sources import Sources
from runtime.syspy.subset import SubsetError, spelt

DECORATORS = frozenset(("inline", "cold", "once", "c_function"))


@dataclass(frozen=True)
class Signature:
    """A systems function, or a C function, as its callers see it."""

    function: FunctionType
    symbol: str
    parameters: tuple[tuple[str, Kind], ...]
    result: Kind  # a kind, a tuple of kinds, None or NoReturn
    mark: str  # "inline", "cold", "once", "c" or ""
    node: ast.FunctionDef
    file: str

    @property
    def prototype(self) -> str:
        """LLVM's return type and parameter types, `i64 (ptr, i64)` without the parentheses' inside being named."""
        return ", ".join(llvm_type(kind) for _, kind in self.parameters)


def symbol_text(name: str) -> str:
    """A global symbol in LLVM's spelling; names that are not ASCII are quoted."""
    if name.isascii() and name.replace(".", "").replace("_", "").isalnum():
        return f"@{name}"
    return '@"' + "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else f"\\{b:02x}" for b in name.encode()) + '"'


def signature_of(function: Any, sources: Sources, file: str, where: ast.AST) -> Signature:
    """The signature of a function that is used at a place; SubsetError if it is none of systems Python."""
    mark = getattr(function, MARK, "")
    plain: FunctionType = function.__wrapped__ if mark == "c" else function
    source = sources.of(plain)
    node = source.function(plain.__name__)
    if node is None or plain.__qualname__ != plain.__name__:
        raise SubsetError(subset.NO_SOURCE, file, where, plain.__qualname__)
    _check_form(node, source.file)
    kinds = [(arg.arg, _kind(plain, arg.annotation, arg.arg, source.file, arg)) for arg in node.args.args]
    result = _kind(plain, node.returns, "the result", source.file, node)
    symbol = plain.__name__ if mark == "c" else f"{plain.__module__}.{plain.__name__}"
    return Signature(plain, symbol, tuple(kinds), result, mark, node, source.file)


def _check_form(node: ast.FunctionDef, file: str) -> None:
    args = node.args
    if args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg or args.defaults:
        raise SubsetError(subset.PARAMETERS, file, node)
    for decorator in node.decorator_list:
        name = spelt(decorator)
        if name.rpartition(".")[2] not in DECORATORS:
            raise SubsetError(subset.DECORATOR, file, decorator, name)


def _kind(function: FunctionType, annotation: ast.expr | None, what: str, file: str, node: ast.AST) -> Kind:
    """The kind that an annotation names, if a parameter or a result can have it."""
    if annotation is None:
        raise SubsetError(subset.ANNOTATION, file, node, what, "it has none")
    written = spelt(annotation)
    try:
        kind = resolve(written, function.__globals__)
    except Exception as error:
        raise SubsetError(subset.ANNOTATION, file, annotation, what, f"{written}: {error}") from error
    is_result = what == "the result"
    if is_type(kind) or is_result and (kind is None or kind is NoReturn or _is_tuple(kind)):
        return kind
    raise SubsetError(subset.ANNOTATION, file, annotation, what, f"{written} is none")


def _is_tuple(kind: Kind) -> bool:
    return isinstance(kind, tuple) and all(is_type(part) for part in kind)
