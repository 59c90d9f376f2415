"""fmt against the real Go: every directive of fmt_cases.py, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import ndiff

import pytest

from lang.std import fmt
from runtime.output import BUFFER_BYTES
from runtime.proc import G
from tests import go_oracle
from tests.runtime.engines import Engine
from tests.runtime.heaps import native_engine
from tests.std.fmt_cases import EXPECTED, Case, ask_go, cases, random_cases, unquoted
from tests.std.printing import printing_goroutine, taken
from tests.std.values import Memory

ROOTS = [fmt.fmt_print, fmt.fmt_println, fmt.fmt_printf]
RESTS_ON = native_engine


@pytest.fixture
def g() -> Iterator[G]:
    with printing_goroutine() as made:
        yield made


def call(engine: Engine, g: G, case: Case) -> bytes:
    """What a case prints."""
    memory = Memory()
    operands = memory.operands(case.values), len(case.values)
    if case.function == "Printf":
        engine.call(fmt.fmt_printf, g, memory.bytes(case.format), len(case.format), *operands)
    else:
        engine.call(fmt.fmt_print if case.function == "Print" else fmt.fmt_println, g, *operands)
    return taken(g)


def test_every_case_prints_what_go_prints(engine: Engine, g: G) -> None:
    lines = EXPECTED.read_text(encoding="utf-8").splitlines()
    for case, line in zip(cases(), lines, strict=True):
        expected, actual = unquoted(line), call(engine, g, case)
        if actual != expected:
            pairs = ndiff(expected.split(b"|").__repr__().split(", "), actual.split(b"|").__repr__().split(", "))
            pytest.fail(f"{case.go}\n" + "\n".join(line for line in pairs if line[0] in "-+"))


@pytest.mark.skipif(go_oracle.find_go() is None, reason="the go command is not installed")
def test_the_expectations_are_still_gos() -> None:
    assert ask_go(list(cases())) == EXPECTED.read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(go_oracle.find_go() is None, reason="the go command is not installed")
def test_random_formats_print_what_go_prints(engine: Engine, g: G, seed: int) -> None:
    calls = random_cases(seed, 300)
    for case, line in zip(calls, ask_go(calls), strict=True):
        expected = unquoted(line)
        if len(expected) < BUFFER_BYTES:
            assert call(engine, g, case) == expected, case.go
