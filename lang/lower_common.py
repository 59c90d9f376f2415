"""Common code: the functions of the library that come out the same in every program, lowered for an image of their own.

    strconv.AppendFloat      a module of its own, "library"; programs on top of it import its functions by their heads
    sort.Sort                calls methods of what the program has: lowered with the program (lower_library.py)

    CF1  a common function names nothing that only a whole program settles: its package-level variables, the types that
         its interfaces hold and their numbers, the functions that its function values lead to
    CF2  it calls common functions alone, and the runtime
    CF3  its parameters and results have types of the runtime: programs have classes of their own for all others

Of these a program gets those in OFFERED: large ones, whose work is the same whatever is known of their arguments. All
others it lowers as its own, so that LLVM inlines them there, and knows constants that they are called with, such as
separators and bases. Some are cut in two for that: strconv.FormatInt asks which base it is, strconv.formatDecimal and
strconv.formatDigits do the work; utf8.AppendRune has a byte of its own, utf8.appendLong is for the rest.

Owner: the library's image, lowered once for a version of Toy.        Next: driver.py
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from lang import syntax
from lang.build import PLAIN
from lang.check_package import check
from lang.diagnostics import Diagnostics
from lang.go_types import Basic, Type
from lang.lower_imports import COMMON_MODULE, IMPORTS, imported_names
from lang.lower_library import Common, CommonFunction, key_of
from lang.lower_names import RESERVED
from lang.lower_program import ProgramLowering
from lang.packages import library_paths
from lang.parse import parse
from lang.source import Source

OFFERED = (
    "sort.sortFloats",
    "sort.sortInts",
    "sort.sortStrings",
    "strconv.appendDecimal",
    "strconv.appendDigits",
    "strconv.appendEscaped",
    "strconv.appendFloat",
    "strconv.appendQuoted",
    "strconv.appendQuotedRune",
    "strconv.formatDecimal",
    "strconv.formatDigits",
    "strconv.formatFloat",
    "strconv.parseDecimal",
    "strconv.parseFloat",
    "strconv.parseSigned",
    "strconv.parseUnsigned",
    "strconv.rawLiteral",
    "strings.Count",
    "strings.EqualFold",
    "strings.Fields",
    "strings.Join",
    "strings.Repeat",
    "strings.Replace",
    "strings.ToLower",
    "strings.ToUpper",
    "strings.ToValidUTF8",
    "strings.between",
    "strings.inCase",
    "strings.index",
    "strings.split",
    "unicode.find",
    "unicode/utf8.DecodeLastRune",
    "unicode/utf8.DecodeLastRuneInString",
    "unicode/utf8.EncodeRune",
    "unicode/utf8.appendLong",
    "unicode/utf8.decode",
    "unicode/utf8.decodeLong",
)
EMPTY = "func main() {}"
WHOLE = re.compile(r"\bpackage\b|\.number\b|address\(type_")  # variables, numbers of types, which types are the same
DEFINED = re.compile(r"(?:class )?(\w+)(?:\(| = )")
CLASS = re.compile(r"class (\w+)\(")


class LoweredCommon(NamedTuple):
    """The library as systems Python."""

    text: str  # of the module
    common: Common


def lower_common() -> LoweredCommon:
    """The module of the functions in OFFERED."""
    source = Source(COMMON_MODULE, EMPTY)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    package = check(file, diagnostics) if file is not None else None
    assert package is not None, diagnostics.render()
    return CommonLowering(replace(package, imported=library_paths()), source).lower_all()


class CommonLowering(ProgramLowering):
    """The library, as if an empty program used what is offered."""

    def __init__(self, package: syntax.Package, source: Source) -> None:
        super().__init__(package, source, PLAIN, None, None)
        self.boxes = False  # the function being lowered puts something into an interface
        self.tied: set[str] = set()  # functions that do

    def lower_all(self) -> LoweredCommon:
        """What is offered, and what that calls."""
        declared = [d.object for package in self.packages for d in package.functions if d.object is not None]
        names = {function: self.function_name(function) for function in declared if key_of(function) in OFFERED}
        self.lower_library()
        collecting, recursive = self.collecting(), self.recursive()
        lowered = {f.name: f for f in self.lowered if f.name in self.functions.values()}
        bodies = self.common_among({f.name: f.lines(collecting, f.name in recursive) for f in lowered.values()})
        offered = {
            key_of(function): CommonFunction(name, lowered[name].head(name), name in collecting)
            for function, name in names.items()
        }
        for one in offered.values():
            assert one.name in bodies, f"CF1, CF2: {one.name}"
            assert not words(one.head) & self.own_classes(), f"CF3: {one.name}"
        lines = [line for body in bodies.values() for line in body]
        text = "\n".join([f'"""{COMMON_MODULE}, as systems Python."""', IMPORTS, *self.types.definitions, *lines])
        return LoweredCommon(text, Common(offered, self.positions))

    def common_among(self, bodies: dict[str, list[str]]) -> dict[str, list[str]]:
        """Those of some functions, by name, that are common."""
        defined = {match[1] for line in self.types.definitions if (match := DEFINED.match(line))}
        others = self.names.taken - RESERVED - set(imported_names()) - defined - bodies.keys()
        texts = {name: "\n".join(body) for name, body in bodies.items() if name not in self.tied}
        named = {name: words(text) for name, text in texts.items() if not WHOLE.search(text)}
        found = {name: names for name, names in named.items() if not names & others}  # CF1
        while apart := {name for name, names in found.items() if names & (bodies.keys() - found.keys())}:  # CF2
            found = {name: names for name, names in found.items() if name not in apart}
        return {name: body for name, body in bodies.items() if name in found}

    def own_classes(self) -> set[str]:
        """The names of the classes in the module."""
        return {found[1] for line in self.types.definitions if (found := CLASS.match(line))}

    def lower_declared(self, declaration: syntax.FuncDecl) -> None:
        """One function of the library."""
        self.boxes = False
        super().lower_declared(declaration)
        if self.boxes:
            self.tied.add(self.lowered[-1].name)

    def dynamic_type(self, t: Type) -> str:
        """The name of the descriptor of a type, values of which are put into interfaces (CF1)."""
        self.boxes = self.boxes or not isinstance(t, Basic)  # whose descriptors all images share
        return super().dynamic_type(t)


def words(text: str) -> set[str]:
    """The identifiers in a text."""
    return set(re.findall(r"[A-Za-z_]\w*", text))
