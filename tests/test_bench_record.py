"""The recorder of allocation traces: every call once, in order, and the program none the wiser."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import CommandFailed
from bench.record import SUFFIX, USAGE_EXIT, main, record
from bench.trace_players import decoded, replay_image
from tests.test_bench_traces import slowly_decoded

pytestmark = pytest.mark.full  # what measures is for the full run

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

KNOWN = r"""
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    char *a = malloc(1001), *b = calloc(7, 11), *c = NULL;
    strcpy(a, "kept");
    a = realloc(a, 100000);
    c = realloc(c, 5);
    b = reallocarray(b, 10, 12);
    free(c);
    if (posix_memalign((void **)&c, 64, 640) || (size_t)c % 64)
        return 1;
    free(NULL);
    b = realloc(b, 0);
    if (fork() == 0) {
        free(malloc(999));
        exit(0);
    }
    wait(NULL);
    free(c);
    return strcmp(a, "kept") ? 2 : 7;
}
"""
EXPECTED = [
    ("malloc", 1001),
    ("calloc", 77),
    ("realloc", 0, 100000),
    ("malloc", 5),
    ("realloc", 1, 120),
    ("free", 2),
    ("malloc", 640),
    ("free", 1),
    ("free", 3),
]

MANY = r"""
#include <pthread.h>
#include <stdlib.h>
static void *body(void *seed) {
    unsigned state = (unsigned)(size_t)seed;
    char *kept[300] = {0};
    for (int i = 0; i < 20000; i++) {
        state = state * 1103515245 + 12345;
        unsigned slot = state >> 8 & 255, size = 1 + (state >> 16 & 1023);
        if (state >> 28 < 8 || !kept[slot]) {
            if (kept[slot] && *kept[slot] != (char)slot)
                abort();
            free(kept[slot]);
            kept[slot] = malloc(size);
        } else
            kept[slot] = realloc(kept[slot], size);
        *kept[slot] = (char)slot;
    }
    return NULL;
}
int main(void) {
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, body, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
"""

FULL = r"""
#include <stdlib.h>
int main(void) {
    enum { N = 60000 };
    static void *kept[N];
    for (int i = 0; i < N; i++)
        kept[i] = malloc(16 + i % 7 * 16);
    for (int i = 0; i < N; i++)
        free(kept[(i * 7919L) % N]);
    return 0;
}
"""


def compiled(source: str, directory: Path) -> str:
    path, program = directory / "program.c", str(directory / "program")
    path.write_text(source)
    subprocess.run(
        ["gcc", "-O0", "-fno-builtin", "-pthread", "-o", program, str(path)], check=True, capture_output=True
    )
    return program


@needs_gcc
def test_every_call_is_recorded_once(tmp_path: Path) -> None:
    trace, code = record([compiled(KNOWN, tmp_path)])
    assert code == 7
    operations = list(slowly_decoded(trace))
    before = operations[: -len(EXPECTED)]
    first = sum(name in ("malloc", "calloc") for name, *_ in before)  # of the C library's own, before main
    moved = [(name, *((v[0] - first, *v[1:]) if name in ("free", "realloc") else v)) for name, *v in operations]
    assert moved[len(before) :] == EXPECTED


@needs_gcc
def test_threads(tmp_path: Path) -> None:
    """No age is wrong, though addresses go from one thread to another: decoding would notice."""
    trace, code = record([compiled(MANY, tmp_path)])
    assert code == 0
    assert decoded(trace, replay_image().call).operations > 60_000


@needs_gcc
def test_no_object_is_lost(tmp_path: Path) -> None:
    """With so many, addresses meet in the table; each is found again when it is freed, in another order."""
    trace, code = record([compiled(FULL, tmp_path)])
    assert code == 0
    operations = list(slowly_decoded(trace))
    allocated = sum(name in ("malloc", "calloc") for name, *_ in operations)
    freed = sum(name == "free" for name, *_ in operations)
    assert allocated >= 60_000
    assert allocated - freed < 100


@needs_gcc
def test_the_command(tmp_path: Path) -> None:
    target = tmp_path / f"python{SUFFIX}"
    assert main([str(target), sys.executable, "-c", "print(len([[] for _ in range(100000)]))"]) == 0
    assert decoded(lzma.decompress(target.read_bytes()), replay_image().call).objects > 900


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "true"]) == USAGE_EXIT
    assert main([f"x{SUFFIX}"]) == USAGE_EXIT
    if shutil.which("gcc"):
        assert main([str(tmp_path / f"x{SUFFIX}"), "/nonesuch"]) == 1
        assert "No such file" in capsys.readouterr().err


def test_without_gcc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CommandFailed, match="gcc is not installed"):
        record(["true"])
