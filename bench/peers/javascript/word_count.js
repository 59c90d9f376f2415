// bench/workloads/word_count.toy in JavaScript.
"use strict";

const wordsPerLine = 12;
const syllables = ["ba", "do", "ki", "lu", "me", "no", "ra", "se", "ti", "vo", "wy", "zu"];
let seed = 42;

function random(n) {
  seed = (seed * 16807) % 2147483647;
  return seed % n;
}

function line(words) {
  let text = "";
  for (let i = 0; i < words; i++) {
    if (i > 0) text += " ";
    do text += syllables[random(12)];
    while (random(3) === 0);
  }
  return text;
}

const words = Number(process.argv[2] ?? 10000000);
const counts = new Map();
for (let left = words; left > 0; left -= wordsPerLine) {
  for (const word of line(Math.min(left, wordsPerLine)).split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1);
}
const entries = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
let total = 0;
let sum = 0;
for (const [word, count] of entries) {
  total += count;
  sum = (sum * 31 + count * word.length) % 1000000007;
}
console.log(`${total} words, ${entries.length} of them different, checksum ${sum}`);
for (const [word, count] of entries.slice(0, 5)) console.log(`${count} ${word}`);
if (total !== words) throw new Error("words got lost");
