"""Outlines: the trees of the library's packages, parsed once for a version of Toy, and kept in the cache.

    package  -->  File: declarations as they are, but of functions the bodies are packed
                    |
                    `-- Unread: bytes, until somebody asks for the function

Reading the outline of a package takes a tenth of parsing it, and a program uses few of its functions.

Owner: check_package.py, which gives each process trees of its own.        Next: check_package.py
"""

from __future__ import annotations

import io
import pickle
from dataclasses import fields
from functools import cache
from typing import Any

from lang import go_types
from lang import syntax as s
from lang.diagnostics import Diagnostics
from lang.packages import library_file, library_paths
from lang.parse import parse
from lang.source import Source
from lang.version import version_key
from runtime.syspy.cache import digest, environment, file_bytes, read, write

NAME = "outlines"  # of the entry in the cache


def package_source(path: str) -> Source:
    """The text of a package that is written in Toy."""
    return Source.of_bytes(f"{path}.toy", file_bytes(library_file(path)))


def parsed(source: Source) -> s.File:
    """The whole tree of a package."""
    diagnostics = Diagnostics(source)
    tree = parse(source, diagnostics)
    assert tree is not None, diagnostics.render()
    assert not tree.problems, tree.problems
    return tree


def outline(path: str) -> s.File:
    """The tree of a package, the bodies of its functions unread."""
    tree = pickle.loads(_packed_outlines()[path])
    assert isinstance(tree, s.File)
    return tree


def unpacked(body: s.Unread) -> s.Block:
    """A body, read."""
    block = pickle.loads(body.packed)
    assert isinstance(block, s.Block)
    return block


@cache
def _packed_outlines() -> dict[str, bytes]:
    """The outlines of all packages, by path."""
    key = digest([environment(), version_key()])
    found = read(NAME, key)
    if found is not None:
        outlines: dict[str, bytes] = found[0]["outlines"]
        return outlines
    made = {path: packed(_without_bodies(parsed(package_source(path)))) for path in library_paths()}
    write(NAME, key, {"outlines": made}, b"")
    return made


def _without_bodies(tree: s.File) -> s.File:
    for declaration in tree.declarations:
        if isinstance(declaration, s.FuncDecl) and declaration.body is not None:
            body = declaration.body
            declaration.body = s.Unread(body.pos, [], body.end, packed(body))
    return tree


def packed(tree: s.Node) -> bytes:
    """A tree that nobody has checked, as bytes."""
    buffer = io.BytesIO()
    Packer(buffer, pickle.HIGHEST_PROTOCOL).dump(tree)
    return buffer.getvalue()


class Packer(pickle.Pickler):
    """Packs nodes as calls of their classes: what only the checker fills in takes neither room nor time to read."""

    def reducer_override(self, value: Any) -> Any:
        """How a value is made again. Trees that are read share the types of go_types."""
        if isinstance(value, go_types.Basic):
            return basic_named, (value.name,)
        if isinstance(value, s.Node):
            return type(value), tuple(getattr(value, field.name) for field in fields(value) if field.init)
        return NotImplemented


def basic_named(name: str) -> go_types.Basic:
    """The basic type of a name."""
    return next(t for t in vars(go_types).values() if isinstance(t, go_types.Basic) and t.name == name)
