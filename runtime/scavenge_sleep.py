"""Scavenge sleep: how long the background scavenger rests after it has worked, to cost one percent of a processor.

    worked 1 ms | slept 100 ms | worked 1 ms | slept 100 ms | ...      time slept = time worked / sleep_ratio

The kernel wakes a thread when it pleases, and releasing a page can take long or short. So the ratio is controlled: it
follows from the share of the time that was spent at work. When the controller loses count, the ratio is a careful one
for five seconds.

Owner: the background scavenger. Go: runtime/mgcscavenge.go scavengerState sleep.                 Next: page_alloc.py
"""

from __future__ import annotations

from runtime.pi_controller import PIController, next_output
from runtime.syspy import Inline, Struct, f64, struct, u64

CPU_SHARE = 0.01  # of all processors
CAREFUL_RATIO = 0.001  # to begin with, and when nothing better is known
LEAST_WORK_NS = 1_000_000  # of work counts as that much: a shorter sleep than follows from it cannot be measured
COOLDOWN_NS = 5_000_000_000


@struct
class SleepPacer(Struct):
    """The pace of one background scavenger."""

    controller: Inline[PIController]  # from the share of time at work to sleep_ratio
    sleep_ratio: f64  # time to work over time to sleep
    cooldown_ns: u64  # nanoseconds for which sleep_ratio stays as it is
    was_reset: bool  # the controller lost count since the last line of scavtrace


def sleep_pacer_init(p: SleepPacer) -> None:
    """Make an all-zero SleepPacer a careful one."""
    c = p.controller
    c.kp = 0.3375
    c.ti = 3.2e6
    c.tt = 1e9
    c.least = 0.001
    c.most = 1000.0
    p.sleep_ratio = CAREFUL_RATIO


def least_work(worked_ns: u64) -> f64:
    """What work counts as, in nanoseconds."""
    return f64(worked_ns if worked_ns > LEAST_WORK_NS else u64(LEAST_WORK_NS))


def time_to_sleep(p: SleepPacer, worked_ns: u64) -> u64:
    """How many nanoseconds to sleep after working so many."""
    return u64(least_work(worked_ns) / p.sleep_ratio)


def note_sleep(p: SleepPacer, worked_ns: u64, slept_ns: u64, processors: u64) -> None:
    """Learn from a round of work and sleep, on a program that may use so many processors."""
    worked = least_work(worked_ns)
    period = f64(slept_ns) + worked
    if p.cooldown_ns != 0:
        passed = u64(period)
        p.cooldown_ns = 0 if passed > p.cooldown_ns else p.cooldown_ns - passed
        return
    ratio, has_count = next_output(p.controller, worked / (period * f64(processors)), CPU_SHARE, period)
    p.sleep_ratio = ratio
    if not has_count:
        p.sleep_ratio = CAREFUL_RATIO
        p.cooldown_ns = COOLDOWN_NS
        p.was_reset = True
