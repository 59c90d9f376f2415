"""Native: systems functions to machine code, through the cache.

    image = build([f, g], name="runtime")                    translate, optimise, load; or take it from the cache
    program = build([main], name="prog", base=image)         calls what is in `image` there
    library = build([], name="lib", base=image, exports=[h]) what further images may call, and Python does not
    image = cached("runtime", key_of(files))                 only look: no module of the runtime need be imported
    image.call(f, 1, 2)

Everything that translates is imported only when something has to be translated, and so is llvmlite.

A key covers whatever the code depends on: the text of every module concerned, the module-level numbers in them, systems
Python itself, LLVM, the CPU, the options and the image underneath.
"""

from __future__ import annotations

import os

from runtime.syspy import cache
from runtime.syspy.image import Image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from runtime.syspy.cache import Facts


def key_of(files: Iterable[str | Path], *texts: str) -> str:
    """A key for `build` and `cached`: of the contents of files, and of texts such as options or a program."""
    paths = [str(file) for file in files]
    return cache.digest(
        [*texts, *(part for path in paths for part in (os.path.basename(path), cache.file_bytes(path)))]
    )


def cached(name: str, key: str, *, base: Image | None = None, debug: bool = False, opt_level: int = 3) -> Image | None:
    """The image that `build` stored under a name and a key, or None."""
    found = cache.read(name, _full_key(name, key, base, debug, opt_level))
    if found is None:
        return None
    try:
        return Image(*found, base)
    except (KeyError, AttributeError, OSError):
        return None


load = cached


def build(
    roots: Sequence[Callable[..., Any]],
    name: str = "image",
    *,
    debug: bool = False,
    base: Image | None = None,
    sources: dict[str, str] | None = None,
    extra_sources: Iterable[str | Path] = (),
    key: str | None = None,
    opt_level: int = 3,
    use_cache: bool = True,
    notes: dict[str, Any] | None = None,
    exports: Sequence[Any] = (),
) -> Image:
    """The image of the roots and all that they call. SubsetError if that is not systems Python.

    `sources` has the text of modules that have no file, by module name. `key` stands for all sources, if the caller can
    tell them (see key_of); else they are found through the roots, and `extra_sources` are files to add. `notes`, of
    what JSON can hold, are kept with the image. `exports` are functions and constants that images
    above may refer to, beside what the roots of an image without a base call.

    What is kept may be compiled in halves, the other one by another process. What is not has texts, and is the same
    each time.
    """
    if key is None:
        from runtime.syspy.dependencies import texts_of

        key = key_of(extra_sources, *texts_of(roots, sources or {}))
    if use_cache:
        found = cached(name, key, base=base, debug=debug, opt_level=opt_level)
        if found is not None:
            return found
    from runtime.syspy.translate import lowered, translate

    unit = lowered(roots, None if base is None else base.names(), sources, debug, exports)
    facts, code, compiled = translate(unit, name, opt_level, is_whole=not use_cache)
    facts["notes"] = notes or {}
    image = _image(_full_key(name, key, base, debug, opt_level), facts, code, base, use_cache)
    if compiled is not None:
        image.texts = lambda: (compiled.ir, compiled.assembly)
    return image


def kept(name: str, key: str, facts: Facts, code: bytes, *, base: Image | None, notes: dict[str, Any]) -> Image:
    """The image of what a compiler has translated (compiler.py), as `build` gives it and stores it."""
    full_key = _full_key(name, key, base, debug=False, opt_level=3)
    return _image(full_key, {**facts, "notes": notes}, code, base, use_cache=True)


def _image(full_key: str, facts: Facts, code: bytes, base: Image | None, use_cache: bool) -> Image:
    """The image of code that has just been translated; stored, if the cache is used."""
    image = Image({**facts, "key": full_key}, code, base)
    if use_cache:
        cache.write(facts["name"], full_key, facts, code)
    return image


def _full_key(name: str, key: str, base: Image | None, debug: bool, opt_level: int) -> str:
    """The caller's key, and all that he need not know."""
    below = base.key if base is not None else ""
    return cache.digest([cache.environment(), name, key, below, str(debug), str(opt_level)])
