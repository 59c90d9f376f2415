"""Common code: what of the library is the same for every program, and that programs run on it as on their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lang import driver, toolchain
from lang.build import PLAIN, Build
from lang.driver import common_of, compile_source
from lang.lower_common import OFFERED, CommonLowering, LoweredCommon, lower_common
from lang.lower_library import Common
from lang.source import Source
from tests.go_oracle import ROOT

USES = """import (
	"errors"
	"fmt"
	"sort"
	"strconv"
)

func main() {
	words := []string{"pear", "fig", "apple"}
	sort.Strings(words)
	f, err := strconv.ParseFloat("2.5", 64)
	_, bad := strconv.ParseFloat("2.x", 64)
	_, far := strconv.ParseInt("999", 10, 8)
	fmt.Println(words, f, err, strconv.Quote("a\\n"), strconv.FormatFloat(1e23, 'e', -1, 64))
	fmt.Println(bad, errors.Is(far, strconv.ErrRange), far)
	var v any = words[0]
	_, isText := v.(string)
	fmt.Println(isText)
	fmt.Println(words[len(words)])
}
"""
PRINTED = """[apple fig pear] 2.5 <nil> "a\\n" 1e+23
strconv.ParseFloat: parsing "2.x": invalid syntax true strconv.ParseInt: parsing "999": value out of range
true
"""


@pytest.fixture(scope="module")
def library() -> LoweredCommon:
    return lower_common()


def test_what_is_offered_is_common(library: LoweredCommon) -> None:
    assert sorted(library.common.functions) == sorted(OFFERED)


def test_what_a_program_settles_is_not(library: LoweredCommon) -> None:
    """CF1: methods called through interfaces, package-level variables, function values; and what calls them."""
    defined = re.findall(r"^def (\w+)\(", library.text, re.MULTILINE)
    assert not {"sort_quicksort", "sort_Sort", "strconv_ParseFloat", "sort_Search"} & set(defined)
    assert "sort_sortStrings" in defined
    assert "package" not in library.text.replace('"""', "").split("\ndef ", 1)[1]


@pytest.mark.parametrize(
    ("body", "is_common"),
    [
        ("    return n + 1", True),
        ("    return package.p0_tens", False),
        ("    return typ.number == 3", False),
        ("    return address(typ) == address(type_main_T)", False),
        ("    return Less_dispatch(g, sp, typ)", False),
        ("    return other(g, sp)", False),
    ],
)
def test_cf1_and_cf2_broken_once(library_lowering: CommonLowering, body: str, is_common: bool) -> None:
    bodies = {"f": ["def f(g: G) -> i64:", body], "other": ["def other(g: G) -> i64:", "    return package.p1_x"]}
    library_lowering.names.taken |= {"Less_dispatch", "f", "other"}
    assert ("f" in library_lowering.common_among(bodies)) is is_common


@pytest.fixture
def library_lowering() -> CommonLowering:
    source = Source("library", "func main() {}")
    return CommonLowering(driver.check_file(driver.parse_source(source), source), source)


def test_notes_are_read_back(library: LoweredCommon) -> None:
    assert Common.of_notes(library.common.notes()) == library.common


def test_a_program_imports_them(library: LoweredCommon) -> None:
    own = compile_source(Source("x.toy", USES)).text
    shared = compile_source(Source("x.toy", USES), PLAIN, library.common).text
    assert "def strconv_parseFloat(" in own
    assert "def strconv_parseFloat(" not in shared
    assert "strconv_parseFloat as strconv_parseFloat" in shared
    assert "def strconv_ParseFloat(" in shared


@pytest.mark.parametrize("imported", ["runtime", "profiled"])
def test_one_with_finalizers_or_a_profile_does_not(library: LoweredCommon, imported: str) -> None:
    """Behind allocations such programs do more than others."""
    text = USES.replace('"sort"', '"runtime"\n\t"sort"').replace("main() {", "main() {\n\truntime.GC()")
    source = Source("x.toy", text if imported == "runtime" else USES)
    assert "from library import" not in compile_source(source, Build(imported == "profiled"), library.common).text


@pytest.mark.parametrize("engine", ["native", "python"])
def test_both_engines_print_the_same(tmp_path: Path, engine: str) -> None:
    """The trace is right: positions are counted behind those of the library."""
    path = tmp_path / "uses.toy"
    path.write_text(USES)
    done = subprocess.run(
        [sys.executable, "-m", "lang.toyrun", f"--engine={engine}", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (PRINTED, 2)
    assert "index out of range [3] with length 3" in done.stderr
    assert f"main.main()\n\t{path}:19\n" in done.stderr


def test_the_image_is_found_again() -> None:
    base = toolchain.runtime_image()
    toolchain.library_image(base)
    again = toolchain.library_image(base)
    assert again.texts is None, "it comes from the disk"
    assert common_of(again).functions.keys() == lower_common().common.functions.keys()
    assert {f"library.{function.name}" for function in common_of(again).functions.values()} <= again.names()
