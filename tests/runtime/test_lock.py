"""The futex mutex: exclusion under contention, and the misuse it notices."""

from __future__ import annotations

import threading
import time

import pytest

from runtime.lock import BROKEN as BROKEN_KEY
from runtime.lock import LOCKED, SLEEPING, UNLOCKED, Mutex, assert_lock_held, break_lock, lock, unlock
from runtime.syspy import Failure, Inline, Struct, struct, u64
from tests.runtime.engines import BROKEN, Engine


@struct
class Counter(Struct):
    """A number that is only right while its additions exclude each other."""

    lock: Inline[Mutex]  # covers value
    value: u64


def add_often(counter: Counter, n: u64) -> None:
    """Add one n times, each time under the lock."""
    for _ in range(n):
        lock(counter.lock)
        counter.value = counter.value + 1
        unlock(counter.lock)


ROOTS = [add_often, lock, unlock, break_lock, assert_lock_held]


def test_lock_and_unlock_turn_the_key(engine: Engine) -> None:
    m = Mutex()
    engine.call(lock, m)
    assert m.key == LOCKED
    engine.call(assert_lock_held, m)
    engine.call(unlock, m)
    assert m.key == UNLOCKED


def test_additions_of_several_threads_exclude_each_other(engine: Engine) -> None:
    n = 300 if engine.name == "python" else 50_000
    counter = Counter()
    threads = [threading.Thread(target=engine.call, args=(add_often, counter, n)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (counter.value, counter.lock.key) == (4 * n, UNLOCKED)


def test_each_of_several_sleepers_is_woken(engine: Engine) -> None:
    counter = Counter()
    engine.call(lock, counter.lock)
    waiters = [threading.Thread(target=engine.call, args=(add_often, counter, 1), daemon=True) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    deadline = time.monotonic() + 20
    while counter.lock.key != SLEEPING:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    waiters[0].join(timeout=0.05)
    assert all(waiter.is_alive() for waiter in waiters)
    assert (counter.value, counter.lock.key) == (0, SLEEPING)
    engine.call(unlock, counter.lock)
    for waiter in waiters:
        waiter.join(timeout=20)
    assert (counter.value, counter.lock.key) == (3, UNLOCKED)


def test_who_waits_for_a_lock_that_is_broken_fails_and_so_does_who_comes_later(engine: Engine) -> None:
    counter, failures = Counter(), list[str]()

    def add() -> None:
        with pytest.raises(Failure, match="a thread has failed that may hold this lock") as failed:
            engine.call(add_often, counter, 1)
        failures.append(failed.value.text)

    engine.call(lock, counter.lock)
    waiters = [threading.Thread(target=add, daemon=True) for _ in range(2)]
    for waiter in waiters:
        waiter.start()
    waiters[0].join(timeout=0.05)
    engine.call(break_lock, counter.lock)
    for waiter in waiters:
        waiter.join(timeout=20)
    add()
    engine.call(unlock, counter.lock)  # who had it goes on
    assert (len(failures), counter.value, counter.lock.key) == (3, 0, BROKEN_KEY)


def test_unlock_of_an_unlocked_lock_is_noticed(engine: Engine) -> None:
    with pytest.raises(Failure, match="LK1"):
        engine.call(unlock, Mutex())


def test_a_lock_that_should_be_held_is_looked_at(engine: Engine) -> None:
    with pytest.raises(BROKEN, match="LK2"):
        engine.call(assert_lock_held, Mutex())
