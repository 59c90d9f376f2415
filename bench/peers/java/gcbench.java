// examples/gcbench.toy in Java.
final class Main {
    private static final class Node {
        Node left, right;
        long i, j;

        Node(Node left, Node right, long i, long j) {
            this.left = left;
            this.right = right;
            this.i = i;
            this.j = j;
        }
    }

    private static void populate(int depth, Node node) {
        if (depth <= 0) {
            return;
        }
        node.left = new Node(null, null, depth, 0);
        node.right = new Node(null, null, 0, depth);
        populate(depth - 1, node.left);
        populate(depth - 1, node.right);
    }

    private static Node bottomUp(int depth) {
        return depth <= 0 ? new Node(null, null, 0, 0) : new Node(bottomUp(depth - 1), bottomUp(depth - 1), 0, 0);
    }

    private static int size(Node node) {
        return node == null ? 0 : 1 + size(node.left) + size(node.right);
    }

    private static int treeSize(int depth) {
        return (2 << depth) - 1;
    }

    private static void expect(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }

    private static int construct(int depth, int stretchDepth) {
        int trees = 2 * treeSize(stretchDepth) / treeSize(depth);
        for (int i = 0; i < trees; i++) {
            Node root = new Node(null, null, 0, 0);
            populate(depth, root);
            expect(i > 0 || size(root) == treeSize(depth), "top down: wrong size");
        }
        for (int i = 0; i < trees; i++) {
            Node root = bottomUp(depth);
            expect(i > 0 || size(root) == treeSize(depth), "bottom up: wrong size");
        }
        return trees;
    }

    public static void main(String[] args) {
        int depth = args.length > 0 ? Integer.parseInt(args[0]) : 16;
        int stretch = depth + 2, arraySize = 8 << depth;
        System.out.printf("stretching memory with a tree of depth %d: %d nodes%n", stretch, size(bottomUp(stretch)));
        Node longLived = new Node(null, null, 0, 0);
        populate(depth, longLived);
        double[] array = new double[arraySize];
        for (int i = 0; i < arraySize / 2; i++) {
            array[i] = 1.0 / (i + 1);
        }
        System.out.printf("a long-lived tree of depth %d and an array of %d floats stay%n", depth, arraySize);
        for (int d = 4; d <= depth; d += 2) {
            System.out.printf("%d trees of depth %d, top down and bottom up%n", construct(d, stretch), d);
        }
        expect(size(longLived) == treeSize(depth), "the long-lived tree lost nodes");
        expect(array[arraySize / 4] == 1.0 / (arraySize / 4 + 1), "the array lost a value");
        String element = new java.math.BigDecimal(Double.toString(array[100])).toPlainString();
        System.out.println("the long-lived tree has " + size(longLived) + " nodes; array element 100 is " + element);
    }
}
