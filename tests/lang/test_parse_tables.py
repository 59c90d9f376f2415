"""The parse tables: what Lark makes is kept, Lark is not needed then, and parsing by them is what Lark does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
import pytest
from lark.lexer import Lexer as LarkLexer

from lang import parse_tables
from lang.diagnostics import Diagnostics
from lang.lexer import Lexer
from lang.parse import keywords, parse
from lang.source import Source
from lang.syntax import File
from lang.tree_builder import TreeBuilder
from lang.tree_text import tree_text
from tests.go_oracle import ROOT

PROGRAMS = sorted((ROOT / "examples").glob("*.toy")) + sorted((ROOT / "tests" / "programs" / "syntax").glob("*.toy"))


class NoLexer(LarkLexer):
    """The tokens are fed by hand."""

    def __init__(self, _: object) -> None:
        pass

    def lex(self, *_: object) -> Iterator[Any]:
        return iter(())


@pytest.fixture(scope="module")
def larks() -> tuple[Any, TreeBuilder]:
    """Lark's own parser, and what it calls."""
    builder = TreeBuilder()
    grammar = Path(parse_tables.GRAMMAR).read_text("utf-8")
    options: dict[str, Any] = {"parser": "lalr", "lexer": NoLexer, "maybe_placeholders": False}
    return lark.Lark(grammar, start=parse_tables.START, transformer=builder, **options), builder


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_tree_is_the_one_that_lark_builds(path: Path, larks: tuple[Any, TreeBuilder]) -> None:
    source = Source.of_bytes(path.name, path.read_bytes())
    diagnostics = Diagnostics(source)
    parser, builder = larks
    builder.diagnostics = diagnostics
    run = parser.parse_interactive()
    for token in Lexer(source.text, diagnostics, keywords()).run():
        run.feed_token(token)
    theirs, own = run.feed_eof(), parse(source, diagnostics)
    assert isinstance(theirs, File)
    assert isinstance(own, File)
    assert tree_text(own, typed=False) == tree_text(theirs, typed=False)


def test_the_tables_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    made = parse_tables.tables()
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["grammar"]
    monkeypatch.setattr(parse_tables, "made", None)  # not called again
    assert parse_tables.tables() == made


def test_a_grammar_that_changes_has_new_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path))
    before = parse_tables.tables()
    other = tmp_path / "grammar.lark"
    other.write_text(Path(parse_tables.GRAMMAR).read_text("utf-8").replace('"fallthrough"', '"onward"'), "utf-8")
    monkeypatch.setattr(parse_tables, "GRAMMAR", str(other))
    assert parse_tables.tables().keywords == {
        "onward" if text == "fallthrough" else text: name for text, name in before.keywords.items()
    }


def test_lark_is_imported_only_to_make_them() -> None:
    parse_tables.tables()
    code = "import sys; from lang.parse import keywords; keywords(); sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
