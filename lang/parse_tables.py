"""Parse tables: what Lark makes of grammar.lark, as plain data.

    state    what each terminal leads to, and each rule's name: a state to go to, or ~rule, a rule to apply
    rule     how many parts it takes off the stack, what it makes of them, and the name that the result goes by

Lark takes 0.2 s to make them, and its import takes as long as a thousand lines do to be parsed. So they are kept in the
cache, for as long as grammar.lark and this file stay the same.

Next: parse.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runtime.syspy import cache

GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.lark")
START = "file"
END = "$END"  # the terminal behind the last token


@dataclass(slots=True)
class Rule:
    """A production."""

    size: int  # parts on its right side
    origin: str  # its left side
    method: str  # of the TreeBuilder; where that has none, the parts stay a list, for a rule around this one
    kept: list[tuple[int, bool]] | None  # the parts that are handed on, and which are lists; None: all, no lists
    is_passed: bool  # one part alone is handed on as it is


@dataclass(slots=True)
class Tables:
    """The tables of the grammar."""

    states: list[dict[str, int]]
    rules: list[Rule]
    start: int  # the first state
    end: int  # where END is all that is missing
    keywords: dict[str, str]  # spelling to terminal


def tables() -> Tables:
    """The tables, kept or made."""
    grammar = cache.file_bytes(GRAMMAR)
    key = cache.digest([grammar, cache.file_bytes(__file__)])
    found = cache.read("grammar", key)
    facts = found[0] if found is not None else None
    if facts is None:
        facts = made(grammar.decode())
        cache.write("grammar", key, facts, b"")
    rules = [Rule(*rule) for rule in facts["rules"]]
    return Tables(facts["states"], rules, facts["start"], facts["end"], facts["keywords"])


def made(grammar: str) -> cache.Facts:
    """The same, in a form that the cache can keep."""
    import lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Stands where Lark wants a lexer."""

        def __init__(self, _lexer_conf: object) -> None:
            pass

        def lex(self, _lexer_state: object, _parser_state: object) -> Iterator[Any]:
            """Never called."""
            return iter(())

    parser = lark.Lark(grammar, start=START, parser="lalr", lexer=NoLexer, maybe_placeholders=False)
    found = parser.parse_interactive().parser_state.parse_conf
    numbers = {state: number for number, state in enumerate(found.states)}
    rules = {rule: number for number, rule in enumerate(parser.rules)}
    spellings = {terminal.pattern.value: terminal.name for terminal in parser.terminals}
    return {
        "states": [
            {str(name): numbers[to] if action is Shift else ~rules[to] for name, (action, to) in row.items()}
            for row in found.states.values()
        ],
        "rules": [described(rule) for rule in parser.rules],
        "start": numbers[found.start_state],
        "end": numbers[found.end_state],
        "keywords": {text: name for text, name in spellings.items() if text.isalpha() and text.islower()},
    }


def described(rule: Any) -> tuple[Any, ...]:
    """A rule's fields. What a name with `_` in front stands for is a list, which becomes part of the list around it."""
    options = rule.options
    origin = str(rule.origin.name)
    method = str(rule.alias or options.template_source or origin)
    kept = [
        (number, not part.is_term and part.name.startswith("_"))
        for number, part in enumerate(rule.expansion)
        if options.keep_all_tokens or not (part.is_term and part.filter_out)
    ]
    is_all = len(kept) == len(rule.expansion) and not any(is_list for _, is_list in kept)
    is_passed = bool(options.expand1) and not rule.alias
    return len(rule.expansion), origin, method, None if is_all else kept, is_passed
