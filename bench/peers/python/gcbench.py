"""examples/gcbench.toy in Python."""

import sys
from array import array


class Node:
    __slots__ = ("i", "j", "left", "right")

    def __init__(self, left=None, right=None, i=0, j=0):
        self.left = left
        self.right = right
        self.i = i
        self.j = j


def populate(depth, node):
    if depth <= 0:
        return
    node.left = Node(i=depth)
    node.right = Node(j=depth)
    populate(depth - 1, node.left)
    populate(depth - 1, node.right)


def bottom_up(depth):
    if depth <= 0:
        return Node()
    return Node(bottom_up(depth - 1), bottom_up(depth - 1))


def size(node):
    if node is None:
        return 0
    return 1 + size(node.left) + size(node.right)


def tree_size(depth):
    return (2 << depth) - 1


def expect(ok, what):
    if not ok:
        raise AssertionError(what)


def construct(depth, stretch_depth):
    trees = 2 * tree_size(stretch_depth) // tree_size(depth)
    for i in range(trees):
        root = Node()
        populate(depth, root)
        expect(i > 0 or size(root) == tree_size(depth), "top down: wrong size")
    for i in range(trees):
        root = bottom_up(depth)
        expect(i > 0 or size(root) == tree_size(depth), "bottom up: wrong size")
    return trees


def main():
    depth = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    stretch = depth + 2
    array_size = 8 << depth
    print(f"stretching memory with a tree of depth {stretch}: {size(bottom_up(stretch))} nodes")
    long_lived = Node()
    populate(depth, long_lived)
    floats = array("d", bytes(8 * array_size))
    for i in range(array_size // 2):
        floats[i] = 1.0 / (i + 1)
    print(f"a long-lived tree of depth {depth} and an array of {array_size} floats stay")
    for d in range(4, depth + 1, 2):
        print(f"{construct(d, stretch)} trees of depth {d}, top down and bottom up")
    expect(size(long_lived) == tree_size(depth), "the long-lived tree lost nodes")
    expect(floats[array_size // 4] == 1.0 / (array_size // 4 + 1), "the array lost a value")
    print(f"the long-lived tree has {size(long_lived)} nodes; array element 100 is {floats[100]}")


main()
