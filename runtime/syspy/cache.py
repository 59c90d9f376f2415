"""Cache: compiled images on disk, in $TOY_CACHE_DIR, else $XDG_CACHE_HOME/toy, else ~/.cache/toy.

    toy-image 1 <sha256 of the rest> <length of the facts> \\n <facts, JSON> <object code>

An entry's name and its facts hold its key: a hash of the sources, of systems Python itself, of llvmlite, of the CPU and
of the options. Whatever is not exactly what was written (truncated, changed, another key's) is no entry: it is built
again.

    K1  an entry appears whole or not at all: written beside its place, then renamed.
    K2  no state of the disk is an error: unreadable is absent, unwritable is not stored.

Next: image.py
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

MAGIC = b"toy-image 1"
MOST_ENTRIES = 200

Facts = dict[str, Any]


def directory() -> Path | None:
    """Where entries are; None if the user has no place for them."""
    named = os.environ.get("TOY_CACHE_DIR")
    if named:
        return Path(named)
    root = os.environ.get("XDG_CACHE_HOME", "")
    if root.startswith("/"):
        return Path(root) / "toy"
    home = os.environ.get("HOME", "")
    return Path(home) / ".cache" / "toy" if home.startswith("/") else None


def digest(parts: Iterable[str | bytes]) -> str:
    """One hash of several texts, which cannot run into each other."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "little") + data)
    return whole.hexdigest()


@cache
def environment() -> str:
    """A hash of what compiles and of what will run it: systems Python, Python, llvmlite, the CPU."""
    own = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return digest([*own, sys.version, llvmlite_version(), *processor()])


def llvmlite_version() -> str:
    """Which llvmlite is installed, without importing it."""
    found = importlib.util.find_spec("llvmlite")
    if found is None or found.origin is None:
        return ""
    version = Path(found.origin).with_name("_version.py")
    return version.read_text() if version.exists() else found.origin


def processor() -> list[str]:
    """What the CPU is and can do."""
    facts = [platform.machine()]
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(("model name", "flags", "Features", "CPU part")):
                    facts.append(line)
                if line == "\n":
                    break
    except OSError:
        facts.append(platform.processor())
    return facts


def _place(name: str, key: str) -> Path | None:
    folder = directory()
    return None if folder is None else folder / f"{name}-{key[:32]}.image"


def read(name: str, key: str) -> tuple[Facts, bytes] | None:
    """The facts and the object code of an entry, or None."""
    path = _place(name, key)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    found = decoded(data)
    return found if found is not None and found[0].get("key") == key else None


def decoded(data: bytes) -> tuple[Facts, bytes] | None:
    """The facts and the object code of an entry's bytes, if they are as they were written."""
    head, _, rest = data.partition(b"\n")
    parts = head.rsplit(b" ", 2)
    if len(parts) != 3 or parts[0] != MAGIC or parts[1] != hashlib.sha256(rest).hexdigest().encode():
        return None
    length = int(parts[2])
    return json.loads(rest[:length]), rest[length:]


def encoded(facts: Facts, code: bytes) -> bytes:
    """An entry's bytes."""
    text = json.dumps(facts).encode()
    rest = text + code
    return b"%s %s %d\n" % (MAGIC, hashlib.sha256(rest).hexdigest().encode(), len(text)) + rest


def write(name: str, key: str, facts: Facts, code: bytes) -> None:
    """Store an entry, if the disk lets us (K2)."""
    path = _place(name, key)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(encoded({**facts, "key": key}, code))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        _prune(path.parent)
    except OSError:
        return


def _prune(folder: Path) -> None:
    """Drop the entries that were written longest ago, if there are many."""
    entries = list(folder.glob("*.image"))
    if len(entries) > MOST_ENTRIES:
        entries.sort(key=lambda path: path.stat().st_mtime)
        for path in entries[: len(entries) - MOST_ENTRIES]:
            path.unlink(missing_ok=True)
