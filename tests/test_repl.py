"""toyrun repl, as a user meets it: through a pipe, and through a terminal with its keys."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lang.driver import UserError
from lang.repl import Prompt
from lang.replay import Outcome, Progress
from lang.session import Session
from lang.session_input import is_incomplete
from tests.expectations import parse
from tests.forked_toyrun import toyrun
from tests.test_toyrun import COMMAND, ENGINES, Finished, environment

CTRL_C, CTRL_D = "\x03", "\x04"
UP = "\x1b[A"
TIMEOUT_SECONDS = 60
ROOT = Path(__file__).parent.parent


def session(*inputs: str, engine: str = "native", env: dict[str, str] | None = None) -> Finished:
    done = toyrun("--engine", engine, "repl", stdin="".join(f"{text}\n" for text in inputs).encode(), env=env)
    assert done.code == 0
    return done


def shown(*inputs: str, engine: str = "native") -> str:
    """What a session prints in which nothing goes wrong."""
    done = session(*inputs, engine=engine)
    assert done.err == ""
    return done.out


# State


@pytest.mark.parametrize("engine", ENGINES)
def test_state_survives_and_side_effects_do_not_happen_again(engine: str) -> None:
    inputs = ["x := 1", "x++", "x", 'import "fmt"', 'fmt.Println("once")', "x += 5", "x", "x * 2"]
    assert shown(*inputs, engine=engine) == "2\nonce\n7\n14\n"


def test_what_goes_to_standard_error_is_not_repeated_either() -> None:
    done = session('println("once")', "x := 1", "x", 'print("a")', "x")
    assert (done.out, done.err) == ("1\n1\n", "once\na")


def test_calls_whose_values_are_shown_are_kept() -> None:
    count = "func next() int { n++; return n }"
    assert shown("var n int", count, "next()", "next()", "n", "next() + next()", "n") == "1\n2\n2\n7\n4\n"


def test_declarations_of_every_kind() -> None:
    assert shown(
        'import ("fmt"; "runtime")',
        "const ( A = iota + 1; B )",
        "type Point struct { x, y int }",
        "func (p *Point) add(q Point) { p.x += q.x; p.y += q.y }",
        "var origin, p = Point{}, &Point<A, B>",
        "a, b := 1, \"two\"",
        "p.add(Point{10, 10}); p",
        "fmt.Sprint(origin, a, b)",
        "runtime.NumGoroutine()",
        "var list []int",
        "for i := range 3 { list = append(list, i*i) }",
        "list",
    ) == '&{x:11 y:12}\n"{0 0} 1two"\n1\n[0 1 4]\n'


def test_functions_see_the_variables_of_the_session() -> None:
    assert shown("x := 1", "func get() int { return x }", "x = 5", "get()", "p := &x", "*p = 6", "get()") == "5\n6\n"


def test_the_heap_survives() -> None:
    assert shown(
        "type L struct { v int; next *L }",
        "var head *L",
        "for i := 0; i < 1000; i++ { head = &L<i, head> }",
        'import "runtime"',
        "runtime.GC()",
        "n := 0",
        "for l := head; l != nil; l = l.next { n += l.v }",
        "n",
    ) == "499500\n"


def test_initialisation_is_in_the_order_of_typing() -> None:
    assert shown("x := 1", "x++", "y := x", "x++", "var z = x", "y", "z") == "2\n3\n"
    assert shown("x := 1; x++; y := x; x = 9; y") == "2\n"


# Values


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2", "3"),
        ('"a" + "\\n"', '"a\\n"'),
        ("'x'", "120"),
        ("1.5", "1.5"),
        ("1 < 2", "true"),
        ("[]int{1, 2}", "[1 2]"),
        ('struct{ a int; b string }{1, "x"}', "{a:1 b:x}"),
        ("&struct{ a int }{1}", "&{a:1}"),
        ("uint8(200)", "200"),
        ("min(2, 1)", "1"),
        ("(len(\"abc\"))", "3"),
    ],
)
def test_the_value_of_an_expression(expression: str, value: str) -> None:
    assert shown(expression) == f"{value}\n"


def test_several_results_are_shown_and_no_result_is_not() -> None:
    inputs = ["func two() (int, string) { return 1, `a` }", "two()", "func none() {}", "none()", "two(); none()"]
    assert shown(*inputs) == "1 a\n"


def test_types() -> None:
    inputs = ["x := []int{1}", ":type x", "  :type  x[0] < 2 ", "type T struct{}", ":type &T<>", ":type 1.5", ":type"]
    done = session(*inputs)
    assert done.out == "[]int\nbool\n*T\nfloat64\n"
    assert done.err == ":type takes an expression\n"


def test_the_type_of_an_expression_does_not_run_it() -> None:
    assert shown("func f() int { println(1); return 1 }", ":type f()") == "int\n"


# Input


def test_an_input_goes_on_until_it_is_complete() -> None:
    text = """func f(
	n int,
) int {

	return n +
		1
}
x :=
	f(
		1)
/* a
comment */ x
`a
b`
for i := 0; i < 2; i++ {
	x +=
		10
}
x
// nothing

"""
    assert shown(text) == '2\n"a\\nb"\n22\n'


def test_a_whole_program_can_be_pasted() -> None:
    program = (ROOT / "examples" / "hello.toy").read_text("utf-8")
    assert shown("package main", program, "main()", "main()") == "Hello, 世界\n" * 2


def test_an_input_that_stays_incomplete() -> None:
    done = session("x := 1", "f(x,")
    assert done.err.splitlines() == ["repl:3:1: syntax error: unexpected EOF, expected )"]
    assert done.out == ""


def test_an_empty_session() -> None:
    assert shown() == ""
    assert toyrun("repl", stdin=b"x := 1\nx").out == "1\n"


def test_a_byte_order_mark_may_stand_in_front() -> None:
    mark = b"\xef\xbb\xbf"
    for first in (b"x := 1", b":help", b"\nx := 1"):
        done = toyrun("repl", stdin=mark + first + b"\n2\n")
        assert (done.out[-2:], done.err) == ("2\n", "")
    assert toyrun("repl", stdin=mark).err == ""
    assert "repl:2:1: invalid BOM in the middle of the file" in toyrun("repl", stdin=b"x := 1\n" + mark + b"x\n").err


# Errors


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("y", "1: undefined: y"),
        ("x := := 1", "6: syntax error: unexpected :=, expected expression"),
        ('x = "a"', '5: cannot use "a" (untyped string constant) as int value in assignment'),
        ("a, b := 1", "9: assignment mismatch: 2 variables but 1 value"),
        ("z := z + 1", "6: undefined: z"),
        ("b := a; a := 1", "6: undefined: a"),
        ("f(1)", "3: too many arguments in call to f"),
        ("int", "1: int (type) is not an expression"),
        ("nil", "1: use of untyped nil in assignment"),
        ("x + 1; x", "1: x + 1 (value of type int) is not used"),
        ("func g() int { }", "16: missing return"),
        ("for { y := 1 }", "7: declared and not used: y"),
        ("break", "1: break is not in a loop, switch, or select"),
        ("go f()", "1: Toy does not have goroutines yet"),
        ('import "nosuch"', '8: package nosuch is not in std'),
        ('"open', "6: newline in string"),
        ("a\0b", "2: invalid NUL character"),
        ("func init() {}", "6: a session has no func init"),
        ("package lib", "9: package lib; a Toy program is package main"),
        ("(" * 100, "81: nested more than 80 deep"),
        ("main", "1: undefined: main"),
    ],
)
def test_an_error_is_gos_at_the_users_line_and_changes_nothing(wrong: str, message: str) -> None:
    done = session("x := 7", "func f() int { return x }", "", wrong, "x", "f()")
    assert done.err.splitlines()[0].startswith(f"repl:4:{message}"), done.err
    assert done.out == "7\n7\n"


def test_text_that_is_not_utf8() -> None:
    done = toyrun("repl", stdin=b'x := 1\n"\xff"\nx\n')
    assert (done.code, done.out) == (0, "1\n")
    assert "repl:2:2: invalid UTF-8 encoding" in done.err


def test_an_error_in_a_later_line_of_an_input() -> None:
    done = session("x := 1", "func f() {", "", "\tx = y", "}", "x")
    assert done.err.startswith("repl:4:6: undefined: y\n\t\tx = y\n")
    assert done.out == "1\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_panic_ends_only_its_input(engine: str) -> None:
    inputs = ["x := 1", "var a []int", "x = 2; a[x] = 1", "x", "func f() { panic(`no`) }", "f()", "x"]
    done = session(*inputs, engine=engine)
    assert done.out == "1\n1\n"
    lines = done.err.splitlines()
    assert "panic: runtime error: index out of range [2] with length 0" in lines
    assert "panic: no" in lines
    assert lines.count("exit status 2") == 2
    assert [line for line in lines if line.startswith("\t")] == ["\trepl:3", "\trepl:5", "\trepl:6"]
    assert "main.f(...)" in lines


def test_an_exit_ends_only_its_input() -> None:
    done = session('import "os"', "x := 1", "x = 5; os.Exit(0)", "x", "os.Exit(3)", "x")
    assert (done.out, done.err) == ("1\n1\n", "exit status 0\nexit status 3\n")


def test_a_stack_overflow_ends_only_its_input() -> None:
    done = session("func f(n int) int { return f(n+1) + 1 }", "f(0)", "1")
    assert "fatal error: stack overflow" in done.err
    assert done.out == "1\n"


def test_earlier_inputs_that_come_to_another_end_are_told_apart(capfd: pytest.CaptureFixture[str]) -> None:
    prompt = Prompt("native", os.environ, is_interactive=False)
    prompt.session.keep(prompt.session.enter("panic(`by the clock`)\n"))
    prompt.take("1")
    prompt.take("x := 1")
    prompt.take("x")
    _, err = capfd.readouterr()
    told = "toyrun: the inputs before this one, run once more, came to another end; it was not run"
    assert err.splitlines().count(told) == 2
    assert "repl:4:1: undefined: x" in err


def test_a_child_that_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    Prompt("native", os.environ, is_interactive=False).tell(Outcome(Progress.NOWHERE, -signal.SIGKILL))
    assert capfd.readouterr().err == "signal: killed\n"


# Whole programs


def plain(path: Path) -> bool:
    """Whether a program has no arguments, ends well, and no init."""
    found = parse(path.read_text("utf-8"), str(path))
    is_plain = not (found.args or found.environ or found.exit_code or found.stderr)
    return is_plain and "func init()" not in path.read_text("utf-8")


PROGRAMS = [path for path in sorted((ROOT / "tests" / "programs").rglob("*.toy")) if plain(path)]


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.full) for n in range(1, 20))])
def test_every_program_is_an_input_twice(first: int) -> None:
    assert len(PROGRAMS) > 100
    for path in PROGRAMS[first::20]:
        own = Session()
        text = path.read_text("utf-8").rstrip("\n") + "\n"
        assert not is_incomplete(text), path
        for _ in range(2):
            own.keep(own.enter(text))
            assert own.enter("main()\n").runs, path


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.full] if i % 5 else []) for i, path in enumerate(PROGRAMS[::20])],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_program_does_at_the_prompt_what_it_does_elsewhere(path: Path) -> None:
    expected = parse(path.read_text("utf-8"), str(path))
    assert shown(path.read_text("utf-8"), "main()").splitlines() == list(expected.stdout)


WORDS = """x y f T 1 2.5 "a" := = + ++ ( ) { } [ ] , ; func type var const for if return int struct import "fmt" fmt .
    & < > * switch case : range /* */ ` 'x' main init _ true nil append len package else break L""".split()
LINES = """x := 1|var y = 2.5|func f(n int) int { return n + x }|type T struct { a int }|func (t T) m() T { return t }
x++|t := T{1}|f(2)|const c, d = 1, 2|x, y := 1, 2|f := 3|type x int|t.m()|func T() {}|y
type U struct { T }|_ = x|L: for { break L }|if x := 1; x > 0 { x++ }""".replace("\n", "|").split("|")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_typed_is_taken_or_refused(seed: int) -> None:
    """A session of random inputs: refused ones change nothing, and no other exception comes out."""
    random = Random(seed)
    for _ in range(25):
        own = Session()
        for _ in range(15):
            text = random.choice(LINES)
            if random.random() < 0.4:
                text = " ".join(random.choices(WORDS, k=random.randrange(1, 9)))
            before = [*own.kept], {**own.renamed}
            is_incomplete(f"{text}\n")
            try:
                own.keep(own.enter(f"{text}\n"))
            except UserError:
                assert (own.kept, own.renamed) == before


# Names that are declared again


def test_what_was_typed_before_goes_on_with_the_old_name() -> None:
    assert shown(
        "x := 1",
        "func f() int { return x }",
        'x := "new"',
        "x",
        "f()",
        'x := x + "er"',
        "x",
        "func f() string { return x }",
        "f()",
        "x, y := 1.5, x",
        "x",
        "y",
        "f()",
    ) == '"new"\n1\n"newer"\n"newer"\n1.5\n"newer"\n"newer"\n'


def test_types_and_methods_are_declared_again() -> None:
    assert shown(
        "type T struct { a int }",
        "type W struct { T; b int }",
        "func (t T) get() int { return t.a }",
        "t := T{1}",
        "func old() int { return t.get() }",
        "func (t T) get() int { return t.a + 100 }",
        "t.get()",
        "old()",
        "type T string",
        "w := W{}",
        "w.T.a = 5",
        "w.a",
        "t",
        'T("x")',
    ) == '101\n1\n5\n{a:1}\n"x"\n'


def test_every_place_where_a_name_can_stand_goes_with_it() -> None:
    assert shown(
        "const N = 3",
        "var a [N]int",
        "type E int",
        "const ( A E = iota + N; B )",
        "func (e *E) up() E { *e += E(N); switch *e { case A: return B }; return E(len([N]int{})) }",
        "type S struct { e E; l []E; a [N]E }",
        "var s S",
        "func g(e E, es ...E) (r E) { var q E = e; for i := E(0); i < N; i++ { q += i }; _ = S{e: e}; return q }",
        "const N = 5; type E string; type S int; const A = 1.5",
        "len(a)",
        "s.e + B",
        "g(1)",
        "s.e.up()",
        "len([N]E{})",
    ) == "3\n4\n4\n4\n5\n"


def test_an_import_may_be_repeated() -> None:
    assert shown('import "fmt"', 'import "fmt"', 'fmt.Print("a\\n")') == "a\n"


# What the language has besides


@pytest.mark.parametrize("engine", ENGINES)
def test_closures_keep_their_variables(engine: str) -> None:
    counter = "func counter() func() int { n := 0; return func() int { n++; return n } }"
    inputs = [counter, "c, d := counter(), counter()", "c()", "c() * 10 + d()", "func() int { return c() }()"]
    assert shown(*inputs, engine=engine) == "1\n21\n3\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_defer_panic_and_recover(engine: str) -> None:
    done = session(
        'import "fmt"',
        "func caught(f func()) (err any) { defer func() { err = recover() }(); f(); return }",
        'caught(func() { panic("a") })',
        'caught(func() { defer func() { panic("c") }(); panic("b") })',
        'func f() { defer func() { panic("e") }(); panic("d") }',
        "f()",
        'defer fmt.Println("later"); fmt.Println("now")',
        engine=engine,
    )
    assert done.out == "a\nc\nnow\nlater\n"
    lines = done.err.splitlines()
    assert lines[:2] == ["panic: d", "\tpanic: e"]
    assert lines[-1] == "exit status 2"


@pytest.mark.parametrize("engine", ENGINES)
def test_maps_and_values_with_methods_are_shown(engine: str) -> None:
    assert shown(
        'import "fmt"; m := map[string][]int{"b": {2}, "a": nil}; m',
        'delete(m, "b"); m["c"] = []int{3}; any(m)',
        "type Celsius float64",
        'func (c Celsius) String() string { return fmt.Sprint(float64(c), "°") }',
        "[]Celsius{1.5, 2}",
        engine=engine,
    ) == "map[a:[] b:[2]]\nmap[a:[] c:[3]]\n[1.5° 2°]\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_errors_are_shown_by_their_texts(engine: str) -> None:
    assert shown(
        'import ("errors"; "fmt"; "strconv")',
        'err := fmt.Errorf("outer: %w", errors.New("inner")); err',
        "errors.Unwrap(errors.Unwrap(err))",
        'strconv.Atoi("x1")',
        "parse := func(s string) (int, error) { return strconv.Atoi(s) }; parse(`12`)",
        'fmt.Println("its results are not shown")',
        engine=engine,
    ).splitlines() == [
        "outer: inner",
        "<nil>",
        '0 strconv.Atoi: parsing "x1": invalid syntax',
        "12 <nil>",
        "its results are not shown",
    ]


def test_types_of_every_kind() -> None:
    expressions = ["any(1)", "map[string][]int{}", "func(x int, y ...any) (int, error) { return 0, nil }"]
    expressions += ["errors.New", "struct{ error }{}", "interface{ m() }(nil)", "I.m", "new(I)"]
    inputs = ['import "errors"', "type I interface { m() int }", *(f":type {x}" for x in expressions)]
    assert shown(*inputs).splitlines() == [
        "any",
        "map[string][]int",
        "func(x int, y ...any) (int, error)",
        "func(text string) error",
        "struct{error}",
        "interface{m()}",
        "func(I) int",
        "*I",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_method_that_interfaces_call_is_declared_again(engine: str) -> None:
    """What was typed before has done what it did; what is typed from now on calls the new one, on old values too."""
    assert shown(
        "var n int",
        "type Adder interface { add(int, ...int) int }",
        "type T struct{}",
        "func (T) add(int, ...int) int { n++; return n }",
        "var a Adder = &T{}",
        "a.add(0)",
        "func (t T) add(_ int, more ...int) int { n += 10 * len(more); return n }",
        "n",
        "a.add(0, 0, 0)",
        "func (_ T) add(k int, _ ...int) int { n += k; return n }",
        "n",
        "a.add(100)",
        "T{}.add(100)",
        engine=engine,
    ) == "1\n1\n21\n21\n121\n221\n"


def test_a_string_method_is_declared_again() -> None:
    assert shown(
        'import "fmt"',
        "type T int",
        'func (T) String() string { return "old" }',
        "s := fmt.Sprint(T(1))",
        'func (t T) String() string { return "new" }',
        "s",
        "T(1)",
        "type T string",
        "s",
        'fmt.Sprintf("%T", T(s))',
    ) == '"old"\nnew\n"old"\n"main.T"\n'


def test_a_method_that_earlier_inputs_need_as_it_is() -> None:
    """With other parameters, the type would not be what an interface wants of it any more."""
    declared = ["type T int", "func (T) m() int { return 1 }", "var i interface{ m() int } = T(0)"]
    done = session(*declared, "func (T) m() {}", "i.m()")
    assert done.err.splitlines()[0] == "repl:4:10: method T.m already declared at repl:2:10"
    assert done.out == "1\n"


def test_a_type_takes_its_methods_along() -> None:
    assert shown(
        "type I interface { get() string }",
        "type T struct{ s string }",
        "func (t T) get() string { return t.s }",
        'var old I = T{"old"}',
        "type T int; func (t T) get() string { return `new` }",
        "old.get()",
        "old = T(0)",
        "old.get()",
    ) == '"old"\n"new"\n'


def test_predeclared_names_give_way() -> None:
    assert shown(
        "func f(list []int) (bool, error) { if len(list) == 0 { return true, nil }; return false, nil }",
        "var none, one []int = nil, []int{1}",
        'len := len("abc")',
        "len",
        "type int float64; type error int; true := false; func nil() int { return 2.5 }; nil()",
        "f(none)",
        "f(one)",
    ) == "3\n2.5\ntrue <nil>\nfalse <nil>\n"


def test_packages_give_way() -> None:
    assert shown(
        'import "strings"',
        "func f(s string) string { return strings.ToUpper(s) }",
        'strings := strings.Fields("a b"); strings',
        'import "strings"',
        "strings.ToLower(f(`c`))",
        'import strings "sort"',
        'list := []string{"b", "a"}; strings.Strings(list); list',
        "f(`d`)",
    ) == '[a b]\n"c"\n[a b]\n"D"\n'


# Declarations that wait for others


def test_a_program_uses_what_it_declares_later() -> None:
    program = """func even(n int) bool { return n == 0 || odd(n - 1) }
func (t T) next() *U { return t.u }

type T struct{ u *U }
var seven = f()
type U struct{ n int }

func f() int { return 7 }
func odd(n int) bool { return n != 0 && even(n - 1) }
"""
    assert shown(program, "even(seven)", "T{&U{3}}.next()", ":type f") == "false\n&{n:3}\nfunc() int\n"


def test_what_is_wrong_among_what_waits() -> None:
    done = session(
        "func a() int { return b() + c() }",
        "func wrong() { none() }",
        "func b() int { return 1 }",
        "func b() int { return 2 }",
        "a()",
        "func c() int { return 1 }",
        "func user() { wrong() }",
        ":type c",
        "b()",
        "func last() { none() }",
    )
    told = [line for line in done.err.splitlines() if line.startswith("repl:")]
    assert told == [
        "repl:1:29: undefined: c",
        "repl:2:16: undefined: none",
        "repl:5:1: undefined: a",
        "repl:7:15: undefined: wrong",
        "repl:10:15: undefined: none",
    ]
    assert done.out == "func() int\n2\n"


# Commands and the command line


def test_help_and_quit_and_what_is_neither() -> None:
    done = session(":help", ":nonsense", "x := 1", ":quit", "x")
    assert ":type EXPRESSION" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.err == ":nonsense? :help lists what there is\n"
    assert done.out.endswith("each time.\n")


@pytest.mark.parametrize("args", [["repl", "x"], ["--check", "repl"], ["--gctrace", "repl"], ["--watch=1", "repl"]])
def test_a_session_takes_no_more_than_an_engine(args: list[str]) -> None:
    done = toyrun(*args)
    assert (done.code, done.out) == (2, "")
    assert "repl takes no" in done.err


def test_a_program_called_repl_is_run_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "repl").write_text("func main() { println(1) }\n")
    assert toyrun("./repl", cwd=tmp_path).err == "1\n"


@pytest.mark.parametrize("redirection", ["<&-", ">&-", ">/dev/full", "2>&-", "</"])
def test_standard_streams_that_are_closed_or_full(redirection: str) -> None:
    args = ["sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, "repl"]
    env = environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(args, input=b":help\nx := 1\nx\ny\n", capture_output=True, env=env, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    assert 0 <= done.returncode <= 70


def test_a_reader_that_goes_away() -> None:
    command = [*COMMAND, "repl"]
    env = environment(PYTHONPATH=str(ROOT))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, bufsize=0, **pipes) as child:  # type: ignore[call-overload]
        child.stdout.close()
        child.stdin.write(b":help\n1 + 1\n2\n")
        child.stdin.close()
        err = child.stderr.read()
        assert child.wait(timeout=TIMEOUT_SECONDS) in (0, 141, -signal.SIGPIPE)
    assert b"Traceback" not in err
    assert b"internal error" not in err


# At a terminal


class Terminal:
    """A session at a terminal of its own."""

    def __init__(self, cache: Path, *flags: str, term: str = "dumb", inputrc: str | Path = "/dev/null") -> None:
        self.master, self.slave = os.openpty()
        env = environment(PYTHONPATH=str(ROOT), TERM=term, TOY_CACHE_DIR=str(cache), INPUTRC=str(inputrc))
        env["TTY"] = os.ttyname(self.slave)
        # Who leads a session and opens a terminal has it as its own, with the keys that send signals.
        command = ["sh", "-c", 'exec "$@" <"$TTY" >"$TTY" 2>&1', "sh", *COMMAND, *flags, "repl"]
        self.child = subprocess.Popen(command, env=env, start_new_session=True)
        self.seen = ""

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, not at once: in front of the select that waits for keys, CPython's readline overlooks it."""
        time.sleep(0.2)
        self.press(CTRL_C)

    def enter(self, line: str) -> None:
        self.press(f"{line}\r")

    def read(self) -> bool:
        """Read what comes next; whether there is anything."""
        ready, _, _ = select.select([self.master], [], [], TIMEOUT_SECONDS)
        assert ready, f"nothing comes behind {self.seen!r}"
        try:
            data = os.read(self.master, 4096)
        except OSError:  # all ends of it are closed
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r", "")
        assert "Traceback" not in self.seen
        return bool(data)

    def until(self, text: str) -> str:
        """What is shown up to and with a text; it is not seen again."""
        while text not in self.seen:
            assert self.read(), f"ended behind {self.seen!r}"
        before, _, self.seen = self.seen.partition(text)
        return before

    def end(self) -> int:
        """Wait for the end; the exit code."""
        os.close(self.slave)
        self.slave = -1
        while self.read():
            pass
        return self.child.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with the compiled runtime in it, but no history."""
    own = tmp_path / "cache"
    own.mkdir()
    shared = Path(os.environ["TOY_CACHE_DIR"])
    toyrun("repl", stdin=b"1\n")
    for entry in shared.iterdir():
        if entry.is_file() and not entry.name.startswith("program"):
            (own / entry.name).symlink_to(entry)
    return own


@pytest.fixture
def terminal(cache: Path) -> Iterator[Terminal]:
    made = Terminal(cache)
    yield made
    made.close()


def test_prompts_count_lines(terminal: Terminal) -> None:
    assert ":help" in terminal.until("1> ")
    terminal.enter("x := 40")
    terminal.until("2> ")
    terminal.enter("func f(n int) int {")
    terminal.until("3. ")
    terminal.enter("return n + 2")
    terminal.until("4. ")
    terminal.enter("}")
    terminal.until("5> ")
    terminal.enter("f(x)")
    terminal.until("42\n6> ")
    terminal.enter("y")
    terminal.until("repl:6:1: undefined: y")
    terminal.until("7> ")
    terminal.press(CTRL_D)
    assert terminal.end() == 0


def test_ctrl_c_drops_the_input(terminal: Terminal) -> None:
    terminal.until("1> ")
    terminal.press("x := 1 +")
    terminal.until("x := 1 +")
    terminal.interrupt()
    terminal.until("1> ")
    terminal.enter("func f() {")
    terminal.until("2. ")
    terminal.interrupt()
    terminal.until("2> ")
    terminal.enter("y := 5")
    terminal.until("3> ")
    terminal.enter("y")
    terminal.until("5\n4> ")
    terminal.enter(":quit")
    assert terminal.end() == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_interrupts_what_runs_and_not_the_session(cache: Path, engine: str) -> None:
    terminal = Terminal(cache, "--engine", engine)
    terminal.until("1> ")
    terminal.enter("x := 1")
    terminal.until("2> ")
    terminal.enter("x = 2; println(`busy`); for x != 0 { x = x + 2 - 2 }")
    terminal.until("`); for")
    terminal.until("busy\n")
    terminal.interrupt()
    terminal.until("interrupted\n3> ")
    terminal.enter("x")
    terminal.until("1\n4> ")
    terminal.press(CTRL_D)
    assert terminal.end() == 0
    terminal.close()


def test_output_is_seen_while_the_program_runs(terminal: Terminal) -> None:
    terminal.until("1> ")
    terminal.enter('import ("fmt"; "time")')
    terminal.until("2> ")
    terminal.enter('fmt.Println("fi" + "rst"); time.Sleep(100 * time.Second)')
    terminal.until("first\n")
    terminal.interrupt()
    terminal.until("interrupted\n3> ")


def test_pasted_lines(terminal: Terminal) -> None:
    terminal.until("1> ")
    terminal.press("func f() int {\rreturn 3\r}\rf()\r")
    terminal.until("3\n5> ")


def test_a_pasted_program_uses_what_it_declares_later(cache: Path) -> None:
    (cache / "inputrc").write_text("set enable-bracketed-paste on\n")
    terminal = Terminal(cache, term="xterm", inputrc=cache / "inputrc")
    terminal.until("1> ")
    terminal.press("\x1b[200~func f() int { return g() }\rfunc g() int { return 3 }\rf()\x1b[201~\r")
    terminal.until("3\n")
    terminal.enter("func h() int { return later() }")
    terminal.until("undefined: later")
    terminal.until("5> ")
    terminal.press(CTRL_D)
    assert terminal.end() == 0
    terminal.close()


def test_history_outlives_a_session(cache: Path) -> None:
    first = Terminal(cache)
    first.until("1> ")
    first.enter("123456 + 1")
    first.until("123457\n2> ")
    first.press(CTRL_D)
    assert first.end() == 0
    first.close()
    assert "123456 + 1" in (cache / "repl-history").read_text()
    second = Terminal(cache)
    second.until("1> ")
    second.enter(UP)
    second.until("123457\n2> ")
    second.close()


def test_a_session_without_a_place_for_its_history(cache: Path) -> None:
    (cache / "repl-history").mkdir()
    terminal = Terminal(cache)
    terminal.until("1> ")
    terminal.enter("1 + 1")
    terminal.until("2\n2> ")
    terminal.press(CTRL_D)
    assert terminal.end() == 0
    terminal.close()


def test_an_interrupted_pipe_ends_the_session() -> None:
    command, env = [*COMMAND, "repl"], environment(PYTHONPATH=str(ROOT))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, bufsize=0, start_new_session=True, **pipes) as child:  # type: ignore[call-overload]
        try:
            child.stdin.write(b"println(`busy`); for { }\n")
            assert child.stderr.readline() == b"busy\n"
            os.killpg(child.pid, signal.SIGINT)
            assert child.wait(timeout=TIMEOUT_SECONDS) == 130
            assert not re.search(b"Traceback", child.stderr.read())
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def test_the_session_imports_no_compiler_before_it_runs_anything() -> None:
    code = "import sys, lang.repl; sys.exit(any(name.startswith('llvmlite') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
