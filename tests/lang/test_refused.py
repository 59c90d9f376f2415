"""What Go has and Toy lacks is refused by its name, once, at its place; these programs are right in Go."""

from __future__ import annotations

from pathlib import Path

import pytest

from lang.driver import UserError, compile_source
from lang.source import Source
from tests.go_oracle import find_go
from tests.lang.test_errors_against_go import errors_of_go, without_announcements
from tests.lang.wrong_programs import COMMENT, complaints

STATEMENTS = [
    "go /* ERROR `goroutines` */ f()",
    "go /* ERROR `goroutines` */ func() { f() }()",
    "var c chan /* ERROR `channels` */ int; _ = c",
    "c := make(chan /* ERROR `channels` */ string, 3); c <- `a`; println(<-c, len(c), cap(c)); close(c)",
    "var c <- /* ERROR `channels` */ chan int; for v := range c { println(v) }",
    "var c chan /* ERROR `channels` */ <- int; c <- 1",
    "type pipe chan /* ERROR `channels` */ []int; p := make(pipe); v, ok := <-p; println(len(v), ok)",
    "_ = func(done chan /* ERROR `channels` */ struct{}) { <-done }",
    "select /* ERROR `select` */ {}",
    "select /* ERROR `select` */ { default: f() }",
    "var z complex128 /* ERROR `complex numbers` */ ; _ = z",
    "_ = complex64 /* ERROR `complex numbers` */ (1)",
    "z := 2i /* ERROR `complex numbers` */ ; _ = z",
    "z := complex /* ERROR `complex numbers` */ (1, 2); println(real(z), imag(z))",
    "println(g /* ERROR `several values as arguments of a built-in function` */ ())",
    "var none [ /* ERROR `arrays of so many elements without bytes` */ 1 << 40]struct{}; println(len(none))",
    "println(len([ /* ERROR `arrays of so many elements without bytes` */ ...][0]int{1 << 24: {}}))",
    "_ = append(h /* ERROR `several values as arguments of a built-in function` */ ())",
]

PROGRAMS = [
    "func same[ /* ERROR `type parameters` */ T any](x T) T { return x }\nfunc main() { same(1) }\n",
    "type List[T any /* ERROR `type parameters` */ ] struct{ items []T }\nfunc main() {}\n",
    "type Pair[K, /* ERROR `type parameters` */ V any] struct{}\nfunc main() {}\n",
    "type Number interface { ~ /* ERROR `type constraints` */ int | ~float64 }\nfunc main() {}\n",
    "type Number interface { int /* ERROR `type constraints` */ | float64 }\nfunc main() {}\n",
    "type Text interface { string /* ERROR `type constraints` */ ; Len() int }\nfunc main() {}\n",
    "type Pointer interface { * /* ERROR `type constraints` */ int }\nfunc main() {}\n",
    "type Key interface { comparable /* ERROR `type constraints` */ }\nfunc main() {}\n",
    'import "errors"\nfunc two() (e error, p *error) { return }\n'
    "func main() { errors.As(two /* ERROR `several values as arguments of errors.As` */ ()) }\n",
    'import "runtime"\nfunc two() (p *int, f func(*int)) { return new(int), nil }\n'
    "func main() { runtime.SetFinalizer(two /* ERROR `several values as arguments of runtime.SetFinalizer` */ ()) }\n",
    'import "runtime"\nfunc three() (p *int, f func(int), n int) { return new(int), nil, 1 }\n'
    "func main() { runtime.AddCleanup(three /* ERROR `several values as arguments of runtime.AddCleanup` */ ()) }\n",
    'import "sync" /* ERROR `package "sync"` */\nfunc main() { var m sync.Mutex; m.Lock() }\n',
    'import "unsafe" /* ERROR `package "unsafe"` */\nfunc main() { println(unsafe.Sizeof(1)) }\n',
]

# Right in newer versions of Go than the comparison asks for, or wrong for another reason, too.
NEWER = [
    "seq := func(yield func(int) bool) {}; for /* ERROR `range over functions` */ i := range seq { println(i) }",
    "for /* ERROR `range over functions` */ range func(yield func() bool) {} { }",
    "_ = outer{x /* ERROR `promoted fields in struct literals` */ : 1}",
    "var l List[ /* ERROR `type parameters` */ int]; _ = l",
    "l := []List[ /* ERROR `type parameters` */ int]{}",
    "l := map[string]List[ /* ERROR `type parameters` */ int]{}",
    "l := List[ /* ERROR `type parameters` */ int]{}",
    "l := &Pair[int, /* ERROR `type parameters` */ string]{}",
    "same[int, /* ERROR `type parameters` */ string](1, `a`)",
]


def in_main(statements: str) -> str:
    return (
        "type inner struct{ x int }\ntype outer struct{ inner }\nfunc f() {}\nfunc g() (int, int) { return 1, 2 }\n"
        f"func h() ([]int, int) {{ return nil, 1 }}\nfunc main() {{\n\t{statements}\n}}\n"
    )


RIGHT_IN_GO = [*map(in_main, STATEMENTS), *PROGRAMS]
ALL = [*RIGHT_IN_GO, *map(in_main, NEWER)]


@pytest.mark.parametrize("text", ALL)
def test_it_is_refused_by_name(text: str) -> None:
    assert complaints(text, with_refusals=True) == []


@pytest.mark.parametrize("text", ALL)
def test_it_does_not_compile(text: str) -> None:
    wanted = COMMENT.search(text)
    assert wanted is not None
    with pytest.raises(UserError, match=f"Toy does not have {wanted[1]} yet"):
        compile_source(Source("x.toy", text))


@pytest.mark.slow
@pytest.mark.skipif(find_go() is None, reason="no go command")
def test_go_has_it(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module toy\n\ngo 1.22\n")
    texts = map(without_announcements, RIGHT_IN_GO)
    assert {text: said for i, text in enumerate(texts) if (said := errors_of_go(text, tmp_path / f"p{i}"))} == {}
