"""Languages: peers that run a version of their own of a workload.

    bench/peers/javascript/binary_trees.js     node
    bench/peers/python/binary_trees.py         CPython, PyPy
    bench/peers/lua/binary_trees.lua           Lua, LuaJIT
    bench/peers/java/binary_trees.java         Java with the serial collector
    bench/peers/c/binary_trees.c               C with glibc's malloc, mimalloc or jemalloc; with Boehm's collector

A version has the name of its workload, uses the same algorithm and prints the same. `make peers-install` installs
all of them from Debian's packages; what is not there is left out by name.

Owner: the benchmark.                                                                    Next: workload_list.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from bench.builds import c_program
from bench.harness import Command, CommandFailed
from bench.peers import BUILD, ROOT, Peer, Workload

PROGRAMS = ROOT / "bench" / "peers"


def absent(program: str) -> str | None:
    return None if shutil.which(program) else f"{program} is not installed"


def path_of(program: str) -> str:
    path = shutil.which(program)
    assert path, program
    return path


@dataclass(frozen=True)
class Script:
    """A program that runs source files."""

    name: str
    program: str
    folder: str
    suffix: str
    flags: tuple[str, ...] = ()

    def missing(self) -> str | None:
        return absent(self.program)

    def source(self, workload: Workload) -> Path:
        return PROGRAMS / self.folder / f"{workload.name}{self.suffix}"

    def takes(self, workload: Workload) -> bool:
        return self.source(workload).exists()

    def command(self, workload: Workload) -> Command:
        return Command((path_of(self.program), *self.flags, str(self.source(workload)), *workload.args))


@dataclass(frozen=True)
class Java:
    """Java with its serial collector; javac is not part of the run."""

    name: str = "Java, serial"
    flags: tuple[str, ...] = ("-XX:+UseSerialGC",)

    def missing(self) -> str | None:
        return absent("java") or absent("javac")

    def source(self, workload: Workload) -> Path:
        return PROGRAMS / "java" / f"{workload.name}.java"

    def takes(self, workload: Workload) -> bool:
        return self.source(workload).exists()

    def command(self, workload: Workload) -> Command:
        classes = BUILD / "java" / workload.name
        done = subprocess.run(
            [path_of("javac"), "-d", classes, self.source(workload)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandFailed(f"javac: {done.stderr}")
        return Command((path_of("java"), *self.flags, "-cp", str(classes), "Main", *workload.args))


@dataclass(frozen=True)
class C:
    """C, whose malloc is glibc's unless a library takes its place."""

    name: str
    malloc: str = ""  # a library
    boehm: bool = False

    def missing(self) -> str | None:
        if not shutil.which("gcc"):
            return "gcc is not installed"
        if self.malloc and not find_library(self.malloc):
            return f"lib{self.malloc} is not installed"
        if self.boehm and not Path("/usr/include/gc.h").exists():
            return "libgc-dev is not installed"
        return None

    def source(self, workload: Workload) -> Path:
        return PROGRAMS / "c" / f"{workload.name}.c"

    def takes(self, workload: Workload) -> bool:
        return self.source(workload).exists()

    def command(self, workload: Workload) -> Command:
        target = BUILD / "c" / f"{workload.name}{'-boehm' if self.boehm else ''}"
        flags = ["gcc", "-O2", *(["-DBOEHM"] if self.boehm else [])]
        program = c_program(target, flags, self.source(workload), ["-lgc"] if self.boehm else [])
        preload = find_library(self.malloc) if self.malloc else None
        return Command((str(program), *workload.args), {"LD_PRELOAD": preload} if preload else {})


LANGUAGES: tuple[Peer, ...] = (
    Java(),
    Script("node", "node", "javascript", ".js"),
    Script("LuaJIT", "luajit", "lua", ".lua"),
    Script("Lua", "lua5.4", "lua", ".lua"),
    Script("PyPy", "pypy3", "python", ".py"),
    Script("CPython", sys.executable, "python", ".py"),
    C("C, glibc"),
    C("C, mimalloc", "mimalloc"),
    C("C, jemalloc", "jemalloc"),
    C("C, Boehm", boehm=True),
)

VERSIONS: dict[str, tuple[str, ...]] = {
    "Java, serial": ("java", "-version"),
    "node": ("node", "--version"),
    "LuaJIT": ("luajit", "-v"),
    "Lua": ("lua5.4", "-v"),
    "PyPy": ("pypy3", "-c", "import sys; print(sys.version)"),
    "CPython": (sys.executable, "--version"),
    "C, glibc": ("gcc", "--version"),
    "C, mimalloc": ("dpkg-query", "-W", "libmimalloc2.0"),
    "C, jemalloc": ("dpkg-query", "-W", "libjemalloc2"),
    "C, Boehm": ("dpkg-query", "-W", "libgc-dev"),
}


def version_of(command: tuple[str, ...]) -> str:
    """What a program says about its version, on one line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    lines = (done.stdout or done.stderr).split("\n")
    return " ".join(" ".join(lines[:2] if lines[0].startswith("3.") else lines[:1]).split())
