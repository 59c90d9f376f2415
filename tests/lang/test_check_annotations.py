"""What the checker writes on the tree: invariants of syntax.py on real programs, and each annotation once."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from lang import go_types as t
from lang import syntax as s
from lang.check_tree import check_tree, nodes
from lang.objects import Const, Func, Var
from tests.lang.trees import checked, expressions, function

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted([*ROOT.glob("examples/*.toy"), *ROOT.glob("tests/programs/*/*.toy")])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_program_keeps_the_invariants(path: Path) -> None:
    package = checked(path.read_text(encoding="utf-8"))
    check_tree(package)


def broken(tag: str, change: Callable[[s.Name], None]) -> None:
    """Check the tree of a program after a change to the x in `println(x)`."""
    package = checked("func main() { x := 1; println(x) }")
    x = [x for x in nodes(package.file) if isinstance(x, s.Name) and x.name == "x"][-1]
    change(x)
    with pytest.raises(AssertionError, match=tag):
        check_tree(package)


def test_a_broken_invariant_is_seen() -> None:
    broken("AN1", lambda x: setattr(x, "type", t.INVALID))
    broken("AN1", lambda x: setattr(x, "value", 1))
    broken("AN2", lambda x: setattr(x, "type", t.UNTYPED_INT))
    broken("AN3", lambda x: setattr(x, "object", None))
    broken("AN4", lambda x: setattr(x, "pos", 0))


def test_declared_names_lead_to_their_variables() -> None:
    package = checked(
        "var g int\nfunc f(p int) (r int) { x := p; y, x := x, 2; r = y + x + g; return }\nfunc main() { f(1) }"
    )
    info = function(package, "f").info
    assert [v.name for v in info.params] == ["p"]
    assert [v.name for v in info.results] == ["r"]
    assert [v.name for v in info.locals] == ["x", "y"]
    assert info.has_named_results
    first, second = [x for x in nodes(package.file) if isinstance(x, s.Define)]
    assert [v is not None for v in first.new] == [True]
    assert [v is not None for v in second.new] == [True, False]
    reused = second.left[1]
    assert isinstance(reused, s.Name)
    assert reused.object is info.locals[0]
    assert package.globals[0].name == "g"


def test_untyped_operands_get_the_type_of_their_place() -> None:
    package = checked("func main() { var f float64 = 1 + 2; n := 3; f = f * 2; b := f == 0; _, _ = n << 2, b }")
    values = {x.text: x for x in expressions(package, s.BasicLit) if isinstance(x, s.BasicLit)}
    assert values["0"].type == t.FLOAT64
    assert values["0"].value == Fraction(0)
    assert isinstance(values["0"].value, Fraction)
    total = next(x for x in expressions(package, s.Binary) if x.mode is s.Mode.CONSTANT)
    assert (total.type, total.value) == (t.FLOAT64, Fraction(3))
    comparison = next(x for x in expressions(package, s.Binary) if isinstance(x, s.Binary) and x.op == "==")
    assert comparison.type == t.BOOL


def test_shifted_constant_takes_the_type_of_the_place() -> None:
    package = checked("func main() { n := 3; var b byte = 1 << n; x := 1 << n; _, _ = b, x }")
    byte_shift, int_shift = expressions(package, s.Binary)
    assert isinstance(byte_shift, s.Binary)
    assert byte_shift.type == byte_shift.left.type == t.UINT8
    assert int_shift.type == t.INT


def test_nil_takes_the_type_of_the_place() -> None:
    package = checked("func main() { var p *int = nil; var s []int; println(p == nil, s != nil) }")
    nils = [x.type for x in nodes(package.file) if isinstance(x, s.Name) and x.name == "nil"]
    assert nils == [t.Pointer(t.INT), t.Pointer(t.INT), t.Slice(t.INT)]


def test_elided_types_and_addresses_are_put_back() -> None:
    package = checked(
        "type P struct{ x, y int }\nfunc main() { a := []*P{{1, 2}, 3: {y: 4}, &P<5, 6>}; println(len(a)) }"
    )
    literal = next(x for x in expressions(package, s.CompositeLit))
    assert isinstance(literal, s.CompositeLit)
    assert literal.length == 5
    assert [index for index, _ in literal.entries] == [0, 3, 4]
    for _, entry in literal.entries:
        assert isinstance(entry, s.Unary)
        assert str(entry.type) == "*P"
        assert str(entry.operand.type) == "P"
    inner = literal.entries[1][1]
    assert isinstance(inner, s.Unary)
    assert isinstance(inner.operand, s.CompositeLit)
    assert [index for index, _ in inner.operand.entries] == [1]


def test_both_spellings_of_a_literal_give_the_same_node() -> None:
    package = checked("type P struct{ x, y int }\nfunc main() { _, _ = &P<1, (2)>, &P{1, (2)} }")
    angle, brace = expressions(package, s.Unary)
    assert isinstance(angle, s.Unary)
    assert isinstance(brace, s.Unary)
    assert type(angle.operand) is type(brace.operand) is s.CompositeLit
    assert angle.type == brace.type


SELECTIONS = """
type Inner struct { n int }
func (i Inner) get() int { return i.n }
func (i *Inner) set(n int) { i.n = n }
type Outer struct { *Inner; name string }
type Plain struct { Inner }

func main() {
	o := Outer{&Inner{1}, "o"}
	var p Plain
	q := &p
	println(o.n, q.n, o.get(), q.get())
	o.set(2)
	p.set(3)
	q.set(4)
}
"""


def test_selectors_tell_their_path() -> None:
    package = checked(SELECTIONS)
    main = function(package, "main")
    found = {}
    for x in nodes(main):
        if isinstance(x, s.Selector):
            assert isinstance(x.operand, s.Name)
            found[f"{x.operand.name}.{x.name.name}"] = x.selection
    field = found["o.n"]
    assert isinstance(field, s.FieldSelection)
    assert [(step.index, step.through_pointer) for step in field.steps] == [(0, False), (0, True)]
    field = found["q.n"]
    assert isinstance(field, s.FieldSelection)
    assert [step.through_pointer for step in field.steps] == [True, False]
    adjusts = {}
    for name, selection in found.items():
        if isinstance(selection, s.MethodSelection):
            adjusts[name] = (len(selection.steps), selection.adjust)
    assert adjusts == {
        "o.get": (1, s.Adjust.DEREFERENCE),
        "q.get": (1, s.Adjust.NONE),
        "o.set": (1, s.Adjust.NONE),
        "p.set": (1, s.Adjust.ADDRESS),
        "q.set": (1, s.Adjust.ADDRESS),
    }


ADDRESSES = """
type T struct { a [3]int; n int }
func (t *T) m() {}
func main() {
	var plain, byAnd, byField, byMethod, behind T
	var array, sliced [3]int
	p := &behind
	_ = &byAnd
	_ = &byField.a[1]
	byMethod.m()
	_ = sliced[:]
	p.m()
	_ = p.a[:]
	plain.n = array[0]
	_ = plain
}
"""


def test_address_taken_is_noted_for_the_variable_that_holds_the_value() -> None:
    locals_ = function(checked(ADDRESSES), "main").info.locals
    assert [v.name for v in locals_ if v.address_taken] == ["byAnd", "byField", "byMethod", "behind", "sliced"]


def test_calls_tell_what_they_call() -> None:
    package = checked(
        'import "fmt"\ntype C float64\nfunc (c C) m() {}\nfunc v(xs ...int) {}\nfunc two() (int, int) { return 1, 2 }\n'
        "func main() { c := C(1); c.m(); v(1, 2); fmt.Println(len([]int{})); v(two()) }"
    )
    calls = [x for x in nodes(function(package, "main")) if isinstance(x, s.Call)]
    kinds = [(x.kind.name, x.builtin or (x.target.package + "." + x.target.name if x.target else "")) for x in calls]
    assert kinds == [
        ("CONVERSION", ""),
        ("METHOD", ".m"),
        ("FUNCTION", ".v"),
        ("FUNCTION", "fmt.Println"),
        ("BUILTIN", "len"),
        ("FUNCTION", ".v"),
        ("FUNCTION", ".two"),
    ]
    assert calls[5].expands_tuple
    assert calls[2].signature is not None
    assert calls[2].signature.variadic


def test_switch_cases_and_branches() -> None:
    package = checked(
        "func main() {\nouter:\n\tfor i := range 3 {\n\t\tswitch i {\n\t\tcase 1:\n\t\t\tfallthrough\n"
        "\t\tcase 2:\n\t\t\tbreak\n\t\tdefault:\n\t\t\tcontinue outer\n\t\t}\n\t}\n}"
    )
    loop = next(x for x in nodes(package.file) if isinstance(x, s.Range))
    switch = next(x for x in nodes(package.file) if isinstance(x, s.Switch))
    assert [case.falls_through for case in switch.cases] == [True, False, False]
    targets = [x.target for x in nodes(package.file) if isinstance(x, s.Branch) and x.keyword != "fallthrough"]
    assert targets == [switch, loop]
    assert loop.kind is s.RangeKind.INTEGER
    assert loop.key_var is not None
    assert loop.key_var.type == t.INT


def test_globals_are_initialised_in_order_of_need() -> None:
    package = checked(
        "var a = b + f()\nvar b, c = 1, 2\nvar d, e = two()\nvar z int\n"
        "func f() int { return c + d }\nfunc two() (int, int) { return z, 2 }\nfunc main() { _ = a + e }"
    )
    order = [[v.name for v in i.vars if v is not None] for i in package.initializers]
    assert order == [["b"], ["c"], ["d", "e"], ["a"]]


def test_methods_lie_on_their_types() -> None:
    package = checked("func main() { var t T; t.m() }\nfunc (t *T) m() {}\ntype T int\nfunc (T) n() {}")
    named = package.types[0].type
    assert isinstance(named, t.Named)
    assert [(m.name, m.pointer_receiver) for m in named.methods.values()] == [("m", True), ("n", False)]
    assert function(package, "m").info.name == "(*T).m"
    receiver = function(package, "n").info.receiver
    assert isinstance(receiver, Var)
    assert receiver.name == ""


def test_iota_and_repeated_constants() -> None:
    package = checked(
        "const (\n\ta, b = iota, 1 << iota\n\tc, d\n\t_, _\n\te, f\n)\nfunc main() { println(a, b, c, d, e, f) }"
    )
    values = {}
    for x in nodes(function(package, "main")):
        if isinstance(x, s.Name) and isinstance(x.object, Const):
            values[x.name] = x.value
    assert values == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 3, "f": 8}


def test_functions_know_their_objects() -> None:
    package = checked("func init() {}\nfunc init() {}\nfunc main() {}")
    assert len(package.init_functions) == 2
    assert package.main is not None
    assert isinstance(package.main.object, Func)
