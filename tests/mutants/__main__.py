"""python -m tests.mutants: the runtime with one fault at a time, and which tests notice.

    --only NAME    this fault, and no other
    --jobs J       faults examined at a time (1)
    --list         say which faults there are, and run nothing

Each fault of faults.py is put into a copy of the source tree, where the tests run that are expected to notice: quickest
first, until one fails, crashes or hangs. A fault that they do not notice meets more of the suite. A test that has
noticed a fault has to pass without it, or it does not count. A fault that does not fit the code any more is named, and
the others are examined. The exit code is 1 when one does not fit, or less than 95 % were noticed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.go_oracle import ROOT
from tests.mutants.faults import FAULTS, SUITE, Fault
from tests.mutants.trees import Outcome, copy_tree, run_tests

LEAST_SHARE = 95  # percent


def parsed_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="faults of the runtime")
    parser.add_argument("--only", choices=[fault.name for fault in FAULTS], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    return parser.parse_args(words)


def examine(fault: Fault) -> Outcome:
    """Run tests against one fault, and print a line."""
    with tempfile.TemporaryDirectory(prefix="toy-mutant-") as folder:
        tree = copy_tree(Path(folder))
        fault.apply(tree)
        outcome = run_tests(tree, fault.tests)
        if not outcome.failed:
            outcome = run_tests(tree, SUITE)
    word = "killed" if outcome.failed else "SURVIVED"
    print(f"{word:8} {outcome.seconds:6.1f} s  {fault.name}: {outcome.how}", flush=True)
    return outcome


def fitting(faults: Iterable[Fault]) -> list[Fault]:
    """Those of the faults that fit the code; a line about each of the others."""
    found = []
    for fault in faults:
        if misfit := fault.misfit(ROOT):
            print(f"DOES NOT FIT       {fault.name}: {misfit}", flush=True)
        else:
            found.append(fault)
    return found


def wrong_tests(outcomes: Iterable[Outcome]) -> set[str]:
    """Of the tests that noticed a fault, those that fail without one."""
    tests = {outcome.test for outcome in outcomes if outcome.test is not None}
    wrong: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="toy-mutant-") as folder:
        tree = copy_tree(Path(folder))
        while tests - wrong:
            outcome = run_tests(tree, tuple(sorted(tests - wrong)))
            if not outcome.failed:
                break
            if outcome.test is None:
                raise RuntimeError(f"without a fault: {outcome.how}")
            wrong.add(outcome.test)
    return wrong


def main(words: list[str]) -> int:
    """Examine all faults, or one. Returns the exit code."""
    options = parsed_arguments(words)
    faults = [fault for fault in FAULTS if options.only in (None, fault.name)]
    if options.list:
        for fault in faults:
            print(f"{fault.name}: {fault.breaks} ({fault.module})")
        return 0
    fit = fitting(faults)
    is_noticed = not fit or examine_all(fit, options.jobs) >= LEAST_SHARE
    if len(fit) < len(faults):
        print(f"{len(faults) - len(fit)} of {len(faults)} faults do not fit the code")
    return 0 if is_noticed and len(fit) == len(faults) else 1


def examine_all(faults: list[Fault], jobs: int) -> float:
    """Examine faults, and say how many were noticed; their share, in percent."""
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(examine, faults))
    wrong = wrong_tests(outcomes)
    for test in sorted(wrong):
        print(f"fails without a fault, so it does not count: {test}")
    killed = sum(outcome.failed and outcome.test not in wrong for outcome in outcomes)
    share = 100 * killed / len(faults)
    print(f"{killed} of {len(faults)} faults killed: {share:.1f} %, in {(time.monotonic() - start) / 60:.1f} minutes")
    return share


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
