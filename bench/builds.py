"""Builds: what the benchmarks compile, made once for the same sources and put in place as a whole.

Several processes may ask for the same at once: the first one compiles, the others wait for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.harness import CommandFailed
from bench.peers import BUILD
from tests.go_oracle import find_go, go_environment, write_if_changed


def go_program(name: str, texts: Mapping[str, str], flags: Sequence[str] = ()) -> Path | None:
    """A Go program whose files have these texts; None without Go."""
    go = find_go()
    if go is None:
        return None
    directory = BUILD / f"go-{name}"
    files = {**texts, "go.mod": f"module {name}\n\ngo 1.22\n"}
    return built(directory / name, [go, "build", *flags], ["."], files, go_environment())


def c_program(target: Path, compiler: Sequence[str], source: Path, libraries: Sequence[str] = ()) -> Path:
    """A C program or library."""
    files = {source.name: source.read_text("utf-8")}
    return built(target, compiler, [source.name, *libraries], files, os.environ)


def built(
    target: Path, compiler: Sequence[str], inputs: Sequence[str], files: Mapping[str, str], environ: Mapping[str, str]
) -> Path:
    """The target, by `compiler -o FILE inputs` beside these files, unless it was made of the same before."""
    command = [*compiler, "-o", f"{target.name}.new", *inputs]
    key = hashlib.sha256(repr((command, sorted(files.items()))).encode()).hexdigest()
    stamp = target.with_name(f"{target.name}.key")
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists() and stamp.exists() and stamp.read_text() == key:
            return target
        for name, text in files.items():
            write_if_changed(target.parent / name, text)
        done = subprocess.run(command, env=environ, cwd=target.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)}: {done.stderr}")
        os.replace(f"{target}.new", target)
        stamp.write_text(key)
    return target
