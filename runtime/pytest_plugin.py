"""Pytest plugin: a runtime for each test, checked when the test is over; stress by the command line.

    pytest --toy-engine=both --toy-gcstress=1
    pytest --toy-gcrandom=50 --toy-seed=7

    def test_a_list_keeps_its_nodes(toy_runtime):
        node = toy_runtime.describe("node", 16, pointers=[0])
        ...

    toy_runtime        an empty Runtime by the options, closed after the test
    new_toy_runtime    makes further ones: new_toy_runtime(gogc=50, debug="clobberfree=1")
    toy_seed           a number for the test's own chance: of --toy-seed and the test's name, whatever runs before

When a test is over, the heap of each of its runtimes is checked from end to end, and all that is wrong is told as an
error of the test. The summary counts what stress did, over all processes of pytest-xdist too, and has the seed.

Found by pytest through the entry point `pytest11`. Nothing of the runtime is imported before a test asks for it.

Runs in Python only. Next: __init__.py
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runtime.embedding import Runtime

ENGINES = ("native", "python")
MAX_SEED = MAX_MODE = (1 << 31) - 1
COUNTED = ("runtimes", "allocations", "collections", "by_stress", "freed", "protected")
# Names of GODEBUG, and of options with --toy- before them.
MODES = ("gcstress", "gcsafepoint", "gcrandom", "clobberfree", "protectfree", "gcstoptheworld")
OPTIONS = (  # name, default, type, what it is for
    ("--toy-engine", "native", str, "engine of toy_runtime: native, python, or both, one after the other"),
    ("--toy-gcstress", 0, int, "collect at every N-th allocation"),
    ("--toy-gcsafepoint", 0, int, "collect at every N-th safepoint"),
    ("--toy-gcrandom", 0, int, "collect at one allocation in N, by chance"),
    ("--toy-clobberfree", 0, int, "1: overwrite what is freed"),
    ("--toy-protectfree", 0, int, "1: pages that are freed cannot be touched until they are used again"),
    ("--toy-gcstoptheworld", 1, int, "0: mark in steps, between which the program runs"),
    ("--toy-seed", None, int, "what chance begins from; else a number is drawn, and told at the end"),
)


class Counts:
    """What the runtimes of a process did, and the seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.total = dict.fromkeys(COUNTED, 0)

    def add(self, runtime: Runtime) -> None:
        """Count what a runtime did that is about to be closed."""
        report = runtime.stress()
        self.total["runtimes"] += 1
        self.total["allocations"] += report.allocations
        self.total["collections"] += runtime.state.gc.num_gc
        self.total["by_stress"] += report.collections
        self.total["freed"] += report.freed
        self.total["protected"] += report.pages_protected

    def merge(self, total: dict[str, int]) -> None:
        """Count what another process did."""
        for name, count in total.items():
            self.total[name] += count

    def __str__(self) -> str:
        """One line."""
        from runtime.refusals import counted

        total = self.total
        nouns = {"runtimes": "runtime", "collections": "collection", "freed": "object freed"}
        text = ", ".join(counted(total[name], noun) for name, noun in nouns.items())
        if total["allocations"]:
            by_stress = counted(total["by_stress"], "collection by stress")
            text += f"; {by_stress} at {counted(total['allocations'], 'allocation')}"
        if total["protected"]:
            text += f"; {counted(total['protected'], 'page protected')}"
        return f"{text}; seed {self.seed}"


COUNTS = pytest.StashKey[Counts]()


# --- Hooks -----------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("toy", "runtimes of Toy")
    for name, default, kind, text in OPTIONS:
        choices = (*ENGINES, "both") if name == "--toy-engine" else None
        group.addoption(name, default=default, type=kind, choices=choices, help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed: that of the command line, or of who started this process, or any."""
    seed = config.getoption("--toy-seed")
    if seed is None:
        seed = getattr(config, "workerinput", {}).get("toy_seed")
    if seed is None:
        seed = random.randrange(MAX_SEED)
    if not 0 <= seed <= MAX_SEED:
        raise pytest.UsageError(f"--toy-seed: a number from 0 to {MAX_SEED}")
    for name in MODES:
        if not 0 <= config.getoption(f"--toy-{name}") <= MAX_MODE:
            raise pytest.UsageError(f"--toy-{name}: a number from 0 to {MAX_MODE}")
    config.stash[COUNTS] = Counts(seed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a runtime runs once on each engine wanted."""
    if "toy_engine" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--toy-engine")
        metafunc.parametrize("toy_engine", ENGINES if wanted == "both" else [wanted], indirect=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A process of pytest-xdist's is about to start: it has the same seed."""
    node.workerinput["toy_seed"] = node.config.stash[COUNTS].seed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """This process is done: tell the one that started it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["toy_counts"] = session.config.stash[COUNTS].total


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of pytest-xdist's is done."""
    node.config.stash[COUNTS].merge(getattr(node, "workeroutput", {}).get("toy_counts", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What stress did."""
    counts = config.stash[COUNTS]
    if counts.total["runtimes"]:
        terminalreporter.write_sep("-", "toy runtimes")
        terminalreporter.write_line(str(counts))


# --- Fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def toy_engine(request: pytest.FixtureRequest) -> str:
    """The engine that toy_runtime is on."""
    return str(request.param)


@pytest.fixture
def toy_seed(request: pytest.FixtureRequest) -> int:
    """A number for the test's own chance; printed, and the same for the same --toy-seed."""
    seed = request.config.stash[COUNTS].seed
    print(f"--toy-seed={seed}")
    return (seed ^ zlib.crc32(request.node.nodeid.encode())) & MAX_SEED


@pytest.fixture
def new_toy_runtime(request: pytest.FixtureRequest, toy_engine: str, toy_seed: int) -> Iterator[Callable[..., Runtime]]:
    """Makes a Runtime by the options of the command line, and by the arguments of Runtime, which come first."""
    from runtime.embedding import Runtime

    stress = {name: request.config.getoption(f"--toy-{name}") for name in MODES}
    made: list[Runtime] = []

    def new(engine: str | None = None, *, debug: str | dict[str, int] = "", **settings: Any) -> Runtime:
        texts = [f"{name}={value}" for name, value in [*stress.items(), ("gcseed", toy_seed)]]
        texts += [f"{name}={value}" for name, value in debug.items()] if isinstance(debug, dict) else [debug]
        made.append(Runtime(engine or toy_engine, debug=",".join(texts), **settings))
        return made[-1]

    yield new
    _finish(made, request.config.stash[COUNTS])


@pytest.fixture
def toy_runtime(new_toy_runtime: Callable[..., Runtime]) -> Runtime:
    """An empty Runtime. Its heap is checked when the test is over."""
    return new_toy_runtime()


def _finish(made: list[Runtime], counts: Counts) -> None:
    """Check and close the runtimes of a test. Raises Damaged for the first that is damaged, when all are closed."""
    from runtime.damage import Damaged

    errors: list[Damaged] = []
    for runtime in made:
        if not runtime.is_open:
            continue
        counts.add(runtime)
        if not runtime.has_failed:  # else the test has seen it
            try:
                runtime.check()
            except Damaged as error:
                errors.append(error)
        runtime.close()
    if errors:
        raise errors[0]
