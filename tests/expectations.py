"""Expectations: what a program in tests/programs says about itself, in comments beside the cause.

    // expect: text       the next line of standard output
    // stderr: text       the next line of standard error (println writes there)
    // panic: text        it panics: standard error then says "panic: text", exit code 2
    // fatal: text        the run time gives up: standard error then says "fatal error: text", exit code 2
    // exit: 3            the exit code, when it is neither 0 nor that of a panic
    // args: a b          its arguments
    // env: GOGC=50       one variable of its environment
    // stdin: text        the next line of its standard input, which is empty without any
    // stress: 50         collect at every 50th allocation in the stress run; 1 unless told

A comment may stand behind code or on a line of its own; the order of the lines is the order of the output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.go_oracle import Result

DIRECTIVE = re.compile(r"// (expect|stderr|panic|fatal|exit|args|env|stdin|stress):(?: (.*))?$")
STRESS_REPORT = "gcstress: "  # how the line begins that tells what a stress run did
SINGLE = ("panic", "fatal", "exit", "args", "stress")


@dataclass(frozen=True)
class Expectations:
    stdout: tuple[str, ...]  # lines, in order
    stderr: tuple[str, ...]  # first lines, in order
    exit_code: int
    args: tuple[str, ...]
    environ: dict[str, str]
    stdin: bytes
    stress: int  # collect at every n-th allocation

    def complaint_about(self, result: Result) -> str | None:
        """What differs between this and the result; None when nothing does."""
        stdout = "".join(f"{line}\n" for line in self.stdout)
        said = result.stdout.decode("utf-8", "backslashreplace")
        if said != stdout:
            return f"standard output {difference(stdout, said)}\n{stderr_text(result)}"
        if result.exit_code != self.exit_code:
            return f"exit code {result.exit_code}, expected {self.exit_code}\n{stderr_text(result)}"
        lines = [line for line in stderr_text(result).splitlines() if not line.startswith(STRESS_REPORT)]
        if tuple(lines[: len(self.stderr)]) != self.stderr or (self.exit_code == 0 and len(lines) > len(self.stderr)):
            return f"standard error:\n{stderr_text(result)}expected to begin:\n" + "\n".join(self.stderr)
        return None


def stderr_text(result: Result) -> str:
    return result.stderr.decode("utf-8", "backslashreplace")


def difference(expected: str, said: str) -> str:
    """The first line that differs, with its number."""
    wanted, got = expected.splitlines(), said.splitlines()
    for number, (want, have) in enumerate(zip(wanted, got, strict=False), start=1):
        if want != have:
            return f"line {number}:\n  expected {want!r}\n  printed  {have!r}"
    if len(wanted) == len(got):
        return "differs in its last newline"
    first = max(wanted, got, key=len)[min(len(wanted), len(got))]
    return f"has {len(got)} lines, expected {len(wanted)}; the first beyond: {first!r}"


def expectations_of(path: Path) -> Expectations:
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(source: str, name: str) -> Expectations:
    found: dict[str, list[str]] = {}
    for line in source.splitlines():
        if match := DIRECTIVE.search(line):
            found.setdefault(match[1], []).append(match[2] or "")
    for key in SINGLE:
        if len(found.get(key, [])) > 1:
            raise ValueError(f"{name}: more than one // {key}:")
    stderr = found.get("stderr", [])
    stderr += [f"panic: {text}" for text in found.get("panic", [])]
    stderr += [f"fatal error: {text}" for text in found.get("fatal", [])]
    failing = "panic" in found or "fatal" in found
    return Expectations(
        stdout=tuple(found.get("expect", [])),
        stderr=tuple(stderr),
        exit_code=int(found["exit"][0]) if "exit" in found else 2 * failing,
        args=tuple(found["args"][0].split()) if "args" in found else (),
        environ=dict(setting.split("=", 1) for setting in found.get("env", [])),
        stdin="".join(f"{line}\n" for line in found.get("stdin", [])).encode(),
        stress=int(found["stress"][0]) if "stress" in found else 1,
    )
