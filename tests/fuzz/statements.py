"""Statements: random ones that end and, but for those that features.py adds, do not panic.

    variables    every form of declaration and assignment
    loops        every form, each with a bound; labels, break and continue
    memory       append, copy, clear; lists linked and walked; pointers to what is declared per iteration
    calls        of functions that change things, by themselves or several in one expression
    output       Println, Printf and print of what prints the same in every run

What only tells the checker that a variable is used stands on the line of its declaration, as `_ = v`.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.scope import Function, Path, Variable, paths
from tests.fuzz.shapes import (
    BOOL,
    INT,
    INT32,
    INTEGERS,
    STRING,
    UINT64,
    Array,
    Func,
    Interface,
    Map,
    Number,
    Pointer,
    Shape,
    Slice,
    Struct,
    Text,
    Truth,
)
from tests.fuzz.tree import Block, Clauses, Expr, Header, Labeled, Node, Stmt
from tests.fuzz.values import Values

LONGEST_SLICE = 24
VERBS = {
    "integer": "%d %v %5d %-6d| %06d %x %X %#x %o %b %+d %T %q %U %c %3c %#v",
    "float": "%v %g %f %.2f %e %8.3f %+.1e %T %6.0f %-9.2f| %G %#v",
    "text": "%s %v %q %x %10s %-8s| %.3s %T %X %#x %+q %#v",
    "truth": "%t %v %6t %T %#v",
    "error": "%v %+v %s %q %T",
    "other": "%v %+v %T %v %#v",
}


class Statements(Values):
    """Random statements of one function."""

    def begin(self, results: tuple[Shape, ...], names: list[str], room: int) -> None:
        self.results = results
        self.result_names = names  # "" unless the results have names
        self.room = room  # statements left
        self.loops: list[tuple[str, bool]] = []  # labels of the loops and switches around; whether it is a loop

    def more_statements(self, nested: int) -> list[tuple[int, Callable[[], Stmt | None]]]:
        """What features.py adds; those with blocks only while they may nest."""
        raise NotImplementedError

    # ---- blocks

    def block(self, *variables: Variable, most: int = 4) -> Block:
        return Block(self.statement_list(*variables, most=most))

    def statement_list(self, *variables: Variable, most: int = 4) -> list[Stmt]:
        self.scopes.stack.append({})
        for variable in variables:
            self.scopes.declare(variable)
        found = [self.statement() for _ in range(self.rng.randint(1, most))]
        self.scopes.stack.pop()
        return found

    def statement(self) -> Stmt:
        self.room -= 1
        self.calls_left = 3
        nested = 0 if self.room <= 0 or len(self.scopes.stack) > 5 else 1
        impure = 0 if self.is_pure else 1
        choices: list[tuple[int, Callable[[], Stmt | None]]] = [
            (10, self.declaration),
            (9, self.assignment),
            (4, self.assignment_with_operator),
            (3, self.parallel_assignment),
            (6, self.output),
            (4, self.summed),
            (4, self.append),
            (2, self.copied),
            (5, self.call_statement),
            (3, self.several_calls),
            (2 * impure, self.link),
            (5 * nested, self.if_statement),
            (6 * nested, self.loop),
            (4 * nested, self.switch),
            (3 * nested, self.with_elements),
            (3 * nested, self.when_not_nil),
            (1 * nested, lambda: Stmt([self.block()])),
            (1, self.per_iteration),
            (3, self.jump),
            (1 * impure, lambda: Stmt(["runtime.GC()"])),
            (1, self.local_constant),
            (1 * impure, self.large),
            *self.more_statements(nested),
        ]
        while True:
            choice = self.rng.choices(choices, [weight for weight, _ in choices])[0]
            made = choice[1]()
            if made is not None:
                return made

    def any_shape(self) -> Shape:
        if self.chance(0.2):
            kinds = Func if self.chance(0.5) else Map | Interface
            return self.rng.choice([s for s in self.world.shapes if isinstance(s, kinds)])
        return self.rng.choice(self.world.shapes if self.chance(0.7) else self.world.numbers)

    def name_for_variable(self) -> str:
        """A new name, or one that hides another variable's; no result's, which a return without values needs."""
        kept = {*self.scopes.stack[-1], *self.result_names}
        hidden = [v.name for v in self.scopes.visible() if v.is_assignable and v.name not in kept]
        if hidden and len(self.scopes.stack) > 2 and self.chance(0.1):
            return self.rng.choice(hidden)
        return self.world.fresh("v")

    def new_variable(self, shape: Shape) -> Variable:
        addressable = self.chance(0.3)
        return Variable(self.name_for_variable(), shape, is_stable=not addressable, is_addressable=addressable)

    # ---- declarations

    def declaration(self) -> Stmt:
        shape = self.any_shape()
        variable = self.new_variable(shape)
        name = variable.name
        roll = self.rng.random()
        if roll < 0.15 and not shape.is_reference:
            parts: list[str | Node] = [f"var {name} {shape.spelling}"]
        elif roll < 0.3:
            parts = [f"var {name} {shape.spelling} = ", self.expr(shape, is_bare=True)]
        elif roll < 0.4:
            other = self.new_variable(self.any_shape())
            if other.name == name:
                other.name = self.world.fresh("v")
            head = [f"{name}, {other.name} := "] if self.chance(0.5) else [f"var {name}, {other.name} = "]
            parts = [*head, self.expr(shape), ", ", self.expr(other.shape), f"; _ = {other.name}"]
            self.scopes.declare(other)
        else:
            parts = [f"{name} := ", self.expr(shape)]
        self.scopes.declare(variable)
        return Stmt([*parts, f"; _ = {name}"])

    def local_constant(self) -> Stmt:
        shape = self.rng.choice([*self.world.numbers, STRING])
        name = self.world.fresh("k")
        value = self.literal(shape, is_bare=True)
        constant = Variable(name, shape, is_stable=True, is_assignable=False, is_constant=True)
        self.scopes.declare(constant)
        return Stmt([f"const {name} {shape.spelling} = ", value])

    # ---- assignment

    def targets(self) -> list[Path]:
        """What can be assigned to."""
        found = [path for variable in self.variables() for path in paths(variable) if path.is_assignable]
        return [path for path in found if path.is_indirect or path.variable not in self.frozen]

    def optional_targets(self) -> list[Variable]:
        return [v for v in self.variables() if v.is_optional and v.is_assignable and v not in self.frozen]

    def assignment(self) -> Stmt | None:
        optional = self.optional_targets()
        if optional and self.chance(0.2):
            variable = self.rng.choice(optional)
            return Stmt([f"{variable.name} = ", self.element(variable.shape, 2)])
        found = self.targets()
        if not found:
            return None
        path = self.rng.choice(found)
        if path.shape.is_reference and len(path.steps) > 1:
            return Stmt([self.path_expr(path, 1), " = ", self.element(path.shape, 2)])
        return Stmt([self.path_expr(path, 1), " = ", self.expr(path.shape, is_bare=True)])

    def assignment_with_operator(self) -> Stmt | None:
        found = [path for path in self.targets() if isinstance(path.shape, Number)]
        if not found:
            return None
        path = self.rng.choice(found)
        shape = path.shape
        assert isinstance(shape, Number), "only numbers were chosen"
        target = self.path_expr(path, 2)
        if self.chance(0.3):
            return Stmt([target, self.rng.choice(["++", "--"])])
        if shape.is_float:
            return Stmt([target, f" {self.rng.choice('+-*/')}= ", self.expr(shape, 2, is_bare=True)])
        op = self.rng.choice(["+", "-", "*", "&", "|", "^", "&^", "/", "%", "<<", ">>"])
        if op in "/%":
            return Stmt([target, f" {op}= ", self.expr(shape, 2, is_bare=True), " | 1"])
        if op in ("<<", ">>"):
            return Stmt([target, f" {op}= ", self.changing(self.rng.choice(INTEGERS), 1), " & 15"])
        return Stmt([target, f" {op}= ", self.expr(shape, 2, is_bare=True)])

    def parallel_assignment(self) -> Stmt | None:
        """a, b = b, a: among them targets that are parts of each other's operands."""
        found = self.targets()
        if len(found) < 2:
            return None
        chosen = self.rng.sample(found, min(len(found), self.rng.choice([2, 2, 3])))
        left: list[str | Node] = []
        right: list[str | Node] = []
        for path in chosen:
            is_part = path.shape.is_reference and len(path.steps) > 1
            variable = path.variable
            if variable.has_elements and len(path.steps) > 1 and self.chance(0.5):
                assert isinstance(variable.shape, Slice), "only slices have elements"
                left += [", ", variable.name]
                right += [", ", f"append({variable.shape.zero}, {variable.name}...)"]
            left += [", ", self.path_expr(path, 1)]
            right += [", ", self.element(path.shape, 1) if is_part else self.expr(path.shape, 1, is_bare=True)]
        return Stmt([*left[1:], " = ", *right[1:]])

    # ---- slices, lists, pointers

    def slice_targets(self) -> list[Path]:
        return [path for path in self.targets() if isinstance(path.shape, Slice)]

    def append(self) -> Stmt | None:
        """append to a slice, kept short; and the forms that insert and delete."""
        found = self.slice_targets()
        if not found:
            return None
        path = self.rng.choice(found)
        shape = path.shape
        assert isinstance(shape, Slice), "only slices were chosen"
        target = self.path_expr(path, 0)
        s = target.text()
        roll = self.rng.random()
        if roll < 0.15:
            return Stmt([f"if len({s}) > 2 {{ {s} = append({s}[:1], {s}[2:]...) }}"])
        if roll < 0.3:
            value = self.element(shape.elem, 2)
            name = self.world.fresh("v")
            return Stmt([f"{name} := append({s}[:len({s})/2:len({s})/2], ", value, f"); {s} = {name}"])
        parts: list[str | Node] = []
        if roll < 0.45:
            parts = [", ", self.expr(shape, 1), "..."]
        else:
            for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
                parts += [", ", self.element(shape.elem, 2)]
        grown = Stmt([f"{s} = append({s}", *parts, ")"])
        if len(path.steps) > 1:  # Go reads a struct given to append after it has changed the slice in that struct
            name = self.world.fresh("v")
            grown = Stmt([f"{name} := append({s}", *parts, f"); {s} = {name}"])
        shorter = f"{{ {s} = {s}[{LONGEST_SLICE // 2}:] }}" if self.chance(0.5) else f"{{ {s} = nil }}"
        return Stmt([f"if len({s}) < {LONGEST_SLICE} ", Block([grown]), f" else {shorter}"])

    def copied(self) -> Stmt | None:
        found = [v for v in self.variables() if isinstance(v.shape, Slice)]
        if not found:
            return None
        shape = self.rng.choice(found).shape
        if self.chance(0.2):
            return Stmt(["clear(", self.changing(shape, 1), ")"])
        name = self.world.fresh("v")
        parts: list[str | Node] = [f"{name} := copy(", self.changing(shape, 1), ", ", self.expr(shape, 2)]
        self.scopes.declare(Variable(name, INT, is_stable=True))
        return Stmt([*parts, f"); _ = {name}"])

    def link(self) -> Stmt | None:
        """Push something in front of a list, or drop its head."""
        found = [
            (v, f)
            for v in self.optional_targets()
            if isinstance(v.shape, Pointer) and isinstance(v.shape.elem, Struct)
            for f in v.shape.elem.fields
            if f.shape == v.shape
        ]
        if not found:
            return None
        variable, f = self.rng.choice(found)
        head = variable.name
        if self.chance(0.25):
            return Stmt([f"if {head} != nil {{ {head} = {head}.{f.name} }}"])
        name = self.world.fresh("v")
        fresh = self.expr(variable.shape, 2)
        pushed = [f"{name}.{f.name} = {head}", f"{head} = {name}"]
        return Stmt([Block([Stmt([f"{name} := ", fresh]), *(Stmt([line]) for line in pushed)])])

    def when_not_nil(self) -> Stmt | None:
        """if q := v.next; q != nil, or a walk along such a field."""
        found = [Path((v.name,), v.shape, v, False) for v in self.variables() if v.is_optional]
        found += [path for v in self.variables() for path in paths(v) if len(path.steps) > 1]
        found = [path for path in found if path.shape.is_reference]
        if not found:
            return None
        path = self.rng.choice(found)
        name = self.world.fresh("q")
        start = self.path_expr(path, 1)
        elem = path.shape.elem if isinstance(path.shape, Pointer) else None
        onward = [f for f in elem.fields if f.shape == path.shape] if isinstance(elem, Struct) else []
        variable = Variable(name, path.shape, is_stable=True, is_assignable=False)
        if onward and self.chance(0.5):
            n = self.world.fresh("n")
            bound = f", 0; {name} != nil && {n} < {self.rng.choice([3, 8, 20])}; "
            head: list[str | Node] = [f"for {name}, {n} := ", start, bound]
            step = f"{name}, {n} = {name}.{self.rng.choice(onward).name}, {n}+1 "
            return self.looping([*head, step], variable)
        other: list[str | Node] = [" else ", self.block(most=2)] if self.chance(0.3) else []
        return Stmt([f"if {name} := ", start, f"; {name} != nil ", self.block(variable), *other])

    def with_elements(self) -> Stmt | None:
        """if s := x; len(s) > 0, so that s can be indexed inside."""
        shapes = [s for s in self.world.shapes if isinstance(s, Slice)]
        if not shapes:
            return None
        shape = self.rng.choice(shapes)
        name = self.world.fresh("s")
        variable = Variable(name, shape, is_stable=True, is_assignable=False, has_elements=True)
        value = Header([self.expr(shape)])
        return Stmt([f"if {name} := ", value, f"; len({name}) > 0 ", self.block(variable)])

    def per_iteration(self) -> Stmt:
        """Pointers to the variables of a loop, one for each iteration."""
        count = self.rng.randint(1, 5)
        name, i = self.world.fresh("v"), self.world.fresh("i")
        shape = Pointer.to(INT)
        slice_shape = Slice.of(shape)
        head = self.rng.choice([f"for {i} := 0; {i} < {count}; {i}++", f"for {i} := range {count}"])
        self.scopes.declare(Variable(name, slice_shape, is_stable=True))
        body = f"{{ {name} = append({name}, &{i}) }}"
        total = f"for _, p := range {name} {{ *p += 3; mix(uint64(*p)) }}"
        return Stmt([f"var {name} []*int; _ = {name}\n{head} {body}\n{total}"])

    def large(self) -> Stmt:
        """A slice of pages, linked to something small at its end."""
        shape = self.rng.choice([s for s in self.world.shapes if isinstance(s, Slice)])
        name, count = self.world.fresh("v"), self.rng.choice([500, 1200, 5000])
        value = self.element(shape.elem, 2)
        self.scopes.declare(Variable(name, shape, is_stable=True, is_assignable=False))
        fill = f"{name}[len({name})-1], {name}[len({name})/2] = "
        keep = f"{name} = append({shape.zero}, {name}[len({name})-2:]...)"
        head = f"{name} := make({shape.spelling}, {count}); _ = {name}\n"
        return Stmt([head, "if true ", Block([Stmt([fill, value, ", ", value])]), f"\n{keep}"])

    # ---- output

    def printable(self, depth: int = 2) -> Expr:
        shape = self.rng.choice([s for s in [*self.world.numbers, *self.world.shapes, STRING, BOOL] if s.is_printable])
        return self.expr(shape, depth)

    def output(self) -> Stmt:
        """A line of output; in functions and loops only while there is some left to say."""
        roll = self.rng.random()
        if roll < 0.45:
            made = self.formatted()
        else:
            name = "println" if roll < 0.53 else "fmt.Println"
            values: list[str | Node] = []
            for _ in range(self.rng.randint(1, 3)):
                values += [", ", self.printable_by_builtin() if name == "println" else self.printed()]
            made = Stmt([f"{name}(", *values[1:], ")"])
        return Stmt(["if chance() ", Block([made])])

    def printed(self) -> Expr:
        """What Println takes; sometimes a pointer to something printable."""
        structs = [s for s in self.world.structs if s.is_printable]
        if structs and self.chance(0.15):
            shape = self.rng.choice(structs)
            return Expr(["&", shape.spelling, "{", *self.field_values(shape, 2), "}"], Pointer.to(shape))
        return self.printable()

    def printable_by_builtin(self) -> Expr:
        return self.expr(self.rng.choice([*self.world.numbers, STRING, BOOL]), 2)

    def formatted(self) -> Stmt:
        texts: list[str] = []
        values: list[str | Node] = []
        for _ in range(self.rng.randint(1, 3)):
            value = self.printable()
            verb = self.rng.choice(VERBS[kind_of(value.shape)].split())
            texts.append(self.rng.choice(["", "a ", "%% "]) + verb)
            values += [", ", value]
        return Stmt([f'fmt.Printf("{" ".join(texts)}\\n"', *values, ")"])

    def sum_of(self, shape: Shape) -> str:
        """The name of the function that adds up a value of the type."""
        if shape not in self.world.sums:
            self.world.sums[shape] = self.world.fresh("sum")
        return self.world.sums[shape]

    def summed(self) -> Stmt:
        """mix a value into the checksum."""
        shape = self.any_shape()
        return Stmt([f"mix({self.sum_of(shape)}(", self.expr(shape), ", 3))"])

    def remembered(self, most: int) -> list[Stmt]:
        """mix in variables of this scope: so that what they hold is alive until here."""
        found = [v for v in self.scopes.stack[-1].values() if not isinstance(v.shape, Number | Truth)]
        chosen = self.rng.sample(found, min(len(found), most))
        return [Stmt([f"mix({self.sum_of(v.shape)}({v.name}, 3))"]) for v in chosen]

    # ---- calls

    def impure(self) -> list[Function]:
        """What only statements of their own call: function values, and functions that change things."""
        found = [] if self.is_pure else [f for f in self.world.functions if not f.is_pure]
        known = [v for v in self.variables() if isinstance(v.shape, Func) and not v.is_optional]
        return found + [Function(v.name, *called(v.shape), is_pure=False) for v in known for _ in range(2)]

    def call_statement(self) -> Stmt | None:
        """f(), or variables declared with its results."""
        found = self.impure()
        if not found:
            return None
        return self.call_of(self.rng.choice(found))

    def call_of(self, function: Function) -> Stmt | None:
        call = self.call(function, 2)
        if call is None:
            return None
        if not function.results or self.chance(0.3):
            return Stmt([call])
        variables = [self.new_variable(shape) for shape in function.results]
        names = [self.world.fresh("v") for _ in variables]
        if self.chance(0.2):
            names[0] = "_" if len(names) > 1 else names[0]
        for name, variable in zip(names, variables, strict=True):
            variable.name = name
            if name != "_":
                self.scopes.declare(variable)
        used = [name for name in names if name != "_"]
        return Stmt([f"{', '.join(names)} := ", call, *(f"; _ = {name}" for name in used)])

    def several_calls(self) -> Stmt | None:
        """Several calls in one expression or argument list: they happen from left to right."""
        self.only_stable = True
        made = self.calls_together()
        self.only_stable = False
        return made

    def calls_together(self) -> Stmt | None:
        found = [f for f in self.impure() if len(f.results) == 1 and f.results[0].is_printable]
        if not found:
            return None
        calls = [self.call(self.rng.choice(found), 1) for _ in range(self.rng.choice([2, 2, 3]))]
        made = [call for call in calls if call is not None]
        several = [f for f in self.impure() if len(f.results) > 1 and all(s.is_printable for s in f.results)]
        if several and self.chance(0.3):
            call = self.call(self.rng.choice(several), 1)
            return Stmt(["fmt.Println(", call, ")"]) if call is not None else None
        number = next((call for call in made if isinstance(call.shape, Number)), None)
        same = [call for call in made if number is not None and call.shape == number.shape]
        if len(same) > 1 and number is not None:
            joined: list[str | Node] = []
            for call in same:
                joined += [f" {self.rng.choice('+-*')} ", call]
            third = self.expr(number.shape, 1, is_bare=True)
            name = self.world.fresh("v")
            result = Stmt([f"{name} := ", *joined[1:], " + ", third, f"; _ = {name}"])
            self.scopes.declare(Variable(name, number.shape, is_stable=True))
        else:
            values: list[str | Node] = []
            for call in made:
                values += [", ", call]
            result = Stmt(["fmt.Println(", *values[1:], ")"])
        return result

    # ---- branches

    def if_statement(self) -> Stmt:
        parts: list[str | Node] = ["if "]
        self.scopes.stack.append({})
        if self.chance(0.3):
            shape = self.any_shape()
            name = self.world.fresh("v")
            parts += [f"{name} := ", Header([self.expr(shape, 2)]), "; "]
            self.scopes.declare(Variable(name, shape, is_stable=True))
            parts += [Header([self.uses(name, shape)])]
        else:
            parts += [Header([self.expr(BOOL)])]
        parts += [" ", self.block()]
        while self.chance(0.25):
            parts += [" else if ", Header([self.expr(BOOL, 2)]), " ", self.block(most=2)]
        if self.chance(0.4):
            parts += [" else ", self.block(most=3)]
        self.scopes.stack.pop()
        return Stmt(parts)

    def uses(self, name: str, shape: Shape) -> Expr:
        """A condition that names a variable."""
        test = Expr([f"{self.sum_of(shape)}({name}, 2)%{self.rng.choice([2, 3, 5])} == 0"], BOOL)
        return Expr([test, self.rng.choice([" || ", " && "]), self.expr(BOOL, 1)], BOOL)

    def switch(self) -> Stmt:
        roll = self.rng.random()
        label = self.world.fresh("L")
        self.loops.append((label, False))
        if roll < 0.35:
            made = self.switch_without_tag()
        else:
            made = self.switch_with_tag(self.rng.choice([*INTEGERS, STRING]))
        self.loops.pop()
        return Labeled(made, label=label)

    def clauses(self, heads: list[list[str | Node]]) -> Clauses:
        """Cases with bodies; a default anywhere; now and then one falls into the next."""
        if self.chance(0.7):
            heads.insert(self.rng.randint(0, len(heads)), ["default:\n"])
        cases = []
        for number, head in enumerate(heads):
            body = self.statement_list(most=3)
            if number < len(heads) - 1 and self.chance(0.2):
                body.append(Stmt(["fallthrough"]))
            cases.append(Stmt([*head, Clauses(body)]))
        return Clauses(cases)

    def switch_without_tag(self) -> list[str | Node]:
        count = self.rng.randint(1, 4)
        heads: list[list[str | Node]] = [["case ", self.expr(BOOL, 2), ":\n"] for _ in range(count)]
        return ["switch {\n", self.clauses(heads), "}"]

    def switch_with_tag(self, shape: Shape) -> list[str | Node]:
        tag = self.changing(shape, 2)
        values: list[str] = []
        if isinstance(shape, Number):
            values = [str(n) for n in self.rng.sample(range(10), 6)]
            tag = Expr([tag, " % 6"], shape) if self.chance(0.6) else tag
        else:
            values = ['""', '"a"', '"toy"', '"é"', '"b"', '"0123456789"']
        heads: list[list[str | Node]] = []
        while values and len(heads) < 4:
            taken = [values.pop() for _ in range(min(len(values), self.rng.choice([1, 1, 2, 3])))]
            heads.append([f"case {', '.join(taken)}:\n"])
        if self.chance(0.3):
            heads.append(["case ", self.changing(shape, 1), ":\n"])
        return ["switch ", Header([tag]), " {\n", self.clauses(heads), "}"]

    # ---- loops

    def looping(self, head: list[str | Node], *variables: Variable, first: str = "") -> Stmt:
        """A loop around a random body."""
        label = self.world.fresh("L")
        self.loops.append((label, True))
        body = self.block(*variables)
        self.loops.pop()
        if first:
            body.parts.insert(0, Stmt([first]))
        return Labeled([*head, body], label=label)

    def loop(self) -> Stmt:
        form = self.rng.choice([self.counting, self.counting, self.over_elements, self.over_elements, self.over_integer,
                                self.over_string, self.while_, self.forever])  # fmt: skip
        return form()

    def counting(self) -> Stmt:
        shape = self.rng.choice([INT, INT, INT32, UINT64, *INTEGERS])
        i = self.world.fresh("i")
        variable = Variable(i, shape, is_stable=True, is_assignable=False)
        if self.chance(0.2):
            j = self.world.fresh("j")
            other = Variable(j, INT, is_stable=True, is_assignable=False)
            variable.shape = INT
            head = f"for {i}, {j} := 0, {self.rng.randint(0, 9)}; {i} < {j}; {i}, {j} = {i}+1, {j}-1 "
            return self.looping([head], variable, other)
        first = f"{i} := {shape.spelling}(0)" if shape != INT else f"{i} := 0"
        count = self.rng.choice([1, 2, 3, 5])
        if self.chance(0.3):
            return self.looping([f"for {i} := {shape.spelling}({count}); {i} > 0; {i}-- "], variable)
        return self.looping([f"for {first}; {i} < {count}; {i} += {self.rng.choice([1, 1, 2])} "], variable)

    def over_integer(self) -> Stmt:
        shape = self.rng.choice([INT, *INTEGERS])
        count = str(self.rng.choice([0, 1, 3, 6]))
        bound = count if shape == INT else f"{shape.spelling}({count})"
        if self.chance(0.3):
            return self.looping([f"for range {bound} "])
        i = self.world.fresh("i")
        variable = Variable(i, shape, is_addressable=self.chance(0.3))
        return self.looping([f"for {i} := range {bound} "], variable, first=f"_ = {i}")

    def over_elements(self) -> Stmt:
        """range over a slice, an array, or a pointer to one; the operand may change in the body."""
        shapes = [s for s in self.world.shapes if isinstance(s, Slice | Array)]
        shape = self.rng.choice(shapes)
        assert isinstance(shape, Slice | Array), "only these were chosen"
        operand = Header([self.expr(shape, 2)])
        head: list[str | Node] = [operand]
        if isinstance(shape, Array) and self.chance(0.3):
            found = [p for v in self.variables() for p in paths(v) if p.shape == shape and p.is_addressable]
            if found:
                head = ["&", self.path_expr(self.rng.choice(found), 1)]
        k, e = self.world.fresh("k"), self.world.fresh("e")
        key = Variable(k, INT, is_stable=True)
        value = Variable(e, shape.elem, is_addressable=self.chance(0.3), is_optional=shape.elem.is_reference)
        form = self.rng.random()
        if form < 0.2:
            return self.looping([f"for {k} := range ", *head, " "], key, first=f"_ = {k}")
        if form < 0.4:
            return self.looping([f"for _, {e} := range ", *head, " "], value, first=f"_ = {e}")
        return self.looping([f"for {k}, {e} := range ", *head, " "], key, value, first=f"_, _ = {k}, {e}")

    def over_string(self) -> Stmt:
        i, r = self.world.fresh("i"), self.world.fresh("u")
        index, rune = Variable(i, INT, is_stable=True), Variable(r, INT32, is_addressable=self.chance(0.2))
        head: list[str | Node] = [f"for {i}, {r} := range ", Header([self.expr(STRING, 2)]), " "]
        return self.looping(head, index, rune, first=f"_, _ = {i}, {r}")

    def while_(self) -> Stmt:
        n = self.world.fresh("n")
        count = self.rng.choice([2, 4, 7])
        loop = self.looping([f"for {n} < {count} && ", Header([self.expr(BOOL, 2)]), " "], first=f"{n}++")
        return Stmt([f"{n} := 0\n", loop])

    def forever(self) -> Stmt:
        n = self.world.fresh("n")
        first = f"{n}++; if {n} > {self.rng.choice([1, 3, 5])} {{ break }}"
        return Stmt([f"{n} := 0\n", self.looping(["for "], first=first)])

    def jump(self) -> Stmt | None:
        """break, continue or return, under a condition."""
        condition = Header([self.expr(BOOL, 2)])
        if self.chance(0.2) and self.results:
            return Stmt(["if ", condition, " ", Block([self.return_statement()])])
        if not self.loops:
            return None
        label, is_loop = self.rng.choice(self.loops)
        word = "continue" if is_loop and self.chance(0.5) else "break"
        inside = [flag for _, flag in self.loops]
        plain = self.loops[-1][0] == label or (word == "continue" and label == self.innermost_loop())
        assert inside, "a loop or switch is around"
        target = "" if plain and self.chance(0.6) else f" {label}"
        return Stmt(["if ", condition, " ", Block([Stmt([f"{word}{target}"])])])

    def innermost_loop(self) -> str:
        return next((label for label, is_loop in reversed(self.loops) if is_loop), "")

    def return_statement(self) -> Stmt:
        if self.result_names and self.chance(0.4):
            return Stmt(["return"])
        parts: list[str | Node] = []
        for shape in self.results:
            parts += [", ", self.expr(shape, 2, is_bare=True)]
        return Stmt(["return ", *parts[1:]])


def called(shape: Shape) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    """The parameters and results of a function type."""
    assert isinstance(shape, Func), "only functions are called"
    return shape.params, shape.results


def kind_of(shape: Shape) -> str:
    """Which verbs a value can be printed with."""
    match shape:
        case Number(is_float=True):
            return "float"
        case Number():
            return "integer"
        case Text():
            return "text"
        case Truth():
            return "truth"
    return "other" if shape.is_plain else "error"
