"""State machines: Hypothesis draws what is done, and a plain model says what must come of it.

    run_machine(PageMachine, engine, seed, examples=50, steps=40, wanted=["taken", "freed"])

The seed is printed by the fixture and accepted back, as of all random tests; a run that fails is shrunk to the fewest
steps. A machine counts what it did. Hypothesis leaves rules out at random, so a round may never do a thing: then there
are more rounds, and if it is never done at all the test fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

Machine = Callable[[Any, Counter[str]], RuleBasedStateMachine]  # of an engine, and where to count


ROUNDS = 12  # at most


def run_machine(
    machine: Machine, engine: Any, seed: int, examples: int, steps: int, wanted: Iterable[str]
) -> Counter[str]:
    """Run a machine so many times with up to so many steps, until everything wanted was done; what was done."""
    did: Counter[str] = Counter()

    def made() -> RuleBasedStateMachine:
        return machine(engine, did)

    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for number in range(ROUNDS):
        seeded = hypothesis.seed(seed + number)(made)
        run_state_machine_as_test(cast(type[RuleBasedStateMachine], seeded), settings=chosen)
        missing = [doing for doing in wanted if did[doing] == 0]
        if not missing:
            return did
    raise AssertionError(f"never done: {missing}; {did}")
