"""The session: the inputs kept so far, as one program that grows.

    input -> parse -> which form? -> check -> lower -> Entered        replay.py runs it; then, if all went well, keep()

All inputs are parsed and checked again with each new one, as one program: that is a matter of milliseconds, and so an
input is refused for whatever Go would refuse, with the session left as it was.

A name can be declared again. What was typed before goes on meaning the old one, which from then on is called name·line,
wherever the compiler had found it to be meant: `renamed` has the offsets.

    1>  x := 1                          var x·1 = 1
    2>  func f() int { return x }       func f() int { return x·1 }
    3>  x := "one"                      var x = "one"

A type takes its methods along. A method that is declared again for the same type is called as before by what was typed
before; session_methods.py sees to calls through interfaces.

Owner: the prompt.        Next: replay.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from lang import codes
from lang import syntax as s
from lang.build import Build
from lang.check_package import Checker, check
from lang.check_tree import nodes
from lang.diagnostics import Diagnostics
from lang.driver import UserError, lower_checked
from lang.go_types import Basic, Kind, Named, Tuple, Type
from lang.lower_program import LoweredProgram
from lang.objects import Object, PackageName
from lang.scopes import universe
from lang.session_input import (
    FMT,
    MAIN,
    Form,
    Input,
    Parts,
    as_typed,
    declared_names,
    method_name,
    methods_among,
    parse_input,
)
from lang.session_methods import Methods
from lang.source import Source

NAME = "repl"  # of the source, in messages
PREDECLARED = frozenset(universe().names)
PREDECLARED_LINE = 0  # in the names of what stands in no line, or in front of all
DONE = "done·"  # the first variable: the program sets it when it is through


class InputError(UserError):
    """What is wrong with an input."""

    def __init__(self, text: str, places: list[int], may_wait: bool) -> None:
        super().__init__(text)
        self.places = places  # offsets in the session's text
        self.may_wait = may_wait  # it only declares, and what is typed next may be what it lacks


class SessionChecker(Checker):
    """The rules of a session: what is imported may be used later; predeclared names have a second one, len·0."""

    def prepare(self) -> None:
        """Start with nothing resolved."""
        super().prepare()
        self.package_scope.names |= {f"{name}·{PREDECLARED_LINE}": found for name, found in universe().names.items()}

    def report_unused_imports(self) -> None:
        """Nothing."""


@dataclass(slots=True)
class Attempt:
    """An input on trial, behind those that were kept."""

    given: Input
    renamed: dict[int, str]  # offsets of names, and what they are called instead
    diagnostics: Diagnostics
    parts: Parts
    package: s.Package | None  # None if there are errors

    @property
    def is_misplaced(self) -> bool:
        """Whether there are errors in what was right before."""
        return any(error.pos < self.given.start for error in self.diagnostics.found)

    @property
    def error(self) -> InputError:
        """All errors, for the user, who has called main what is MAIN here."""
        found = [replace(error, message=error.message.replace(MAIN, "main")) for error in self.diagnostics.found]
        may_wait = self.parts.is_declarations and not self.diagnostics.has_syntax_errors
        text = Diagnostics(self.diagnostics.source, found).render()
        return InputError(text, [error.pos for error in found], may_wait)


class Entered(NamedTuple):
    """An input that is right, and the session's program with it."""

    kept: Input | None  # as it is kept; None if it changes nothing
    renamed: dict[int, str]
    lowered: LoweredProgram
    source: Source
    runs: bool  # whether it does anything besides declaring


class Session:
    """What was typed, and what of it is kept."""

    def __init__(self) -> None:
        self.text = ""  # all lines, those that were refused as well: so that lines are counted as the user does
        self.kept: list[Input] = []
        self.renamed: dict[int, str] = {}

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.text.count("\n")

    # ---- entering

    def enter(self, text: str) -> Entered:
        """Check and lower an input, whole lines. The session stays as it is. Raises UserError."""
        return self.checked(self.added(text))

    def checked(self, given: Input) -> Entered:
        """Check and lower an input whose lines are there."""
        attempt = self.attempt_value(given)
        kept: Input | None = attempt.given
        if attempt.given.form is Form.VALUE and attempt.parts.last is not None:
            last = attempt.parts.last
            kept = None if attempt.parts.is_bare and not has_call(last) else attempt.given
            attempt = self.attempt(replace(given, form=Form.PRINTED, format=format_of(last.type)), attempt.renamed)
        elif lists_values(attempt.parts.last):
            attempt = self.attempt(replace(given, form=Form.LISTED), attempt.renamed)
        if attempt.package is None:
            raise attempt.error
        return self.lowered(attempt, kept)

    def type_of(self, before: str, text: str) -> Type | None:
        """The type of an expression, which `before` stands in front of; None if there is none. Raises UserError."""
        self.text += before
        parts = self.attempt_value(self.added(text), is_asked=True).parts
        return parts.last.type if parts.last is not None and parts.is_bare else None

    def added(self, text: str) -> Input:
        """Lines as an input that is part of the session's text from now on."""
        self.text += text
        return Input(len(self.text) - len(text), text)

    def take_back(self, text: str) -> None:
        """Forget the last lines: they will come again."""
        self.text = self.text.removesuffix(text)

    def keep(self, entered: Entered) -> None:
        """An input has done what it does."""
        if entered.kept is not None:
            self.kept.append(entered.kept)
            self.renamed = entered.renamed

    def attempt_value(self, given: Input, is_asked: bool = False) -> Attempt:
        """An input without errors, in form VALUE if it ends in a value; is_asked: it has to. Raises UserError."""
        renamed = dict(self.renamed)
        parts = self.parsed(given)
        self.hide(renamed, parts)
        value = self.attempt(replace(given, form=Form.VALUE), renamed) if parts.last is not None else None
        if value is not None and (value.package is not None or is_asked):
            if value.package is None:
                raise value.error
            return value
        plain = self.attempt(given, renamed)
        if plain.is_misplaced:  # a type is embedded somewhere, or the like
            plain = self.attempt(given, dict(self.renamed))
        if plain.package is not None:
            return plain
        if value is not None and any(error.code is codes.UNUSED_VALUE for error in plain.diagnostics.found):
            raise value.error
        raise (plain if parts.is_declarations else self.judged_locally(plain)).error

    def judged_locally(self, plain: Attempt) -> Attempt:
        """An attempt with errors, or better the same with `:=` as Go has it, if that has errors, too."""
        names = {x.pos for x in declared_names(plain.parts.declarations)}
        local = self.attempt(replace(plain.given, form=Form.LOCAL), plain.renamed)
        found = [e for e in local.diagnostics.found if not (e.code is codes.UNUSED and e.pos in names)]
        local.diagnostics.found = found
        return local if found else plain

    # ---- one program

    def parsed(self, given: Input) -> Parts:
        """The parts of an input that follows the grammar. Raises UserError."""
        diagnostics = Diagnostics(Source(NAME, self.text))
        parts = parse_input(given, self.renamed, diagnostics)
        for x in parts.declarations:
            if isinstance(x, s.FuncDecl) and x.receiver is None and x.name.name == "init":
                diagnostics.report(codes.MAIN, x.name.pos, "a session has no func init: statements run at once")
        if diagnostics:
            raise Attempt(given, {}, diagnostics, parts, None).error
        return parts

    def attempt(self, given: Input, renamed: dict[int, str]) -> Attempt:
        """Check an input behind those that were kept. A name that is used in front of its declaration is the old one's.

        `renamed` grows by such names.
        """
        while True:
            diagnostics = Diagnostics(Source(NAME, self.text))
            file, parts = self.program([*self.kept, given], renamed, diagnostics)
            package = check(file, diagnostics, SessionChecker)
            found = {x.pos: x.name for x in early_uses(parts, parts.declarations)}
            older = self.older_names(renamed)
            fresh = {pos: older[name] for pos, name in found.items() if name in older}
            if not fresh:
                break
            renamed |= fresh
        for x in early_uses(parts, parts.ordered):
            diagnostics.report(codes.UNDEFINED, x.pos, f"undefined: {x.name}")
        return Attempt(given, renamed, diagnostics, parts, None if diagnostics else package)

    def program(self, inputs: list[Input], renamed: dict[int, str], diagnostics: Diagnostics) -> tuple[s.File, Parts]:
        """The program that inputs are, and the parts of the last one."""
        done = s.Name(0, DONE)
        file = s.File(0, None, [s.ImportDecl(0, s.Name(0, FMT), s.BasicLit(0, "STRING", '"fmt"'))], [])
        file.declarations.append(s.VarDecl(0, [done], None, [s.BasicLit(0, "INT", "0")]))
        imported: set[tuple[str, str]] = set()
        parts, methods = Parts(), Methods()
        for given in inputs:
            parts = parse_input(given, renamed, diagnostics)
            file.package = parts.package or file.package
            file.declarations += methods.followed(parts.declarations)
            for x in parts.imports:
                if import_key(x) not in imported:
                    file.imports.append(x)
                imported.add(import_key(x))
        end = s.Assign(0, [s.Name(0, DONE)], "", 0, [s.BasicLit(0, "INT", "1")])
        main = s.FuncDecl(0, None, s.Name(0, "main"), s.FuncType(0, [], []), s.Block(0, [end], 0))
        file.declarations.append(main)
        return file, parts

    def lowered(self, attempt: Attempt, kept: Input | None) -> Entered:
        """The program with a new input, whose output is what is shown."""
        assert attempt.package is not None, "an attempt without errors"
        for function in attempt.package.functions:
            function.info.name = as_typed(function.info.name)
        for type_name in attempt.package.types:
            if isinstance(type_name.type, Named):
                type_name.type.name = as_typed(type_name.type.name)
        initializers = attempt.package.initializers
        new = [i for i, x in enumerate(initializers) if i > 0 and x.value.pos >= attempt.given.start]
        source = attempt.diagnostics.source
        # With barriers, since only where it runs is known whether marking goes in steps.
        build = Build(has_barriers=True)
        lowered = lower_checked(attempt.package, source, build, shown_from=new[0] if new else None)
        return Entered(kept, attempt.renamed, lowered, source, bool(new))

    # ---- names that are declared again

    def hide(self, renamed: dict[int, str], parts: Parts) -> None:
        """Add to `renamed` what the names that an input declares have meant so far, wherever they mean it."""
        imports = [x for given in self.kept for x in parse_input(given, self.renamed, self.unheard()).imports]
        known = {import_key(x) for x in imports}
        spelled = {x.name for x in declared_names(parts.declarations)}
        spelled |= {imported_name(x) for x in parts.imports if import_key(x) not in known}
        methods = {method_name(x) for x in methods_among(parts.declarations)}
        if not self.kept or not (spelled or methods):
            return
        file, _ = self.program(self.kept, self.renamed, self.unheard())
        check(file, self.unheard(), SessionChecker)
        hidden = {x.object for x in declared_names(file.declarations) if x.name in spelled}
        for x in methods_among(file.declarations):
            base, _ = method = method_name(x)
            if method in methods and base not in spelled:  # a type that is declared again takes its methods along
                hidden.add(x.object)
        lines: dict[str, int] = {}
        found = [(name, object_) for name, object_ in meant(file) if object_ in hidden or is_outside(object_, spelled)]
        for name, object_ in found:
            lines[name.name] = min(lines.get(name.name, self.lines), self.line_of(object_))
        for name, _ in found:
            renamed[name.pos] = f"{name.name}·{lines[name.name]}"
        for import_ in imports:
            if imported_name(import_) in spelled:
                renamed[import_.pos] = f"{imported_name(import_)}·{PREDECLARED_LINE}"

    def line_of(self, object_: Object) -> int:
        """The line in which a name was declared; imports stand in front of all."""
        if is_predeclared(object_) or isinstance(object_, PackageName):
            return PREDECLARED_LINE
        return Source(NAME, self.text).line_of(object_.pos)

    def unheard(self) -> Diagnostics:
        """Where nothing new is reported: about what was kept."""
        return Diagnostics(Source(NAME, self.text))

    def older_names(self, renamed: dict[int, str]) -> dict[str, str]:
        """What the names that an attempt hides are called then."""
        older = {name: f"{name}·{PREDECLARED_LINE}" for name in PREDECLARED}
        hidden = [new for pos, new in renamed.items() if pos not in self.renamed and new != MAIN]
        return older | {new.partition("·")[0]: new for new in hidden}


def imported_name(x: s.ImportDecl) -> str:
    """What a package is called in a program."""
    return x.name.name if x.name is not None else x.path.text[1:-1].rpartition("/")[2]


def import_key(x: s.ImportDecl) -> tuple[str, str]:
    """What two imports have in common that are the same."""
    return imported_name(x), x.path.text


def is_predeclared(object_: Object) -> bool:
    """Whether an object is one of Go's own; what packages have is exported."""
    return object_.pos < 0 and object_.name in PREDECLARED


def is_outside(object_: Object, names: set[str]) -> bool:
    """Whether an object is predeclared, or a package, and has one of the names."""
    return object_.name in names and (isinstance(object_, PackageName) or is_predeclared(object_))


def meant(file: s.File) -> Iterator[tuple[s.Name, Object]]:
    """The names in a file, and what they mean."""
    for x in nodes(file):
        match x:
            case s.Name(object=object_) if object_ is not None:
                yield x, object_
            case s.FuncDecl(object=object_, name=name) if object_ is not None:
                yield name, object_
            case s.Selector(
                selection=(
                    s.MethodSelection(method=method) | s.MethodExpression(selected=s.MethodSelection(method=method))
                ),
                name=name,
            ):
                yield name, method


def early_uses(parts: Parts, declarations: list[s.Decl]) -> list[s.Name]:
    """The names in declarations of an input that were found to mean a variable whose declaration ends behind them.

    Functions are passed over, but for those that hold statements.
    """
    variables = [x for x in parts.declarations if isinstance(x, s.VarDecl)]
    declared = {name.pos for x in variables for name in x.names}
    ends = {name.object: max(part.pos for part in nodes(x)) for x in variables for name in x.names}
    roots = [x for x in declarations if isinstance(x, s.VarDecl) or x in parts.ordered]
    found = [x for root in roots for x in nodes(root) if isinstance(x, s.Name) and x.pos not in declared]
    return [x for x in found if x.object is not None and x.pos <= ends.get(x.object, -1)]


def has_call(x: s.Expr) -> bool:
    """Whether an expression may do more than give a value."""
    return any(isinstance(part, s.Call) and part.kind is not s.CallKind.CONVERSION for part in nodes(x))


def lists_values(x: s.Expr | None) -> bool:
    """Whether an expression is a call with several results that are of interest: what fmt has written is not."""
    if not isinstance(x, s.Call) or x.mode is not s.Mode.VALUE or not isinstance(x.type, Tuple):
        return False
    return x.target is None or x.target.package != "fmt"


def format_of(t: Type) -> str:
    """How a value is shown: as Go's %+v does it; a string in quotes."""
    return "%q" if isinstance(t.underlying, Basic) and t.underlying.kind is Kind.STRING else "%+v"
