"""`make bench-instructions`: how many instructions a few fixed things take, against what they took before.

    python -m bench.instructions             count, and compare with bench/instructions.json
    python -m bench.instructions --update    write what was counted there
    python -m bench.instructions --only scan scenarios whose name contains the word

Times vary from machine to machine and from run to run; instructions hardly do, so that a small loss is seen on the day
it comes. Each scenario is a program run twice under valgrind, with a small argument and with a large one; the
difference is free of what starting costs. Code is compiled for one processor, x86-64-v3, wherever it is counted.

    instructions.json    holds     the versions that its counts are of: LLVM, the C library, the processor
                         counts    instructions, by scenario

A count that grew by more than the tolerance fails, here and in the slow tests; one that shrank by more is reported, and
asks for --update. Another LLVM or another C library counts differently: there nothing is compared, and it is said why.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import short
from bench.harness import CommandFailed, show_progress, table
from bench.peers import BUILD, ROOT

STORED = ROOT / "bench" / "instructions.json"
TOLERANCE = 0.02
CPU = "x86-64-v3"  # what valgrind can run
# Valgrind counts `rep stosb` once for each byte: the C library is to clear and copy with vectors at every length.
TUNABLES = ":".join(f"glibc.cpu.x86_rep_{what}_threshold=1000000000" for what in ("stosb", "movsb"))
CPU_FLAGS = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}  # what that is beside older ones, as the kernel has it
COUNT = re.compile(r"I +refs: +([\d,]+)")
ALLOCATIONS = ROOT / "bench" / "workloads" / "allocations.toy"
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Scenario:
    """A program and two arguments; the count is for one of `units` that lie between them."""

    name: str
    path: Path
    few: tuple[str, ...]
    many: tuple[str, ...]
    units: int

    @classmethod
    def allocation(cls, kind: str, steps: int) -> Scenario:
        """One loop of allocations.toy, whose argument counts in tens of thousands."""
        return cls(f"allocate {kind}", ALLOCATIONS, (kind, "1"), (kind, str(1 + steps)), 10_000 * steps)

    @classmethod
    def example(cls, name: str, few: str, many: str) -> Scenario:
        """The whole of an example, in millions."""
        return cls(f"{name} {many}, millions", EXAMPLES / f"{name}.toy", (few,), (many,), 1_000_000)


SCENARIOS = [
    Scenario.allocation("tiny8", 100),
    Scenario.allocation("noscan16", 100),
    Scenario.allocation("scan16", 100),
    Scenario.allocation("noscan64", 50),
    Scenario.allocation("scan64", 50),
    Scenario.allocation("scan512", 10),
    Scenario.example("binary_trees", "4", "12"),
    Scenario.example("splay_tree", "1", "100"),
    Scenario.example("word_counter", "1", "20000"),
]


@dataclass(frozen=True)
class Counts:
    """Instructions of scenarios, and the versions of what decides them."""

    holds: dict[str, str]
    counts: dict[str, float]

    @classmethod
    def stored(cls) -> Counts:
        """What is kept with the code."""
        return cls(**json.loads(STORED.read_text("utf-8"))) if STORED.exists() else cls({}, {})

    def store(self) -> None:
        STORED.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def difference(self, here: dict[str, str]) -> str | None:
        """Why they say nothing about this machine; None if they do."""
        other = [f"{name} {was}, not {here.get(name)}" for name, was in self.holds.items() if was != here.get(name)]
        return f"the stored counts are of {'; '.join(other)}" if other else None


def versions() -> dict[str, str]:
    """What decides a count, as it is here."""
    from llvmlite import binding

    return {
        "LLVM": ".".join(map(str, binding.llvm_version_info)),
        "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown",
        "processor": f"{platform.machine()} as {CPU}",
    }


def missing() -> str | None:
    """Why nothing can be counted here; None if it can."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    if flags is None or not set(flags[1].split()) >= CPU_FLAGS:
        return f"this processor is no {CPU}"
    return None


def count(scenario: Scenario) -> float:
    """Instructions for one unit."""
    few, many = (counted(scenario.path, arguments) for arguments in (scenario.few, scenario.many))
    return (many - few) / scenario.units


def counted(path: Path, arguments: tuple[str, ...]) -> int:
    """Instructions of a whole run of a program that was compiled before."""
    run = [sys.executable, "-m", "lang.toyrun", str(path), *arguments]
    environ = {**os.environ, "TOY_CPU": CPU, "TOY_CACHE_DIR": str(BUILD / "toy-cache"), "TOY_CHECKED": "0"}
    environ |= {
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
        "GOGC": "100",
        "GODEBUG": "",
        "GLIBC_TUNABLES": TUNABLES,
    }
    finished(run, environ)  # compiles, if need be
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    said = finished([*valgrind, *run], environ)
    found = COUNT.search(said)
    if found is None:
        raise CommandFailed(f"valgrind has counted nothing:\n{said}")
    return int(found[1].replace(",", ""))


def finished(command: list[str], environ: dict[str, str]) -> str:
    """Run a command: what it said on standard error."""
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"exit code {done.returncode}: {' '.join(command)}\n{done.stderr}")
    return done.stderr


def change(now: float, before: float | None) -> float | None:
    """By what share a count has grown."""
    return None if before is None else now / before - 1


def row(name: str, now: float, before: float | None) -> list[str]:
    """One line of the report."""
    grown = change(now, before)
    if before is None or grown is None:
        return [name, short(now), "-", "-", "new"]
    verdict = "GREW" if grown > TOLERANCE else "shrank" if grown < -TOLERANCE else "same"
    return [name, short(now), short(before), f"{grown:+.1%}", verdict]


def has_grown(now: float, before: float | None) -> bool:
    grown = change(now, before)
    return grown is not None and grown > TOLERANCE


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description="instructions, before and now")
    parser.add_argument("--update", action="store_true", help="store what was counted")
    parser.add_argument("--only", metavar="WORD", default="", help="scenarios whose name contains the word")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if reason := missing():
        print(f"bench: {reason}: nothing is counted", file=sys.stderr)
        return 0
    stored, here = Counts.stored(), versions()
    if difference := stored.difference(here):
        print(f"bench: {difference}: nothing is compared", file=sys.stderr)
        stored = Counts(here, {})
    found: dict[str, float] = {}
    try:
        for scenario in SCENARIOS:
            if options.only in scenario.name:
                show_progress(scenario.name)
                found[scenario.name] = round(count(scenario), 3)
    except CommandFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show_progress("")
    rows = [row(name, now, stored.counts.get(name)) for name, now in found.items()]
    print(table(["instructions", "now", "stored", "change", ""], rows))
    if options.update:
        Counts(here, stored.counts | found).store()
        return 0
    return int(any(has_grown(now, stored.counts.get(name)) for name, now in found.items()))


if __name__ == "__main__":
    sys.exit(main())
