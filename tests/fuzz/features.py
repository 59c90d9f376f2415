"""Features: statements that defer, panic and recover, ask interfaces and maps, keep functions, and use the library.

    functions    literals with bodies, kept in slices and called later
    deferred     closures that change results, calls whose arguments are evaluated early
    attempts     functions called at once that recover from what panics in them
    maps         insert, delete, look up; ranges whose order does not matter
    interfaces   assertions, type switches, errors.As
    library      strings.Builder, sort, strconv.Atoi, weak.Make of what is there

A panic may go up through any function but a pure one; main has attempts, and now and then it ends the program.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.fuzz.scope import Function, Path, Variable, World, paths
from tests.fuzz.shapes import (
    ANY,
    BOOL,
    ERROR,
    INT,
    STRING,
    THING,
    Func,
    Interface,
    Map,
    Number,
    Pointer,
    Shape,
    Slice,
    Struct,
)
from tests.fuzz.statements import Statements, called
from tests.fuzz.tree import Block, Clauses, Expr, Header, Labeled, Node, Stmt
from tests.fuzz.values import is_ordered

LARGEST_MAP = 40
DEEPEST_LITERAL = 2  # literals within literals
HANDLER = """switch x := e.(type) {
case runtime.Error:
	mix(sumText(x.Error()))
case error:
	mix(sumText(x.Error()) + 1)
case string:
	mix(sumText(x) + 2)
case fmt.Stringer:
	mix(sumText(x.String()) + 3)
default:
	mix(sumText(fmt.Sprint(x)) + 4)
}"""


class Features(Statements):
    """Random statements of one function, of all kinds."""

    def __init__(self, rng: random.Random, world: World, is_pure: bool) -> None:
        super().__init__(rng, world, is_pure)
        self.attempts = 0  # around
        self.literals = 0  # around
        self.is_main = False
        self.is_initial = False  # the value of a package variable, whose literals must not lead back to it
        self.begin((), [], room=4)

    def more_statements(self, nested: int) -> list[tuple[int, Callable[[], Stmt | None]]]:
        impure = 0 if self.is_pure else 1
        return [
            (4, self.deferred),
            (4 * nested * impure, self.attempt),
            (3 * impure, self.throw),
            (6, self.insert),
            (3, self.other_map_statement),
            (4 * nested, self.look_up),
            (3 * nested, self.sorted_keys),
            (4 * nested, self.assertion),
            (4 * nested, self.type_switch),
            (2, self.error_as),
            (2, self.builder),
            (3, self.sorting),
            (1, self.atoi),
            (2 * impure, self.weak_pointer),
            (4, self.call_if_set),
            (3 * nested, self.kept_functions),
            (2, self.promoted_call),
            (2 * nested, self.promoted_pointer),
        ]

    # ---- functions

    @contextmanager
    def inside_function(self, results: tuple[Shape, ...], names: list[str], is_called_later: bool) -> Iterator[None]:
        """What is generated meanwhile stands in a literal."""
        saved = self.loops, self.results, self.result_names, self.only_stable, self.calls_left, self.depth, self.frozen
        self.loops, self.results, self.result_names = [], results, names
        self.only_stable, self.calls_left, self.depth = False, 3, "d-1"
        if is_called_later:
            self.frozen = self.frozen | {v for v in self.scopes.visible() if v.is_stable}
        self.scopes.stack.append({})
        self.literals += 1
        yield
        self.literals -= 1
        self.scopes.stack.pop()
        self.loops, self.results, self.result_names, self.only_stable, self.calls_left, self.depth, self.frozen = saved

    def function_literal(self, shape: Func) -> Expr:
        names = [self.world.fresh("r") for _ in shape.results] if self.chance(0.2) else []
        was_pure, self.is_pure = self.is_pure, self.is_pure or self.is_initial
        with self.inside_function(shape.results, names, is_called_later=True):
            declare = self.scopes.declare
            declare(Variable("d", INT, is_stable=True, is_assignable=False))
            texts = ["d int"]
            for param in shape.params:
                variable = self.new_variable(param)
                variable.name = self.world.fresh("a")
                declare(variable)
                texts.append(f"{variable.name} {param.spelling}")
            body = self.start(shape.results, names)
            if self.literals <= DEEPEST_LITERAL and self.room > 0:
                body += [self.statement() for _ in range(self.rng.choice([0, 1, 1, 2, 3]))]
            if shape.results:
                body.append(self.return_statement())
        self.is_pure = was_pure
        head = f"func({', '.join(texts)}){self.results_text(shape.results, names)} "
        literal: list[str | Node] = [head, Block(body)]
        return Expr([f"{shape.spelling}(", *literal, ")"] if shape.is_named else literal, shape)

    def results_text(self, results: tuple[Shape, ...], names: list[str]) -> str:
        texts = [shape.spelling for shape in results]
        if names:
            texts = [f"{name} {text}" for name, text in zip(names, texts, strict=True)]
        return f" ({', '.join(texts)})" if texts else ""

    def start(self, results: tuple[Shape, ...], names: list[str]) -> list[Stmt]:
        """The test of depth and fuel that each function begins with; sometimes it recovers into named results.

        In half of the functions the depth comes first, and what else may end them without a call: their fronts.
        """
        made = []
        for name, shape in zip(names, results, strict=False):  # as many, or none
            self.scopes.declare(Variable(name, shape, is_stable=True))
            if shape.is_reference:
                made.append(Stmt([f"{name} = {shape.zero}"]))
        ending = "return" if names else f"return {', '.join(shape.zero for shape in results)}"
        if self.chance(0.5):
            made.append(Stmt([f"if d <= 0 || spent() {{ {ending} }}"]))
        else:
            made.append(Stmt([f"if d <= 0 {{ {ending} }}"]))
            if self.chance(0.5):
                made.append(Stmt(["if ", Header([self.expr(BOOL, 0)]), f" {{ {ending} }}"]))
            made.append(Stmt([f"if spent() {{ {ending} }}"]))
        if names and not self.is_pure and self.chance(0.3):
            made.append(self.deferred_closure(recovers=True))
        return made

    def call_if_set(self) -> Stmt | None:
        """if f := x.f; f != nil { f() }: functions in fields, elements and maps."""
        every = self.variables()
        found = [path for v in every for path in paths(v) if isinstance(path.shape, Func) and len(path.steps) > 1]
        found += [Path((v.name,), v.shape, v, False) for v in every if v.is_optional and isinstance(v.shape, Func)]
        maps = [v for v in self.map_variables() if isinstance(v.shape, Map) and isinstance(v.shape.elem, Func)]
        if not found and not maps:
            return None
        name = self.world.fresh("q")
        if maps and (not found or self.chance(0.6)):
            variable = self.rng.choice(maps)
            assert isinstance(variable.shape, Map), "only maps were chosen"
            shape = variable.shape.elem
            start = Expr([variable.name, "[", self.key(variable.shape.key, 1), "]"], shape)
        else:
            path = self.rng.choice(found)
            shape, start = path.shape, self.path_expr(path, 1)
        self.scopes.stack.append({})
        call = self.call_of(Function(name, *called(shape), is_pure=False))
        self.scopes.stack.pop()
        return None if call is None else Stmt([f"if {name} := ", Header([start]), f"; {name} != nil ", Block([call])])

    def kept_functions(self) -> Stmt | None:
        """Literals made in a loop, which capture its variables, and called behind it."""
        shapes = [s for s in self.world.shapes if isinstance(s, Func)]
        if not shapes:
            return None
        shape = self.rng.choice(shapes)
        name, f, i = self.world.fresh("v"), self.world.fresh("q"), self.world.fresh("i")
        self.scopes.stack.append({i: Variable(i, INT, is_addressable=True)})
        literal = self.function_literal(shape)
        self.scopes.stack.pop()
        kept = Slice.of(shape)
        head = self.rng.choice([f"for {i} := 0; {i} < 3; {i}++ ", f"for {i} := range 3 "])
        made: list[str | Node] = [f"var {name} {kept.spelling}\n", head]
        made.append(Block([Stmt([f"_ = {i}"]), Stmt([f"{name} = append({name}, ", literal, ")"])]))
        self.scopes.stack.append({})
        call = self.call_of(Function(f, *called(shape), is_pure=False))
        self.scopes.stack.pop()
        self.scopes.declare(Variable(name, kept, is_stable=True, is_assignable=False))
        return Stmt([*made, f"\nfor _, {f} := range {name} ", Block([call] if call else [Stmt([f"_ = {f}"])])])

    # ---- defer, panic, recover

    def deferred(self) -> Stmt | None:
        roll = self.rng.random()
        if roll < 0.4:
            may_recover = not self.is_pure and (not self.results or bool(self.result_names)) and not self.is_main
            return self.deferred_closure(may_recover and self.chance(0.5))
        if roll < 0.6:
            value = self.printed()
            return Stmt(["if chance() ", Block([Stmt(['defer fmt.Println("deferred", ', value, ")"])])])
        if roll < 0.7:
            shape = self.any_shape()
            return Stmt([f"defer mix({self.sum_of(shape)}(", self.expr(shape, 2), ", 3))"])
        found = self.impure()
        call = self.call(self.rng.choice(found), 2) if found else None
        return None if call is None else Stmt(["defer ", call])

    def deferred_closure(self, recovers: bool) -> Stmt:
        """It may change all variables around, results too."""
        results = list(zip(self.result_names, self.results, strict=True)) if self.result_names else []
        with self.inside_function((), [], is_called_later=False):
            body = [self.handler()] if recovers else []
            if results and self.chance(0.7):
                name, shape = self.rng.choice(results)
                body.append(Stmt([f"{name} = ", self.expr(shape, 2)]))
            if self.literals <= DEEPEST_LITERAL:
                body += [self.statement() for _ in range(self.rng.choice([0, 1, 2]))]
        return Stmt(["defer func() ", Block(body), "()"])

    def handler(self) -> Stmt:
        """What is done with a recovered value."""
        self.scopes.stack.append({})
        body = [Stmt(['if chance() { fmt.Println("recovered:", e) }'])]
        if self.chance(0.5):
            body.append(Stmt([HANDLER]))
        if self.chance(0.2):
            plain = '!strings.HasPrefix(fmt.Sprint(e), "hash of")'  # that type is not in Go's package runtime
            body.append(Stmt([f'if {plain} && chance() {{ fmt.Printf("%v %T\\n", e, e) }}']))
        if self.chance(0.4) and self.literals <= DEEPEST_LITERAL:
            body.append(self.statement())
        if self.attempts > 1 and self.chance(0.4):
            body.append(
                Stmt(
                    [
                        self.rng.choice(
                            ["panic(e)", 'panic(fmt.Sprint("again ", e))', 'panic(fmt.Errorf("again %v", e))']
                        )
                    ]
                )
            )
        self.scopes.stack.pop()
        return Stmt(["if e := recover(); e != nil ", Block(body)])

    def attempt(self) -> Stmt | None:
        """func() { defer func() { recover() }(); ... }()"""
        if self.literals >= DEEPEST_LITERAL:
            return None
        with self.inside_attempt() as body:
            body.extend(self.statement() for _ in range(self.rng.choice([1, 1, 2, 3])))
            body.append(self.throw(always=self.chance(0.6)))
        return Stmt(["func() ", Block(body), "()"])

    def tried(self, function: Function) -> list[Stmt]:
        """A call of a function, with what becomes of its results, in an attempt."""
        with self.inside_attempt() as body:
            call = self.call_of(function)
            body.extend([] if call is None else [call, *self.remembered(3)])
        return [] if call is None else [Stmt(["func() ", Block(body), "()"])]

    @contextmanager
    def inside_attempt(self) -> Iterator[list[Stmt]]:
        """The statements of a function that recovers; more can be added."""
        with self.inside_function((), [], is_called_later=False):
            self.attempts += 1
            with self.inside_function((), [], is_called_later=False):
                recovery = Stmt(["defer func() ", Block([self.handler()]), "()"])
            yield [recovery]
            self.attempts -= 1

    def throw(self, always: bool = False) -> Stmt:
        odds = 3 if self.attempts else 150 if self.is_main else 40
        panics = self.panicking()
        return panics if always else Stmt([f"if luck({odds}) ", Block([panics])])

    def panicking(self) -> Stmt:
        """A statement that panics."""
        roll = self.rng.random()
        if roll < 0.25:
            return Stmt(["panic(", self.thrown(), ")"])
        slices = [v.name for v in self.variables() if isinstance(v.shape, Slice)]
        s = self.rng.choice([*slices, "[]int{1, 2}"])
        struct = self.rng.choice(self.world.structs)
        number = self.rng.choice(self.world.numbers)
        n = self.world.fresh("n")
        interface = self.rng.choice(self.world.interfaces)
        some = self.rng.choice([1, 2, 100])
        return Stmt([self.rng.choice([
            f"{n} := len({s}) + {some - 1}; _ = {s}[{n}]",
            f"{n} := -{some}; _ = {s}[{n}]",
            f"{n} := cap({s}) + {some}; _ = {s}[:{n}]",
            f"{n} := len({s}) + {some}; _ = {s}[{n}:]",
            f'{n} := {some} + 2; mix(uint64("ab"[{n}]))',
            f"{n} := fuel - fuel; fmt.Println({some} / {n})",
            f"{n} := uint8(fuel - fuel); {n} %= {n}; fmt.Println({n})",
            f"var p *{struct.spelling}; fmt.Println(p.{struct.fields[0].name})" if struct.fields[0].shape.is_printable
            else f"var p *{struct.spelling}; *p = {struct.spelling}{{}}",
            f"var m map[string]{number.spelling}; m[clip(\"a\")] = {number.spelling}({some})",
            f"var m map[any]int; {n} := m[[]int{{{some}}}]; mix(uint64({n}))",
            f"m := map[any]int{{}}; m[func() {{}}] = {some}",
            "var f func(int) string; mix(sumText(f(d)))",
            f"var x any = {number.spelling}({some}); mix(sumText(x.(string)))",
            f"var x any = {struct.spelling}{{}}; mix(sumTruth(x.(bool)))",
            f"var x Thing; _ = x.({interface.spelling})",
            f"var x any = fuel; _ = x.({interface.spelling})",
            f"var x Thing = &{struct.spelling}{{}}; mix(sumText(x.(fmt.Stringer).String() + x.(error).Error()))",
            f"var x {interface.spelling}; mix(sumText(x.({interface.spelling}).(error).Error()))",
            "var x error; mix(sumText(x.Error()))",
            f"var x, y any = []int{{{some}}}, []int{{}}; mix(sumTruth(x == y))",
            "var x, y any = map[string]int{}, map[string]int(nil); mix(sumTruth(x != y))",
            f"{n} := -{some} - fuel + fuel; s := make([]{number.spelling}, {n}); _ = s",
            f"{n} := -{some} - fuel + fuel; fmt.Println(1 << {n})",
            f'{n} := -{some}; fmt.Println(strings.Repeat("ab", {n}))',
            f"a := (*[{some}]int)([]int(nil)); fmt.Println(len(a), *a)",
        ])])  # fmt: skip

    def thrown(self) -> Expr:
        roll = self.rng.random()
        if roll < 0.3:
            return self.expr(ERROR, 2)
        if roll < 0.5:
            return Expr(['fmt.Sprintf("thrown %v", ', self.printable(), ")"], STRING)
        if roll < 0.55:
            return Expr(["nil"], STRING, True)
        return self.printable()

    # ---- maps

    def map_paths(self) -> list[Path]:
        return [path for v in self.variables() for path in paths(v) if isinstance(path.shape, Map)]

    def insert(self) -> Stmt | None:
        """m[k] = v, an operator on an element, or many keys at once; the map is kept small."""
        found = self.map_paths()
        if not found:
            return None
        path = self.rng.choice(found)
        shape = path.shape
        assert isinstance(shape, Map), "only maps were chosen"
        m = self.path_expr(path, 0).text()
        key = self.key(shape.key, 2)
        roll = self.rng.random()
        body: Stmt
        if isinstance(shape.elem, Number) and roll < 0.4:
            body = Stmt([f"{m}[", key, self.rng.choice(["]++", "]--", "] += 3", "] *= 5", "] -= 7"])])
        elif roll < 0.5:
            other = self.key(shape.key, 1)
            body = Stmt(
                [
                    f"{m}[",
                    key,
                    f"], {m}[",
                    other,
                    "] = ",
                    self.element(shape.elem, 2),
                    f", {m}[",
                    self.key(shape.key, 0),
                    "]",
                ]
            )
        elif isinstance(shape.key, Number) and roll < 0.7:
            i = self.world.fresh("i")
            count = self.rng.choice([5, 9, 20, 40])
            inner = Stmt([f"{m}[{shape.key.spelling}({i})] = ", self.element(shape.elem, 1)])
            body = Stmt([f"for {i} := range {count} ", Block([inner])])
        else:
            body = Stmt([f"{m}[", key, "] = ", self.element(shape.elem, 2)])
        small = Stmt([f"if len({m}) > {LARGEST_MAP} {{ clear({m}) }}"])
        if path in self.targets():
            return Stmt([f"if {m} == nil {{ {m} = {shape.spelling}{{}} }}\n", Block([body, small])])
        return Stmt([f"if {m} != nil ", Block([body, small])])

    def other_map_statement(self) -> Stmt | None:
        """delete, clear, or a range whose order does not matter."""
        found = self.map_paths()
        if not found:
            return None
        path = self.rng.choice(found)
        shape = path.shape
        assert isinstance(shape, Map), "only maps were chosen"
        m = self.path_expr(path, 0).text()
        k, e, total = self.world.fresh("k"), self.world.fresh("e"), self.world.fresh("v")
        key_sum, elem_sum = self.sum_of(shape.key), self.sum_of(shape.elem)
        roll = self.rng.random()
        if roll < 0.3:
            return Stmt([f"delete({m}, ", self.key(shape.key, 2), ")"])
        if roll < 0.35:
            return Stmt([f"clear({m})"])
        if roll < 0.55:
            chosen = f"{key_sum}({k}, 2)%{self.rng.choice([2, 3])} == 0"
            return Stmt([f"for {k} := range {m} {{ if {chosen} {{ delete({m}, {k}) }} }}"])
        if roll < 0.7:
            i = self.world.fresh("n")
            return Stmt([f"{i} := 0; for range {m} {{ {i}++ }}; mix(uint64({i}))"])
        body = f"{total} += ({key_sum}({k}, 2) | 1) * {elem_sum}({e}, 2)"
        return Stmt([f"{total} := uint64(0); for {k}, {e} := range {m} {{ {body} }}; mix({total})"])

    def look_up(self) -> Stmt | None:
        """if e, ok := m[k]; ok, or for a reference: if e := m[k]; e != nil."""
        found = self.map_variables()
        if not found:
            return None
        variable = self.rng.choice(found)
        shape = variable.shape
        assert isinstance(shape, Map), "only maps were chosen"
        e, ok = self.world.fresh("e"), self.world.fresh("ok")
        element: list[str | Node] = [Header([variable.name, "[", self.key(shape.key, 1), "]"])]
        is_set = shape.elem.is_reference and self.chance(0.5)
        value = Variable(e, shape.elem, is_stable=True, is_optional=shape.elem.is_reference and not is_set)
        if is_set:
            return Stmt([f"if {e} := ", *element, f"; {e} != nil ", self.with_first(f"_ = {e}", value)])
        other: list[str | Node] = [" else ", self.block(most=2)] if self.chance(0.3) else []
        return Stmt([f"if {e}, {ok} := ", *element, f"; {ok} ", self.with_first(f"_ = {e}", value), *other])

    def with_first(self, first: str, *variables: Variable) -> Block:
        block = self.block(*variables, most=3)
        return Block([Stmt([first]), *block.parts])

    def sorted_keys(self) -> Stmt | None:
        """The keys in order, which makes a range in any order one in a certain order."""
        found = [p for p in self.map_paths() if isinstance(p.shape, Map) and is_ordered(p.shape.key)]
        if not found:
            return None
        path = self.rng.choice(found)
        shape = path.shape
        assert isinstance(shape, Map), "only maps were chosen"
        m = self.path_expr(path, 0).text()
        keys, k = self.world.fresh("v"), self.world.fresh("k")
        made = f"var {keys} []{shape.key.spelling}\nfor {k} := range {m} {{ {keys} = append({keys}, {k}) }}\n"
        sort = f"sort.Slice({keys}, func(i, j int) bool {{ return {keys}[i] < {keys}[j] }})\n"
        variable = Variable(k, shape.key, is_stable=True)
        loop = self.looping([f"for _, {k} := range {keys}[:min(4, len({keys}))] "], variable, first=f"_ = {k}")
        self.scopes.declare(Variable(keys, Slice.of(shape.key), is_stable=True))
        return Stmt([made, sort, loop])

    # ---- interfaces

    def interface_operand(self) -> Expr:
        shape = self.rng.choice([ANY, THING, THING, *self.world.interfaces, *self.world.interfaces])
        return Expr([self.expr(shape, 2)], shape)

    def asserted(self, shape: Shape) -> list[Shape]:
        """Types that a value in the interface may have."""
        assert isinstance(shape, Interface), "only interfaces are asserted"
        others: list[Shape] = [i for i in [*self.world.interfaces, ERROR] if i != shape]
        return [*self.world.held(shape), *others]

    def assertion(self) -> Stmt:
        operand = self.interface_operand()
        shape = self.rng.choice(self.asserted(operand.shape))
        x, ok = self.world.fresh("x"), self.world.fresh("ok")
        head: list[str | Node] = [f"if {x}, {ok} := ", Header([operand]), f".({shape.spelling}); {ok} "]
        if self.chance(0.1):
            head[2] = f".(fmt.Stringer); {ok} "
            return Stmt([*head, Block([Stmt([f"mix(sumText({x}.String()))"])])])
        other: list[str | Node] = [" else ", self.block(most=2)] if self.chance(0.3) else []
        return Stmt([*head, self.with_first(f"_ = {x}", Variable(x, shape, is_stable=True)), *other])

    def type_switch(self) -> Stmt:
        operand = self.interface_operand()
        label, x = self.world.fresh("L"), self.world.fresh("x")
        types = self.asserted(operand.shape)
        chosen = self.rng.sample(types, min(len(types), self.rng.randint(1, 5)))
        self.loops.append((label, False))
        cases: list[Stmt] = []
        while chosen:
            shape = chosen.pop()
            text, known = f"case {shape.spelling}:\n", [Variable(x, shape, is_stable=True)]
            if chosen and self.chance(0.2):
                text, known = (
                    f"case {shape.spelling}, {chosen.pop().spelling}:\n",
                    [Variable(x, operand.shape, is_stable=True)],
                )
            cases.append(self.case(text, x, known))
        if self.chance(0.5):
            cases.insert(self.rng.randint(0, len(cases)), self.case("case nil:\n", x, []))
        if self.chance(0.7):
            cases.insert(self.rng.randint(0, len(cases)), self.case("default:\n", x, []))
        self.loops.pop()
        return Labeled([f"switch {x} := ", Header([operand]), ".(type) {\n", Clauses(cases), "}"], label=label)

    def case(self, head: str, x: str, known: list[Variable]) -> Stmt:
        return Stmt([head, Clauses([Stmt([f"_ = {x}"]), *self.statement_list(*known, most=2)])])

    def error_as(self) -> Stmt:
        name = self.world.fresh("x")
        kind, use = self.rng.choice([
            ("*E0", f"mix(uint64({name}.n) + sumText({name}.Error()))"),
            ("E1", f"mix(sumText(string({name})))"),
            ("E2", f"mix(uint64({name}.n) + sumTruth({name}.b))"),
            ("interface{ Unwrap() error }", f"if u := {name}.Unwrap(); u != nil {{ mix(sumText(u.Error())) }}"),
        ])  # fmt: skip
        value = Header([self.expr(ERROR, 3)])
        return Stmt([f"var {name} {kind}; if errors.As(", value, f", &{name}) {{ {use} }}"])

    # ---- embedding

    def promoted_call(self) -> Stmt | None:
        """A method that a struct has by an embedded interface."""
        every = [path for v in self.variables() for path in paths(v) if path.shape in self.world.wrappers]
        if not every or self.is_pure:
            return None
        path = self.rng.choice(every)
        inside = self.world.wrappers[path.shape]
        value = self.path_expr(path, 0).text()
        methods = [f for f in self.world.functions if f.receiver == inside]
        method = self.rng.choice(methods)
        call = Expr([f"{value}.{method.name}(", *self.arguments(method, 1), ")"], INT)
        return Stmt([f"if {value}.{inside.spelling} != nil ", Block([Stmt([call])])])

    def promoted_pointer(self) -> Stmt | None:
        """A field that a struct has by an embedded pointer."""
        found = [
            (path, f.shape.elem)
            for v in self.variables()
            for path in paths(v)
            if isinstance(path.shape, Struct)
            for f in path.shape.fields
            if f.is_embedded and isinstance(f.shape, Pointer) and isinstance(f.shape.elem, Struct)
        ]
        if not found:
            return None
        path, elem = self.rng.choice(found)
        assert isinstance(path.shape, Struct), "only structs were chosen"
        own = {f.name for f in path.shape.fields}
        value = self.path_expr(path, 0).text()
        fields = [f for f in elem.fields if f.name not in own and not f.is_embedded]
        if not fields:
            return None
        f = self.rng.choice(fields)
        change = Stmt([f"{value}.{f.name} = ", self.expr(f.shape, 2)])
        return Stmt(
            [
                f"if {value}.{elem.spelling} != nil ",
                Block([change, Stmt([f"mix({self.sum_of(f.shape)}({value}.{f.name}, 2))"])]),
            ]
        )

    # ---- the library

    def builder(self) -> Stmt:
        b, v, i = self.world.fresh("b"), self.world.fresh("v"), self.world.fresh("i")
        makers: list[Callable[[], Stmt]] = [
            lambda: Stmt([f"{b}.WriteString(", self.expr(STRING, 2), ")"]),
            lambda: Stmt([f"{b}.WriteByte(byteAt(", self.expr(STRING, 1), f", {i}))"]),
            lambda: Stmt([f"{b}.WriteRune(rune({i}) + 'é')"]),
            lambda: Stmt([f'fmt.Fprintf(&{b}, "<%v>", ', self.printable(), ")"]),
            lambda: Stmt([f"if {b}.Len() > 30 {{ {b}.Reset() }}"]),
        ]
        writes = [self.rng.choice(makers)() for _ in range(self.rng.randint(1, 3))]
        loop = Stmt([f"for {i} := range {self.rng.choice([1, 3, 12])} ", Block([Stmt([f"_ = {i}"]), *writes])])
        self.scopes.declare(Variable(v, STRING, is_stable=True))
        return Stmt([f"var {b} strings.Builder\n", loop, f"\n{v} := clip({b}.String()); _ = {v}"])

    def sorting(self) -> Stmt | None:
        """Sort a slice of what can be ordered, or by an ordered field, which must be stable then."""
        found = [p for v in self.variables() for p in paths(v) if isinstance(p.shape, Slice)]
        self.rng.shuffle(found)
        for path in found:
            assert isinstance(path.shape, Slice), "only slices were chosen"
            elem = path.shape.elem
            s = self.path_expr(path, 0).text()
            if is_ordered(elem):
                op = self.rng.choice("<>")
                by_elem = f"sort.Slice({s}, func(i, j int) bool {{ return {s}[i] {op} {s}[j] }})"
                named = {INT: "Ints", STRING: "Strings"}.get(elem)
                if named and self.chance(0.5):
                    return Stmt([f"sort.{named}({s})"])
                if named and self.chance(0.3):
                    return Stmt([f"sort.Sort(sort.Reverse(sort.{named[:-1]}Slice({s})))"])
                return Stmt([by_elem])
            if isinstance(elem, Struct):
                fields = [f.name for f in elem.fields if is_ordered(f.shape)]
                if fields:
                    f = self.rng.choice(fields)
                    return Stmt([f"sort.SliceStable({s}, func(i, j int) bool {{ return {s}[i].{f} < {s}[j].{f} }})"])
        return None

    def atoi(self) -> Stmt:
        v, e = self.world.fresh("v"), self.world.fresh("e")
        number = self.expr(self.rng.choice(self.world.numbers), 1)
        forms: list[list[str | Node]] = [
            ["strconv.Atoi(", self.expr(STRING, 1), ")"],
            ["strconv.Atoi(strconv.Itoa(", self.expr(INT, 1), "))"],
            ["strconv.ParseInt(fmt.Sprint(", number, "), 10, 16)"],
        ]
        parse = self.rng.choice(forms)
        self.scopes.declare(Variable(e, ERROR, is_stable=True, is_assignable=False, is_optional=True))
        shown = f"if chance() {{ fmt.Println({v}, {e}) }}" if self.chance(0.5) else f"mix(uint64({v}))"
        return Stmt([f"{v}, {e} := ", *parse, f"; _ = {e}\n{shown}"])

    def weak_pointer(self) -> Stmt | None:
        """A weak pointer into a variable, or into what one leads to: the object is there, for it is used below."""
        found = [path for v in self.variables() if v.is_assignable for path in paths(v)]
        if not found:
            return None
        place = self.path_expr(self.rng.choice(found), 0).text()
        w, p = self.world.fresh("weak"), self.world.fresh("strong")
        collect = self.rng.choice(["", "", "if chance() { runtime.GC() }\n"])
        is_wrong = f"{p} != &{place} || {w} != weak.Make({p}) || {w}.Value() != {p}"
        check = f'if {p} := {w}.Value(); {is_wrong} {{ panic("a weak pointer leads elsewhere") }}'
        return Stmt([f"{w} := weak.Make(&{place})\n{collect}{check}"])
