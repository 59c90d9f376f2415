// examples/gcbench.toy in JavaScript.
"use strict";

class Node {
  constructor(left, right, i, j) {
    this.left = left;
    this.right = right;
    this.i = i;
    this.j = j;
  }
}

function populate(depth, node) {
  if (depth <= 0) return;
  node.left = new Node(null, null, depth, 0);
  node.right = new Node(null, null, 0, depth);
  populate(depth - 1, node.left);
  populate(depth - 1, node.right);
}

function bottomUp(depth) {
  return depth <= 0 ? new Node(null, null, 0, 0) : new Node(bottomUp(depth - 1), bottomUp(depth - 1), 0, 0);
}

function size(node) {
  return node === null ? 0 : 1 + size(node.left) + size(node.right);
}

const treeSize = (depth) => (2 << depth) - 1;

function expect(ok, what) {
  if (!ok) throw new Error(what);
}

function construct(depth, stretchDepth) {
  const trees = Math.floor((2 * treeSize(stretchDepth)) / treeSize(depth));
  for (let i = 0; i < trees; i++) {
    const root = new Node(null, null, 0, 0);
    populate(depth, root);
    expect(i > 0 || size(root) === treeSize(depth), "top down: wrong size");
  }
  for (let i = 0; i < trees; i++) {
    const root = bottomUp(depth);
    expect(i > 0 || size(root) === treeSize(depth), "bottom up: wrong size");
  }
  return trees;
}

const depth = Number(process.argv[2] ?? 16);
const stretch = depth + 2;
const arraySize = 8 << depth;
console.log(`stretching memory with a tree of depth ${stretch}: ${size(bottomUp(stretch))} nodes`);
const longLived = new Node(null, null, 0, 0);
populate(depth, longLived);
const array = new Float64Array(arraySize);
for (let i = 0; i < arraySize / 2; i++) array[i] = 1.0 / (i + 1);
console.log(`a long-lived tree of depth ${depth} and an array of ${arraySize} floats stay`);
for (let d = 4; d <= depth; d += 2) {
  console.log(`${construct(d, stretch)} trees of depth ${d}, top down and bottom up`);
}
expect(size(longLived) === treeSize(depth), "the long-lived tree lost nodes");
expect(array[arraySize / 4] === 1.0 / (arraySize / 4 + 1), "the array lost a value");
console.log(`the long-lived tree has ${size(longLived)} nodes; array element 100 is ${array[100]}`);
