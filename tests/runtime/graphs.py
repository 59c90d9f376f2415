"""Graphs of a heap for tests."""

from __future__ import annotations

from runtime.heap_buffers import GraphBuffers


class GraphUnderTest(GraphBuffers):
    """A graph with room for so many nodes and edges, and its dominator tree."""

    def __init__(self, nodes: int = 1000, edges: int = 4000, roots: int = 100) -> None:
        super().__init__(nodes, edges, roots)

    def fill(self, successors: list[list[int]], sizes: list[int]) -> None:
        """Make it a graph of so many nodes; all are reached from node 0."""
        self.graph.nodes, self.graph.edges = len(successors), 0
        for node, targets in enumerate(successors):
            self.graph.size[node] = sizes[node]
            self.graph.first_edge[node] = self.graph.edges
            for target in targets:
                self.graph.target[self.graph.edges] = target
                self.graph.edges += 1
        self.graph.first_edge[len(successors)] = self.graph.edges

    def edges(self, node: int) -> list[tuple[int, int]]:
        """Word and target of each edge of a node."""
        edges = range(self.graph.first_edge[node], self.graph.first_edge[node + 1])
        return [(self.graph.word[edge], self.graph.target[edge]) for edge in edges]

    def node(self, addr: int) -> int:
        """The node of the object at an address; -1 if there is none."""
        return next((n for n in range(1, self.graph.nodes) if self.graph.addr[n] == addr), -1)
