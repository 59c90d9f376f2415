"""examples/binary_trees.toy in Python."""

import sys


class Node:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right

    def count(self):
        if self.left is None:
            return 1
        return 1 + self.left.count() + self.right.count()


def build(depth):
    if depth == 0:
        return Node(None, None)
    return Node(build(depth - 1), build(depth - 1))


def main():
    min_depth = 4
    max_depth = max(int(sys.argv[1]) if len(sys.argv) > 1 else 16, min_depth + 2)
    stretch = max_depth + 1
    print(f"stretch tree of depth {stretch}\t check: {build(stretch).count()}")
    long_lived = build(max_depth)
    for depth in range(min_depth, max_depth + 1, 2):
        trees = 1 << (max_depth - depth + min_depth)
        nodes = 0
        for _ in range(trees):
            nodes += build(depth).count()
        print(f"{trees}\t trees of depth {depth}\t check: {nodes}")
        if nodes != trees * ((2 << depth) - 1):
            raise AssertionError("a tree lost nodes")
    print(f"long lived tree of depth {max_depth}\t check: {long_lived.count()}")


main()
