"""Finalizer calls: what the program's own goroutine makes of objects that were found dead.

    take_ready -> closure, word       the closure's code makes f's argument of the word, and calls f

A panic in a finalizer ends the program, whatever deferred calls are under way around the place where it is called: in
Go it is on a goroutine of its own, where nobody recovers it.

    FC1  while a call runs, its closure and its word are roots of this frame

Owner: the goroutine that makes the calls. Go: runtime/mfinal.go runFinalizers.        Next: runtime_pkg.py
"""

from __future__ import annotations

from lang.std.defers import Panic, ask_for_texts, caught_panic, leave_with, pass_on_fatal
from runtime.finalizers import begin_calls, end_calls, take_ready
from runtime.proc import G
from runtime.syspy import address, attempt, nil, store, uintptr
from runtime.types import Closure


def ready_code(g: G, sp: uintptr, closure: Closure, word: uintptr) -> None:
    """The types of what the closure of a finalizer or a cleanup leads to."""


def run_ready(g: G, sp: uintptr) -> None:
    """Make the calls that are ready, unless it is one of them that asks for it. `sp` is free shadow stack."""
    if not begin_calls(g):
        return
    while True:
        kind, fn, word = take_ready(g)
        if kind == 0:
            break
        store(uintptr, sp, fn)  # FC1
        store(uintptr, sp + 8, word)
        closure = Closure.at(fn)
        if not attempt(address(g.unwinding), ready_code, closure.code, g, sp + 16, closure, word):
            pass_on_fatal(g)
            end_with_panic(g, sp)
    end_calls(g)


def end_with_panic(g: G, sp: uintptr) -> None:
    """A panic that nobody recovers."""
    store(uintptr, sp, 0)
    panic = caught_panic(g, sp, nil(Panic))
    ask_for_texts(g, sp, panic)
    g.unwinding.is_fatal = 1
    leave_with(g, panic)
