"""Every wrong program gives exactly the errors that it announces, and every error code is shown by its own example."""

from __future__ import annotations

from pathlib import Path

import pytest

from lang.codes import CODES
from tests.lang.wrong_programs import complaints, diagnosed

WRONG = Path(__file__).with_name("wrong")
PROGRAMS = sorted(WRONG.glob("*.toy"))
LINES = (WRONG / "syntax.lines").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_gives_the_errors_it_announces(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


def test_each_line_is_a_program_with_a_syntax_error() -> None:
    assert {line: said for line in LINES if (said := complaints(line + "\n"))} == {}


@pytest.mark.parametrize("name", CODES)
def test_code_is_explained_by_its_example(name: str) -> None:
    code = CODES[name]
    found = diagnosed(code.bad).in_order()
    assert [d.message for d in found if d.code.name not in (name, "not-yet")] == []
    assert name in [d.code.name for d in found]
    if name != "not-yet":
        assert complaints(code.bad) == []
    assert code.rule.endswith(".")


@pytest.mark.parametrize(("number", "shown"), [("9" * 10_001, "9999999999"), ("1_" * 9_000 + "1", "1_1_1_1_1_")])
def test_a_number_of_many_digits_is_too_long(number: str, shown: str) -> None:
    said = rf"excessively long constant: {shown}\.\.\. \({len(number)} chars\)"
    assert complaints(f"func main() {{\n\tprintln({number} /* ERROR `{said}` */)\n}}\n") == []


def test_an_angle_bracket_is_told_by_its_spelling() -> None:
    assert complaints("func f() { x = &T<1 } /* ERROR `syntax error: unexpected }, expected >` */ \n") == []


@pytest.mark.parametrize(
    "text",
    [
        "import 1 /* ERROR `syntax error: import path must be a string` */\n",
        "import a /* ERROR `syntax error: missing import path$` */\n",
        "import ( a 'x' /* ERROR `syntax error: import path must be a string` */ )\n",
        "import ( + /* ERROR `syntax error: missing import path$` */ )\n",
    ],
)
def test_an_import_names_a_path(text: str) -> None:
    """Go's compiler says so; the go command, which reads the imports first, leaves out that it is a syntax error."""
    assert complaints(text) == []
