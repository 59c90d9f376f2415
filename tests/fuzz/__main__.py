"""python -m tests.fuzz: random programs on Go, on both engines, and under collector stress.

    --count N      programs (100)
    --seed S       the first seed; every program prints its own (a random one)
    --size K       about the number of statements in main (8)
    --stress n     collect at every n-th allocation in the stress runs (3); 0 for none. Every other program marks in
                   steps there, one at each of these allocations
    --python n     every n-th program is small and runs on the python engine, too (10); 0 for none
    --full n       every n-th program is optimised as users' programs are (8); the others are not, which takes a quarter
                   of the time
    --shrink T     seconds to make a failing program small (120)
    --tries N      smaller programs that are built and run for that, at most (200)
    --jobs J       programs examined at a time (1)

Programs that fail are kept in build/fuzz, with what went wrong in a comment on top. The first that fails in some way
is made small; others that fail in the same way are kept as they are. The exit code is 1 when there are any.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz.programs import generate
from tests.fuzz.runs import GO_FLAGS, USERS_LEVEL, Failure, drop_programs, examine, optimise_programs, prepare
from tests.fuzz.shrink import is_right, shrink
from tests.go_oracle import ROOT, build

WORK = ROOT / "build" / "fuzz"
BATCH = 50  # programs built by one call of go
SMALL = 2  # size of the programs that the python engine runs, too


@dataclass(frozen=True)
class Case:
    """One program to be examined."""

    seed: int
    size: int
    modes: tuple[str, ...]
    every: int  # n of the stress mode
    is_full: bool  # whether it is optimised

    @property
    def path(self) -> Path:
        return WORK / "programs" / f"s{self.seed}_{self.size}.toy"

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(generate(self.seed, self.size).text(), encoding="utf-8")


def parsed_arguments(words: list[str]) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=raw)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000_000))
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--stress", type=int, default=3)
    parser.add_argument("--python", type=int, default=10)
    parser.add_argument("--full", type=int, default=8)
    parser.add_argument("--shrink", type=float, default=120.0)
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args(words)


def cases(options: argparse.Namespace) -> list[Case]:
    found = []
    for number in range(options.count):
        on_python = is_nth(number, options.python)
        stress = "steps" if number % 2 else "stress"
        modes = ["native", *([stress] if options.stress else []), *(["python"] if on_python else [])]
        size = SMALL if on_python else options.size
        found.append(Case(options.seed + number, size, tuple(modes), options.stress, is_nth(number, options.full)))
    return found


def is_nth(number: int, n: int) -> bool:
    """Whether a number, counted from 0, is the last of n; never if n is 0."""
    return n > 0 and number % n == n - 1


def examine_case(case: Case, executable: Path | str) -> tuple[Case, list[Failure], list[str]]:
    optimise_programs(USERS_LEVEL if case.is_full else 0)
    return (case, *examine(case.path, executable, list(case.modes), case.every))


def examined(batch: list[Case], jobs: int) -> Iterator[tuple[Case, list[Failure], list[str]]]:
    """The results of a batch of cases, which one call of go builds."""
    for case in batch:
        case.write()
    built = build([case.path for case in batch], WORK / "go", GO_FLAGS)
    executables = [built[case.path] for case in batch]
    if jobs == 1:
        yield from map(examine_case, batch, executables)
    else:
        with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
            yield from pool.map(examine_case, batch, executables)


def reproduce(case: Case, failure: Failure, seconds: float, tries: int) -> Path:
    """A program that fails in the same way, in a file: a small one, if there may be tries."""
    path = WORK / f"{failure.mode}_{case.seed}_{case.size}.toy"
    candidate = WORK / "shrinking" / f"c{case.seed}.toy"
    candidate.parent.mkdir(parents=True, exist_ok=True)

    def still_fails(text: str) -> bool:
        candidate.write_text(text, encoding="utf-8")
        executable = build([candidate], WORK / "go", GO_FLAGS)[candidate]
        optimise_programs(USERS_LEVEL if case.is_full else 0)
        return failure in examine(candidate, executable, [failure.mode], case.every)[0]

    program = generate(case.seed, case.size)
    text = program.text() if failure.mode == "compile" else shrink(program, still_fails, seconds, tries)
    notes = [f"seed {case.seed}, size {case.size}: {failure.mode}, {failure.kind}", *failure.details.splitlines()[:20]]
    path.write_text("".join(f"// {note}\n" for note in notes) + text, encoding="utf-8")
    return path


def main(words: list[str]) -> int:
    options = parsed_arguments(words)
    os.environ["TOY_CACHE_DIR"] = str(WORK / "cache")
    started = time.monotonic()
    print(f"seed {options.seed}, {options.count} programs", flush=True)
    prepare()
    is_right(generate(0).text())  # what the checker finds out about the library, too, is shared by all processes
    gc.freeze()
    every = cases(options)
    counts: Counter[str] = Counter()
    kinds: Counter[Failure] = Counter()
    failing = 0
    for start in range(0, len(every), BATCH):
        for case, failures, done in examined(every[start : start + BATCH], options.jobs):
            counts.update(done)
            failing += bool(failures)
            for failure in failures:
                print(f"seed {case.seed} size {case.size}: {failure.mode}: {failure.kind}", flush=True)
                print(failure.details, flush=True)
                tries = 0 if kinds[failure] else options.tries
                kinds[failure] += 1
                print(f"kept as {reproduce(case, failure, options.shrink, tries)}", flush=True)
        print(f"{start + len(every[start : start + BATCH])} programs, {failing} failing", flush=True)
        for leftover in ("programs", "go", "shrinking"):
            shutil.rmtree(WORK / leftover, ignore_errors=True)
        drop_programs(WORK / "cache")
    ran = ", ".join(f"{count} {mode}" for mode, count in sorted(counts.items()))
    print(f"{len(every)} programs, {failing} failing; equal to Go: {ran}; {time.monotonic() - started:.0f} s")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
