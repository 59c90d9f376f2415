// examples/binary_trees.toy in Java.
final class Main {
    private static final class Node {
        final Node left, right;

        Node(Node left, Node right) {
            this.left = left;
            this.right = right;
        }

        int count() {
            return left == null ? 1 : 1 + left.count() + right.count();
        }
    }

    private static Node build(int depth) {
        return depth == 0 ? new Node(null, null) : new Node(build(depth - 1), build(depth - 1));
    }

    public static void main(String[] args) {
        int minDepth = 4, maxDepth = Math.max(args.length > 0 ? Integer.parseInt(args[0]) : 16, minDepth + 2);
        System.out.printf("stretch tree of depth %d\t check: %d%n", maxDepth + 1, build(maxDepth + 1).count());
        Node longLived = build(maxDepth);
        for (int depth = minDepth; depth <= maxDepth; depth += 2) {
            int trees = 1 << (maxDepth - depth + minDepth);
            long nodes = 0;
            for (int i = 0; i < trees; i++) {
                nodes += build(depth).count();
            }
            System.out.printf("%d\t trees of depth %d\t check: %d%n", trees, depth, nodes);
            if (nodes != (long) trees * ((2 << depth) - 1)) {
                throw new AssertionError("a tree lost nodes");
            }
        }
        System.out.printf("long lived tree of depth %d\t check: %d%n", maxDepth, longLived.count());
    }
}
