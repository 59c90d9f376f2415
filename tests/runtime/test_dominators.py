"""Dominators against their definition: what cannot be reached without a node is what it dominates."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime import dominators
from runtime.syspy import Failure
from tests.runtime.graphs import GraphUnderTest

ROOTS = [dominators.find_dominators]


def reached(successors: list[list[int]], without: int = -1) -> set[int]:
    """The nodes that are reached from node 0 without going through another."""
    found, waiting = {0}, [0]
    while waiting:
        for target in successors[waiting.pop()]:
            if target not in found and target != without:
                found.add(target)
                waiting.append(target)
    return found


def find(engine: Any, successors: list[list[int]], sizes: list[int]) -> tuple[list[int], list[int]]:
    """idom and retained, by node."""
    made = GraphUnderTest(len(successors), max(1, sum(map(len, successors))))
    made.fill(successors, sizes)
    engine.call(dominators.find_dominators, made.graph, made.tree)
    nodes = range(len(successors))
    return [made.tree.idom[n] for n in nodes], [made.tree.retained[n] for n in nodes]


def drawn(rng: random.Random) -> list[list[int]]:
    """A random graph, all of which node 0 reaches."""
    count = rng.randrange(2, 40)
    successors: list[list[int]] = [[] for _ in range(count)]
    for node in range(1, count):
        successors[rng.randrange(max(0, node - rng.randrange(1, 40)), node)].append(node)
    for _ in range(rng.randrange(60)):
        successors[rng.randrange(count)].append(rng.randrange(1, count))
    return successors


def test_random_graphs(engine: Any, seed: int) -> None:
    rng = random.Random(seed)
    shared = 0
    for _ in range(60 if engine.name == "native" else 20):
        successors = drawn(rng)
        sizes = [rng.randrange(1, 100) for _ in successors]
        idom, retained = find(engine, successors, sizes)
        everything = reached(successors)
        dominated = [everything - reached(successors, node) if node else everything for node in range(len(successors))]
        assert retained == [sum(sizes[node] for node in found) for found in dominated]
        for node in range(1, len(successors)):
            above = [other for other in range(len(successors)) if node in dominated[other] and other != node]
            assert idom[node] == min(above, key=lambda other: len(dominated[other]))
            shared += idom[node] == 0 and node not in successors[0]
    assert shared > 0, "some nodes were reached in several ways"


@pytest.mark.parametrize("length", [1, 2, 3, 2000])
def test_a_list_in_both_directions(engine: Any, length: int) -> None:
    successors = [[1]] + [[n + 1, n - 1] for n in range(1, length)] + [[length - 1] if length > 1 else []]
    idom, retained = find(engine, successors, [0] + [16] * length)
    assert idom == [0, *range(length)]
    assert retained == [16 * length] + [16 * n for n in range(length, 0, -1)]


def test_what_two_hold_is_retained_by_neither(engine: Any) -> None:
    idom, retained = find(engine, [[1, 2], [3], [3], [4], []], [0, 1, 10, 100, 1000])
    assert idom == [0, 0, 0, 0, 3]
    assert retained == [1111, 1, 10, 1100, 1000]


def test_a_node_that_nothing_leads_to_is_found_out(engine: Any) -> None:
    with pytest.raises(Failure, match="DM1"):
        find(engine, [[1], [], []], [0, 1, 1])
