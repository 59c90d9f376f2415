"""Mutations: what breaks a source text, drawn at random.

    tokens    left out, repeated, swapped, replaced, inserted, renamed, nested, lengthened
    lines     moved
    texts     cut off, or with some of another program in them
    bytes     overwritten, in some

Most inputs get one mutation of their tokens, some get up to eight.                         Next: mutate.py
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from tests.go_oracle import ROOT, tokens

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


@cache
def corpus() -> Corpus:
    """The programs, read once; processes forked later share them."""
    return Corpus()


def input_of(seed: int, number: int) -> bytes:
    """Input `number` of a seed."""
    rng = random.Random(f"{seed} {number}")
    return mutated(rng.choice(corpus().sources), corpus().pool, rng)
