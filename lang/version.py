"""The version of Toy, as its caches know it: a hash of its own text.

Next: outlines.py, toolchain.py
"""

from __future__ import annotations

import os

from runtime.syspy.cache import tree_key

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_key: list[str] = []  # computed once


def version_key() -> str:
    """A hash of everything that compiles a program or is compiled into it."""
    if not _key:
        _key.append(tree_key(ROOT, ("lang", "runtime"), (".py", ".lark", ".toy")))
    return _key[0]
