"""Dominators: which bytes would be free if one object were.

    root --> a --> b --> d        a dominates b, c, d: every way from the root to them goes through a
              `--> c --^          b dominates nothing: d is also reached through c

    idom[d] == a                  the nearest dominator
    retained[a] == a + b + c + d  bytes that a alone keeps alive

By Lengauer and Tarjan: nodes are numbered by a walk in depth; the semidominator of w, the least v from which a way
leads to w over nodes greater than w, is found from the last node to the first, by a forest with compressed paths.
From semidominators follow the dominators. It takes about as many steps as there are edges, whatever the graph's
shape; a list of a million nodes is no special case, and nothing here recurses.

    DM1  every node is reached from node 0: walk_heap has only such ones

Owner: the host. Lengauer, Tarjan: A Fast Algorithm for Finding Dominators in a Flowgraph, 1979.     Next: walk.py
"""

from __future__ import annotations

from runtime.heap_graph import HeapGraph
from runtime.syspy import Array, Struct, struct, throw, u32, u64

NONE = 0xFFFF_FFFF  # no node


@struct
class Dominators(Struct):
    """The dominator tree of a HeapGraph, in arrays of the host's: of as many entries as it has room for nodes."""

    retained: Array[u64]  # by node: bytes of what it dominates, its own among them
    idom: Array[u32]  # by node: its nearest dominator; of node 0 itself
    order: Array[u32]  # the nodes as a walk in depth finds them: a dominator comes before what it dominates
    number: Array[u32]  # by node: where it is in order
    tree_parent: Array[u32]  # by node: where that walk came from
    semi: Array[u32]  # by node: number of its semidominator
    ancestor: Array[u32]  # by node: next node up in the forest, or NONE
    label: Array[u32]  # by node: of those between it and its tree's root, the one with the least semi
    bucket: Array[u32]  # by node: the first of the nodes it is the semidominator of, or NONE
    next_in_bucket: Array[u32]  # by node: the next one
    next_edge: Array[u32]  # by node: the edge to walk next; later the first of its incoming ones, and one more entry
    source: Array[u32]  # by incoming edge: the node it comes from; edges_room entries


def find_dominators(graph: HeapGraph, tree: Dominators) -> None:
    """Fill the tree of a graph."""
    count_depth_first(graph, tree)
    turn_edges(graph, tree)
    find_semidominators(graph, tree)
    for i in range(u64(1), graph.nodes):
        node = tree.order[i]
        if tree.idom[node] != tree.order[tree.semi[node]]:
            tree.idom[node] = tree.idom[tree.idom[node]]
    tree.idom[0] = 0
    sum_retained(graph, tree)


def count_depth_first(graph: HeapGraph, tree: Dominators) -> None:
    """Number the nodes by a walk in depth from node 0 (DM1)."""
    for i in range(graph.nodes):
        tree.number[i] = NONE
        tree.next_edge[i] = graph.first_edge[i]
    tree.number[0] = 0
    tree.order[0] = 0
    tree.tree_parent[0] = 0
    count: u64 = 1
    node: u64 = 0
    done = False
    while not done:
        edge = u64(tree.next_edge[node])
        if edge < u64(graph.first_edge[node + 1]):
            tree.next_edge[node] = u32(edge + 1)
            target = u64(graph.target[edge])
            if tree.number[target] == NONE:
                tree.number[target] = u32(count)
                tree.order[count] = u32(target)
                tree.tree_parent[target] = u32(node)
                count = count + 1
                node = target
        elif node == 0:
            done = True
        else:
            node = u64(tree.tree_parent[node])
    if count != graph.nodes:
        throw("DM1: a node is not reached from the roots", count, graph.nodes)


def turn_edges(graph: HeapGraph, tree: Dominators) -> None:
    """List the incoming edges of each node: next_edge[n] ... next_edge[n + 1] - 1, in source."""
    first = tree.next_edge
    for node in range(graph.nodes + 1):
        first[node] = 0
    for edge in range(graph.edges):
        target = u64(graph.target[edge])
        first[target] = first[target] + 1
    total: u32 = 0
    for node in range(graph.nodes + 1):
        total = total + first[node]
        first[node] = total
    # Filled from the end of each node's part, so that afterwards first says where the part begins.
    for node in range(graph.nodes):
        for edge in range(u64(graph.first_edge[node]), u64(graph.first_edge[node + 1])):
            target = u64(graph.target[edge])
            first[target] = first[target] - 1
            tree.source[first[target]] = u32(node)


def find_semidominators(graph: HeapGraph, tree: Dominators) -> None:
    """From the last node to the first; idom of a node is its dominator, or one that has the same dominator."""
    for node in range(graph.nodes):
        tree.semi[node] = tree.number[node]
        tree.ancestor[node] = NONE
        tree.label[node] = u32(node)
        tree.bucket[node] = NONE
    i = graph.nodes
    while i > 1:
        i = i - 1
        node = u64(tree.order[i])
        parent = u64(tree.tree_parent[node])
        for edge in range(u64(tree.next_edge[node]), u64(tree.next_edge[node + 1])):
            least = evaluate(tree, u64(tree.source[edge]))
            if tree.semi[least] < tree.semi[node]:
                tree.semi[node] = tree.semi[least]
        semi = u64(tree.order[tree.semi[node]])
        tree.next_in_bucket[node] = tree.bucket[semi]
        tree.bucket[semi] = u32(node)
        tree.ancestor[node] = u32(parent)
        waiting = tree.bucket[parent]
        while waiting != NONE:
            least = evaluate(tree, u64(waiting))
            tree.idom[waiting] = u32(least) if tree.semi[least] < tree.semi[waiting] else u32(parent)
            waiting = tree.next_in_bucket[waiting]
        tree.bucket[parent] = NONE


def evaluate(tree: Dominators, node: u64) -> u64:
    """Of the nodes between this one and the root of its tree in the forest, the one whose semi is least."""
    if tree.ancestor[node] == NONE:
        return node
    compress(tree, node)
    return u64(tree.label[node])


def compress(tree: Dominators, node: u64) -> None:
    """Let the nodes on the way up lead to their tree's root. The links back down are in number, whose use is over."""
    below: u64 = NONE
    at = node
    while tree.ancestor[tree.ancestor[at]] != NONE:
        tree.number[at] = u32(below)
        below = at
        at = u64(tree.ancestor[at])
    # `at` leads to the root. Now down again.
    while below != NONE:
        above = u64(tree.ancestor[below])
        if tree.semi[tree.label[above]] < tree.semi[tree.label[below]]:
            tree.label[below] = tree.label[above]
        tree.ancestor[below] = tree.ancestor[above]
        below = u64(tree.number[below])


def sum_retained(graph: HeapGraph, tree: Dominators) -> None:
    """Add up what each node dominates, from the last node to the first."""
    for node in range(graph.nodes):
        tree.retained[node] = graph.size[node]
    i = graph.nodes
    while i > 1:
        i = i - 1
        node = u64(tree.order[i])
        above = u64(tree.idom[node])
        tree.retained[above] = tree.retained[above] + tree.retained[node]
