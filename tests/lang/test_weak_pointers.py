"""weak.Pointer and weak.Make: what they become, and where a type argument is asked for that Go would infer."""

from __future__ import annotations

import re

import pytest

from lang.driver import compile_source
from lang.source import Source
from tests.lang.wrong_programs import complaints

COPIES = """import "weak"

type T struct{ a, b *int }

func copied(p *T) (weak.Pointer[T], bool) {
	w := weak.Make(p)
	v := w
	return v, v == weak.Pointer[T]{}
}

func main() {
	w, _ := copied(nil)
	println(w.Value() == nil)
}
"""


def test_a_weak_pointer_is_one_local() -> None:
    text = compile_source(Source("x.toy", COPIES)).text
    body = text[text.index("def copied(") :].partition("\n\n")[0]
    assert "weak_handle(g, address(p))" in body
    assert not re.search("malloc|copy_struct", body)


@pytest.mark.parametrize(
    "use",
    [
        "take(weak.Make /* ERROR `{}` */ )",
        "var make func(*int) weak.Pointer[int] = weak.Make /* ERROR `{}` */ ; take(make)",
        "_ = []func(*int) weak.Pointer[int]{{ weak.Make /* ERROR `{}` */ }}",
        "take(weak.Make[int])",
    ],
)
def test_a_function_as_a_value_has_its_type_argument(use: str) -> None:
    asked = use.format("cannot use generic function weak\\.Make without instantiation")
    text = f'import "weak"\n\nfunc take(func(*int) weak.Pointer[int]) {{}}\n\nfunc main() {{\n\t{asked}\n}}\n'
    assert complaints(text) == []
