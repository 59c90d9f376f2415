"""Each rule of SUBSET.md: its example is refused at the line marked, with the code and the message stated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.syspy import subset
from runtime.syspy.subset import SubsetError
from tests.syspy.modules import PRELUDE, made

DOCUMENT = Path(subset.__file__).with_name("SUBSET.md").read_text(encoding="utf-8")

NAMES = """
@struct
class List(Struct):
    length: u64

@struct
class Node(Struct):
    count: u64
    small: u32
    next: Node
    scale: f32
    list: Inline[List]
    bits: Annotated[Array[u64], 8]

SIZES = table(u16, [8, 16])
"""

EXAMPLES = re.findall(r"^#### `([a-z-]+)`\n\n.+?```python\n(.+?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("code", "example"), EXAMPLES, ids=[code for code, _ in EXAMPLES])
def test_the_example_of_a_rule_is_refused_as_it_says(code: str, example: str) -> None:
    with pytest.raises(SubsetError) as refused:
        made(NAMES + example).lowered()
    line = refused.value.line - (PRELUDE + NAMES).count("\n")
    marked = [i + 1 for i, text in enumerate(example.splitlines()) if "# error" in text]
    stated = re.findall(r"# error: (.+)", example)
    assert (refused.value.code, [line], [refused.value.message]) == (code, marked, stated)


def test_every_rule_is_in_the_document_once_and_in_order() -> None:
    assert [code for code, _ in EXAMPLES] == list(subset.RULES)


def test_an_error_names_file_line_column_and_code() -> None:
    with pytest.raises(SubsetError) as refused:
        made("def f(a: u64) -> u64:\n    return a + True\n", "shown").lowered()
    line = PRELUDE.count("\n") + 2
    assert str(refused.value).startswith(f"<shown>:{line}:12: ")
    assert str(refused.value).endswith("[mixed-types]")
