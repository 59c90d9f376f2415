"""Record: an allocation trace of a program of yours, for `make bench-traces`.

    python -m bench.record sort.trace.xz sort -u words.txt      record
    python -m bench.traces sort.trace.xz                        replay it, here and in Go

The program runs as always, with bench/recorder.c between it and the C library's malloc. It should be one that asks
malloc for each of its objects: those of an interpreter with pools of its own are not seen (PYTHONMALLOC=malloc).
Needs gcc and glibc.
"""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.builds import c_program
from bench.harness import CommandFailed
from bench.peers import BUILD, ROOT

RECORDER = ROOT / "bench" / "recorder.c"
SUFFIX = ".trace.xz"
USAGE_EXIT = 2


def recorder() -> Path:
    """The compiled recorder."""
    gcc = shutil.which("gcc")
    if gcc is None:
        raise CommandFailed("gcc is not installed")
    flags = ["-O2", "-fno-builtin", "-shared", "-fPIC", "-pthread"]
    return c_program(BUILD / "recorder" / "recorder.so", [gcc, *flags], RECORDER)


def record(command: Sequence[str]) -> tuple[bytes, int]:
    """Run a program: its trace, and its exit code."""
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        environ = {**os.environ, "LD_PRELOAD": str(recorder()), "TOY_TRACE": str(trace)}
        done = subprocess.run(command, env=environ, check=False)
        if not trace.exists():
            raise CommandFailed(f"{command[0]} has recorded nothing: is it linked statically?")
        return trace.read_bytes(), done.returncode


def main(arguments: Sequence[str]) -> int:
    if len(arguments) < 2 or not arguments[0].endswith(SUFFIX):
        print(f"usage: python -m bench.record NAME{SUFFIX} PROGRAM ARGUMENT...", file=sys.stderr)
        return USAGE_EXIT
    name, *command = arguments
    try:
        trace, code = record(command)
    except (CommandFailed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    Path(name).write_bytes(lzma.compress(trace, preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {Path(name).stat().st_size:,} bytes; {command[0]} ended with exit code {code}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
