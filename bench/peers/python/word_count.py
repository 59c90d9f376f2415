"""bench/workloads/word_count.toy in Python."""

import sys

WORDS_PER_LINE = 12
SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "ra", "se", "ti", "vo", "wy", "zu"]
seed = 42


def random(n):
    global seed  # noqa: PLW0603
    seed = seed * 16807 % 2147483647
    return seed % n


def line(words):
    parts = []
    for i in range(words):
        if i > 0:
            parts.append(" ")
        while True:
            parts.append(SYLLABLES[random(12)])
            if random(3) > 0:
                break
    return "".join(parts)


def main():
    words = int(sys.argv[1]) if len(sys.argv) > 1 else 10000000
    counts = {}
    left = words
    while left > 0:
        for word in line(min(left, WORDS_PER_LINE)).split():
            counts[word] = counts.get(word, 0) + 1
        left -= WORDS_PER_LINE
    entries = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    total = checksum = 0
    for word, count in entries:
        total += count
        checksum = (checksum * 31 + count * len(word)) % 1000000007
    print(f"{total} words, {len(entries)} of them different, checksum {checksum}")
    for word, count in entries[:5]:
        print(count, word)
    if total != words:
        raise AssertionError("words got lost")


main()
