// examples/binary_trees.toy in C: with malloc and free, or with Boehm's collector (-DBOEHM).
#include <stdio.h>
#include <stdlib.h>
#ifdef BOEHM
#include <gc.h>
#define malloc GC_MALLOC
#endif

typedef struct Node Node;
struct Node {
  Node *left, *right;
};

static Node *build(int depth) {
  Node *node = malloc(sizeof *node);
  node->left = node->right = NULL;
  if (depth > 0) {
    node->left = build(depth - 1);
    node->right = build(depth - 1);
  }
  return node;
}

static long count(const Node *node) {
  return node->left ? 1 + count(node->left) + count(node->right) : 1;
}

static void drop(Node *node) {
#ifndef BOEHM
  if (node->left) {
    drop(node->left);
    drop(node->right);
  }
  free(node);
#endif
}

static long counted(int depth) {
  Node *tree = build(depth);
  long nodes = count(tree);
  drop(tree);
  return nodes;
}

int main(int argc, char **argv) {
#ifdef BOEHM
  GC_INIT();
#endif
  int min_depth = 4, max_depth = argc > 1 ? atoi(argv[1]) : 16;
  if (max_depth < min_depth + 2)
    max_depth = min_depth + 2;
  printf("stretch tree of depth %d\t check: %ld\n", max_depth + 1, counted(max_depth + 1));
  Node *long_lived = build(max_depth);
  for (int depth = min_depth; depth <= max_depth; depth += 2) {
    int trees = 1 << (max_depth - depth + min_depth);
    long nodes = 0;
    for (int i = 0; i < trees; i++)
      nodes += counted(depth);
    printf("%d\t trees of depth %d\t check: %ld\n", trees, depth, nodes);
    if (nodes != (long)trees * ((2 << depth) - 1))
      return 1;
  }
  printf("long lived tree of depth %d\t check: %ld\n", max_depth, count(long_lived));
  drop(long_lived);
  return 0;
}
