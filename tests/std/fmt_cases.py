"""What the tests of fmt print: directives times values, and programs' lines. Go says what comes out.

python -m tests.std.fmt_cases        asks the real Go again and rewrites fmt_expected.txt
"""

from __future__ import annotations

import json
import math
import random
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import go_oracle
from tests.std.values import (
    ANY,
    BOOL,
    FLOAT32,
    FLOAT64,
    INT,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    UINTPTR,
    GoType,
    Value,
    array_of,
    named,
    pointer_to,
    slice_of,
    spell_plain,
    struct_type,
)

EXPECTED = Path(__file__).with_name("fmt_expected.txt")

POINT = struct_type("Point", X=INT, Y=INT)
PERSON = struct_type(
    "Person", Name=STRING, Age=UINT8, Tags=slice_of(STRING), Next=pointer_to(POINT), Extra=ANY, OK=BOOL
)
EMPTY = struct_type("Empty")
CELSIUS = named("Celsius", FLOAT64)
LABEL = named("Label", STRING)
COUNT = named("Count", INT)
POINTS = named("Points", slice_of(POINT))
BLOB = named("Blob", slice_of(UINT8))
NAMED = [POINT, PERSON, EMPTY, CELSIUS, LABEL, COUNT, POINTS, BLOB]


@dataclass(frozen=True)
class Case:
    """One call."""

    function: str  # Print, Println or Printf
    format: bytes  # of Printf; else empty
    values: tuple[Value, ...]

    @property
    def go(self) -> str:
        first = [spell_plain(self.format)] if self.function == "Printf" else []
        return f"fmt.S{self.function.lower()}({', '.join(first + [value.go for value in self.values])})"


def single(value: float) -> float:
    """The float32 nearest to value."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def integers() -> Iterator[Value]:
    for content in (0, 1, -1, 7, 42, -42, 100, 65, 0x1F600, 0x200B, 0xD800, -(2**63), 2**63 - 1):
        yield Value(INT, content)
    yield Value(INT8, -128)
    yield Value(UINT8, 255)
    yield Value(UINT64, 2**64 - 1)
    yield Value(UINT64, 0o777)
    yield Value(COUNT, 5)


def floats() -> Iterator[Value]:
    for content in (0.0, -0.0, 1.0, -1.5, 3.14159265358979, 100.0, 1e6, 123456789.0, 1e20, 1e21, 1e-4, 0.00001234):
        yield Value(FLOAT64, content)
    for content in (1e100, 5e-324, 1.7976931348623157e308, 2.5, 0.5, 1e23, 2**53 + 1.0, math.inf, -math.inf, math.nan):
        yield Value(FLOAT64, content)
    for content in (0.1, 16777216.0, 1e-45, 3.4e38):
        yield Value(FLOAT32, single(content))
    yield Value(CELSIUS, 36.6)


def strings() -> Iterator[Value]:
    for content in (
        "",
        "hi",
        "héllo, 世界",
        'say "x"\n\t\\',
        "\x00\x07\x1b\x7f\u00ad\u200b\ufeff\U000e0001",
        "`a`",
        "é",
    ):
        yield Value(STRING, content.encode())
    yield Value(STRING, b"bad\xff\xc3(\xed\xa0\x80")
    yield Value(LABEL, b"tag")
    yield Value(slice_of(UINT8), list(b"abc\x00\xfe"))
    yield Value(slice_of(UINT8), None)
    yield Value(array_of(3, UINT8), [1, 2, 3])
    yield Value(BLOB, list(b"ab"))


def composites() -> Iterator[Value]:
    point = Value(POINT, [1, -2])
    person = [b"Ann", 41, [b"a", b"b c"], None, Value(FLOAT64, 2.5), True]
    yield point
    yield Value(pointer_to(POINT), point)
    yield Value(pointer_to(POINT), None)
    yield Value(PERSON, person)
    yield Value(pointer_to(PERSON), Value(PERSON, [b"", 0, None, None, None, False]))
    yield Value(EMPTY, [])
    yield Value(slice_of(INT), [1, 2, 3])
    yield Value(slice_of(INT), [])
    yield Value(slice_of(INT), None)
    yield Value(pointer_to(slice_of(INT)), Value(slice_of(INT), [4, 5]))
    yield Value(array_of(2, FLOAT64), [0.5, 1e9])
    yield Value(slice_of(STRING), [b"x", b"", b"y z"])
    yield Value(slice_of(slice_of(INT16)), [[1], None, [2, 3]])
    yield Value(array_of(2, POINT), [[1, 2], [3, 4]])
    yield Value(POINTS, [[7, 8]])
    yield Value(
        slice_of(ANY), [Value(INT, 1), Value(STRING, b"s"), None, Value(slice_of(UINT8), [1]), Value(POINT, [0, 0])]
    )
    yield Value(slice_of(BOOL), [True, False])
    yield Value(slice_of(pointer_to(INT)), [None])
    yield Value(pointer_to(INT), None)
    yield Value(BOOL, True)
    yield Value(None, None)


def scalars() -> Iterator[Value]:
    for typ in (INT16, INT32, INT64, UINT, UINT16, UINT32, UINTPTR):
        yield Value(typ, 100)


INTEGER_FORMATS = "%d|%v|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|%+08d|%.0d|%b|%o|%#o|%O|%x|%X|%#x|%#X|%#b|%08b|%c|%q|%+q|%U|%#U|%12U|%-12.6U|%#v|%T|%t|%s|%e|%5c|%-4q|%#.5x|%020d|%-020d|% x|%#020X"  # noqa: E501
FLOAT_FORMATS = "%v|%g|%e|%f|%E|%F|%G|%.0f|%.2f|%8.3f|%-10.2f|%+.1e|%010.2f|%+010.2f|% .3g|%#v|%#g|%#.3g|%#.0f|%#e|%.20f|%.25e|%.3g|%.15g|%.17g|%b|%x|%X|%.3x|%#x|%.0x|%.20x|%6.0f|%T|%d|%s|%-12g|%012g|%+v|%+g|%.60f"  # noqa: E501
STRING_FORMATS = "%s|%v|%q|%x|%X|%+q|%#q|%#v|%10s|%-10s|%.2s|%10.3s|%010s|% x|%#x|% #X|%.3x|%20q|%-20q|%d|%t|%T|%U|%c|%12x|%-#12x|%+v|%.1q|%5t"  # noqa: E501
COMPOSITE_FORMATS = "%v|%+v|%#v|%T|%d|%s|%x|%q|%5v|%05d|%6.2f|%t|%e|%c|%-4d|%+d|%!"

FORMATS: list[tuple[str, list[object]]] = [
    ("plain", []),
    ("100%", []),
    ("%%|%5%|%-%", []),
    ("%d %d", [1]),
    ("%d", [1, b"x", None, 2.5]),
    ("%d %s %v", [1, b"two", 3.0]),
    ("%z|%é|%!", [1, 2, 3]),
    ("%", []),
    ("%5", []),
    ("%-", [1]),
    ("%.", [1]),
    ("%5.", [1]),
    ("%*d|%-*d|%*d", [5, 1, 5, 2, -5, 3]),
    ("%.*f|%.*f", [2, 3.14159, -1, 2.0]),
    ("%*.*f|", [8, 3, 2.71828]),
    ("%*d", [b"x", 1]),
    ("%.*d", [2.5, 1]),
    ("%*d", [10000000, 1]),
    ("%*d", []),
    ("%[2]d %[1]d", [1, 2]),
    ("%[2]d %d|", [1, 2, 3]),
    ("%[3]d", [1, 2]),
    ("%[0]d|%[x]d|%[]d|%[", [1]),
    ("%[1]", [1]),
    ("%[]", [1]),
    ("%[1", [1]),
    ("%[2]*[1]d", [1, 5]),
    ("%[3]*.[2]*[1]f|", [12.0, 2, 6]),
    ("%[1]5d|%.[1]2d|%[1].2d", [1, 2]),
    ("%2147483648d", [1]),
    ("%.2147483648d", [1]),
    ("%-010d|%0-10d|%+ d|% +d", [1, 2, 3, 4]),
    ("%w|%w|%w|%#w|%+w", [1, None, b"s", [1], [2]]),
    ("%d%d%d\n", [1, 2, 3]),
    ("héllo %s wörld\n", [b"x"]),
    ("%.3v|%10v|%-10v|", [b"abcdef", 2.5, True]),
    ("%06.2f|%+06d|%x", [3.14159, 42, b"hello"]),
    ("%+v %#v", [[1], [2]]),
    ("%d %%|%p|%p", [1, 2, None]),
    ("%s\xff%s", [b"a", b"b"]),
]
GUESSED: dict[type, GoType] = {bool: BOOL, int: INT, float: FLOAT64, bytes: STRING, list: slice_of(INT)}


def guess(content: object) -> Value:
    """The value that a plain Python one stands for."""
    return Value(None, None) if content is None else Value(GUESSED[type(content)], content)


def cases() -> Iterator[Case]:
    for values, formats in (
        (integers(), INTEGER_FORMATS),
        (floats(), FLOAT_FORMATS),
        (strings(), STRING_FORMATS),
        (composites(), COMPOSITE_FORMATS),
        (scalars(), "%v|%#v|%T|%x"),
    ):
        for value in values:  # one call per value: its text is split where the formats are
            yield Case("Printf", formats.encode(), (value,) * (formats.count("|") + 1))
    for pattern, contents in FORMATS:
        yield Case("Printf", pattern.encode("latin-1" if "\xff" in pattern else "utf-8"), tuple(map(guess, contents)))
    yield Case("Printf", b"%*d|%.*d|%*d", tuple(Value(UINT64, n) for n in (2**64 - 1, 1, 2**64 - 2, 2, 3, 4)))
    yield Case("Printf", b"%w|%+w", (Value(slice_of(UINT8), [1, 2]), Value(POINT, [1, 2])))
    rows: list[list[object]] = [
        [],
        [1],
        [1, 2],
        [b"a", b"b"],
        [1, b"a", 2, 3],
        [b"a", 1, 2, b"b"],
        [None, None],
        [True, 2.5, b""],
    ]
    for function in ("Print", "Println"):
        for row in rows:
            yield Case(function, b"", tuple(map(guess, row)))
        yield Case(function, b"", tuple(composites()))
        yield Case(function, b"", (Value(LABEL, b"x"), Value(LABEL, b"y"), *floats(), *integers(), *scalars()))


def random_directive(rng: random.Random) -> str:
    """A directive, sometimes a malformed one."""
    flags = "".join(rng.choice("+-# 0") for _ in range(rng.choice([0, 0, 1, 1, 2, 3])))
    index = rng.choice(["[1]", "[2]", "[9]", "[", "[]", "[x]"]) if rng.random() < 0.1 else ""
    width = rng.choice(["*", "5", "12", "1", "20", "0"]) if rng.random() < 0.4 else ""
    precision = rng.choice([".*", ".0", ".1", ".3", ".7", ".20", "."]) if rng.random() < 0.3 else ""
    return f"%{flags}{index}{width}{precision}{rng.choice('vvvvdsqxXoObcUeEfFgGtTwz%é!')}"


def random_cases(seed: int, count: int) -> list[Case]:
    """Random formats of random operands."""
    rng = random.Random(seed)
    pool = [*integers(), *floats(), *strings(), *composites(), *scalars()]
    made = []
    for _ in range(count):
        pattern = "".join(random_directive(rng) + rng.choice("| x") for _ in range(rng.randrange(1, 4)))
        end = -1 if rng.random() < 0.1 else None
        made.append(Case("Printf", pattern[:end].encode(), tuple(rng.choices(pool, k=rng.randrange(5)))))
    return made


def program(calls: list[Case]) -> str:
    """A Go program that prints the result of each call, quoted, on a line of its own."""
    lines = ["package main", 'import ("fmt"; "math"; "strconv")', "var _ = math.NaN", *[t.declaration for t in NAMED]]
    lines += ["func ref[T any](v T) *T { return &v }", "func show(s string) { fmt.Println(strconv.QuoteToASCII(s)) }"]
    lines += ["func main() {", *[f"\tshow({case.go})" for case in calls], "}"]
    return "\n".join(lines) + "\n"


def ask_go(calls: list[Case]) -> list[str]:
    """What Go prints, a line per case."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "fmt_cases.go"
        path.write_text(program(calls), encoding="utf-8")
        built = go_oracle.build([path], go_oracle.BUILD_DIR.parent / "go-fmt")[path]
    if isinstance(built, str):
        raise ValueError(built)
    return go_oracle.run(built).stdout.decode().splitlines()


def unquoted(line: str) -> bytes:
    """The bytes of a string that Go's strconv.QuoteToASCII quoted."""
    out, rest = bytearray(), line[1:-1]
    while rest:
        if rest[0] != "\\":
            out, rest = out + rest[0].encode(), rest[1:]
        elif rest[1] in "xuU":
            n = {"x": 2, "u": 4, "U": 8}[rest[1]]
            code = int(rest[2 : 2 + n], 16)
            out, rest = out + (bytes([code]) if n == 2 else chr(code).encode()), rest[2 + n :]
        else:
            out, rest = (
                out + json.loads(f'"{rest[:2]}"').encode()
                if rest[1] not in "av'"
                else out + {"a": b"\a", "v": b"\v", "'": b"'"}[rest[1]],
                rest[2:],
            )
    return bytes(out)


if __name__ == "__main__":
    EXPECTED.write_text("\n".join(ask_go(list(cases()))) + "\n", encoding="utf-8")
    sys.exit()
