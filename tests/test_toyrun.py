"""The command line as a user meets it: what is printed where, and with which exit code.

Nothing that a user can do shows a Python traceback or ends in a signal: `toyrun` below checks that after every run.
"""

from __future__ import annotations

import atexit
import errno
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lang.driver import guarded

COMMAND = [sys.executable, "-m", "lang.toyrun"]
ENGINES = ("native", "python")
TIMEOUT_SECONDS = 60

HELLO = 'import "fmt"\nfunc main() { fmt.Println("hello") }\n'
THREE_ERRORS = """package main

func f(n int) int {
	return "one"
}

func main() {
	undefined1()
	var x string = f(1)
	_ = x
}
"""


class Finished:
    """A run that is over, as text."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode("utf-8", "backslashreplace")
        self.err = err.decode("utf-8", "backslashreplace")
        assert "Traceback" not in self.err, self.err
        assert code >= 0, f"killed by signal {-code}\n{self.err}"


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}


def toyrun(
    *args: str | Path,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    prepare: Callable[[], None] | None = None,
) -> Finished:
    done = subprocess.run(
        [*COMMAND, *map(str, args)],
        input=stdin,
        capture_output=True,
        env=environment(PYTHONPATH=str(Path(__file__).parent.parent), **(env or {})),
        cwd=cwd,
        preexec_fn=prepare,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Writes a program and says where."""

    def write(source: str | bytes, name: str = "prog.toy") -> Path:
        path = tmp_path / name
        path.write_bytes(source.encode() if isinstance(source, str) else source)
        return path

    return write


Write = Callable[..., Path]


# Running


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_runs(program: Write, engine: str) -> None:
    done = toyrun("--engine", engine, program(HELLO))
    assert (done.code, done.out, done.err) == (0, "hello\n", "")


def test_a_program_comes_from_standard_input() -> None:
    done = toyrun("-", stdin=HELLO.encode())
    assert (done.code, done.out, done.err) == (0, "hello\n", "")


def test_what_follows_the_program_is_the_programs_own(program: Write) -> None:
    path = program('import ("fmt"; "os")\nfunc main() { fmt.Println(os.Args[1:]) }\n')
    done = toyrun(path, "--check", "-x", "--", "é", "")
    assert (done.code, done.out) == (0, "[--check -x -- é ]\n"), done.err


def test_a_program_from_standard_input_takes_arguments() -> None:
    done = toyrun("-", "a", "b", stdin=b'import ("fmt"; "os")\nfunc main() { fmt.Println(len(os.Args)) }\n')
    assert (done.code, done.out) == (0, "3\n"), done.err


def test_the_programs_exit_code_is_toyruns(program: Write) -> None:
    path = program('import ("fmt"; "os")\nfunc main() { fmt.Print("kept"); os.Exit(7) }\n')
    for engine in ENGINES:
        done = toyrun("--engine", engine, path)
        assert (done.code, done.out, done.err) == (7, "kept", "")


@pytest.mark.parametrize("name", ["with space.toy", "ünïcode.toy", "-dash.toy", "no_extension"])
def test_any_file_name_will_do(program: Write, name: str) -> None:
    path = program(HELLO, name)
    assert toyrun(path).out == "hello\n"
    assert toyrun(f"./{name}", cwd=path.parent).out == "hello\n"


def test_a_program_comes_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toy"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'cat > "$1"', "sh", pipe], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(HELLO.encode())
    writer.stdin.close()
    assert toyrun(pipe).out == "hello\n"
    writer.wait()


def test_line_ends_and_byte_order_mark_of_another_system(program: Write) -> None:
    path = program(b"\xef\xbb\xbf" + HELLO.replace("\n", "\r\n").encode())
    done = toyrun(path)
    assert (done.code, done.out, done.err) == (0, "hello\n", "")


def test_a_byte_order_mark_counts_in_the_columns_of_its_line(program: Write) -> None:
    mark = b"\xef\xbb\xbf"
    path = program(mark + b"func main() { x }\nfunc f() { y }\n")
    assert re.findall(r"toy:(.*)", toyrun(path).err) == ["1:18: undefined: x", "2:12: undefined: y"]
    assert "toy:1:4: invalid BOM in the middle of the file" in toyrun(program(2 * mark + HELLO.encode())).err


# Files that are no programs


def one_line(done: Finished, *parts: str) -> None:
    """The run was refused in one line that has these parts."""
    assert done.code == 1, done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    for part in parts:
        assert part in done.err


def test_a_missing_file(tmp_path: Path) -> None:
    one_line(toyrun(tmp_path / "missing.toy"), "missing.toy", "no such file")


def test_a_directory(tmp_path: Path) -> None:
    one_line(toyrun(tmp_path), str(tmp_path), "directory")


def test_a_binary_file(program: Write) -> None:
    one_line(toyrun(program(Path(sys.executable).read_bytes()[:5000], "binary.toy")), "binary.toy")


def test_a_file_with_a_nul(program: Write) -> None:
    done = toyrun(program(b"func main() {\x00}\n", "nul.toy"))
    assert done.code == 1
    assert "nul.toy" in done.err
    assert "NUL" in done.err


def test_a_file_that_is_not_utf8(program: Write) -> None:
    one_line(toyrun(program(b'func main() { println("\xff\xfe") }\n', "latin.toy")), "latin.toy", "UTF-8")


@pytest.mark.parametrize("source", ["", "\n\n", "// nothing\n", "package main\n", "package main", "func f() {}\n"])
def test_a_file_without_main(program: Write, source: str) -> None:
    done = toyrun(program(source))
    assert (done.code, done.out) == (1, "")
    assert "function main is undeclared in the main package" in done.err


def test_nothing_on_standard_input() -> None:
    done = toyrun("-", stdin=b"")
    assert (done.code, done.out) == (1, "")
    assert done.err


# Programs with errors


def test_an_error_shows_its_place_its_line_and_a_caret(program: Write) -> None:
    path = program('package main\n\nfunc main() {\n\tx := 1 + foo\n\tprintln(x)\n}\n')
    done = toyrun(path)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0].endswith("prog.toy:4:11: undefined: foo")
    shown = lines[1].index("x := 1 + foo")
    assert lines[2].index("^") - shown == len("x := 1 + "), done.err


def test_all_errors_in_one_run_in_order(program: Write) -> None:
    done = toyrun(program(THREE_ERRORS))
    places = re.findall(r"prog\.toy:(\d+):(\d+): ", done.err)
    assert done.code == 1
    assert places == [("4", "9"), ("8", "2"), ("9", "17")], done.err


def test_at_most_ten_errors(program: Write) -> None:
    lines = "".join(f"\tundefined{i}()\n" for i in range(30))
    done = toyrun(program(f"package main\n\nfunc main() {{\n{lines}}}\n"))
    assert len(re.findall(r"prog\.toy:\d+:\d+: ", done.err)) == 10
    assert "too many errors" in done.err


def test_a_syntax_error(program: Write) -> None:
    done = toyrun(program("package main\n\nfunc main() {\n\tx := := 2\n}\n"))
    assert done.code == 1
    assert "prog.toy:4:7: syntax error" in done.err


NESTED = "func main() { x := " + "(" * 3000 + "1" + ")" * 3000 + "; _ = x }"


@pytest.mark.parametrize("source", ["(" * 5000, NESTED, "{" * 5000], ids=["open", "nested", "blocks"])
def test_deep_nesting_is_no_crash(program: Write, source: str) -> None:
    assert toyrun(program(source)).code in (0, 1)


def test_a_very_long_line(program: Write) -> None:
    terms = " + ".join(["1"] * 5000)
    done = toyrun(program(f"func main() {{ println({terms}) }}\n"))
    assert (done.code, done.err) in ((0, "5000\n"),) or done.code == 1


# Options


def test_help_fits_a_screen() -> None:
    done = toyrun("--help")
    lines = done.out.splitlines()
    assert done.code == 0
    assert 5 < len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for option in ("--engine", "--emit", "--check", "--gctrace", "--memstats", "--metrics", "--version"):
        assert option in done.out


def test_version() -> None:
    done = toyrun("--version")
    assert done.code == 0
    assert re.fullmatch(r"toyrun \d+\.\d+\S*.*\n", done.out)


@pytest.mark.parametrize("args", [["--nonsense"], ["--engine", "steam"], ["--emit", "poems"], []])
def test_a_wrong_option_is_explained(program: Write, args: list[str]) -> None:
    done = toyrun(*args, *([program(HELLO)] if args else []))
    assert (done.code, done.out) == (2, "")
    assert args == [] or args[-1] in done.err
    assert "toyrun" in done.err


def test_check_compiles_and_does_not_run(program: Write) -> None:
    done = toyrun("--check", program(HELLO))
    assert (done.code, done.out, done.err) == (0, "", "")
    assert toyrun("--check", program(THREE_ERRORS)).code == 1


@pytest.mark.parametrize(
    ("form", "part"),
    [("tree", "main"), ("typed", "int"), ("python", "def "), ("llvm", "define "), ("asm", "ret")],
)
def test_emit_prints_a_form_and_does_not_run(program: Write, form: str, part: str) -> None:
    source = 'import "fmt"\nfunc twice(n int) int { return 2 * n }\nfunc main() { fmt.Println("ran", twice(4)) }\n'
    done = toyrun("--emit", form, program(source))
    assert (done.code, done.err) == (0, "")
    assert part in done.out
    assert "ran 8" not in done.out


def test_emit_escapes_tells_what_goes_to_the_heap_and_why(program: Write) -> None:
    source = """import "fmt"
type T struct{ n int }
func main() {
	n, k := 1, 2
	p := &n
	count := 0
	add := func() { count += k }
	add()
	var list [3]int
	t := &T{*p}
	fmt.Println(t.n, list[0], make([]int, k), T{k}, "constant", p != nil)
}
func leaks(k int) (*int, func() int) {
	n := k
	var big [1000]int
	return &n, func() int { n++; return big[k] }
}
"""
    done = toyrun("--emit", "escapes", program(source))
    assert [line.partition("prog.toy:")[2] for line in done.out.splitlines()] == [
        "4:2: n does not escape",
        "6:2: count does not escape",
        "7:9: func literal does not escape (count, k)",
        "9:6: list does not escape",
        "10:8: &T{…} does not escape",
        "11:2: ... argument does not escape",
        "11:14: t.n escapes to heap (into an interface)",
        "11:19: list[0] escapes to heap (into an interface)",
        "11:28: make([]int, k) escapes to heap",
        "11:28: make([]int, k) escapes to heap (into an interface)",
        "11:62: p != nil escapes to heap (into an interface)",
        "14:2: moved to heap: n (its address is taken at 16:10)",
        "15:6: moved to heap: big (arrays and structs of many fields live there)",
        "16:13: func literal escapes to heap (n, big, k)",
    ]


def test_emit_of_a_wrong_program(program: Write) -> None:
    done = toyrun("--emit", "python", program(THREE_ERRORS))
    assert (done.code, done.out) == (1, "")


CHURN = """import "fmt"

var sink []byte

func main() {
	for i := 0; i < 200; i++ {
		sink = make([]byte, 100000)
	}
	fmt.Println("done")
}
"""
GCTRACE = re.compile(
    r"^gc \d+ @\d+\.\d{3}s \d+%: .* ms clock, .* ms cpu, \d+->\d+->\d+ MB, \d+ MB goal, .* \d+ P( \(forced\))?$"
)


def test_gctrace_by_flag_and_by_environment(program: Write) -> None:
    path = program(CHURN)
    for done in (toyrun("--gctrace", path), toyrun(path, env={"GODEBUG": "gctrace=1"})):
        assert (done.code, done.out) == (0, "done\n")
        lines = done.err.splitlines()
        assert lines
        assert all(map(GCTRACE.match, lines)), done.err


def test_gogc_off_means_no_collection(program: Write) -> None:
    done = toyrun("--gctrace", program(CHURN), env={"GOGC": "off"})
    assert (done.code, done.out, done.err) == (0, "done\n", "")


def test_memstats_after_the_run(program: Write) -> None:
    done = toyrun("--memstats", program(CHURN))
    assert (done.code, done.out) == (0, "done\n")
    for name in ("Mallocs", "Frees", "HeapAlloc", "NumGC"):
        assert name in done.err


@pytest.mark.parametrize("engine", ["native", "python"])
def test_metrics_after_the_run(program: Write, engine: str) -> None:
    done = toyrun("--engine", engine, "--metrics", program(CHURN), env={"GOGC": "30", "GOMEMLIMIT": "5GiB"})
    assert (done.code, done.out) == (0, "done\n")
    found = dict(line.split(maxsplit=1) for line in done.err.splitlines())
    assert list(found) == sorted(found)
    assert (found["/gc/gogc:percent"], found["/gc/gomemlimit:bytes"]) == ("30", str(5 << 30))
    assert int(found["/gc/heap/allocs:bytes"]) > 200 * 100_000
    assert int(found["/gc/cycles/automatic:gc-cycles"]) > 0
    assert re.fullmatch(r"(\[\S+,\S+\):\d+ ?)+", found["/gc/pauses:seconds"])


def test_both_figures_after_a_panic(program: Write) -> None:
    done = toyrun("--memstats", "--metrics", program(PANIC))
    assert done.code == 2
    for part in ("panic: ", "HeapAlloc", "/memory/classes/total:bytes"):
        assert part in done.err


@pytest.mark.parametrize("engine", ["native", "python"])
def test_every_counter_is_checked_with_heapcheck(program: Write, engine: str) -> None:
    done = toyrun("--engine", engine, program(CHURN), env={"GODEBUG": "heapcheck=1,gcstress=20"})
    assert (done.code, done.out) == (0, "done\n")
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["gcstress"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("GOGC", "lots"), ("GOGC", "10%"), ("GODEBUG", "gctrace=often"), ("GODEBUG", "x"), ("GOMAXPROCS", "all")],
)
def test_a_malformed_knob_is_passed_over_as_in_go(program: Write, name: str, value: str) -> None:
    done = toyrun(program(HELLO), env={name: value})
    assert (done.code, done.err) == (0, "")


def test_a_malformed_memory_limit_ends_the_program_as_in_go(program: Write) -> None:
    for flags in ([], ["--engine", "python"]):
        done = toyrun(*flags, program(HELLO), env={"GOMEMLIMIT": "12MB"})
        assert (done.code, done.out) == (2, "")
        message = "fatal error: malformed GOMEMLIMIT; see `go doc runtime/debug.SetMemoryLimit`"
        assert done.err.splitlines() == ["GOMEMLIMIT=12MB", message]
    assert toyrun("--check", program(HELLO), env={"GOMEMLIMIT": "12MB"}).code == 0
    assert toyrun(program(THREE_ERRORS), env={"GOMEMLIMIT": "12MB"}).code == 1


# Panics, and the end of resources


PANIC = """import "fmt"
func get(s []int, i int) int {
	return s[i]
}
func main() {
	fmt.Print("kept")
	get(nil, 5)
}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_panic_keeps_the_output_and_says_where(program: Write, engine: str) -> None:
    done = toyrun("--engine", engine, program(PANIC))
    assert (done.code, done.out) == (2, "kept")
    lines = done.err.splitlines()
    assert lines[0] == "panic: runtime error: index out of range [5] with length 0"
    assert "goroutine 1 [running]:" in lines
    assert "prog.toy:3" in done.err


ENDLESS_RECURSION = """import "fmt"
func f(n int) int { return f(n+1) + 1 }
func main() {
	fmt.Print("kept")
	fmt.Println(f(0))
}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_endless_recursion(program: Write, engine: str) -> None:
    done = toyrun("--engine", engine, program(ENDLESS_RECURSION))
    assert (done.code, done.out) == (2, "kept")
    assert "goroutine stack exceeds" in done.err
    assert "fatal error: stack overflow" in done.err


HOARD = """import "fmt"

var kept [][]byte

func main() {
	fmt.Print("kept")
	for {
		kept = append(kept, make([]byte, 16<<20))
	}
}
"""


def test_out_of_memory(program: Write) -> None:
    limit = 6 << 30

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = toyrun(program(HOARD), prepare=restrict)
    assert (done.code, done.out) == (2, "kept")
    assert "fatal error: out of memory" in done.err or "fatal error: runtime: out of memory" in done.err


@pytest.mark.parametrize("gigabytes", [1.5, 4.0])
def test_a_program_runs_in_little_address_space(gigabytes: float) -> None:
    limit = int(gigabytes * (1 << 30))

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    example = Path(__file__).parent.parent / "examples" / "binary_trees.toy"
    done = toyrun(example, "10", prepare=restrict)
    assert (done.code, done.err) == (0, "")


def test_no_room_to_begin_in(program: Write) -> None:
    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))

    path = program(HELLO)
    toyrun(path)  # compiled while there is room for that
    done = toyrun(path, prepare=restrict)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("fatal error: out of memory\n")


def test_whatever_the_room_to_begin_in_it_is_enough_or_out_of_memory(program: Write) -> None:
    path = program(HELLO)
    toyrun(path)
    outcomes = set()
    for megabytes in range(200, 1400, 25):
        limit = megabytes << 20
        done = toyrun(path, prepare=partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit)))
        if not done.err.startswith("Fatal Python error"):  # CPython gives up before it can tell us
            outcomes.add((done.code, done.err.split("\n")[0]))
    assert outcomes == {(0, ""), (2, "fatal error: out of memory")}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        SystemError("error return without exception set"),
        ImportError("/lib/math.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_what_python_says_without_memory_is_out_of_memory(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        raise error

    assert guarded(action) == 2
    assert capsys.readouterr().err == "fatal error: out of memory\n"


@pytest.mark.parametrize("files", [4, 6])
def test_a_program_is_compiled_and_runs_where_few_files_can_be_open(program: Write, files: int) -> None:
    toyrun(program(HELLO))  # the images underneath are there
    path = program(HELLO.replace("hello", f"{files} files"))
    for _ in range(2):  # compiled, and found again
        done = toyrun(path, prepare=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files)))
        assert (done.code, done.out, done.err) == (0, f"{files} files\n", "")


def test_too_many_open_files_are_no_fault_of_toys(capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        raise OSError(errno.EMFILE, "Too many open files", "prog.toy")

    assert guarded(action) == 2
    assert capsys.readouterr().err == "toyrun: too many open files\n"


def test_no_memory_for_llvm_is_out_of_memory_whatever_llvmlite_makes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        try:
            raise OSError("libllvmlite.so: failed to map segment from shared object")
        except OSError:
            raise OSError("Could not find/load shared object file 'libllvmlite.so'")  # noqa: B904 (as llvmlite does)

    assert guarded(action) == 2
    assert capsys.readouterr().err == "fatal error: out of memory\n"


# Interruptions and broken pipes


def start(*args: str | Path) -> subprocess.Popen[bytes]:
    """A child whose pipes are read without a buffer, so that a line can be read first and the rest later."""
    env = environment(PYTHONPATH=str(Path(__file__).parent.parent))
    command = [*COMMAND, *map(str, args)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, bufsize=0)
    atexit.register(child.kill)  # does nothing to one that has ended
    return child


PRINTING = """import "fmt"
func main() {
	for i := 0; ; i++ {
		fmt.Println("line", i)
	}
}
"""
BUSY = """import "fmt"
var sink []int
func main() {
	n := 1
	fmt.Print("kept")
	println("ready")
	for n != 0 {
		BODY
	}
}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupting_a_program_that_prints(program: Write, engine: str) -> None:
    child = start("--engine", engine, program(PRINTING))
    assert child.stdout is not None
    first = child.stdout.readline()
    child.send_signal(signal.SIGINT)
    rest, err = child.communicate(timeout=TIMEOUT_SECONDS)
    done = Finished(child.returncode, first + rest, err)
    assert done.code == 130
    lines = done.out.splitlines()
    assert lines[:-1] == [f"line {i}" for i in range(len(lines) - 1)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("body", ["", "n += 2", "sink = make([]int, 10)"], ids=["idle", "counting", "allocating"])
def test_interrupting_a_program_that_is_busy_keeps_its_output(program: Write, body: str, engine: str) -> None:
    child = start("--engine", engine, program(BUSY.replace("BODY", body)))
    assert child.stderr is not None
    assert child.stderr.readline() == b"ready\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=TIMEOUT_SECONDS)
    done = Finished(child.returncode, out, err)
    assert (done.code, done.out) == (130, "kept")


def test_interrupting_what_is_only_being_imported(tmp_path: Path) -> None:
    (tmp_path / "lang").mkdir()
    (tmp_path / "lang" / "__init__.py").touch()
    (tmp_path / "lang" / "toyrun.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    script = Path(__file__).parent.parent / "bin" / "toyrun"
    env = environment(PYTHONPATH=str(tmp_path))
    command = [sys.executable, str(script), "prog.toy"]
    done = subprocess.run(command, capture_output=True, env=env, timeout=TIMEOUT_SECONDS, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_that_goes_away(program: Write, engine: str) -> None:
    child = start("--engine", engine, program(PRINTING))
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == b"line 0\n"
    child.stdout.close()
    err = child.stderr.read()
    assert child.wait(timeout=TIMEOUT_SECONDS) in (0, 1, 2, 141, -signal.SIGPIPE)  # Go, too, ends by SIGPIPE
    assert err == b""


def redirected(redirection: str, *args: str | Path) -> Finished:
    """A run whose streams the shell redirects."""
    env = environment(PYTHONPATH=str(Path(__file__).parent.parent))
    command = ["sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, *map(str, args)]
    done = subprocess.run(command, capture_output=True, env=env, timeout=TIMEOUT_SECONDS, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


NO_SPACE = "toyrun: write to standard output: no space left on device\n"


@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        (">&-", 0, "", ""),  # as in Go: the null device
        (">/dev/full", 1, "", NO_SPACE),
        (">&- 2>&-", 0, "", ""),
        ("<&-", 0, "hello\n", ""),
        ("2>/dev/full", 0, "hello\n", ""),
    ],
)
def test_standard_streams_that_are_closed_or_full(
    program: Write, redirection: str, code: int, out: str, err: str
) -> None:
    done = redirected(redirection, "--memstats" if "2>" in redirection else "--", program(HELLO))
    assert (done.code, done.out, done.err) == (code, out, err)


@pytest.mark.parametrize("args", [["--emit", "tree"], ["--help"], ["--version"], ["explain", "unused"], ["--wrong"]])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", "2>/dev/full >/dev/full", "2>&-"])
def test_what_toyrun_itself_prints_to_streams_that_are_closed_or_full(
    program: Write, args: list[str], redirection: str
) -> None:
    done = redirected(redirection, *args, *([program(HELLO)] if "--emit" in args else []))
    if "--wrong" in args:
        assert (done.code, done.err != "") == (2, "2>" not in redirection)
    else:
        assert done.code == int("/dev/full" in redirection)
        assert done.err == (NO_SPACE if redirection == ">/dev/full" else "")
        assert (done.out != "") == (redirection == "2>&-")


def test_what_toyrun_itself_prints_and_nobody_reads(program: Write) -> None:
    child = start("--emit", "python", program(HELLO))
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert (child.wait(timeout=TIMEOUT_SECONDS), child.stderr.read()) == (141, b"")


def test_a_closed_stream_is_no_file_of_the_programs(program: Write, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    assert redirected("2>&-", "--trace", trace, program('func main() { panic("x") }')).code == 2
    assert trace.read_text().rstrip().endswith("}")  # and not with the panic


def test_another_encoding_of_the_environments(program: Write) -> None:
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    path = program('func main() { println("ü") }')
    assert toyrun("--emit", "tree", path, env=env).out.endswith('BasicLit "ü"\n')
    assert toyrun(path, env=env).err == "ü\n"


READING = """import ("fmt"; "io"; "os")

func main() {
	b, err := io.ReadAll(os.Stdin)
	fmt.Println(len(b), err)
}
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("before", "redirection", "said"),
    [
        ("", "<&-", "0 <nil>"),
        ("", "</dev/null", "0 <nil>"),
        ("", '<"$2"', "300000 <nil>"),
        ('cat "$2" |', "", "300000 <nil>"),
    ],
)
def test_standard_input_is_read_to_its_end(
    program: Write, tmp_path: Path, engine: str, before: str, redirection: str, said: str
) -> None:
    large = tmp_path / "large"
    large.write_text("x" * 300_000)
    command = f'{before} {sys.executable} -m lang.toyrun --engine {engine} "$1" {redirection}'
    env = environment(PYTHONPATH=str(Path(__file__).parent.parent))
    args = ["sh", "-c", command, "sh", str(program(READING)), str(large)]
    done = subprocess.run(args, capture_output=True, env=env, timeout=TIMEOUT_SECONDS, check=False)
    assert (done.stdout.decode(), done.stderr.decode()) == (f"{said}\n", "")


# The compilation cache


@pytest.mark.full  # each run compiles the runtime
def test_a_corrupt_cache_is_rebuilt(program: Write, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    env = {"TOY_CACHE_DIR": str(cache)}
    path = program(HELLO)
    assert toyrun(path, env=env).out == "hello\n"
    entries = [entry for entry in cache.rglob("*") if entry.is_file()]
    assert entries
    for i, entry in enumerate(entries):
        content = entry.read_bytes()
        entry.write_bytes([b"", b"garbage", content[: len(content) // 2]][i % 3])
    done = toyrun(path, env=env)
    assert (done.code, done.out, done.err) == (0, "hello\n", "")


@pytest.mark.full  # each run compiles the runtime
@pytest.mark.parametrize("kind", ["read-only", "below a file"])
def test_a_cache_that_cannot_be_written_is_done_without(program: Write, tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    if kind == "read-only":
        cache.mkdir(mode=0o500)
    else:
        cache.write_text("")
    path = cache / "deeper" if kind == "below a file" else cache
    done = toyrun(program(HELLO), env={"TOY_CACHE_DIR": str(path)})
    assert (done.code, done.out, done.err) == (0, "hello\n", "")


def test_a_changed_program_is_compiled_anew(program: Write) -> None:
    assert toyrun(program(HELLO)).out == "hello\n"
    assert toyrun(program(HELLO.replace("hello", "changed"))).out == "changed\n"


# What a run of a program that is in the cache imports: each other module of ours takes some 0.3 ms, and these are dear
WARM = """
    lang lang.toyrun lang.build lang.driver lang.execution lang.source lang.toolchain lang.version runtime
    runtime.host_thread runtime.knobs runtime.record runtime.syspy runtime.syspy.cache runtime.syspy.entries
    runtime.syspy.failure runtime.syspy.image runtime.syspy.mapping runtime.syspy.native
""".split()
DEAR = """
    _hashlib ast bisect collections contextlib dataclasses enum functools hashlib importlib inspect lark linecache
    llvmlite logging mmap pathlib re resource subprocess tempfile threading tokenize traceback typing
""".split()
WARM_RUN = """
import sys
sys.path[:] = {path!r}
sys.argv[1:] = [{program!r}]
from lang.toyrun import main
main()
"""


def test_a_program_that_is_compiled_already_begins_with_few_imports(program: Write) -> None:
    path = program(HELLO)
    assert toyrun(path).out == "hello\n"
    code = WARM_RUN.format(path=[str(Path(__file__).parent.parent), *sys.path], program=str(path))
    args = [sys.executable, "-I", "-S", "-X", "importtime", "-c", code]  # nothing that the environment brings along
    done = subprocess.run(args, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    assert done.stdout == "hello\n"
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    ours = {name for name in loaded if name.partition(".")[0] in ("lang", "runtime")}
    assert sorted(ours) == sorted(WARM)
    assert not loaded.intersection(DEAR)
