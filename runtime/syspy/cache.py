"""Cache: compiled images on disk, in $TOY_CACHE_DIR, else $XDG_CACHE_HOME/toy, else ~/.cache/toy.

    toy-image 4 <blake2b of the rest> \\n <length of the facts, 8 bytes> <facts, marshalled> <code>

An entry's name and its facts hold its key: a hash of the sources, of systems Python itself, of LLVM, of the CPU and of
the options. Whatever is not exactly what was written (truncated, changed, another key's) is no entry: it is built
again.

An entry appears whole or not at all: it is written beside its place, then renamed. And no state of the disk is an
error: unreadable is absent, unwritable is not stored.

When there are many entries, those go whose use is longest ago: who writes one has also used all that it read, among
it the images that programs rest on.

The texts that a key covers are not read whenever a program starts: their hash is an entry as well, see tree_key.

A warm start runs this module, mapping.py, entries.py and image.py, and nothing else of systems Python. They import
little.

Next: image.py
"""

from __future__ import annotations

import marshal
import os
import sys
import time

try:  # the hash alone: hashlib loads OpenSSL, which takes longer than all that is hashed here
    from _blake2 import blake2b
except ImportError:  # an implementation detail of CPython
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Facts = dict[str, Any]

MAGIC = b"toy-image 4"
MOST_ENTRIES = 2000  # programs take some 30 kB each
HASH_BYTES = 32
SETTLED_NS = 2 * 10**9  # two writes so far apart never get the same time, however coarse a file system's clock is

_environment: list[str] = []  # computed once
_used: set[str] = set()  # paths of entries that this process has read


def directory() -> str | None:
    """Where entries are; None if the user has no place for them."""
    named = os.environ.get("TOY_CACHE_DIR")
    if named:
        return named
    root = os.environ.get("XDG_CACHE_HOME", "")
    if root.startswith("/"):
        return os.path.join(root, "toy")
    home = os.environ.get("HOME", "")
    return os.path.join(home, ".cache", "toy") if home.startswith("/") else None


def digest(parts: Iterable[str | bytes]) -> str:
    """One hash of several texts, which cannot run into each other."""
    whole = blake2b(digest_size=HASH_BYTES)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "little") + data)
    return whole.hexdigest()


def file_bytes(path: str) -> bytes:
    """The contents of a file."""
    with open(path, "rb") as file:
        return file.read()


def tree_key(root: str, folders: Iterable[str], suffixes: tuple[str, ...]) -> str:
    """A hash of the texts below folders of a root, and of their names.

    It is kept under what the file system says of each file: the texts are read only if one has changed. Whoever
    changes a file, or puts another in its place, changes its ctime, which cannot be set. Only a second change within
    one tick of the clock goes without: so nothing is kept while a file is that young.
    """
    now = time.time_ns()
    stamps: list[tuple[str, int, int, int, int]] = []
    for folder in folders:
        _stamp(root, folder, suffixes, stamps)
    stamps.sort()
    seen = digest([root, *suffixes, marshal.dumps(stamps, 2)])  # the last format without references
    kept = read("texts", seen)
    if kept is not None:
        return str(kept[0]["hash"])
    paths = [path for path, *_ in stamps]
    found = digest(part for path in paths for part in (path, file_bytes(os.path.join(root, path))))
    if all(max(modified, changed) < now - SETTLED_NS for *_, modified, changed in stamps):
        write("texts", seen, {"hash": found}, b"")
    return found


def _stamp(
    root: str, folder: str, suffixes: tuple[str, ...], stamps: list[tuple[str, int, int, int, int]]
) -> None:
    """Add what the file system says of each text below a folder: path, which file, how long; when it was changed."""
    below = []
    with os.scandir(os.path.join(root, folder)) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(suffixes):
                facts = entry.stat()
                stamps.append(
                    (f"{folder}/{name}", facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
                )
            elif name != "__pycache__" and entry.is_dir():
                below.append(f"{folder}/{name}")
    for path in below:  # only now: a folder being read is an open file
        _stamp(root, path, suffixes, stamps)


def environment() -> str:
    """A hash of what compiles and of what will run it: systems Python, Python, LLVM, the CPU."""
    if not _environment:
        root, folder = os.path.split(os.path.dirname(os.path.abspath(__file__)))
        own = tree_key(root, [folder], (".py",))
        _environment.append(digest([own, sys.version, *compilers(), *processor()]))
    return _environment[0]


def compilers() -> list[str]:
    """What tells the LLVMs apart that are installed: when their files were changed, and how long these are."""
    found = [installed("llvmlite", "_version.py"), installed("ziglang", "zig")]
    facts = [os.stat(path) for path in found if path is not None]
    return [f"{fact.st_size} {fact.st_mtime_ns}" for fact in facts]


def installed(package: str, file: str) -> str | None:
    """A file of a package, which is not imported: found on the path, as its import would be."""
    for folder in sys.path:
        path = os.path.join(folder, package, file)
        if os.path.exists(path):
            return path
    return None


def chosen_cpu() -> str:
    """The processor to compile for, if it is not to be this one; else empty."""
    return os.environ.get("TOY_CPU", "")


def processor() -> list[str]:
    """What the CPU is and can do."""
    facts = [os.uname().machine, chosen_cpu()]
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(("model name", "flags", "Features", "CPU part")):
                    facts.append(line)
                if line == "\n":
                    break
    except OSError:
        facts.append(os.uname().version)
    return facts


def path_of(name: str, key: str) -> str | None:
    """Where the entry of a name and a key is."""
    folder = directory()
    return None if folder is None else os.path.join(folder, f"{name}-{key[:32]}.image")


def read(name: str, key: str) -> tuple[Facts, memoryview] | None:
    """The facts and the code of an entry, or None."""
    path = path_of(name, key)
    if path is None:
        return None
    try:
        data = file_bytes(path)
    except OSError:
        return None
    found = decoded(data)
    if found is None or found[0].get("key") != key:
        return None
    _used.add(path)
    return found


def decoded(data: bytes) -> tuple[Facts, memoryview] | None:
    """The facts and the code of an entry's bytes, if they are as they were written."""
    start = data.find(b"\n") + 1
    rest = memoryview(data)[start:]
    if data[:start] != _head(rest):
        return None
    end = 8 + int.from_bytes(rest[:8], "little")
    return marshal.loads(rest[8:end]), rest[end:]


def _head(rest: bytes | memoryview) -> bytes:
    """The line that an entry begins with."""
    return MAGIC + b" " + blake2b(rest, digest_size=HASH_BYTES).hexdigest().encode() + b"\n"


def encoded(facts: Facts, code: bytes) -> bytes:
    """An entry's bytes."""
    text = marshal.dumps(facts)
    rest = len(text).to_bytes(8, "little") + text + code
    return _head(rest) + rest


def write(name: str, key: str, facts: Facts, code: bytes) -> None:
    """Store an entry, if the disk lets us."""
    path = path_of(name, key)
    if path is None:
        return
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".new-{os.urandom(8).hex()}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(encoded({**facts, "key": key}, code))
        os.replace(temporary, path)
        _touch(_used)
        _prune(folder)
    except OSError:
        _drop(temporary)


def _touch(paths: Iterable[str]) -> None:
    """Note that entries are in use, as far as they are still there."""
    for path in paths:
        try:
            os.utime(path)
        except OSError:
            continue


def _drop(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _prune(folder: str) -> None:
    """Drop the entries whose use is longest ago, if there are many."""
    entries = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".image")]
    if len(entries) > MOST_ENTRIES:
        entries.sort(key=os.path.getmtime)
        for path in entries[: len(entries) - MOST_ENTRIES]:
            _drop(path)
