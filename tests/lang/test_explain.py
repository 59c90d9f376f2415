"""`toyrun explain`: every code is listed, and explained: rule, program, what is said about that, how to mend it."""

from __future__ import annotations

import sys

import pytest

from lang.codes import CODES
from lang.driver import UserError, compile_source
from lang.explain import complaint, example, explanation, nearest
from lang.source import Source
from lang.toyrun import USAGE_ERROR, command
from tests.lang.wrong_programs import diagnosed

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", CODES)
def test_a_code_is_explained(name: str, capsys: Capture) -> None:
    code = CODES[name]
    assert command(["explain", name]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"{name}: {code.rule}\n")
    assert f"    {name}.toy:" in out
    assert " ".join(code.mend.split()) in " ".join(out.split())
    assert code.mend.endswith(".")
    assert "ERROR" not in out


@pytest.mark.parametrize("name", CODES)
def test_the_program_shown_breaks_the_rule(name: str) -> None:
    program = example(CODES[name])
    assert name in [d.code.name for d in diagnosed(program).found]
    assert "/*" not in program
    assert all(line == line.rstrip() for line in program.splitlines())


def test_an_explanation_in_full() -> None:
    assert explanation(CODES["no-new-variables"]) == (
        "no-new-variables: A := declares at least one variable.\n"
        "\n"
        "    func main() {\n"
        "    \tx := 1\n"
        "    \tx := 2\n"
        "    \t_ = x\n"
        "    }\n"
        "\n"
        "    no-new-variables.toy:3:4: no new variables on left side of :=\n"
        "    \t\tx := 2\n"
        "    \t\t  ^\n"
        "\n"
        "Assign with = instead.\n"
    )


def test_without_a_code_all_are_listed(capsys: Capture) -> None:
    assert command(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    assert [line.split(maxsplit=1)[1] for line in lines] == [code.rule for code in CODES.values()]


def test_several_codes(capsys: Capture) -> None:
    assert command(["explain", "blank", "unused"]) == 0
    assert capsys.readouterr().out == f"{explanation(CODES['blank'])}\n{explanation(CODES['unused'])}"


@pytest.mark.parametrize(
    ("name", "near"),
    [("unsued", "unused"), ("UNUSED", "unused"), ("import", "import"), ("interface", "assertion"), ("map", "map-key")],
)
def test_the_nearest_codes(name: str, near: str) -> None:
    assert near in nearest(name)


def test_an_unknown_code_gives_a_hint(capsys: Capture) -> None:
    assert command(["explain", "unsued"]) == USAGE_ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("toyrun: no error code 'unsued'; nearest: unused")
    assert command(["explain", "xyzzy"]) == USAGE_ERROR
    assert capsys.readouterr().err == "toyrun: no error code 'xyzzy'; toyrun explain lists them\n"


def test_on_a_terminal_the_errors_name_their_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("x.toy", "func main() {\n\tx := 1\n\ty := z\n\tu := 2\n}\n")
    with pytest.raises(UserError) as plain:
        compile_source(source)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(UserError) as told:
        compile_source(source)
    assert str(told.value) == f"{plain.value}(more: toyrun explain unused undefined)\n"


def test_a_complaint_is_what_toyrun_says() -> None:
    assert complaint("x.toy", "func main() { f() }\n").startswith("x.toy:1:15: undefined: f\n")
    assert complaint("x.toy", "func main() { ( }\n").startswith("x.toy:1:17: syntax error")
