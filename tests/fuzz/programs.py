"""Programs: random, well-typed, and sure to end.

    generate(seed, size) -> tree.Program

    prelude     fuel, the checksum, kinds of errors, and the few functions that make partial operations total
    types       named basic types, structs (nested, embedded, recursive), named slices, arrays and functions, interfaces
    constants   typed ones, iota
    variables   of the package, in an order that only their dependencies make right
    functions   pure and impure ones, methods, several and named results, variadic ones; they call each other
    methods     some types have String, and two or three those of an interface
    main        the longest body; a few programs end in a panic or in os.Exit

The same seed and size give the same program.
"""

from __future__ import annotations

import random
from dataclasses import replace

from tests.fuzz.features import Features
from tests.fuzz.scope import Function, Variable, World
from tests.fuzz.shapes import (
    ANY,
    BOOL,
    ERROR,
    FLOAT32,
    FLOAT64,
    INT,
    INTEGERS,
    STRING,
    THING,
    UINT8,
    Array,
    Field,
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
    can_be_key,
    result_text,
)
from tests.fuzz.tree import Block, Program, Stmt

PRELUDE = """
var seed uint64 = 88172645463325252

var hash uint64 = 14695981039346656037

var fuel = {fuel}

var lines = {lines}

func spent() bool {{
	fuel--
	return fuel < 0
}}

func chance() bool {{
	lines--
	return lines >= 0
}}

func mix(x uint64) {{
	hash = (hash ^ x) * 1099511628211
	hash ^= hash >> 29
}}

func clip(s string) string {{
	if len(s) > 40 {{
		return s[:40]
	}}
	return s
}}

func rest(s string, n int) string {{
	return s[uint(n)%uint(len(s)+1):]
}}

func byteAt(s string, n int) byte {{
	if s == "" {{
		return 0
	}}
	return s[uint(n)%uint(len(s))]
}}

func whole(f float64) int {{
	if f > -1e9 && f < 1e9 {{
		return int(f)
	}}
	return 7
}}

//go:noinline
func bytesOf(s string) []byte {{
	return []byte(s)
}}

//go:noinline
func runesOf(s string) []rune {{
	return []rune(s)
}}

func sumText(s string) (h uint64) {{
	for i := 0; i < len(s); i++ {{
		h = h*31 + uint64(s[i])
	}}
	return
}}

func sumTruth(b bool) uint64 {{
	if b {{
		return 3
	}}
	return 5
}}

var draws uint64 = {draws}

func luck(n uint64) bool {{
	draws = draws*6364136223846793005 + 1442695040888963407
	return draws>>33%n == 0
}}

func tame(f float64) float64 {{
	if f != f {{
		return 0.5
	}}
	return f
}}

type Thing interface{{}}

func same(a, b any) (r bool) {{
	defer func() {{
		if e := recover(); e != nil {{
			mix(sumText(fmt.Sprint(e)))
		}}
	}}()
	return a == b
}}

type E0 struct {{
	n   int
	err error
}}

func (e *E0) Error() string {{
	if e.err == nil {{
		return "E0 " + strconv.Itoa(e.n)
	}}
	return "E0 " + strconv.Itoa(e.n) + ": " + e.err.Error()
}}

func (e *E0) Unwrap() error {{
	return e.err
}}

type E1 string

func (e E1) Error() string {{
	return "E1 " + string(e)
}}

type E2 struct {{
	n int
	b bool
}}

func (e E2) Error() string {{
	return fmt.Sprintf("E2 %d %t", e.n, e.b)
}}

func (e E2) Is(target error) bool {{
	return e.b && target == errA
}}

var errA = errors.New("a")

var errB = fmt.Errorf("b: %w", errA)

func brief(err error) error {{
	if err == nil {{
		return E1("nil")
	}}
	if s := err.Error(); len(s) > 60 {{
		return errors.New(s[:20])
	}}
	return err
}}
"""
DEEPEST = 4  # calls within calls


def generate(seed: int, size: int = 10) -> Program:
    """The program of a seed; `size` is about the number of statements in main, each of which may hold others."""
    return Generator(seed, size).program()


class Generator:
    """One program in the making."""

    def __init__(self, seed: int, size: int) -> None:
        self.rng = random.Random(f"{seed} {size}")
        self.size = size
        below = self.some([*INTEGERS, FLOAT64], 2)
        self.named = [Number(f"N{i}", n.bits, n.is_signed, n.is_float) for i, n in enumerate(below)]
        self.underlying = dict(zip(self.named, below, strict=True))
        numbers: list[Shape] = [INT, UINT8, *self.some(INTEGERS, 3), FLOAT32, FLOAT64, *self.named]
        self.world = World(list(dict.fromkeys(numbers)), [], [])

    def some(self, shapes: list[Number], most: int) -> list[Number]:
        return self.rng.sample(shapes, self.rng.randint(1, most))

    def program(self) -> Program:
        types = [*self.named_types(), *self.struct_types(), *self.named_composites()]
        self.choose_shapes()
        self.choose_held()
        constants = self.constants()
        self.declare_functions()
        types += [self.interface(shape) for shape in self.world.interfaces]
        variables = self.variables()
        functions = [self.function(f) for f in self.world.functions if not f.is_dynamic]
        types += self.stringers()
        main = self.main()
        sums = self.sums()
        fuel = PRELUDE.format(fuel=200 * self.size, lines=20 * self.size, draws=self.rng.randrange(1 << 40))
        prelude = [Stmt([part]) for part in fuel.strip().split("\n\n")]
        return Program([*prelude, *types, *constants, *variables, *sums, *functions, main])

    # ---- types

    def named_types(self) -> list[Stmt]:
        declared = [Stmt([f"type {n.spelling} {self.underlying[n].spelling}"]) for n in self.named]
        if self.rng.random() < 0.4:
            self.text = Text("Label")
            self.world.shapes.append(self.text)
            declared.append(Stmt(["type Label string"]))
        return declared

    def struct_types(self) -> list[Stmt]:
        """Structs whose fields are of basic types, of structs declared before, and references to any."""
        structs = [Struct(f"T{i}") for i in range(self.rng.randint(1, 4))]
        self.world.interfaces = [Interface(f"I{i}", True) for i in range(self.rng.randint(1, 2))]
        self.choose_functions(structs)
        for number, struct in enumerate(structs):
            for i in range(self.rng.randint(1, 5)):
                struct.fields.append(Field(f"f{number}{i}", self.field_shape(structs, number)))
            if number and self.rng.random() < 0.5:
                embedded = self.rng.choice(structs[:number])
                shape = Pointer.to(embedded) if self.rng.random() < 0.3 else embedded
                struct.fields.insert(self.rng.randint(0, len(struct.fields)), Field(embedded.spelling, shape, True))
            elif self.rng.random() < 0.3:
                inside = self.rng.choice(self.world.interfaces)
                struct.fields.insert(self.rng.randint(0, len(struct.fields)), Field(inside.spelling, inside, True))
                self.world.wrappers[struct] = inside
            if self.rng.random() < 0.6:
                struct.fields.append(Field(f"next{number}", Pointer.to(struct)))
        self.world.structs = structs
        bodies = ["".join(f"{f.text}\n" for f in s.fields) for s in structs]
        return [Stmt([f"type {s.spelling} struct {{\n{body}}}"]) for s, body in zip(structs, bodies, strict=True)]

    def choose_functions(self, structs: list[Struct]) -> None:
        """Types of function values."""
        basic: list[Shape] = [*self.world.numbers, STRING, BOOL, ANY, ERROR]
        every = [*basic, *basic, *structs, *(Pointer.to(s) for s in structs), *self.world.interfaces]
        self.functions = []
        for _ in range(self.rng.randint(1, 3)):
            params = tuple(self.rng.choice(every) for _ in range(self.rng.choice([0, 0, 1, 1, 2])))
            results = tuple(self.rng.choice(every) for _ in range(self.rng.choice([0, 1, 1, 1, 2])))
            self.functions.append(Func.of(params, results))
        if self.rng.random() < 0.4:  # a function that makes functions
            self.functions.append(Func.of((), (self.functions[0],)))

    def field_shape(self, structs: list[Struct], number: int) -> Shape:
        roll = self.rng.random()
        if number and roll < 0.15:
            return self.rng.choice(structs[:number])
        if roll < 0.3:
            return Pointer.to(self.rng.choice(structs))
        if roll < 0.4:
            return Slice.of(self.rng.choice([*self.world.numbers, STRING, *structs]))
        if roll < 0.45:
            return Map.of(
                self.rng.choice([STRING, INT, UINT8]), self.rng.choice([*self.world.numbers, STRING, *structs])
            )
        if roll < 0.55:
            return self.rng.choice([ANY, THING, ERROR, *self.world.interfaces, *self.functions])
        if roll < 0.63:
            length = self.rng.choice([1, 2, 3, 4, 4, 20, 80])
            elems = [INT, UINT8, STRING, Pointer.to(self.rng.choice(structs)), FLOAT64]
            return Array.of(length, self.rng.choice(elems))
        return self.rng.choice([*self.world.numbers, STRING, STRING, BOOL])

    def named_composites(self) -> list[Stmt]:
        """A slice, an array and a struct type made from another; and a struct type without a name."""
        world, made = self.world, []
        elem = self.rng.choice([*world.numbers, STRING, *world.structs])
        if self.rng.random() < 0.4:
            world.shapes.append(Slice("Row", elem))
            made.append(Stmt([f"type Row []{elem.spelling}"]))
        if self.rng.random() < 0.3:
            world.shapes.append(Array("Pair", 2, elem))
            made.append(Stmt([f"type Pair [2]{elem.spelling}"]))
        if self.rng.random() < 0.4:
            shape = self.rng.choice(self.functions)
            world.shapes.append(Func("Op", shape.params, shape.results))
            made.append(Stmt([f"type Op {shape.spelling}"]))
        if self.rng.random() < 0.4:
            original = self.rng.choice(world.structs)
            twin = Struct("Twin", original.fields)
            world.twins |= {twin: original, original: twin}
            world.shapes.append(twin)
            made.append(Stmt([f"type Twin {original.spelling}"]))
        if self.rng.random() < 0.3:
            fields = [Field("x", self.rng.choice(world.numbers)), Field("y", elem)]
            world.shapes.append(Struct(f"struct {{ {'; '.join(f.text for f in fields)} }}", fields))
        return made

    def choose_shapes(self) -> None:
        """The types of variables: all structs, and a handful of arrays, slices and pointers."""
        world = self.world
        basic: list[Shape] = [*world.numbers, STRING, BOOL]
        world.shapes += [STRING, BOOL, *world.structs]
        elems = [*self.rng.sample(basic, 2), self.rng.choice(world.structs), Pointer.to(self.rng.choice(world.structs))]
        world.shapes += [Slice.of(elem) for elem in elems]
        arrays = [Array.of(self.rng.choice([1, 2, 3, 4]), elem) for elem in self.rng.sample(elems, 2)]
        world.shapes += arrays
        world.shapes += [Slice.of(self.rng.choice(arrays)), Array.of(2, self.rng.choice(arrays))]
        world.shapes += [Slice.of(Slice.of(elems[0])), Slice.of(UINT8)]
        world.shapes += [Pointer.to(s) for s in [*world.structs, self.rng.choice(basic), arrays[0]]]
        world.shapes += [*self.functions, ANY, THING, ERROR, *world.interfaces, *world.interfaces]
        kept = [*self.functions, ANY, THING, ERROR, *world.interfaces]
        world.shapes += [Slice.of(shape) for shape in self.rng.sample(kept, 2)]
        world.shapes += self.maps(kept)
        world.shapes = list(dict.fromkeys(world.shapes))

    def maps(self, kept: list[Shape]) -> list[Shape]:
        world = self.world
        keys: list[Shape] = [*world.numbers, STRING, STRING, BOOL, ANY, ERROR, Pointer.to(world.structs[0])]
        keys += [s for s in world.shapes if isinstance(s, Struct | Array) and can_be_key(s)]
        elems = [
            *world.numbers,
            STRING,
            *kept,
            *world.structs,
            *(s for s in world.shapes if isinstance(s, Slice | Pointer)),
        ]
        chosen = [self.rng.choice(keys) for _ in range(self.rng.randint(2, 4))]
        made = [Map.of(key, self.rng.choice(elems)) for key in chosen]
        made += [Map.of(STRING, Map.of(INT, STRING))] if self.rng.random() < 0.3 else []
        return list(made)

    def choose_held(self) -> None:
        """What interfaces hold: any what is flat, Thing everything, the others what gets their methods."""
        world = self.world
        flat = [
            s for s in [*world.numbers, *world.shapes] if s.is_flat and s.is_printable and not isinstance(s, Interface)
        ]
        world.flat = [INT, STRING, *self.rng.sample(flat, min(len(flat), 5))]
        world.flat = list(dict.fromkeys(world.flat))
        things = [s for s in [*world.numbers, *world.shapes] if not isinstance(s, Interface)]
        world.things = [
            STRING,
            *self.rng.sample(things, min(len(things), 6)),
            *(Pointer.to(s) for s in world.structs[:1]),
        ]
        world.things = list(dict.fromkeys(world.things))
        self.receivers: dict[Shape, list[tuple[Shape, bool]]] = {}
        named = [s for s in [*self.named, *world.shapes] if s.is_named and isinstance(s, Number | Func | Slice | Text)]
        others = [s for s in named if s not in (STRING, INT)]
        for shape in world.interfaces:
            candidates: list[Shape] = list(dict.fromkeys([*world.structs, *world.structs, *others]))
            chosen = self.rng.sample(candidates, min(len(candidates), self.rng.randint(1, 3)))
            self.receivers[shape] = [(receiver, self.rng.random() < 0.5) for receiver in chosen]
            for receiver, by_pointer in self.receivers[shape]:
                shape.holds.append(Pointer.to(receiver))
                if not by_pointer:
                    shape.holds.append(receiver)
                for struct in world.structs:
                    embedded = [f.shape for f in struct.fields if f.is_embedded]
                    if embedded == [receiver] and struct not in chosen:
                        shape.holds.extend([Pointer.to(struct)] if by_pointer else [struct, Pointer.to(struct)])
                if world.wrappers.get(receiver) == shape:
                    del world.wrappers[receiver]  # its own methods hide those of what it embeds
            kept = list(dict.fromkeys(shape.holds))
            self.rng.shuffle(kept)
            shape.holds[:] = [*kept, *(s for s, inside in world.wrappers.items() if inside == shape)]

    def interface(self, shape: Interface) -> Stmt:
        methods = [f for f in self.world.functions if f.receiver == shape]
        lines = []
        for f in methods:
            params = ["d int", *(f"a{i} {param.spelling}" for i, param in enumerate(f.params))]
            lines.append(f"{f.name}({', '.join(params)}){result_text(f.results)}\n")
        return Stmt([f"type {shape.spelling} interface {{\n{''.join(lines)}}}"])

    def stringers(self) -> list[Stmt]:
        """String methods of some types, which fmt calls."""
        made = []
        for number in self.named:
            if self.rng.random() < 0.3:
                value = "strconv.Itoa(whole(float64(r)))"
                made.append(
                    Stmt([f'func (r {number.spelling}) String() string {{ return "{number.spelling}:" + {value} }}'])
                )
        for struct in self.world.structs:
            fields = [f"r.{f.name}" for f in struct.fields if f.shape.is_flat and f.shape.is_printable]
            if self.rng.random() < 0.3:
                star = self.rng.choice(["*", ""])
                value = f'"{struct.spelling}<" + fmt.Sprint({", ".join(fields[:3])}) + ">"'
                head = f"func (r {star}{struct.spelling}) String() string"
                made.append(Stmt([f"{head} {{ return {value} }}"]))
        return made

    # ---- constants and variables

    def constants(self) -> list[Stmt]:
        made = []
        writer = Features(self.rng, self.world, True)
        for i in range(self.rng.randint(0, 3)):
            shape = self.rng.choice([*self.world.numbers, STRING])
            made.append(Stmt([f"const c{i} {shape.spelling} = ", writer.literal(shape, is_bare=True)]))
            self.declare_constant(f"c{i}", shape)
        if self.rng.random() < 0.6:
            shape = self.rng.choice([n for n in self.world.numbers if isinstance(n, Number) and not n.is_float])
            formula = self.rng.choice(["iota", "iota*3 + 1", "1 << iota", "iota | 4", "5 - iota"])
            names = [f"w{i}" for i in range(self.rng.randint(1, 5))]
            made.append(Stmt([f"const (\n{names[0]} {shape.spelling} = {formula}\n" + "\n".join(names[1:]) + "\n)"]))
            for name in names:
                self.declare_constant(name, shape)
        return made

    def declare_constant(self, name: str, shape: Shape) -> None:
        self.world.constants.append(Variable(name, shape, is_stable=True, is_assignable=False, is_constant=True))

    def variables(self) -> list[Stmt]:
        """Package variables; each may need those before it, and the text has them in any order."""
        made = []
        for i in range(self.rng.randint(2, 6)):
            shape = self.rng.choice(self.world.shapes)
            name = f"g{i}"
            if shape.is_reference and self.rng.random() < (0.7 if isinstance(shape, Pointer) else 0.3):
                made.append(Stmt([f"var {name} {shape.spelling}"]))
                self.world.globals.append(Variable(name, shape, is_optional=True))
                continue
            writer = Features(self.rng, self.world, is_pure=False)
            writer.depth = str(DEEPEST)
            writer.is_initial = True
            writer.calls_left = 1
            value = writer.expr(shape, 3, is_bare=True)
            made.append(Stmt([f"var {name} {shape.spelling} = ", value]))
            self.world.globals.append(Variable(name, shape, is_addressable=True))
        self.rng.shuffle(made)
        return made

    # ---- functions

    def declare_functions(self) -> None:
        for i in range(self.rng.randint(2, 4 + self.size // 8)):
            self.world.functions.append(self.signature(f"f{i}"))
        for i in range(self.rng.randint(0, 4)):
            self.world.functions.append(self.method(f"m{i}"))
        for number, shape in enumerate(self.world.interfaces):
            for i in range(self.rng.randint(1, 2)):
                self.declare_dynamic(f"x{number}{i}", shape)

    def declare_dynamic(self, name: str, shape: Interface) -> None:
        """A method of an interface, and those that implement it."""
        made = replace(self.signature(name, shape), is_pure=False, is_variadic=False, names_results=False)
        self.world.functions.append(made)
        for receiver, by_pointer in self.receivers[shape]:
            names = bool(made.results) and self.rng.random() < 0.3
            self.world.functions.append(replace(made, receiver=receiver, by_pointer=by_pointer, names_results=names))

    def signature(self, name: str, receiver: Shape | None = None, by_pointer: bool = False) -> Function:
        pure = not by_pointer and self.rng.random() < 0.5
        if self.rng.random() < 0.4:  # of a type of function values
            like = self.rng.choice(self.functions)
            pure = pure and len(like.results) == 1 and all(s.is_flat for s in like.params)
            return Function(
                name,
                like.params,
                like.results,
                pure,
                receiver,
                by_pointer,
                False,
                bool(like.results) and self.rng.random() < 0.3,
            )
        shapes = [s for s in [*self.world.shapes, *self.world.numbers] if s.is_flat or not pure]
        params = [self.rng.choice(shapes) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3, 6]))]
        variadic = self.rng.random() < 0.15 and not pure
        if variadic:
            params.append(Slice.of(self.rng.choice(self.world.numbers)))
        every = [*self.world.shapes, *self.world.numbers]
        count = 1 if pure else self.rng.choice([0, 1, 1, 1, 2, 3])
        results = tuple(self.rng.choice(every) for _ in range(count))
        named = bool(results) and self.rng.random() < 0.3
        return Function(name, tuple(params), results, pure, receiver, by_pointer, variadic, named)

    def method(self, name: str) -> Function:
        structs: list[Shape] = [*self.world.structs]
        named = [
            *self.named,
            *(s for s in self.world.shapes if s.is_named and isinstance(s, Slice | Array | Text | Func)),
        ]
        receiver = self.rng.choice([*structs, *structs, *(s for s in named if s != STRING)])
        by_pointer = self.rng.random() < 0.5
        made = self.signature(name, receiver, by_pointer)
        return replace(made, is_pure=False) if made.is_pure and not receiver.is_flat else made

    def function(self, f: Function) -> Stmt:
        writer = Features(self.rng, self.world, f.is_pure)
        declare = writer.scopes.declare
        declare(Variable("d", INT, is_stable=True, is_assignable=False))
        head = "func "
        if f.receiver is not None:
            shape = Pointer.to(f.receiver) if f.by_pointer else f.receiver
            declare(Variable("r", shape, is_addressable=not f.by_pointer))
            head += f"(r {shape.spelling}) "
        texts = ["d int"]
        for i, shape in enumerate(f.params):
            is_last = f.is_variadic and i == len(f.params) - 1
            texts.append(f"a{i} ..." + shape.spelling[2:] if is_last else f"a{i} {shape.spelling}")
            addressable = self.rng.random() < 0.3
            declare(Variable(f"a{i}", shape, is_stable=not addressable, is_addressable=addressable))
        names = [f"r{i}" for i in range(len(f.results))] if f.names_results else []
        writer.begin(f.results, names, room=6)
        body = [*writer.start(f.results, names), *self.body(writer, 5), *writer.remembered(3)]
        if f.results:
            body.append(writer.return_statement())
        return Stmt([f"{head}{f.name}({', '.join(texts)}) {self.result_text(f)}", Block(body)])

    def result_text(self, f: Function) -> str:
        if not f.results:
            return ""
        texts = [f"r{i} {s.spelling}" if f.names_results else s.spelling for i, s in enumerate(f.results)]
        return f"({', '.join(texts)}) "

    def body(self, writer: Features, most: int) -> list[Stmt]:
        return [writer.statement() for _ in range(self.rng.randint(max(min(2, most), most // 2), most))]

    def main(self) -> Stmt:
        writer = Features(self.rng, self.world, is_pure=False)
        writer.begin((), [], room=2 * self.size)
        writer.is_main = True
        writer.scopes.declare(Variable("d", INT, is_stable=True, is_assignable=False))
        body = [Stmt([f"d := {DEEPEST}; _ = d"]), *self.body(writer, self.size)]
        for function in self.world.functions:
            if self.rng.random() < 0.7:
                body += writer.tried(function)
        body += writer.remembered(8)
        for variable in self.world.globals:
            sum_ = writer.sum_of(variable.shape)
            body.append(Stmt([f"mix({sum_}({variable.name}, 3))"]))
        body.append(Stmt(["fmt.Println(hash)"]))
        if self.rng.random() < 0.25:
            body.append(Stmt([self.ending(writer)]))
        return Stmt(["func main() ", Block(body)])

    def ending(self, writer: Features) -> str:
        """A statement that ends the program before its time."""
        number = self.rng.choice(self.world.numbers)
        struct = self.world.structs[0]
        field = struct.fields[0].name
        n = self.rng.choice([-1, 2, 3, 5, 100])
        return self.rng.choice(
            [
                f'panic("{self.rng.choice(["", "no", "a b"])}")',
                f"panic({writer.literal(number, is_bare=False).text()})",
                "panic(fuel > -1000000)",
                f"os.Exit({self.rng.choice([0, 1, 3, 77, 255])})",
                f"n := {n}; fmt.Println([]int{{1, 2}}[n])",
                f"n := {n}; var a [2]string; a[n] = clip(a[0])",
                f"n, m := {n}, 1; fmt.Println([]int{{1, 2}}[n:m])",
                f"n := {n}; fmt.Println(len(make([]int, 2, 4)[:n+3]))",
                f'n := {n}; fmt.Println("ab"[n:])',
                f'n := {n}; fmt.Println("ab"[n])',
                f"n := {n}; fmt.Println([]int{{1, 2}}[:1:n])",
                f"n := {n}; var a [2]int; fmt.Println(a[:n])",
                "n := fuel - fuel; fmt.Println(10 / n)",
                "n := uint8(fuel - fuel); n %= n; fmt.Println(n)",
                f"var p *{struct.spelling}; fmt.Println(p.{field} == p.{field})" if struct.fields[0].shape.is_comparable
                else f"var p *{struct.spelling}; _ = p.{field}",
                f"var p *{struct.spelling}; *p = {struct.spelling}{{}}",
                "var p *[4]int; p[1] = 2",
                "n := -1 - fuel + fuel; fmt.Println(1 << n)",
                f"n := -1 - fuel + fuel; s := make([]{number.spelling}, n); _ = s",
            ]
        )  # fmt: skip

    # ---- checksums

    def sums(self) -> list[Stmt]:
        """A function for each type that a value is added up of; `d` bounds the way through pointers and slices."""
        made: list[Stmt] = []
        done: set[Shape] = set()
        while todo := [shape for shape in self.world.sums if shape not in done]:
            for shape in todo:
                done.add(shape)
                lines = ["h = 17", *self.sum_lines(shape, "v"), "return h"]
                head = f"func {self.world.sums[shape]}(v {shape.spelling}, d int) (h uint64) "
                made.append(Stmt([head, Block([Stmt([line]) for line in lines])]))
        return made

    def sum_lines(self, shape: Shape, value: str) -> list[str]:
        """Statements that add a value to h."""
        match shape:
            case Struct(fields=fields):
                return [line for f in fields for line in self.sum_lines_of_part(f.shape, f"{value}.{f.name}")]
            case Array(elem=elem):
                inner = "; ".join(self.sum_lines_of_part(elem, "e"))
                return [f"for _, e := range {value} {{ {inner} }}"]
            case Slice(elem=elem):
                inner = "; ".join(self.sum_lines_of_part(elem, "e", "d-1"))
                return [f"if d > 0 {{ for _, e := range {value} {{ {inner} }} }}", f"h += uint64(len({value}))"]
            case Pointer(elem=elem):
                inner = "; ".join(self.sum_lines_of_part(elem, f"(*{value})", "d-1"))
                return [f"if {value} != nil && d > 0 {{ {inner} }}"]
            case Map(key=key, elem=elem):
                inner = "; ".join([*self.sum_lines_of_part(key, "k", "d-1"), *self.sum_lines_of_part(elem, "e", "d-1")])
                add = f"h := uint64(7); {inner}; g += h * h"
                return [f"g := uint64(len({value}))", f"if d > 0 {{ for k, e := range {value} {{ {add} }} }}", "h += g"]
            case Func():
                return [f"if {value} == nil {{ h = 3 }}"]
            case Interface():
                return self.sum_interface(shape, value)
        return self.sum_lines_of_part(shape, value)

    def sum_interface(self, shape: Interface, value: str) -> list[str]:
        """By what is in it."""
        if shape == ERROR:
            return [f"if {value} != nil {{ h = sumText({value}.Error()) }}"]
        cases = []
        for number, held in enumerate(self.world.held(shape)):
            inner = "; ".join(self.sum_lines_of_part(held, "x", "d-1"))
            cases.append(f"case {held.spelling}: h = {number}; {inner}\n")
        return ["if d <= 0 { return }", f"switch x := {value}.(type) {{\n{''.join(cases)}}}"]

    def sum_lines_of_part(self, shape: Shape, value: str, depth: str = "d") -> list[str]:
        """The same for a part: basic values at once, all others by the function of their type."""
        match shape:
            case Number(is_float=True):
                return [f"h = h*31 + uint64(whole(float64({value})*8))"]
            case Number():
                return [f"h = h*31 + uint64({value})"]
            case Text():
                return [f"h = h*31 + sumText(string({value}))"]
            case Truth():
                return [f"h = h*31 + sumTruth({value})"]
        if shape not in self.world.sums:
            self.world.sums[shape] = self.world.fresh("sum")
        return [f"h = h*31 + {self.world.sums[shape]}({value}, {depth})"]
