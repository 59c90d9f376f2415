"""python -m tests.fuzz.mutate: source texts broken at random, given to the compiler.

    --count N      inputs (2000)
    --seed S       the seed (a random one); input i of a seed is always the same
    --first i      the first input (0): to see one again, --first i --count 1
    --run n        run every n-th input that still compiles (5); 0 for none

Whatever the input is, the compiler says what is wrong with it or compiles it: no Python exception of another kind, no
hang, no signal. An input that still compiles ends in one of the ways in which programs end.

Inputs go through the compiler in forked processes, a chunk at a time, so that a crash costs one input. Those that fail
are made small and kept in build/fuzz.
"""

from __future__ import annotations

import argparse
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from tests.fuzz.children import in_child
from tests.go_oracle import ROOT, tokens

WORK = ROOT / "build" / "fuzz"
CHUNK = 250
INPUT_SECONDS = 10.0  # for one input to be compiled; most take some milliseconds
RUN_SECONDS = 4.0
MEMORY_BYTES = 4 << 30  # address space of the compiler
RUN_MEMORY_BYTES = 12 << 30  # the stacks of a program reserve 5 GiB
NESTING = 3000
SPECIAL = """( ) [ ] { } < > , ; : := = == += << >> & * . ... ! - + / % ^ | && || <- ++ 0 1 -1 9223372036854775808 1e999
0x 0b2 08 1e 1_ 'a' '' "x" "\\q" `y` nil true iota _ x T int int8 uint64 float32 string []int [3]int [...]int *int func
struct map[string]int chan int interface{} any error break continue fallthrough goto return if else for range switch
case default var const type import package defer go select append copy len cap make new panic print min max clear delete
recover fmt.Println os.Exit runtime.GC main &x T{ &T< 1<<62 1<<10000 '\\u0000' "\\xff" // /* */ é 日 \u00a0 \x00 \ufeff
\\ # @ $ ?""".split()
OPERATORS = frozenset("+ - * / % & | ^ << >> &^ == != < <= > >= && || = := += -= *= /= ++ -- &= |= %=".split())
NESTS = [
    ("(", ")"), ("[", "]"), ("{", "}"), ("-", ""), ("!", ""), ("*", ""), ("&", ""), ("[]", ""), ("1+", ""), ("", ".x"),
    ("", "[0]"), ("f(", ")"), ("T{", "}"), ("&T<", ">"), ("if x {", "}"), ("for {", "}"), ("switch {case ", ":}"),
    ("struct{x ", "}"), ("func(", ")"), ("map[int]", ""), ("", "+1"), ("", "()"), ("int(", ")"), ("if x {} else ", ""),
]  # fmt: skip


class TooSlow(BaseException):
    """An input took too long; no handler in the compiler takes it for an error of its own."""


@dataclass(frozen=True)
class Finding:
    """An input that broke the compiler, or a program that did not end as programs do."""

    number: int
    text: bytes
    what: str  # the exception's type and place, or how the process ended
    details: str


Compiled = tuple[list[int], list[Finding]]  # the numbers of inputs that compiled; what went wrong
# ---------------------------------------------------------------- mutations

Texts = list[str]
Mutation = Callable[[random.Random, Texts, Texts], None]


def position(rng: random.Random, texts: Texts) -> int:
    """Where something is done: at a token, seldom at what stands between two."""
    for _ in range(5):
        i = rng.randrange(len(texts))
        if not texts[i].isspace():
            break
    return i


def delete(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    i = position(rng, texts)
    del texts[i : i + rng.choice([1, 1, 1, 2, 5, 30])]


def duplicate(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    i = position(rng, texts)
    part = texts[i : i + rng.choice([1, 1, 3, 10, 60])]
    texts[i:i] = part * rng.choice([1, 1, 2])


def swap(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    i, j = position(rng, texts), position(rng, texts)
    texts[i], texts[j] = texts[j], texts[i]


def replace(rng: random.Random, texts: Texts, pool: Texts) -> None:
    texts[position(rng, texts)] = rng.choice(pool if rng.random() < 0.6 else SPECIAL)


def exchange(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    """A token for another of its kind from the same program: it may well still compile."""
    kinds = (str.isidentifier, str.isdigit, lambda text: text.startswith(('"', "'")), lambda text: text in OPERATORS)
    text = texts[i := position(rng, texts)]
    alike = [other for kind in kinds if kind(text) for other in texts if kind(other) and other != text]
    if alike:
        texts[i] = rng.choice(alike)


def insert(rng: random.Random, texts: Texts, pool: Texts) -> None:
    texts.insert(position(rng, texts), rng.choice(pool if rng.random() < 0.4 else SPECIAL))


def rename(rng: random.Random, texts: Texts, pool: Texts) -> None:
    """One name everywhere as another."""
    names = [text for text in texts if text.isidentifier()]
    if names:
        old, new = rng.choice(names), rng.choice(names if rng.random() < 0.7 else pool)
        texts[:] = [new if text == old else text for text in texts]


def move_lines(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    """A run of lines goes elsewhere."""
    lines = "".join(texts).splitlines(keepends=True)
    i, count = rng.randrange(len(lines)), rng.choice([1, 1, 2, 6])
    moved = lines[i : i + count]
    if rng.random() < 0.6:
        del lines[i : i + count]
    j = rng.randint(0, len(lines))
    texts[:] = [*lines[:j], *moved, *lines[j:]]


def splice(rng: random.Random, texts: Texts, pool: Texts) -> None:
    """Some of another program."""
    start = rng.randrange(len(pool))
    i = position(rng, texts)
    texts[i : i + rng.choice([0, 5])] = pool[start : start + rng.choice([3, 10, 40])]


def truncate(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    del texts[rng.randrange(len(texts)) :]


def nest(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    """Something inside many brackets, operators or blocks."""
    depth = rng.choice([2, 30, 300, NESTING])
    opening, closing = rng.choice(NESTS)
    i = position(rng, texts)
    texts[i] = opening * depth + texts[i] + closing * depth


def lengthen(rng: random.Random, texts: Texts, _pool: Texts) -> None:
    """A name or a number of many characters."""
    i = position(rng, texts)
    texts[i] = rng.choice(["9", "x", "0x1", "1e", "1.", '"', "'", "_", "é"]) * rng.choice([20, 400, 5000])


MUTATIONS: list[tuple[int, Mutation]] = [
    (20, exchange), (8, delete), (6, duplicate), (6, swap), (9, replace), (6, insert), (3, rename), (4, move_lines),
    (3, splice), (1, truncate), (2, nest), (1, lengthen),
]  # fmt: skip


def mutated(source: str, pool: Texts, rng: random.Random) -> bytes:
    """A broken text: some mutations of its tokens, then perhaps of its bytes."""
    texts = [token.text for token in tokens(source)]
    for _ in range(rng.choice([1, 1, 1, 1, 1, 2, 3, 8])):
        mutation = rng.choices([m for _, m in MUTATIONS], [weight for weight, _ in MUTATIONS])[0]
        if texts:
            mutation(rng, texts, pool)
    data = bytearray("".join(texts).encode("utf-8", "surrogatepass"))
    if data and rng.random() < 0.1:
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


class Corpus:
    """The programs that mutation starts from."""

    def __init__(self) -> None:
        paths = sorted([*(ROOT / "tests" / "programs").rglob("*.toy"), *(ROOT / "examples").glob("*.toy")])
        self.sources = [path.read_text(encoding="utf-8") for path in paths]
        self.pool = [token.text for source in self.sources for token in tokens(source) if token.kind != "space"]

    def input(self, seed: int, number: int) -> bytes:
        """Input `number` of a seed."""
        rng = random.Random(f"{seed} {number}")
        return mutated(rng.choice(self.sources), self.pool, rng)


# ---------------------------------------------------------------- compiling


def fail_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def compile_input(data: bytes) -> tuple[bool, str, str]:
    """Whether an input compiles; else what went wrong that must not, if anything did."""
    from lang.driver import UserError, compile_source
    from lang.source import Source

    signal.signal(signal.SIGALRM, fail_slow)
    signal.setitimer(signal.ITIMER_REAL, INPUT_SECONDS)
    try:
        compile_source(Source.of_bytes("input.toy", data))
    except UserError:
        return False, "", ""
    except BaseException as error:
        return False, place_of(error), traceback.format_exc()[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True, "", ""


def place_of(error: BaseException) -> str:
    """The type of an exception and the function that raised it; where that depends on chance, the type alone."""
    if isinstance(error, RecursionError | TooSlow | MemoryError):
        return type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].name}"


def compile_chunk(corpus: Corpus, seed: int, numbers: list[int], progress: mmap.mmap) -> Compiled:
    """Compile inputs one after the other; `progress` says which is on its way."""
    compiled: list[int] = []
    findings: list[Finding] = []
    for number in numbers:
        progress[:8] = struct.pack("q", number)
        data = corpus.input(seed, number)
        ok, what, details = compile_input(data)
        if ok:
            compiled.append(number)
        if what:
            findings.append(Finding(number, data, what, details))
    return compiled, findings


def compiled_inputs(corpus: Corpus, seed: int, numbers: list[int]) -> Iterator[Compiled]:
    """The same in child processes; one that dies costs the input that it was at, and what it had found."""
    progress = mmap.mmap(-1, 8)
    waiting = [numbers[i : i + CHUNK] for i in range(0, len(numbers), CHUNK)]
    while waiting:
        chunk = waiting.pop(0)
        seconds = 60.0 + len(chunk)
        ended = in_child(partial(compile_chunk, corpus, seed, chunk, progress), seconds, MEMORY_BYTES)
        if ended.value is not None:
            yield ended.value
            continue
        (number,) = struct.unpack("q", progress[:8])
        at = chunk.index(number)
        waiting[:0] = [part for part in (chunk[:at], chunk[at + 1 :]) if part]
        what = "hang" if ended.timed_out else f"signal {ended.signal}" if ended.signal else "death"
        yield [], [Finding(number, corpus.input(seed, number), what, "")]


# ---------------------------------------------------------------- running


def run_input(data: bytes, number: int) -> Finding | None:
    """Run a program on the native engine; it may take forever, but not crash."""
    from lang import child

    path = WORK / f"run_{number}.toy"
    path.write_bytes(data)
    ended = in_child(lambda: child.run(path), RUN_SECONDS, RUN_MEMORY_BYTES)
    path.unlink()
    if ended.timed_out:
        return None
    if ended.value is None:
        return Finding(number, data, f"run: signal {ended.signal}", "")
    stderr = ended.value.stderr.decode("utf-8", "backslashreplace")
    if ended.value.exit_code < 0 or "Traceback" in stderr or "internal error" in stderr:
        return Finding(number, data, f"run: exit code {ended.value.exit_code}", stderr[-1500:])
    return None


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
            again = run_input(data, finding.number)
            return again is not None and again.what == finding.what
        ended = in_child(lambda: compile_input(data), INPUT_SECONDS + 2, MEMORY_BYTES)
        return ended.value[1] == finding.what if ended.value else finding.what.split()[0] in ("signal", "hang", "death")

    path = WORK / f"mutant_{seed}_{finding.number}.toy"
    path.write_bytes(smaller(finding.text, fails, seconds=30.0))
    return path


def parsed_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.mutate", description="broken source texts")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000_000))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--run", type=int, default=5)
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    options = parsed_arguments(words)
    WORK.mkdir(parents=True, exist_ok=True)
    os.environ["TOY_CACHE_DIR"] = str(WORK / "cache")
    started = time.monotonic()
    print(f"seed {options.seed}, inputs {options.first} to {options.first + options.count - 1}", flush=True)
    corpus = Corpus()
    kinds: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    numbers = list(range(options.first, options.first + options.count))
    for compiled, findings in compiled_inputs(corpus, options.seed, numbers):
        counts["compiled"] += len(compiled)
        run = compiled[:: options.run] if options.run else []
        counts["ran"] += len(run)
        crashes = [run_input(corpus.input(options.seed, number), number) for number in run]
        for finding in [*findings, *(crash for crash in crashes if crash is not None)]:
            kinds[finding.what] += 1
            if kinds[finding.what] == 1:
                print(f"input {finding.number}: {finding.what}\n{finding.details}", flush=True)
                print(f"kept as {keep(finding, options.seed)}", flush=True)
    for what, count in kinds.most_common():
        print(f"{count:6} {what}")
    print(
        f"{options.count} inputs, {counts['compiled']} compiled, {counts['ran']} of them run; "
        f"{sum(kinds.values())} failing; {time.monotonic() - started:.0f} s"
    )
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
