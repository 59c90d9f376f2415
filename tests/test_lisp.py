"""The Lisp of examples/embedding, on both engines and under stress: another language on the library."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from lang import child
from tests.go_oracle import ROOT

LISP = ROOT / "examples" / "embedding" / "lisp.py"
PROGRAMS = sorted(LISP.parent.glob("*.lisp"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
DEEP = "(define (f n) (+ 1 (f n)))\n(f 1)\n"


def lisp(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LISP), *arguments]
    return subprocess.run(
        command,
        input=text,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=300,
        check=False,
    )


@cache
def lisp_module() -> ModuleType:
    """The Lisp, loaded once for all processes forked from this one."""
    spec = spec_from_file_location("lisp", LISP)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forked_lisp(text: str) -> child.Result:
    """What `lisp.py -` does, in such a process."""

    def action() -> int:
        sys.argv = [str(LISP), "-"]
        return int(lisp_module().guarded())

    lisp_module()
    return child.forked(action, ENVIRONMENT, 300, text.encode("utf-8", "surrogateescape"))


def collections(stderr: str) -> int:
    found = re.search(r"num_gc=(\d+)", stderr)
    assert found, stderr
    return int(found[1])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--gogc", "1"], id="native"),
        pytest.param(["--gcstress", "1"], id="native-stress", marks=pytest.mark.full),
        pytest.param(["--engine", "python", "--gcstress", "50"], id="python-stress", marks=pytest.mark.slow),
    ],
)
def test_a_program_prints_what_it_says(program: Path, options: list[str]) -> None:
    done = lisp(str(program), "--stats", *options)
    expected = re.findall(r"; expect: (.*)", program.read_text("utf-8"))
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr
    assert collections(done.stderr) > 0


@pytest.mark.parametrize("engine", ["native", "python"])
def test_both_engines_agree(engine: str) -> None:
    text = '(define l (list 1 2)) (set-cdr! (cdr l) (list "a\\nb" \'c)) (print l) (+ 1 (* 461168601842738790 30))'
    done = lisp("--engine", engine, "--gcstress", "5", "--stats", text=text)
    shown = "lisp> (1 2)\n(a\nb c)\n(1 2 a\nb c)\n()\n-4611686018427387915\nlisp> "
    assert done.stdout == shown
    assert collections(done.stderr) > 20


@pytest.mark.parametrize("engine", ["native", pytest.param("python", marks=pytest.mark.slow)])
def test_deep_recursion_is_an_error_of_the_lisp(engine: str) -> None:
    done = lisp("-", "--engine", engine, text=DEEP)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: the recursion is too deep\n")


def test_recursion_through_apply_is_an_error_too_and_the_prompt_goes_on() -> None:
    done = lisp(text="(define (f n) (apply f (list n)))\n(f 1)\n(+ 1 2)\n")
    assert done.stderr == "error: the recursion is too deep\n"
    assert done.stdout == "lisp> <closure>\nlisp> lisp> 3\nlisp> "


@pytest.mark.parametrize("engine", ["native", "python"])
def test_the_interrupt_key_ends_a_program(engine: str) -> None:
    command = [sys.executable, "-u", str(LISP), "-", "--engine", engine, "--stats"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write("(print 1)\n(while t (cons 1 2))")
        running.stdin.close()
        running.stdin = None
        try:
            assert running.stdout.readline() == "1\n"
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130, errors
    assert errors.startswith("interrupted\nStats(")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(car 5)", "a pair is wanted, not a number"),
        ("(1 2)", "1 cannot be called"),
        ("(print nowhere)", "nowhere has no value"),
        ('"x', "a string without its end"),
        ("(1 (2", "the text ends behind a ("),
        ("'", "the text ends behind a '"),
        (")", "a ) without its ("),
        ("(+ 1)", "+ takes 2 arguments, not 1"),
        ("((lambda (x) x))", "1 parameters, but 0 arguments"),
        ("(% 1 0)", "division by zero"),
        ("(define 5 6)", "5 is no name"),
        ("(if)", "a pair is wanted, not a nil"),
        ("(set-cdr! 1 2)", "a pair is wanted, not a number"),
        ("(apply car 5)", "a pair is wanted, not a number"),
        (f'{";" * 1000}\n; a ; b\n"x', "a string without its end"),
        ("(print \udcff)", "a string that is no UTF-8"),
        ("(" * 100_000, "the text ends behind a ("),
        (f"{'(' * 100_000}{')' * 100_000}", "the recursion is too deep"),
    ],
    ids=lambda text: text[:20],
)
def test_a_mistake_is_a_line(text: str, said: str) -> None:
    done = forked_lisp(text)
    assert (done.exit_code, done.stderr.decode()) == (1, f"error: {said}\n")


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        ("</dev/null >&-", 0, ""),
        ("<&-", 0, ""),
        (">/dev/full", 1, "error: No space left on device\n"),
        ("| true", 1, "error: Broken pipe\n"),
        (">/dev/null 2>&-", 0, ""),
    ],
)
def test_streams_that_are_closed_or_take_nothing(redirection: str, code: int, said: str, tmp_path: Path) -> None:
    program = tmp_path / "p.lisp"
    program.write_text("(define (f n) (if (< n 100) (begin (print n) (f (+ n 1))))) (f 1)")
    line = f"set -o pipefail; {sys.executable} {LISP} {program} {redirection}"
    done = subprocess.run(["bash", "-c", line], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)


def test_what_the_locale_cannot_spell_is_utf8_all_the_same(tmp_path: Path) -> None:
    program = tmp_path / "p.lisp"
    program.write_text('(print "\u00e9")', "utf-8")
    env = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, str(LISP), str(program)], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\u00e9\n".encode(), b"")


def test_too_little_memory_for_a_heap_is_a_line() -> None:
    line = f"ulimit -v 300000; {sys.executable} {LISP} /dev/null"
    done = subprocess.run(["bash", "-c", line], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: out of memory\n")


@pytest.mark.parametrize(("arguments", "said"), [(["/nowhere"], "No such file"), (["--gogc", "x"], "malformed GOGC=x")])
def test_a_wrong_command_line(arguments: list[str], said: str) -> None:
    done = lisp(*arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
