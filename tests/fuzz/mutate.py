"""python -m tests.fuzz.mutate: source texts broken at random, given to the compiler.

    --count N      inputs (2000)
    --seed S       the seed (a random one); input i of a seed is always the same
    --first i      the first input (0): to see one again, --first i --count 1
    --run n        every n-th input that compiles becomes machine code and runs (5); 0 for none
    --opt L        LLVM's level of optimisation (0)
    --jobs J       chunks of inputs at a time (1)

Whatever the input is, the compiler says what is wrong with it or compiles it: no Python exception of another kind, no
hang, no signal. A program that runs ends in one of the ways in which programs end, or goes on for too long.

    input --> parser --> checker --> lowering --> every n-th: machine code --> run
                 `----------`-----------`--> refused

Inputs go through the compiler in forked processes, a chunk at a time, so that a crash costs one input. Those that fail
are made small and kept in build/fuzz.
"""

from __future__ import annotations

import argparse
import gc
import mmap
import os
import random
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from lang import child, driver
from lang.source import Source
from tests.fuzz.children import in_child
from tests.fuzz.mutations import corpus, input_of
from tests.fuzz.runs import drop_programs, optimise_programs, prepare
from tests.go_oracle import ROOT, tokens

WORK = ROOT / "build" / "fuzz"
CHUNK = 250
INPUT_SECONDS = 10.0  # of the processor, for one input to be compiled; most take some milliseconds
RUN_SECONDS = 2.0  # for one program, compiled already
PATIENCE = 40.0  # seconds of a machine that is busy, in seconds of its processor
MEMORY_BYTES = 4 << 30  # address space of the compiler
RUN_MEMORY_BYTES = 12 << 30  # the stacks of a program reserve 5 GiB
PANIC_EXIT = 2


class TooSlow(BaseException):
    """An input took too long; no handler in the compiler takes it for an error of its own."""


class Verdict(NamedTuple):
    """What the compiler made of an input."""

    outcome: str  # refused, and by what; compiled; translated, to machine code as well; broken
    what: str = ""  # if broken: the exception's type and place
    details: str = ""


@dataclass(frozen=True)
class Finding:
    """An input that broke the compiler, or a program that did not end as programs do."""

    number: int
    text: bytes
    what: str  # the exception's type and place, or how the process ended
    details: str


class Done(NamedTuple):
    """What became of some inputs."""

    outcomes: Counter[str]
    findings: list[Finding]
    translated: list[int]  # the numbers of those that can run


# ---------------------------------------------------------------- compiling


def fail_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def compile_input(data: bytes, translates: bool) -> Verdict:
    """What the compiler makes of an input: of its machine code only if wanted."""
    signal.signal(signal.SIGPROF, fail_slow)
    signal.setitimer(signal.ITIMER_PROF, INPUT_SECONDS)
    refused = "refused by the parser"
    try:
        source = Source.of_bytes("input.toy", data)
        file = driver.parse_source(source)
        refused = "refused by the checker"
        package = driver.check_file(file, source)
        refused = "refused by the lowering"
        driver.lower_checked(package, source)
        refused = "refused by the translation"
        if translates:
            driver.on_native(source)
    except driver.UserError:
        return Verdict(refused)
    except BaseException as error:
        return Verdict("broken", place_of(error), traceback.format_exc()[-1500:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return Verdict("translated" if translates else "compiled")


def place_of(error: BaseException) -> str:
    """The type of an exception and the function that raised it; where that depends on chance, the type alone."""
    if isinstance(error, RecursionError | TooSlow | MemoryError):
        return type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].name}"


def compile_chunk(seed: int, numbers: list[int], every: int, progress: mmap.mmap) -> Done:
    """Compile inputs one after the other; `progress` says which is on its way."""
    done = Done(Counter(), [], [])
    right = 0
    for number in numbers:
        progress[:8] = struct.pack("q", number)
        data = input_of(seed, number)
        verdict = compile_input(data, translates=False)
        if verdict.outcome == "compiled":
            right += 1
            if every and right % every == 1 % every:
                verdict = compile_input(data, translates=True)
        done.outcomes[verdict.outcome] += 1
        if verdict.outcome == "translated":
            done.translated.append(number)
        if verdict.what:
            done.findings.append(Finding(number, data, verdict.what, verdict.details))
    return done


def compiled_inputs(seed: int, numbers: list[int], every: int = 0) -> Iterator[Done]:
    """The same in child processes; one that dies costs the input that it was at, and what it had found."""
    progress = mmap.mmap(-1, 8)
    waiting = [numbers[i : i + CHUNK] for i in range(0, len(numbers), CHUNK)]
    while waiting:
        chunk = waiting.pop(0)
        seconds = 60.0 + len(chunk)
        ended = in_child(partial(compile_chunk, seed, chunk, every, progress), seconds, MEMORY_BYTES, PATIENCE)
        if ended.value is not None:
            yield ended.value
            continue
        (number,) = struct.unpack("q", progress[:8])
        at = chunk.index(number)
        waiting[:0] = [part for part in (chunk[:at], chunk[at + 1 :]) if part]
        what = "hang" if ended.timed_out else f"signal {ended.signal}" if ended.signal else "death"
        yield Done(Counter(["broken"]), [Finding(number, input_of(seed, number), what, "")], [])


# ---------------------------------------------------------------- running


def run_input(data: bytes, number: int) -> tuple[str, Finding | None]:
    """How a program ends on the native engine: it may take forever, but not crash."""
    path = WORK / f"run_{number}.toy"
    path.write_bytes(data)
    ended = in_child(lambda: child.run(path, stdin=b""), RUN_SECONDS, RUN_MEMORY_BYTES, PATIENCE)
    path.unlink()
    if ended.timed_out or (ended.value is not None and ended.value.exit_code == -signal.SIGXCPU):
        return "went on for too long", None
    if ended.value is None:
        return "broken", Finding(number, data, f"run: signal {ended.signal}", "")
    code, stderr = ended.value.exit_code, ended.value.stderr.decode("utf-8", "backslashreplace")
    if code < 0 or "Traceback" in stderr or "internal error" in stderr:
        return "broken", Finding(number, data, f"run: exit code {code}", stderr[-1500:])
    return "ended" if code == 0 else "panicked" if code == PANIC_EXIT else "exited with a code of its own", None


def examined(seed: int, every: int, numbers: list[int]) -> Done:
    """What became of a chunk of inputs."""
    whole = Done(Counter(), [], [])
    for done in compiled_inputs(seed, numbers, every):
        whole.outcomes.update(done.outcomes)
        whole.findings.extend(done.findings)
        whole.translated.extend(done.translated)
        for number in done.translated:
            outcome, finding = run_input(input_of(seed, number), number)
            whole.outcomes[outcome] += 1
            whole.findings.extend([finding] if finding else [])
    return whole


# ---------------------------------------------------------------- findings


def smaller(data: bytes, fails: Callable[[bytes], bool], seconds: float) -> bytes:
    """The input without the lines, then tokens, that it fails without."""
    deadline = time.monotonic() + seconds
    for cut in (lambda text: text.splitlines(keepends=True), lambda text: [token.text for token in tokens(text)]):
        parts = cut(data.decode("utf-8", "surrogateescape"))
        size = len(parts) // 2
        while size and time.monotonic() < deadline:
            for start in range(len(parts) - size, -1, -size):
                candidate = [*parts[:start], *parts[start + size :]]
                if time.monotonic() < deadline and fails("".join(candidate).encode("utf-8", "surrogateescape")):
                    parts = candidate
            size //= 2
        data = "".join(parts).encode("utf-8", "surrogateescape")
    return data


def keep(finding: Finding, seed: int) -> Path:
    """A finding in a file, made small."""

    def fails(data: bytes) -> bool:
        if finding.what.startswith("run: "):
            again = run_input(data, finding.number)[1]
            return again is not None and again.what == finding.what
        ended = in_child(lambda: compile_input(data, translates=True), INPUT_SECONDS, MEMORY_BYTES, PATIENCE)
        if ended.value is None:
            return finding.what.split()[0] in ("signal", "hang", "death")
        return ended.value.what == finding.what

    path = WORK / f"mutant_{seed}_{finding.number}.toy"
    path.write_bytes(smaller(finding.text, fails, seconds=30.0))
    return path


# ---------------------------------------------------------------- the campaign


def parsed_arguments(words: list[str]) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.mutate", description=__doc__, formatter_class=raw)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000_000))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--run", type=int, default=5)
    parser.add_argument("--opt", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args(words)


def results(numbers: list[int], options: argparse.Namespace) -> Iterator[Done]:
    """What became of a batch of inputs: a chunk for each job."""
    examine = partial(examined, options.seed, options.run)
    chunks = [numbers[i : i + CHUNK] for i in range(0, len(numbers), CHUNK)]
    if len(chunks) == 1:
        yield from map(examine, chunks)
    else:
        with ProcessPoolExecutor(len(chunks), get_context("fork")) as pool:
            yield from pool.map(examine, chunks)


def main(words: list[str]) -> int:
    options = parsed_arguments(words)
    WORK.mkdir(parents=True, exist_ok=True)
    os.environ["TOY_CACHE_DIR"] = str(WORK / "cache")
    started = time.monotonic()
    last = options.first + options.count
    print(f"seed {options.seed}, inputs {options.first} to {last - 1}", flush=True)
    prepare()
    optimise_programs(options.opt)
    corpus()
    gc.freeze()
    kinds: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for first in range(options.first, last, CHUNK * options.jobs):
        batch = list(range(first, min(first + CHUNK * options.jobs, last)))
        for done in results(batch, options):
            outcomes.update(done.outcomes)
            for finding in done.findings:
                kinds[finding.what] += 1
                if kinds[finding.what] == 1:
                    print(f"input {finding.number}: {finding.what}\n{finding.details}", flush=True)
                    print(f"kept as {keep(finding, options.seed)}", flush=True)
        drop_programs(WORK / "cache")
        seconds = time.monotonic() - started
        print(f"{batch[-1] + 1 - options.first} inputs, {kinds.total()} failing; {seconds:.0f} s", flush=True)
    for what, count in [*outcomes.most_common(), *kinds.most_common()]:
        print(f"{count:6} {what}")
    print(f"{options.count} inputs, {kinds.total()} failing; {time.monotonic() - started:.0f} s")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
