"""The version of Toy, as its caches know it: a hash of its own text.

Next: outlines.py, toolchain.py
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from runtime.syspy import native

ROOT = Path(__file__).resolve().parent.parent


@cache
def version_key() -> str:
    """A hash of everything that compiles a program or is compiled into it."""
    files = [path for folder in ("lang", "runtime") for path in sorted((ROOT / folder).rglob("*"))]
    return native.key_of(path for path in files if path.suffix in (".py", ".lark", ".toy"))
