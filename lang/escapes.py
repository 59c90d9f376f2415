"""Escapes: which variables, closures and arguments may outlive the frame of their function, and so live on the heap.

    p := &x             p <- address of x          an edge: p holds x's address           derefs -1
    q := p              q <- p                     what p holds, q holds                   0
    r := *p             r <- what p leads to       one load more                           1
    global = q          HEAP <- q                  so x escapes: q is reached from HEAP at 0, p at 0, x at -1

A location is a variable, what an expression makes (`&T{}`, `new`, `[]T{}`, `make` of a known size, a closure, the copy
of a value in an interface), or the array of what a variadic parameter takes; HEAP is everything that is on the heap,
and that includes what maps hold, and what is written through a pointer. A location escapes when its address reaches one
that outlives it: HEAP, a result, an outer function's variable, or one declared outside of its loop.
A function is analysed with the literals in it. Of a function that is called it is known which of its parameters it
lets escape, and which it returns; of what only the run knows, that it may do anything.

    ES1  of a function in which something is not understood, everything escapes
    ES2  derefs above 1 count as 1: fewer loads only make more escape
    ES3  the array that a call takes stays only if what the call gives back does not lead to it: it is gone behind it

Owner: one program's lowering.      Go: cmd/compile/internal/escape.        Next: lower_packages.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeGuard

from lang import syntax
from lang.go_types import ANY, Array, Basic, Interface, Map, Pointer, Signature, Slice, Struct, Tuple, Type
from lang.layout import has_pointers, size_of
from lang.lower_closures import closure_type, kept_type
from lang.lower_constants import made_array
from lang.lower_frame import strip
from lang.lower_natives import NATIVES
from lang.lower_types import is_boxed, is_direct, needs_memory
from lang.objects import Func, FunctionInfo, Var, VarKind
from lang.syntax import Adjust, CallKind, Expr, FieldSelection, FuncLit, InterfaceSelection, MethodSelection, Mode

MOST_DEREFS = 1  # ES2
LONGEST_CHAIN = 30  # of calls that are followed
MOST_LOCAL_BYTES = 1024  # of a variable in a frame; functions that do not recurse share 256 KiB
MOST_FRAME_BYTES = 4096  # of all in a frame


@dataclass(slots=True, eq=False)
class Location:
    """A variable, what an expression makes or an array of arguments, or all of the heap, or what a function returns."""

    info: FunctionInfo | None  # of whose frame it is part
    depth: int = 0  # loops around its declaration
    is_result: bool = False  # what the caller gets, which outlives the frame
    is_param: bool = False
    is_outer: bool = False  # a parameter or a result, which is there while deferred calls are made
    is_deferred: bool = False  # what deferred calls of the function need
    escapes: bool = False
    edges: list[tuple[Location, int]] = field(default_factory=list)  # where its value comes from, and the derefs
    to_heap: int | None = None  # of a parameter: the fewest derefs with which what it holds reaches the heap
    to_result: int | None = None  # and a result


Flows = list[tuple[Location, int]]


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a function does with one parameter: the fewest derefs of what reaches the heap, and its results."""

    to_heap: int | None = 0
    to_result: int | None = None


UNKNOWN = Leaks()
HARMLESS = Leaks(None, None)
RETURNED = Leaks(None, 0)
LOOKED_THROUGH = Leaks(1, None)  # of what fmt prints, methods are called


class Escapes:
    """The analysis of a program's functions, each when it is asked for."""

    def __init__(self, declaration_of: Callable[[Func], syntax.FuncDecl | None]) -> None:
        self.declaration_of = declaration_of
        self._leaks: dict[Func, list[Leaks]] = {}
        self._under_way: set[Func] = set()

    def leaks(self, function: Func) -> list[Leaks]:
        """What a function does with its receiver, if it has one, and its parameters.

        It is noted on its variables and literals which of them stay in its frame.
        """
        found = self._leaks.get(function)
        if found is not None:
            return found
        declaration = self.declaration_of(function)
        body = declaration.finished().body if declaration is not None else None
        if declaration is None or body is None:
            return []
        variables = declaration.info.given
        # A function that calls itself is taken to be harmless, and looked at again until that holds.
        self._leaks[function] = [HARMLESS] * len(variables)
        self._under_way.add(function)
        while True:
            graph = Graph(self, declaration.info, body, function)
            leaks = [Leaks(location.to_heap, location.to_result) for location in map(graph.of, variables)]
            if not graph.calls_itself or leaks == self._leaks[function]:
                break
            self._leaks[function] = leaks
        self._leaks[function] = leaks
        self._under_way.discard(function)
        graph.tell()
        return leaks

    def of_call(self, function: Func, caller: Func) -> list[Leaks]:
        """The same for a call; of functions that call each other in turn nothing is known, nor far down a chain."""
        is_known = function is caller or (function in self._leaks and function not in self._under_way)
        if not is_known and (function in self._under_way or len(self._under_way) >= LONGEST_CHAIN):
            return []
        return self.leaks(function)


class Graph:
    """One function and the literals in it."""

    def __init__(self, escapes: Escapes, info: FunctionInfo, body: syntax.Block, function: Func) -> None:
        self.escapes = escapes
        self.function = function
        self.info = info
        self.depth = 0
        self.heap = Location(None, escapes=True)
        self.results = Location(info, is_result=True)
        self.variables: dict[Var, Location] = {}
        self.closures: dict[FuncLit, Location] = {}
        self.made: dict[Expr, Location] = {}  # the memory of other expressions
        self.boxes: dict[Expr, Location] = {}  # the copies of values in interfaces
        self.operands: dict[syntax.Call, Location] = {}  # the arrays of what variadic parameters take
        self.deferred: dict[FunctionInfo, Location] = {}
        self.carried: list[Location] = []  # what the variables of a loop hold between two rounds
        self.room: dict[FunctionInfo | None, int] = {}  # bytes that a frame has left
        self.calls_itself = False
        self.is_opaque = False  # something is not understood: ES1
        for var in info.given:
            self.of(var).is_param = True
        for var in info.results:
            self.flow(self.results, [(self.of(var), 0)])
        self.block(body.statements)
        self.solve()

    def of(self, var: Var) -> Location:
        """The location of a variable; the loops around it are those of where it is met first, its declaration."""
        found = self.variables.get(var)
        if found is None:
            found = self.variables[var] = Location(var.function or self.info, self.depth)
            found.is_outer = var.kind is not VarKind.LOCAL
        return found

    def tell(self) -> None:
        """Note what stays in the frame. It has room for so much, and the heap for the rest."""
        for var, location in self.variables.items():
            if needs_memory(var) and not (is_boxed(var.type) and var.kind is VarKind.RESULT):
                var.stays = self.has_room(location, size_of(var.type))
        for expr, location in self.made.items():
            expr.stays = self.has_room(location, made_size(expr))
        for expr, location in self.boxes.items():
            expr.stays_boxed = self.has_room(location, size_of(expr.type))
        for literal, location in self.closures.items():
            literal.stays = not location.escapes and bool(literal.info.captures)
        for call, location in self.operands.items():
            call.lends = not location.escapes

    def has_room(self, location: Location, size: int) -> bool:
        """Whether the frame of a location has, and now gives, room for it, and it does not escape."""
        left = self.room.get(location.info, MOST_FRAME_BYTES) - size
        if location.escapes or not 0 < size <= MOST_LOCAL_BYTES or left < 0:
            return False
        self.room[location.info] = left
        return True

    # ---- the solution

    def solve(self) -> None:
        """Let escape what has to."""
        known = [*self.variables.values(), *self.closures.values(), *self.operands.values()]
        known += [*self.made.values(), *self.boxes.values()]
        if self.is_opaque:
            for location in known:
                location.escapes, location.to_result = True, 0
        waiting = [self.heap, self.results, *self.carried, *self.deferred.values(), *known]
        while waiting:
            waiting += self.walk(waiting.pop())
        for location in self.variables.values():
            if location.escapes and location.is_param:
                location.to_heap = 0

    def walk(self, root: Location) -> list[Location]:
        """What escapes because of what `root` holds."""
        found: list[Location] = []
        derefs = {root: 0}
        waiting = [root]
        while waiting:
            location = waiting.pop()
            loads = derefs[location]
            if location is not root and outlives(root, location):
                if location.is_param and loads >= 0:
                    note_leak(location, root, loads)
                if loads < 0 and not location.escapes:
                    location.escapes = True
                    found.append(location)
                    continue
            for source, more in location.edges:
                if source.escapes:
                    continue
                total = min(max(loads, 0) + more, MOST_DEREFS)
                if total < derefs.get(source, MOST_DEREFS + 1):
                    derefs[source] = total
                    waiting.append(source)
        return found

    # ---- edges

    def flow(self, target: Location, flows: Flows) -> None:
        """What `flows` hold may be held by `target`."""
        if target is self.heap:
            for location, derefs in flows:
                if derefs < 0:
                    location.escapes = True
        target.edges += flows

    def leak(self, flows: Flows) -> None:
        """What `flows` hold gets to the heap."""
        self.flow(self.heap, flows)

    def leak_all(self, exprs: Iterable[Expr | None]) -> None:
        """All values get to the heap."""
        for expr in exprs:
            if expr is not None:
                self.leak(self.value(expr))

    def visit(self, *exprs: Expr | None) -> None:
        """Expressions whose values hold no address that matters."""
        for expr in exprs:
            if expr is not None:
                self.value(expr)

    # ---- expressions

    def converted(self, expr: Expr, t: Type) -> Flows:
        """The value of an expression where one of type t is wanted: an interface leads to a copy of it."""
        flows = self.value(expr)
        if not isinstance(t.underlying, Interface) or holds_word(expr.type) or expr.mode in (Mode.CONSTANT, Mode.NIL):
            return flows
        return self.memory_of(self.boxes, expr, flows)

    def looked_at(self, expr: Expr) -> Flows:
        """The value of an expression of which parts are copied: nobody gets to the memory of an array's literal."""
        flows, literal = self.value(expr), strip(expr)
        if isinstance(literal, syntax.CompositeLit) and isinstance(expr.type.underlying, Array):
            self.memory_of(self.made, literal, flows)
        return flows

    def memory_of(self, known: dict[Expr, Location], expr: Expr, flows: Flows) -> Flows:
        """The address of memory that an expression makes, which holds what `flows` do."""
        location = known.get(expr)
        if location is None:
            location = known[expr] = Location(self.info, self.depth)
        self.flow(location, flows)
        return [(location, -1)]

    def value(self, expr: Expr) -> Flows:
        """Where the addresses in an expression's value come from."""
        if expr.mode in (Mode.CONSTANT, Mode.TYPE, Mode.NIL, Mode.PACKAGE):
            return []
        flows = self.computed(expr)
        return flows if expr.mode is Mode.NO_VALUE or may_lead(expr.type) else []

    def computed(self, expr: Expr) -> Flows:
        """The same, whatever the type."""
        match expr:
            case syntax.Paren():
                return self.value(expr.inner)
            case syntax.Name():
                return [(self.of(expr.object), 0)] if is_local(expr.object) else []
            case FuncLit():
                return self.literal(expr)
            case syntax.CompositeLit():
                return self.composite(expr)
            case syntax.Unary(op="&"):
                return self.address(expr.operand)
            case syntax.Unary():
                self.visit(expr.operand)
                return []
            case syntax.Binary():
                self.visit(expr.left, expr.right)
                return []
            case syntax.Deref():
                return loaded(self.value(expr.operand))
            case syntax.Selector():
                return self.selected(expr)
            case syntax.Index():
                return self.indexed(expr)
            case syntax.SliceExpr():
                self.visit(expr.low, expr.high, expr.max)
                is_array = isinstance(expr.operand.type.underlying, Array)
                return self.address(expr.operand) if is_array else self.value(expr.operand)
            case syntax.TypeAssert():
                flows = self.value(expr.operand)
                return flows if holds_word(expr.type) else loaded(flows)
            case syntax.Call():
                return self.call(expr)
        self.is_opaque = True
        return []

    def literal(self, expr: FuncLit) -> Flows:
        """The closure of a function literal, and its body."""
        closure = self.closures.get(expr)
        if closure is None:
            closure = self.closures[expr] = Location(self.info, self.depth)
        for var in expr.info.captures:
            is_address = needs_memory(var)
            self.flow(closure, [(self.of(var), -1 if is_address else 0)])
        outer_info, outer_depth = self.info, self.depth
        self.info, self.depth = expr.info, 0
        for var in (*expr.info.params, *expr.info.results):
            self.of(var)
        for var in expr.info.results:
            self.leak([(self.of(var), 0)])
        self.block(expr.body.statements)
        self.info, self.depth = outer_info, outer_depth
        return [(closure, -1)]

    def composite(self, expr: syntax.CompositeLit) -> Flows:
        """T{...}: what a struct or an array holds is its own; the elements of maps are on the heap."""
        under = expr.type.underlying
        if isinstance(under, Map):
            for key, elem in expr.pairs:
                self.leak(self.value(key))
                self.leak(self.value(elem))
            return []
        flows: Flows = []
        for number, value in expr.entries:
            assert isinstance(under, Struct | Array | Slice), "all other literals have their elements on the heap"
            flows += self.converted(value, under.fields[number].type if isinstance(under, Struct) else under.elem)
        return self.memory_of(self.made, expr, flows) if isinstance(under, Slice) else flows

    def address(self, expr: Expr) -> Flows:
        """&x, for whatever can be assigned to, and &T{...}."""
        match expr:
            case syntax.Paren():
                return self.address(expr.inner)
            case syntax.Name():
                return [(self.of(expr.object), -1)] if is_local(expr.object) else []
            case syntax.Deref():
                return self.value(expr.operand)
            case syntax.CompositeLit() if isinstance(expr.type.underlying, Struct | Array):
                return self.memory_of(self.made, expr, self.value(expr))
            case syntax.Selector(selection=FieldSelection(steps)):
                return self.stepped(expr.operand, steps)
            case syntax.Index() if isinstance(expr.operand.type.underlying, Array):
                self.visit(expr.index)
                return self.address(expr.operand)
            case syntax.Index() if isinstance(expr.operand.type.underlying, Slice | Pointer):
                self.visit(expr.index)
                return self.value(expr.operand)
        self.leak(self.value(expr))
        return []

    def stepped(self, operand: Expr, steps: tuple[syntax.FieldStep, ...]) -> Flows:
        """The address of the field that steps lead to."""
        if steps and steps[0].through_pointer:
            flows, rest = self.value(operand), steps[1:]
        else:
            flows, rest = (self.address(operand) if operand.mode is Mode.VARIABLE else held(self.value(operand))), steps
        for step in rest:
            if step.through_pointer:
                flows = loaded(flows)
        return flows

    def selected(self, expr: syntax.Selector) -> Flows:
        """x.f, and what looks like it."""
        match expr.selection:
            case FieldSelection(steps):
                return loaded(self.stepped(expr.operand, steps))
            case MethodSelection(method=method):
                flows = self.receiver(expr, expr.selection)
                (leaks,) = self.leaks_of(method, [flows])
                for derefs in (leaks.to_heap, leaks.to_result):
                    if derefs is not None or is_boxed(method.receiver_type):
                        self.leak(loaded(flows, derefs or 0))
                return self.memory_of(self.made, expr, flows)
            case InterfaceSelection(steps):
                self.leak(loaded(self.stepped(expr.operand, steps)) if steps else self.value(expr.operand))
                return self.memory_of(self.made, expr, [])
        return []

    def receiver(self, expr: syntax.Selector, selection: MethodSelection) -> Flows:
        """The receiver of a method, as it takes it."""
        if selection.adjust is Adjust.ADDRESS:
            return self.stepped(expr.operand, selection.steps) if selection.steps else self.address(expr.operand)
        flows = loaded(self.stepped(expr.operand, selection.steps)) if selection.steps else self.value(expr.operand)
        return loaded(flows) if selection.adjust is Adjust.DEREFERENCE else flows

    def indexed(self, expr: syntax.Index) -> Flows:
        """x[i]"""
        self.visit(expr.index)
        flows = self.looked_at(expr.operand)
        match expr.operand.type.underlying:
            case Slice() | Pointer():
                return loaded(flows)
            case Array():
                return flows
        return []

    # ---- calls

    def call(self, expr: syntax.Call) -> Flows:
        """f(x)"""
        match expr.kind:
            case CallKind.CONVERSION if made_array(expr) is not None:
                return self.memory_of(self.made, expr, [])
            case CallKind.CONVERSION:
                return self.converted(expr.args[0], expr.type)
            case CallKind.BUILTIN:
                return self.builtin(expr)
        function = strip(expr.function)
        selection = function.selection if isinstance(function, syntax.Selector) else None
        given: list[Flows] = []
        if expr.kind is CallKind.METHOD and isinstance(function, syntax.Selector):
            assert isinstance(selection, MethodSelection), "a method is selected"
            given.append(self.receiver(function, selection))
        elif expr.kind is CallKind.DYNAMIC:
            self.value(function)
        given += self.arguments(expr)
        result: Flows = []
        for flows, leaks in zip(given, self.leaks_of(expr.target, given), strict=True):
            if leaks.to_heap is not None:
                self.leak(loaded(flows, leaks.to_heap))
            if leaks.to_result is not None:
                result += loaded(flows, leaks.to_result)
        operands = self.operands.get(expr)
        if operands is not None and (operands, -1) in result:
            operands.escapes = True  # ES3
        return result

    def arguments(self, expr: syntax.Call) -> list[Flows]:
        """What the arguments hold; a variadic parameter is given the address of an array of them."""
        signature = expr.signature
        if signature is None:
            self.leak_all(expr.args)
            return []
        types = [param.type for param in signature.params]
        is_variadic = signature.variadic and not expr.spread
        fixed = types[:-1] if is_variadic else types
        if expr.expands_tuple:
            self.leak_all(expr.args)
            given: list[Flows] = [[] for _ in fixed]
        else:
            given = [self.converted(arg, t) for arg, t in zip(expr.args, fixed, strict=False)]
        if is_variadic:
            given.append(self.lent(expr, [] if expr.expands_tuple else expr.args[len(fixed) :], types[-1]))
        return given

    def lent(self, expr: syntax.Call, args: list[Expr], t: Type) -> Flows:
        """The slice of arguments that a variadic parameter takes."""
        assert isinstance(t, Slice), "a variadic parameter is a slice"
        operands = self.operands.setdefault(expr, Location(self.info, self.depth))
        for arg in args:
            self.flow(operands, self.converted(arg, t.elem))
        return [(operands, -1)]

    def leaks_of(self, target: Func | None, given: list[Flows]) -> list[Leaks]:
        """What the function that is called does with each of what it is given."""
        if target is None or not any(given):
            known = []
        elif target.is_native:
            known = leaks_of_native(target)
        else:
            self.calls_itself |= target is self.function
            known = self.escapes.of_call(target, self.function)
        return [known[number] if number < len(known) else UNKNOWN for number in range(len(given))]

    def builtin(self, expr: syntax.Call) -> Flows:
        """A predeclared function."""
        match expr.builtin:
            case "append":
                flows = self.value(expr.args[0])
                for arg in expr.args[1:]:
                    self.leak(loaded(self.value(arg)) if expr.spread else self.value(arg))
                return flows
            case "copy":
                self.visit(expr.args[0])
                self.leak(loaded(self.value(expr.args[1])))
            case "panic":
                self.leak_all(expr.args)
            case "new":
                return self.memory_of(self.made, expr, [])
            case "make" if made_array(expr) is not None:
                return self.memory_of(self.made, expr, [])
            case _:
                self.visit(*expr.args)
        return []

    # ---- statements

    def block(self, statements: list[syntax.Stmt]) -> None:
        """Statements in a row."""
        for statement in statements:
            self.statement(statement)

    def statement(self, node: syntax.Stmt | None) -> None:
        """One statement, or none."""
        match node:
            case None | syntax.Empty():
                pass
            case syntax.Block():
                self.block(node.statements)
            case syntax.ExprStmt():
                self.visit(node.expr)
            case syntax.IncDec():
                self.assign(node.target, [])  # m[k]++ keeps k
            case syntax.Assign() if node.op:
                self.visit(node.right[0])
                self.assign(node.left[0], [])
            case syntax.Assign():
                self.assign_all(node.left, node.right)
            case syntax.Define():
                self.define(node)
            case syntax.DeclStmt():
                for declaration in node.declarations:
                    if isinstance(declaration, syntax.VarDecl):
                        self.declare(declaration)
            case syntax.If():
                self.statement(node.init)
                self.visit(node.condition)
                self.block(node.then.statements)
                self.statement(node.else_)
            case syntax.For():
                self.for_statement(node)
            case syntax.Range():
                self.range_statement(node)
            case syntax.Switch():
                self.statement(node.init)
                self.visit(node.tag)
                self.cases(node.cases, [])
            case syntax.TypeSwitch():
                self.statement(node.init)
                self.cases(node.cases, self.value(node.operand))
            case syntax.Labeled():
                self.statement(node.statement)
            case syntax.Return():
                self.return_statement(node)
            case syntax.Defer():
                self.defer(node)
            case syntax.Branch() if node.keyword != "goto":
                pass
            case _:
                self.is_opaque = True

    def declare(self, node: syntax.VarDecl) -> None:
        """var a, b T = x, y"""
        for var in node.vars:
            if var is not None:
                self.of(var)
        if node.values:
            flows = self.several(node.values, [None if var is None else var.type for var in node.vars])
            for var, given in zip(node.vars, flows, strict=True):
                if var is not None:
                    self.flow(self.of(var), given)

    def define(self, node: syntax.Define) -> None:
        """a, b := x, y, where not all need be new"""
        for var in node.new:
            if var is not None:
                self.of(var)
        flows = self.several(node.right, [None] * len(node.left))
        for target, var, given in zip(node.left, node.new, flows, strict=True):
            if var is not None:
                self.flow(self.of(var), given)
            else:
                self.assign(target, given)

    def assign_all(self, left: list[Expr], right: list[Expr]) -> None:
        """a, b = x, y"""
        types = [None if isinstance(target, syntax.Name) and target.object is None else target.type for target in left]
        for target, flows in zip(left, self.several(right, types), strict=True):
            self.assign(target, flows)

    def several(self, right: list[Expr], types: list[Type | None]) -> list[Flows]:
        """Values that are given together: one each, or all from one call. Types: as which they are wanted."""
        if len(right) == len(types):
            pairs = zip(right, types, strict=True)
            return [self.value(expr) if t is None else self.converted(expr, t) for expr, t in pairs]
        flows = self.value(right[0])
        if any(t is not None and isinstance(t.underlying, Interface) for t in types):
            self.leak(flows)
        return [flows] * len(types)

    def assign(self, target: Expr, flows: Flows) -> None:
        """Give a variable, or a part of one, a value; what is behind a pointer is taken to be on the heap."""
        match target:
            case syntax.Paren():
                self.assign(target.inner, flows)
            case syntax.Name():
                if is_local(target.object):
                    self.flow(self.of(target.object), flows)
                elif target.object is not None:
                    self.leak(flows)
            case syntax.Selector(selection=FieldSelection(steps)) if not any(step.through_pointer for step in steps):
                self.assign(target.operand, flows)
            case syntax.Index() if isinstance(target.operand.type.underlying, Array):
                self.visit(target.index)
                self.assign(target.operand, flows)
            case syntax.Index() if isinstance(target.operand.type.underlying, Map):
                self.leak(self.value(target.index))
                self.visit(target.operand)
                self.leak(flows)
            case _:
                self.visit(target)
                self.leak(flows)

    def for_statement(self, node: syntax.For) -> None:
        """for init; condition; post {}: its variables are new in each round, and are given what the last ones held."""
        carried = [Location(self.info, self.depth) for _ in node.variables]
        self.depth += 1
        self.statement(node.init)
        self.visit(node.condition)
        self.statement(node.post)
        self.block(node.body.statements)
        self.depth -= 1
        self.carried += carried
        for var, between in zip(node.variables, carried, strict=True):
            self.flow(between, [(self.of(var), 0)])
            self.flow(self.of(var), [(between, 0)])

    def range_statement(self, node: syntax.Range) -> None:
        """for k, v := range x {}"""
        flows = self.looked_at(node.operand)
        match node.kind:
            case syntax.RangeKind.SLICE | syntax.RangeKind.ARRAY_POINTER:
                flows = loaded(flows)
            case syntax.RangeKind.ARRAY:
                pass
            case syntax.RangeKind.INTEGER | syntax.RangeKind.STRING | syntax.RangeKind.MAP:
                flows = []
            case _:
                self.is_opaque = True
        self.depth += 1
        for var in (node.key_var, node.value_var):
            if var is not None:
                self.of(var)
        if node.value_var is not None:
            self.flow(self.of(node.value_var), flows)
        elif not node.define and node.value is not None:
            self.assign(node.value, flows)
        if not node.define and node.key is not None:
            self.assign(node.key, [])
        self.block(node.body.statements)
        self.depth -= 1

    def cases(self, cases: list[syntax.Case], flows: Flows) -> None:
        """The cases of a switch."""
        for case in cases:
            self.visit(*(case.values or []))
            if case.var is not None:
                self.flow(self.of(case.var), flows)
            self.block(case.body)

    def return_statement(self, node: syntax.Return) -> None:
        """return x, y: of a literal to the heap, since nobody knows who calls it."""
        target = self.results if self.info is self.results.info else self.heap
        if not node.results:
            return
        results = self.info.results
        for var, flows in zip(results, self.several(node.results, [var.type for var in results]), strict=True):
            self.flow(self.of(var), flows)
            self.flow(target, flows)

    def defer(self, node: syntax.Defer) -> None:
        """defer f(x): all that it needs outlives the body of the function, but not its parameters and results."""
        deferred = self.deferred.setdefault(self.info, Location(self.info, is_deferred=True))
        call = strip(node.call)
        assert isinstance(call, syntax.Call), "what is deferred is a call"
        function = strip(call.function)
        if isinstance(function, FuncLit) and not call.args:
            self.value(function)
            self.flow(deferred, self.closures.pop(function).edges)  # lower_defers.py knows where the closure itself is
            return
        if isinstance(function, syntax.Selector) and isinstance(function.selection, MethodSelection):
            self.leak(self.receiver(function, function.selection))
        elif function.mode is not Mode.BUILTIN:
            self.leak(self.value(function))
        self.leak_all(call.args)


def leaks_of_native(function: Func) -> list[Leaks]:
    """What a function without a body in Toy does with its parameters; nothing if that is not known."""
    signature = function.signature
    if function.package == "fmt":
        return [*[RETURNED] * (len(signature.params) - 1), LOOKED_THROUGH]
    if (function.package, function.name) in NATIVES and all(is_number(result.type) for result in signature.results):
        return [HARMLESS] * len(signature.params)
    return []


def is_number(t: Type) -> bool:
    """Whether a type is one of those without pointers."""
    return isinstance(t.underlying, Basic) and not t.underlying.is_string


def made_size(expr: Expr) -> int:
    """Bytes of the memory that an expression makes."""
    match expr:
        case syntax.CompositeLit() if isinstance(expr.type.underlying, Slice):
            return size_of(Array(expr.length, expr.type.underlying.elem))
        case syntax.Call(builtin="new"):
            return size_of(expr.args[0].type)
        case syntax.Call():
            array = made_array(expr)
            assert array is not None, "what is made has a size that is known"
            return size_of(array)
        case syntax.Selector(selection=MethodSelection(method=method)):
            return size_of(closure_type([kept_type(method.receiver_type)]))
        case syntax.Selector(selection=InterfaceSelection()):
            return size_of(closure_type([ANY]))
    return size_of(expr.type)


def holds_word(t: Type) -> bool:
    """Whether a value of type t gets into an interface without a box."""
    return is_direct(t) or isinstance(t.underlying, Interface)


def is_local(found: object) -> TypeGuard[Var]:
    """Whether a name stands for a variable of a function."""
    return isinstance(found, Var) and found.function is not None


def loaded(flows: Flows, times: int = 1) -> Flows:
    """What `flows` lead to."""
    return [(location, min(derefs + times, MOST_DEREFS)) for location, derefs in flows]


def held(flows: Flows) -> Flows:
    """As if the value that `flows` hold had an address: what is loaded from there is the value."""
    return [(location, derefs - 1) for location, derefs in flows]


def outlives(root: Location, location: Location) -> bool:
    """Whether `root` may hold something when `location` is gone."""
    if root.escapes or root.is_result:
        return True
    if root.info is location.info:
        is_there_later = root.is_deferred or (root.is_outer and root.info is not None and root.info.has_defer)
        return (is_there_later and not location.is_outer) or root.depth < location.depth
    outer = location.info.outer if location.info is not None else None
    while outer is not None:
        if outer is root.info:
            return True
        outer = outer.outer
    return False


def note_leak(param: Location, root: Location, derefs: int) -> None:
    """What a parameter holds reaches the heap, or a result."""
    if root.is_result:
        param.to_result = derefs if param.to_result is None else min(param.to_result, derefs)
    elif root.escapes:
        param.to_heap = derefs if param.to_heap is None else min(param.to_heap, derefs)


@cache
def may_lead(t: Type) -> bool:
    """Whether a value of type t can hold the address of a variable. A string's bytes never are one."""
    under = t.underlying
    if isinstance(under, Basic):
        return False
    if isinstance(under, Interface | Signature | Pointer | Slice | Map | Tuple):
        return True
    return has_pointers(t)
