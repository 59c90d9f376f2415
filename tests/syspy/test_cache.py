"""The cache on disk: what is exactly as it was written is used, all else is built again, and nothing is an error."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.syspy import cache, native
from runtime.syspy.optimise import compile_text
from tests.go_oracle import ROOT
from tests.syspy import sample
from tests.syspy.modules import Made, made

FACTS = {"name": "x", "entries": {}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def only_entry(folder: Path) -> Path:
    (entry,) = (path for path in folder.iterdir() if not path.name.startswith("texts-"))  # see tree_key
    return entry


def is_from_disk(image: Any) -> bool:
    return image.texts is None


def test_what_is_written_is_read(folder: Path) -> None:
    cache.write("x", "k" * 64, FACTS, b"code")
    facts, code = cache.read("x", "k" * 64) or ({}, b"")
    assert (facts, bytes(code)) == ({**FACTS, "key": "k" * 64}, b"code")
    assert cache.read("x", "l" * 64) is None
    assert cache.read("y", "k" * 64) is None


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:-1],
    "cut in its head": lambda data: data[:20],
    "a bit flipped at the end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a bit flipped in the facts": lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    "a bit flipped in the length": lambda data: data.replace(b"\n", b"\n\xff", 1),
    "no hash": lambda data: cache.MAGIC + data[data.index(b"\n") :],
    "longer": lambda data: data + b"x",
    "of another format": lambda data: data.replace(cache.MAGIC, b"toy-image 0", 1),
    "no image at all": lambda data: b"\x7fELF" + data,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_ignored_and_replaced(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    native.build([sample.twice], name="sample")
    entry = only_entry(folder)
    written = entry.read_bytes()
    entry.write_bytes(damage(written))
    assert not is_from_disk(native.build([sample.twice], name="sample"))
    assert entry.read_bytes() == written
    assert is_from_disk(native.build([sample.twice], name="sample"))


def test_the_entry_of_another_key_is_ignored(folder: Path) -> None:
    cache.write("x", "a" * 64, FACTS, b"code")
    only_entry(folder).rename(str(cache.path_of("x", "b" * 64)))
    assert cache.read("x", "b" * 64) is None


def test_a_folder_that_cannot_be_made_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TOY_CACHE_DIR", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        image = native.build([sample.twice], name="sample")
        assert not is_from_disk(image)
        assert image.call(sample.twice, 2) == 4


def test_an_entry_that_is_a_folder_is_no_entry(folder: Path) -> None:
    Path(str(cache.path_of("x", "k" * 64))).mkdir(parents=True)
    cache.write("x", "k" * 64, FACTS, b"code")
    assert cache.read("x", "k" * 64) is None
    assert not [path for path in folder.iterdir() if path.is_file()]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TOY_CACHE_DIR": "/a"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/toy"),
        ({"XDG_CACHE_HOME": "b", "HOME": "/c"}, "/c/.cache/toy"),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_where_the_cache_is(variables: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOY_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.directory() == expected


def test_old_entries_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    for i in range(5):
        cache.write("x", f"{i:064}"[::-1], FACTS, b"")
        os.utime(str(cache.path_of("x", f"{i:064}"[::-1])), (i, i))
    cache.write("x", "f" * 64, FACTS, b"")
    kept = [i for i in range(5) if cache.read("x", f"{i:064}"[::-1])]
    assert kept == [3, 4]
    assert cache.read("x", "f" * 64)


def test_entries_that_are_in_use_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    cache.write("runtime", "a" * 64, FACTS, b"")
    assert cache.read("runtime", "a" * 64)  # by a program's compiler, say
    for i in range(5):
        os.utime(str(cache.path_of("runtime", "a" * 64)), (0, 0))
        cache.write("program", f"{i:064}"[::-1], FACTS, b"")
    assert cache.read("runtime", "a" * 64)
    assert len(list(folder.iterdir())) == 3


def test_a_key_covers_texts_names_numbers_and_options() -> None:
    def keys(text: str, **options: Any) -> str:
        module = made(text, "keyed")
        return str(module.image(module.f, **options).key)

    text = "A = 3\ndef f() -> i64:\n    return A\n"
    same = keys(text)
    assert keys(text) == same
    assert keys(text + "# more\n") != same
    assert keys(text, debug=True) != same
    assert keys(text, opt_level=1) != same
    assert keys(text, name="other") != same


def test_a_number_from_a_module_of_plain_python_is_part_of_the_key() -> None:
    def result(value: int) -> Any:
        module = Made("from __future__ import annotations\nfrom runtime.syspy import i64\n" + FROM_ELSEWHERE, "keyed")
        module.names["A"] = value
        return module.image(module.f).call(module.f)

    assert (result(3), result(4)) == (3, 4)


FROM_ELSEWHERE = "def f() -> i64:\n    return A\n"


def test_a_callers_key_is_enough() -> None:
    key = native.key_of([sample.__file__], "-O3")
    assert native.cached("sample", key) is None
    native.build([sample.twice], name="sample", key=key)
    found = native.cached("sample", key)
    assert found is not None
    assert found.call("tests.syspy.sample.twice", 4) == 8
    assert native.key_of([sample.__file__], "-O2") != key


def test_an_image_from_disk_has_no_texts_and_a_fresh_one_has() -> None:
    fresh = native.build([sample.twice], name="sample")
    assert "define" in fresh.ir
    assert "twice" in fresh.assembly
    with pytest.raises(LookupError):
        _ = native.build([sample.twice], name="sample").ir
    assert "define" in native.build([sample.twice], name="sample", use_cache=False).ir


WARM = """
import sys
import time
before = set(sys.modules)  # what the interpreter loads by itself, for packages installed in place
from runtime.syspy import native
key = native.key_of([{file!r}])
image = native.cached("sample", key)
assert image.call("tests.syspy.sample.twice", 4) == 8
loaded = set(sys.modules) - before
heavy = [name for name in loaded if name.split(".")[0] in ("llvmlite", "ast", "inspect", "pathlib")]
heavy += [name for name in loaded if name in ("runtime.syspy.structs", "runtime.syspy.unit")]
assert not heavy, heavy
"""


def test_a_warm_start_imports_neither_llvm_nor_the_translator(folder: Path) -> None:
    native.build([sample.twice], name="sample", key=native.key_of([sample.__file__]))
    code = WARM.format(file=sample.__file__)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_processor_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is its own, and so is its place in the cache."""
    text = "define <4 x float> @f(<4 x float> %a) {\n  %b = fadd <4 x float> %a, %a\n  ret <4 x float> %b\n}\n"
    here = cache.processor()
    for cpu, instruction in (("x86-64", "\taddps"), ("x86-64-v3", "\tvaddps")):
        monkeypatch.setenv("TOY_CPU", cpu)
        assert instruction in compile_text(text).assembly
        assert cache.processor() != here


def test_a_hash_of_texts_is_that_of_their_contents_and_names(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tree" / "below").mkdir(parents=True)
    one, other = tmp_path / "tree" / "one.py", tmp_path / "tree" / "below" / "other.py"
    one.write_text("1")
    other.write_text("2")
    seen = [tree_key(tmp_path)]
    (tmp_path / "tree" / "ignored.txt").write_text("3")
    assert tree_key(tmp_path) == seen[0]
    for change in (
        lambda: one.write_text("4"),
        lambda: other.write_text("5"),
        lambda: other.rename(tmp_path / "tree" / "below" / "third.py"),
        lambda: (tmp_path / "tree" / "new.py").write_text(""),
        one.unlink,
    ):
        change()
        seen.append(tree_key(tmp_path))
    assert len(set(seen)) == len(seen)


def test_texts_are_read_again_only_when_a_file_is_another(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is as long as before, and its time is set back."""
    file = tmp_path / "tree" / "one.py"
    file.parent.mkdir()
    file.write_text("1")
    monkeypatch.setattr(cache, "SETTLED_NS", -(10**9))  # as if the files were old
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    before = tree_key(tmp_path)
    entry = only_of_texts(folder)
    monkeypatch.setattr(cache, "file_bytes", without(cache.file_bytes, file))
    assert tree_key(tmp_path) == before
    monkeypatch.undo()
    monkeypatch.setenv("TOY_CACHE_DIR", str(folder))
    time.sleep(0.02)  # a tick of the file system's clock
    file.write_text("2")
    os.utime(file, ns=times)
    changed = tree_key(tmp_path)
    assert changed != before
    entry.write_bytes(entry.read_bytes()[:-1])
    assert tree_key(tmp_path) == changed


def test_nothing_is_kept_of_files_that_have_just_changed(folder: Path, tmp_path: Path) -> None:
    """A second change may be within the same tick of the clock, and unseen."""
    file = tmp_path / "tree" / "one.py"
    file.parent.mkdir()
    file.write_text("1")
    tree_key(tmp_path)
    assert not folder.exists()


def tree_key(root: Path) -> str:
    return cache.tree_key(str(root), ["tree"], (".py",))


def only_of_texts(folder: Path) -> Path:
    (entry,) = folder.glob("texts-*")
    return entry


def without(read: Callable[[str], bytes], file: Path) -> Callable[[str], bytes]:
    """The same, but for a file that is not to be read."""

    def checked(path: str) -> bytes:
        assert path != str(file)
        return read(path)

    return checked
