"""Import paths: what is wrong with one that names no package, as the go command says it.

    "a b"     invalid import path: a b            "/a"      "/a" is not a package path; see 'go help packages'
    "a//b"    malformed import path "a//b": double slash
    "./a"     "./a" is relative, but relative import paths are not supported in module mode
    "nosuch"  package nosuch is not in std

The go command reads a file's imports before the compiler sees it, so these are its words, not the compiler's.

Go: go/build/read.go isValidImport, cmd/vendor/golang.org/x/mod/module checkPath.       Next: packages.py
"""

from __future__ import annotations

import re

INVALID = re.compile("[!\"#$%&'()*,:;<=>?[\\\\\\]^{|}`\ufffd]")  # besides white space and what is not printed
RELATIVE = re.compile(r"\.\.?(/|\Z)")
STRANGE = re.compile(r"[^-+._~/0-9A-Za-z]")


def import_problem(path: str) -> str:
    """What is said about the path of a package that there is not."""
    if not path or INVALID.search(path) or any(char.isspace() or not char.isprintable() for char in path):
        return f"invalid import path: {path}"
    if path.startswith("/"):
        return f"\"{path}\" is not a package path; see 'go help packages'"
    if RELATIVE.match(path):
        return f'"{path}" is relative, but relative import paths are not supported in module mode'
    malformed = _malformed(path)
    return f'malformed import path "{path}": {malformed}' if malformed else f"package {path} is not in std"


def _malformed(path: str) -> str:
    """Which rule for paths one breaks; "" if none."""
    if path.startswith("-"):
        return "leading dash"
    if "//" in path:
        return "double slash"
    if path.endswith("/"):
        return "trailing slash"
    for element in path.split("/"):
        if not element.strip("."):
            return f'invalid path element "{element}"'
        if element.endswith("."):
            return "trailing dot in path element"
        strange = STRANGE.search(element)
        if strange is not None:
            return f"invalid char '{strange[0]}'"
    return ""
