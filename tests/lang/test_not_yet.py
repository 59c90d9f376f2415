"""What the checker accepts and the lowering does not have: refused at its place, in a sentence."""

from __future__ import annotations

import subprocess

import pytest

from lang.driver import UserError, compile_source
from lang.packages import GO_PACKAGES
from lang.source import Source
from tests.go_oracle import find_go, go_environment


@pytest.mark.parametrize("use", ["n, err := {}; _, _ = n, err", "_, _ = {}", "fmt.Println({})"])
@pytest.mark.parametrize("call", ["Println(1)", "Printf(`1`)", "Print()"])
def test_results_of_printing_are_there(use: str, call: str) -> None:
    compile_source(Source("x.toy", f'import "fmt"\n\nfunc main() {{\n\t{use.format("fmt." + call)}\n}}\n'))


def test_printing_is_a_statement() -> None:
    compile_source(Source("x.toy", 'import "fmt"\n\nfunc main() {\n\tfmt.Println(1)\n\t(fmt.Print(2))\n}\n'))


@pytest.mark.parametrize(
    "value", ["s", "&s", "s.LastGC", "s.PauseEnd", "map[int]time.Time{}", "[]*debug.GCStats{&s}[0]", "both()"]
)
def test_the_text_of_a_time(value: str) -> None:
    text = f"""import ("fmt"; "runtime/debug"; "time")

func main() {{
	var s debug.GCStats; _ = s
	fmt.Println({value})
}}

func both() (int, time.Time) {{ return 1, time.Now() }}
"""
    with pytest.raises(UserError, match=r"x\.toy:5:\d+: Toy does not have the text of a time\.Time"):
        compile_source(Source("x.toy", text))


def test_the_fields_of_a_time_are_nobodys() -> None:
    text = 'import "runtime/debug"\n\nfunc main() {\n\tvar s debug.GCStats\n\t_ = s.LastGC.wall\n}\n'
    with pytest.raises(UserError, match=r"x\.toy:5:15: s\.LastGC\.wall undefined"):
        compile_source(Source("x.toy", text))


def test_what_holds_a_slice_of_itself_can_be_printed() -> None:
    text = 'import "fmt"\n\ntype T struct{ kids []T }\n\nfunc main() {\n\tfmt.Println(T{})\n}\n'
    compile_source(Source("x.toy", text))


def test_a_part_of_a_package_is_imported_by_its_package_alone() -> None:
    text = 'import "internal/scan"\n\nfunc main() {\n\tscan.Scan()\n}\n'
    with pytest.raises(UserError, match=r"x\.toy:1:8: package internal/scan is not in std"):
        compile_source(Source("x.toy", text))


def test_what_a_package_has_is_told_with_its_parts() -> None:
    text = 'import "fmt"\n\nfunc main() {\n\tfmt.SScan()\n\tfmt.Scanner()\n}\n'
    said = r"undefined: fmt\.SScan \(but have Sscan\)(.|\n)*Scan, Scanf, Scanln, Sprint, "
    with pytest.raises(UserError, match=said):
        compile_source(Source("x.toy", text))


def test_what_a_type_of_a_package_has_is_told() -> None:
    uses = "_ = (&now).Weekday; _ = now.add; _ = now.UNix"
    text = f'import "time"\n\nfunc main() {{\n\tnow := time.Now()\n\t{uses}\n}}\n'
    with pytest.raises(UserError) as refused:
        compile_source(Source("x.toy", text))
    lines = str(refused.value).splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("\t(Toy's ")]
    assert "has no field or method Weekday)" in lines[at - 1]
    assert lines[at].startswith("\t(Toy's time.Time has Add, After, ")


@pytest.mark.skipif(find_go() is None, reason="no Go to ask")
def test_every_package_of_go_is_known() -> None:
    go = find_go()
    assert go is not None
    asked = subprocess.run([go, "list", "std"], env=go_environment(), capture_output=True, text=True, check=True)
    assert {path for path in asked.stdout.split() if not {"internal", "vendor"} & {*path.split("/")}} <= GO_PACKAGES
