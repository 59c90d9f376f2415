"""Types that are too large for any computer: refused where they are written, in the words of Go's compiler.

Go finds them when it gives them a size, and tells where a declaration begins that needs it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.go_oracle import find_go
from tests.lang.test_errors_against_go import errors_of_go, errors_of_toy
from tests.lang.wrong_programs import complaints

INTS = r"[ /* ERROR `type \[4294967296\]\[1073741824\]int larger than address space` */ 1 << 32][1 << 30]int"
PROGRAMS = [
    f"var a {INTS}\nfunc main() {{}}\n",
    f"type T {INTS}\nfunc main() {{}}\n",
    f"func main() {{\n\tvar p *{INTS}\n\t_ = p\n}}\n",
    f"func f(x, y {INTS}) {{}}\nfunc main() {{}}\n",
    f"func main() {{\n\t_ = make([]{INTS}, 3)\n}}\n",
    "func main() {\n\tx := [ /* ERROR `type .* larger than address space` */ ...]int32{1 << 50: 1}\n\t_ = x\n}\n",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_type_is_too_large(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.slow
@pytest.mark.skipif(find_go() is None, reason="no go command")
@pytest.mark.parametrize("text", PROGRAMS)
def test_go_says_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module toy\n\ngo 1.22\n", encoding="utf-8")
    by_go = {message for _, _, message in errors_of_go(text, tmp_path / "p")}
    assert {message for _, _, message in errors_of_toy(text)} == by_go


def test_types_are_measured_when_all_of_them_are_known() -> None:
    large = r"[ /* ERROR `type \[1099511627776\]Small larger than address space` */ 1 << 40]Small"
    small = "struct { all [1 << 11]byte; of *Large }"
    assert complaints(f"type Large struct{{ parts {large} }}\ntype Small {small}\nfunc main() {{}}\n") == []


def test_what_just_fits_is_no_error() -> None:
    assert complaints("func main() {\n\tvar p *[1<<47 - 1]int\n\tprintln(len(p))\n}\n") == []
