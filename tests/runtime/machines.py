"""State machines: Hypothesis draws what is done, and a plain model says what must come of it.

    run_machine(PageMachine, engine, seed, examples=50, steps=40)

The seed is printed by the fixture and accepted back, as of all random tests; a run that fails is shrunk to the fewest
steps. A machine counts what it did in `did`, and a run in which something never happened is a failure, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

Machine = Callable[[Any, Counter[str]], RuleBasedStateMachine]  # of an engine, and where to count


def run_machine(machine: Machine, engine: Any, seed: int, examples: int, steps: int) -> Counter[str]:
    """Run a machine so many times with up to so many steps; what it did in all of them."""
    did: Counter[str] = Counter()

    @hypothesis.seed(seed)
    def made() -> RuleBasedStateMachine:
        return machine(engine, did)

    run_state_machine_as_test(
        cast(type[RuleBasedStateMachine], made),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return did
