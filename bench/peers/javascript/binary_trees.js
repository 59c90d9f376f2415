// examples/binary_trees.toy in JavaScript.
"use strict";

class Node {
  constructor(left, right) {
    this.left = left;
    this.right = right;
  }
  count() {
    return this.left === null ? 1 : 1 + this.left.count() + this.right.count();
  }
}

function build(depth) {
  return depth === 0 ? new Node(null, null) : new Node(build(depth - 1), build(depth - 1));
}

const minDepth = 4;
const maxDepth = Math.max(Number(process.argv[2] ?? 16), minDepth + 2);
const out = [];
out.push(`stretch tree of depth ${maxDepth + 1}\t check: ${build(maxDepth + 1).count()}`);
const longLived = build(maxDepth);
for (let depth = minDepth; depth <= maxDepth; depth += 2) {
  const trees = 1 << (maxDepth - depth + minDepth);
  let nodes = 0;
  for (let i = 0; i < trees; i++) nodes += build(depth).count();
  out.push(`${trees}\t trees of depth ${depth}\t check: ${nodes}`);
  if (nodes !== trees * ((2 << depth) - 1)) throw new Error("a tree lost nodes");
}
out.push(`long lived tree of depth ${maxDepth}\t check: ${longLived.count()}`);
console.log(out.join("\n"));
