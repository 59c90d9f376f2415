// examples/gcbench.toy in C: with malloc and free, or with Boehm's collector (-DBOEHM).
#include <stdio.h>
#include <stdlib.h>
#ifdef BOEHM
#include <gc.h>
#define malloc GC_MALLOC
#define calloc(n, size) GC_MALLOC_ATOMIC((n) * (size))
#endif

typedef struct Node Node;
struct Node {
  Node *left, *right;
  long i, j;
};

static Node *new_node(Node *left, Node *right, long i, long j) {
  Node *node = malloc(sizeof *node);
  node->left = left;
  node->right = right;
  node->i = i;
  node->j = j;
  return node;
}

static void populate(int depth, Node *node) {
  if (depth <= 0)
    return;
  node->left = new_node(NULL, NULL, depth, 0);
  node->right = new_node(NULL, NULL, 0, depth);
  populate(depth - 1, node->left);
  populate(depth - 1, node->right);
}

static Node *bottom_up(int depth) {
  if (depth <= 0)
    return new_node(NULL, NULL, 0, 0);
  Node *left = bottom_up(depth - 1);
  return new_node(left, bottom_up(depth - 1), 0, 0);
}

static int size(const Node *node) { return node ? 1 + size(node->left) + size(node->right) : 0; }

static void drop(Node *node) {
#ifndef BOEHM
  if (node->left) {
    drop(node->left);
    drop(node->right);
  }
  free(node);
#endif
}

static int tree_size(int depth) { return (2 << depth) - 1; }

static void expect(int ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "%s\n", what);
    exit(1);
  }
}

static int construct(int depth, int stretch_depth) {
  int trees = 2 * tree_size(stretch_depth) / tree_size(depth);
  for (int i = 0; i < trees; i++) {
    Node *root = new_node(NULL, NULL, 0, 0);
    populate(depth, root);
    expect(i > 0 || size(root) == tree_size(depth), "top down: wrong size");
    drop(root);
  }
  for (int i = 0; i < trees; i++) {
    Node *root = bottom_up(depth);
    expect(i > 0 || size(root) == tree_size(depth), "bottom up: wrong size");
    drop(root);
  }
  return trees;
}

int main(int argc, char **argv) {
#ifdef BOEHM
  GC_INIT();
#endif
  int depth = argc > 1 ? atoi(argv[1]) : 16;
  int stretch = depth + 2, array_size = 8 << depth;
  Node *tree = bottom_up(stretch);
  printf("stretching memory with a tree of depth %d: %d nodes\n", stretch, size(tree));
  drop(tree);
  Node *long_lived = new_node(NULL, NULL, 0, 0);
  populate(depth, long_lived);
  double *array = calloc(array_size, sizeof *array);
  for (int i = 0; i < array_size / 2; i++)
    array[i] = 1.0 / (i + 1);
  printf("a long-lived tree of depth %d and an array of %d floats stay\n", depth, array_size);
  for (int d = 4; d <= depth; d += 2)
    printf("%d trees of depth %d, top down and bottom up\n", construct(d, stretch), d);
  expect(size(long_lived) == tree_size(depth), "the long-lived tree lost nodes");
  expect(array[array_size / 4] == 1.0 / (array_size / 4 + 1), "the array lost a value");
  printf("the long-lived tree has %d nodes; array element 100 is %.16g\n", size(long_lived), array[100]);
  return 0;
}
