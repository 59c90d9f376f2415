"""Trees: generated programs as parts that can be left out or exchanged.

    Program -> Stmt (declarations) -> Block -> Stmt -> Expr -> Expr ...

A part's text is the texts of what it is made of, in a row. Shrinking works on the same tree: an `Edit` exchanges the
insides of one part and can be undone.

    statements left out                     f(); g(); h()       ->  g()
    a statement replaced by its insides     if c { g() }        ->  g()
    an expression by one inside it          (a + b[i])          ->  a
    an expression by a constant             (a + b[i])          ->  int8(0)

An edited program need not be right any more; the checker says. What only exists for the sake of others appears only if
it is needed: a label when something jumps to it, an import when its package is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.shapes import Shape


@dataclass(eq=False)
class Node:
    """A part of a program."""

    parts: Sequence[str | Node]

    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text() for part in self.parts)

    def children(self) -> Iterator[Node]:
        return (part for part in self.parts if isinstance(part, Node))


@dataclass(eq=False)
class Expr(Node):
    """An expression."""

    shape: Shape
    is_constant: bool = False


@dataclass(eq=False)
class Header(Node):
    """An expression in front of a block: in parentheses when Go could take a brace in it for the block's."""

    def text(self) -> str:
        text = super().text()
        return f"({text})" if re.search(r"\{|&\w+<", text) else text


@dataclass(eq=False)
class Block(Node):
    """Statements in braces."""

    parts: list[Stmt]

    def text(self) -> str:
        return "{\n" + "".join(f"{part.text()}\n" for part in self.parts) + "}"


@dataclass(eq=False)
class Clauses(Block):
    """The cases of a switch, or the statements of a case: no braces of their own."""

    def text(self) -> str:
        return "".join(f"{part.text()}\n" for part in self.parts)


@dataclass(eq=False)
class Stmt(Node):
    """A statement, or a declaration; with what must not stand without it."""


@dataclass(eq=False)
class Labeled(Stmt):
    """A loop or switch with a label, if anything in it names the label."""

    label: str = ""

    def text(self) -> str:
        text = super().text()
        return f"{self.label}:\n{text}" if re.search(rf"\b(break|continue) {self.label}\b", text) else text


@dataclass(eq=False)
class Program(Node):
    """A whole program."""

    parts: list[Stmt]
    packages: tuple[str, ...] = ("errors", "fmt", "math", "os", "runtime", "sort", "strconv", "strings", "weak")

    def text(self) -> str:
        body = "\n".join(f"{part.text()}\n" for part in self.parts)
        imports = [f'import "{name}"\n' for name in self.packages if re.search(rf"\b{name}\.", body)]
        return indented("\n".join(["package main\n", *imports, body]))


def indented(text: str) -> str:
    """The text with a tab for each open brace."""
    lines, level = [], 0
    for line in map(str.lstrip, text.split("\n")):
        bare = re.sub(r'"(\\.|[^"\\])*"|`[^`]*`', "", line)
        change = sum(bare.count(opening) for opening in "{(") - sum(bare.count(closing) for closing in "})")
        outdent = 1 if re.match(r"[})]|case\b.*:$|default:$", bare) else 0
        lines.append("\t" * max(0, level - outdent) + line if line else line)
        level += change
    return "\n".join(lines)


# ---------------------------------------------------------------- edits


@dataclass
class Edit:
    """One change of one part."""

    node: Node
    value: Sequence[Any]
    before: Sequence[Any] = field(default=())

    def apply(self) -> None:
        self.before, self.node.parts = self.node.parts, self.value

    def undo(self) -> None:
        self.node.parts = self.before


def nodes(root: Node) -> Iterator[Node]:
    """The tree, from the root down."""
    yield root
    for child in root.children():
        yield from nodes(child)


def edits(root: Node) -> Iterator[Edit]:
    """Changes that make a program smaller, the large ones first."""
    if isinstance(root, Program):
        yield from without_unreachable(root)
    lists = [node for node in nodes(root) if isinstance(node, Block | Program)]
    for part in lists:
        yield from without_some(part)
    for part in lists:
        yield from hoisted(part)
    for node in nodes(root):
        if isinstance(node, Expr):
            yield from simpler(node)


def without_unreachable(program: Program) -> Iterator[Edit]:
    """Without the declarations that nothing mentions on the way from main; with and without methods."""
    texts = [part.text() for part in program.parts]
    words = [set(re.findall(r"\w+", text)) for text in texts]
    for keeps_methods in (False, True):
        reached = {i for i, text in enumerate(texts) if text.startswith("func main(")}
        known: set[str] = set()
        for i in sorted(reached):
            known |= words[i]
        grown = True
        while grown:
            more = {i for i, text in enumerate(texts) if i not in reached and declares(text, known, keeps_methods)}
            reached |= more
            for i in sorted(more):
                known |= words[i]
            grown = bool(more)
        if len(reached) < len(texts):
            yield Edit(program, [part for i, part in enumerate(program.parts) if i in reached])


def declares(text: str, names: set[str], keeps_methods: bool) -> bool:
    """Whether a declaration is one of what has the names."""
    method = re.match(r"func \(\w+ \*?(\w+)\) (\w+)", text)
    if method:
        return method[1] in names and (keeps_methods or method[2] in names)
    return any(name in names for name in re.findall(r"^(?:func|var|type|const)? ?(\w+)", text, re.MULTILINE))


def without_some(node: Block | Program) -> Iterator[Edit]:
    """Without half of the statements, a quarter, ... each single one; the last first: it uses what came before."""
    count = len(node.parts)
    size = count
    while size:
        for start in range(count - size, -1, -size):
            yield Edit(node, [*node.parts[:start], *node.parts[start + size :]])
        size //= 2


def hoisted(node: Block | Program) -> Iterator[Edit]:
    """With a statement's inner statements in its place."""
    if isinstance(node, Program):
        return
    for i, statement in enumerate(node.parts):
        for inner in nodes(statement):
            if isinstance(inner, Block):
                yield Edit(node, [*node.parts[:i], *inner.parts, *node.parts[i + 1 :]])


def simpler(expr: Expr) -> Iterator[Edit]:
    """With a constant, or one of the expressions inside, in an expression's place."""
    zero = [expr.shape.zero]
    if expr.is_constant or list(expr.parts) == zero:
        return
    yield Edit(expr, zero)
    for inner in nodes(expr):
        if isinstance(inner, Expr) and inner is not expr and inner.shape == expr.shape:
            yield Edit(expr, [inner])
