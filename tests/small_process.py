"""Small process: it has loaded the compiler and no test, and the processes that programs run in are forked from it.

    start()                                              in conftest.py, before the tests are loaded
    run(path, args, "native", environ, 60)               what lang.child.run gives
    toyrun(["--check", path], environ, 60)               the same, of a whole command line

A fork copies the tables of all pages in use, and then each page that either side writes to. A process that holds ten
thousand tests has many: forked from it, a program takes half as much processor time again.

What a test has patched is not seen there. Such tests call lang.child themselves.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from lang import child, driver
from lang.toyrun import command


@cache
def start() -> Connection:
    """Fork it; where to ask it. It ends when this process does."""
    ours, theirs = Pipe()
    if os.fork() == 0:
        ours.close()
        serve(theirs)
    theirs.close()
    return ours


def serve(requests: Connection) -> None:
    """The small process's part; it never returns."""
    try:
        request = requests.recv()
        driver.prepare()
        gc.collect()
        gc.freeze()
        while True:
            action, arguments = request
            requests.send(action(*arguments))
            request = requests.recv()
    except (EOFError, KeyboardInterrupt):
        os._exit(0)
    finally:
        os._exit(1)


def run(
    path: Path, args: Sequence[str], engine: str, environ: Mapping[str, str], timeout: int, stdin: bytes = b""
) -> child.Result:
    """Run a program."""
    return asked(child.run, path, args, engine, dict(environ), timeout, stdin)


def toyrun(
    words: Sequence[str], environ: Mapping[str, str], timeout: int, stdin: bytes = b"", directory: Path | str = "."
) -> child.Result:
    """Do what a command line says."""
    return asked(forked_command, words, dict(environ), timeout, stdin, directory)


def forked_command(
    words: Sequence[str], environ: Mapping[str, str], timeout: int, stdin: bytes, directory: Path | str
) -> child.Result:
    """The small process's part of that."""
    return child.forked(lambda: command(words), environ, timeout, stdin, directory)


def asked(action: object, *arguments: object) -> child.Result:
    """What the small process answers."""
    requests = start()
    requests.send((action, arguments))
    result = requests.recv()
    assert isinstance(result, child.Result)
    return result
