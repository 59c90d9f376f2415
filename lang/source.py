"""Source text: characters, lines and columns.

    offset    0 1 2 3 4 5 6 7            a position is an offset in characters, everywhere in the tree
    text      x : = 1 \\n é = 2
    line      1 1 1 1 1  2 2 2           lines and columns are made of it only when something is shown;
    column    1 2 3 4 5  1 3 4           columns count bytes from 1, as Go's do

Bytes that are not UTF-8 are kept as lone surrogates (Python's "surrogateescape"), so that every file can be read and
the lexer can say where the bad byte is.

Next: diagnostics.py
"""

from __future__ import annotations

from itertools import accumulate

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source:
    """One file's text."""

    __slots__ = ("line_starts", "mark_bytes", "name", "text")

    def __init__(self, name: str, text: str, mark_bytes: int = 0) -> None:
        self.name = name                                        # as messages show it
        self.text = text
        self.mark_bytes = mark_bytes                            # of a byte order mark that stood before the text
        lengths = (len(line) + 1 for line in text.split("\n"))
        self.line_starts = list(accumulate(lengths, initial=0))[:-1]  # offset of each line's first character

    @staticmethod
    def of_bytes(name: str, data: bytes) -> Source:
        """The text of a file. A byte order mark in front is dropped, but counts in the columns, as in Go."""
        text = data.removeprefix(BYTE_ORDER_MARK)
        return Source(name, text.decode("utf-8", "surrogateescape"), len(data) - len(text))

    def line_of(self, pos: int) -> int:
        """The line of an offset, from 1."""
        from bisect import bisect_right  # here, since nobody asks where a program is compiled already

        return bisect_right(self.line_starts, pos)

    def line_column(self, pos: int) -> tuple[int, int]:
        """Line and column (in bytes) of an offset, both from 1."""
        line = self.line_of(pos)
        before = self.text[self.line_starts[line - 1] : pos]
        column = len(before.encode("utf-8", "surrogateescape")) + 1
        return line, column + self.mark_bytes if line == 1 else column

    def line_text(self, line: int) -> str:
        """A line without its end."""
        start = self.line_starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")
