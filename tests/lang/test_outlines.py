"""Outlines: what is read from the cache is what parsing the library gives, and bodies come when they are asked for."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lang import outlines
from lang import syntax as s
from lang.check_package import checked
from lang.go_types import INVALID
from lang.lower_library import key_of
from lang.outlines import outline, package_source, packed, parsed
from lang.packages import library_paths
from lang.tree_text import tree_text

PATHS = library_paths()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test looks into the cache again, and so does whoever comes behind."""
    outlines._packed_outlines.cache_clear()
    yield
    outlines._packed_outlines.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(outlines, "library_paths", lambda: ["errors", "unicode/utf8"])
    return tmp_path


@pytest.mark.parametrize("path", PATHS)
def test_an_outline_becomes_what_the_whole_tree_does(path: str) -> None:
    """Types, the order of initialisers, imports and all bodies; only unused imports are not looked for."""
    source = package_source(path)
    whole, read = checked(path, parsed(source), source), checked(path, outline(path), source)
    assert initialized(read) == initialized(whole)
    assert read.imported == whole.imported
    assert list(read.members) == list(whole.members)
    for function in read.functions:
        function.finished()
    assert read.imported == whole.imported
    assert tree_text(read.file, typed=True) == tree_text(whole.file, typed=True)


def initialized(package: s.Package) -> list[list[str]]:
    return [[var.name if var is not None else "_" for var in item.vars] for item in package.initializers]


@pytest.mark.parametrize("path", PATHS)
def test_a_tree_is_read_as_it_was_packed(path: str) -> None:
    """In every field, those that the checker has yet to fill in included."""
    tree = parsed(package_source(path))
    assert differences(tree, pickle.loads(packed(tree)), "") == []


def differences(one: Any, other: Any, name: str) -> list[str]:
    """The names of fields in which two trees differ."""
    if isinstance(one, s.Node) and type(one) is type(other):
        names = [(f"{type(one).__name__}.{field.name}", field.name) for field in fields(one)]
        pairs = [(full, getattr(one, field, None), getattr(other, field, None)) for full, field in names]
    elif isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        pairs = [(name, *pair) for pair in zip(one, other, strict=True)]
    else:
        return [] if one == other else [name]
    return [found for full, first, second in pairs for found in differences(first, second, full)]


@pytest.mark.parametrize("path", PATHS)
def test_no_package_recovers(path: str) -> None:
    """Whether a program does is known before its bodies are read."""
    source = package_source(path)
    assert not checked(path, parsed(source), source).recovers


def test_a_body_is_read_once_it_is_wanted() -> None:
    package = checked("unicode/utf8", outline("unicode/utf8"), package_source("unicode/utf8"))
    function = next(f for f in package.functions if f.object is not None and key_of(f.object) == "unicode/utf8.RuneLen")
    assert isinstance(function.body, s.Unread)
    assert not function.body.statements
    assert function.finished().finish is None
    assert function.body.statements
    assert not isinstance(function.body, s.Unread)


def test_types_are_the_same_objects_again() -> None:
    function = next(d for d in outline("errors").declarations if isinstance(d, s.FuncDecl))
    assert function.name.type is INVALID


def test_the_second_process_reads_what_the_first_has_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = outline("errors")
    outlines._packed_outlines.cache_clear()
    monkeypatch.setattr(outlines, "parsed", None)
    assert tree_text(outline("errors"), typed=False) == tree_text(before, typed=False)
    (entry,) = folder.glob("outlines-*")
    assert entry.stat().st_size > len(packed(before)) // 2


@pytest.mark.parametrize("damage", [b"", b"toy-image 3 0000\n", b"\0" * 100])
def test_a_broken_entry_is_made_again(folder: Path, damage: bytes) -> None:
    before = outline("errors")
    (entry,) = folder.glob("outlines-*")
    good = entry.read_bytes()
    entry.write_bytes(damage)
    outlines._packed_outlines.cache_clear()
    assert tree_text(outline("errors"), typed=False) == tree_text(before, typed=False)
    assert entry.read_bytes() == good
