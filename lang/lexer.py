"""The lexer: text to tokens, with Go's semicolon rule, and the brackets of &T<...>.

A newline becomes a `;` when the token before it can end a statement: a name, a literal, `break continue fallthrough
return`, `++ --`, a closing bracket. So Toy needs no semicolons, and the grammar needs no newlines.

    &Point<x: a, y: (b > c)>      <  after & and a type name, where no operand precedes the &: no comparison can stand
    &    Point  <  ...     >         there, since pointers have no order. It is LANGLE, and the next > that is not in
    AND  NAME LANGLE    RANGLE       parentheses, brackets or braces closes it; >> closes two

Errors are collected, Go's words at Go's place, and lexing goes on behind them.

Go: cmd/compile/internal/syntax/scanner.go.                     Next: grammar.lark, parse.py
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from lang.codes import LITERAL, NESTING, SYNTAX
from lang.diagnostics import Code, Diagnostics

MAX_NESTING = 80  # brackets open at once; what is generated from a program must fit the nesting limits of Python


class Token:
    """A terminal of the grammar, where it stands and how it is spelled."""

    __slots__ = ("pos", "text", "type")

    def __init__(self, type: str, text: str, pos: int) -> None:
        self.type = type                                        # the terminal's name
        self.text = text                                        # as written; for SEMI: semicolon, newline or EOF
        self.pos = pos                                          # offset of the first character


BINARY_OP, SIGN, ASSIGN_OP, INC_DEC = "BINARY_OP", "SIGN", "ASSIGN_OP", "INC_DEC"
OPERATORS = {
    **dict.fromkeys(("||", "&&", "==", "!=", "<", "<=", ">", ">=", "|", "/", "%", "<<", ">>", "&^"), BINARY_OP),
    **dict.fromkeys(("+", "-", "^"), SIGN),
    **dict.fromkeys(("+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "&^=", "<<=", ">>="), ASSIGN_OP),
    **dict.fromkeys(("++", "--"), INC_DEC),
    "*": "STAR", "&": "AND", "!": "NOT", "<-": "ARROW", "=": "ASSIGN", ":=": "DEFINE", "...": "ELLIPSIS",
    "(": "LPAR", ")": "RPAR", "[": "LBRACK", "]": "RBRACK", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", ";": "SEMI", ":": "COLON", ".": "DOT", "~": "TILDE",
}  # fmt: skip
LITERALS = frozenset(["INT", "FLOAT", "IMAGINARY", "RUNE", "STRING"])
ENDS_OPERAND = LITERALS | {"NAME", "RPAR", "RBRACK", "RBRACE", "RANGLE"}
ENDS_STATEMENT = ENDS_OPERAND | {"BREAK", "CONTINUE", "FALLTHROUGH", "RETURN", INC_DEC}
OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(")]}")

_NAME = r"[A-Za-z_\x80-\U0010ffff][0-9A-Za-z_\x80-\U0010ffff]*"  # what it may be made of is looked at behind
LEXEME = re.compile(
    rf"""[ \t\r]*(?:
        (?P<name>{_NAME})
      | (?P<newline>\n)
      | (?P<comment>//[^\n]*|/\*(?s:.*?)\*/)
      | (?P<number>\.?[0-9])
      | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<rune>'(?:[^'\\\n]|\\.[^'\\\n]*)')
      | (?P<operator><<=|>>=|&\^=|\.\.\.
            |&&|\|\||<-|\+\+|--|==|!=|<=|>=|:=|<<|>>|&\^|[-+*/%&|^]=
            |[-+*/%&|^<>=!()\[\]{{}},;.:~])
      | (?P<end>\Z)
      | (?P<bad>.)
    )""",
    re.VERBOSE,
)
_DIGITS = r"[0-9](?:_?[0-9])*"
_HEX = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_EXPONENT = rf"[eE][+-]?{_DIGITS}"
NUMBER = re.compile(
    rf"""(?:
        (?P<hex_float>0[xX]_?(?:{_HEX}(?:\.(?:{_HEX})?)?|\.{_HEX})[pP][+-]?{_DIGITS})
      | (?P<float>(?:{_DIGITS}\.(?:{_DIGITS})?|\.{_DIGITS})(?:{_EXPONENT})?|{_DIGITS}{_EXPONENT})
      | (?P<int>0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)
      | (?P<decimal>{_DIGITS})
    )(?P<imaginary>i?)""",
    re.VERBOSE,
)
NUMBER_LIKE = re.compile(  # what Go reads before it says what is wrong with it
    r"""(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?
         |(?:0[bBoO])?[0-9_]*(?:\.[0-9_]*)?)
        (?:[eEpP][+-]?[0-9_]*)?i?""",
    re.VERBOSE,
)
ESCAPE = re.compile(
    r"""\\(?:[abfnrtv\\'"]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"""
)
ANGLE = re.compile(rf"&\s*{_NAME}(?:\s*\.\s*{_NAME})?\s*<(?![<=])")
UNREADABLE = re.compile("[\udc80-\udcff\0\ufeff]")
BASES = {"x": ("hexadecimal", 16), "o": ("octal", 8), "b": ("binary", 2)}
ESCAPE_BASES = {"x": (2, 16, "hexadecimal"), "u": (4, 16, "hexadecimal"), "U": (8, 16, "hexadecimal")}


class Lexer:
    """One pass over a text."""

    def __init__(self, text: str, diagnostics: Diagnostics, keywords: Mapping[str, str]) -> None:
        self.text = text
        self.diagnostics = diagnostics
        self.keywords = keywords                                # spelling to terminal
        self.tokens: list[Token] = []
        self.last = ""                                          # type of the last token
        self.brackets: list[str] = []                           # the closers awaited, innermost last
        self.angle_at = -1                                      # offset of the next < that is a bracket

    def run(self) -> list[Token]:
        """All tokens. Every statement ends in SEMI, the last one, too."""
        if self._report_unreadable():
            return []
        text, pos, match = self.text, 0, LEXEME.match
        keywords, tokens = self.keywords, self.tokens
        while True:
            found = match(text, pos)
            assert found is not None, "the alternatives cover every character"
            kind = found.lastgroup
            if kind == "name":
                lexeme = found[kind]
                pos = found.end()
                self.last = keywords.get(lexeme, "NAME")
                tokens.append(Token(self.last, lexeme, pos - len(lexeme)))
                if not lexeme.isascii():
                    self._check_name(lexeme, pos - len(lexeme))
            elif kind == "operator":
                pos = self._operator(found[kind], found.start(kind))
                if len(self.brackets) > MAX_NESTING:
                    self._error(pos - 1, f"nested more than {MAX_NESTING} deep", NESTING)
                    return []
            elif kind == "end":
                self._newline(len(text), "EOF")
                return tokens
            else:
                assert kind is not None
                start = found.start(kind)
                pos = getattr(self, "_" + kind)(start, found[kind]) or found.end()

    # ------------------------------------------------------------ one method a group of LEXEME

    def _newline(self, start: int, _lexeme: str = "newline") -> None:
        if self.last in ENDS_STATEMENT:
            self._add("SEMI", "EOF" if _lexeme == "EOF" else "newline", start)

    def _comment(self, start: int, lexeme: str) -> None:
        if "\n" in lexeme:
            self._newline(start)

    def _number(self, start: int, _lexeme: str) -> int:
        """The number at start. What Go reads as a number followed by something else is two tokens here, too."""
        found = NUMBER.match(self.text, start)
        like = NUMBER_LIKE.match(self.text, start)
        assert like is not None
        if re.fullmatch("[0-9_]+i", like[0]):
            self._add("IMAGINARY", like[0], start)
            return like.end()
        if found is None or found.end() < like.end():
            problem = number_problem(like[0])
            if problem is not None:
                offset, message = problem
                self._error(start + offset, message, LITERAL)
                self._add("INT", like[0], start)
                return like.end()
        assert found is not None, "number_problem explains every number that is none"
        kind = "IMAGINARY" if found["imaginary"] else "INT" if found["int"] else "FLOAT"
        if kind == "FLOAT" and found["decimal"]:
            offset, message = number_problem(found[0]) or (0, "invalid number")
            self._error(start + offset, message, LITERAL)
        self._add(kind, found[0], start)
        return found.end()

    def _string(self, start: int, lexeme: str) -> None:
        if "\\" in lexeme and lexeme[0] == '"':
            self._check_escapes(start, lexeme)
        self._add("STRING", lexeme, start)

    def _rune(self, start: int, lexeme: str) -> None:
        if lexeme[1] == "\\":
            escape = ESCAPE.match(lexeme, 1)
            if self._check_escapes(start, lexeme) and escape is not None and escape.end() != len(lexeme) - 1:
                self._error(start, "more than one character in rune literal", LITERAL)
        self._add("RUNE", lexeme, start)

    def _bad(self, start: int, char: str) -> int:
        """What is no token: an unterminated literal or comment, a stray character."""
        if char == '"':
            end = self._line_end(start)
            if end < len(self.text):
                self._error(end, "newline in string", LITERAL)
            else:
                self._error(start, "string not terminated", LITERAL)
            self._add("STRING", self.text[start:end], start)
            return end
        if char == "`":
            self._error(start, "string not terminated", LITERAL)
            self._add("STRING", self.text[start:], start)
            return len(self.text)
        if char == "'":
            return self._bad_rune(start)
        self._error(start, f"invalid character {shown_character(char)}", LITERAL)
        return start + 1

    # ------------------------------------------------------------ parts

    def _add(self, type: str, text: str, pos: int) -> None:
        self.tokens.append(Token(type, text, pos))
        self.last = type

    def _error(self, pos: int, message: str, code: Code = SYNTAX) -> None:
        self.diagnostics.report(code, pos, message)

    def _operator(self, lexeme: str, pos: int) -> int:
        """Add an operator or bracket; return where the next token begins."""
        brackets = self.brackets
        in_angle = bool(brackets) and brackets[-1] == ">"
        if lexeme[0] == "<" and pos == self.angle_at:
            brackets.append(">")
            self._add("LANGLE", "<", pos)
            return pos + 1
        if in_angle and lexeme[0] == ">":
            brackets.pop()
            self._add("RANGLE", ">", pos)
            return pos + 1
        if in_angle and lexeme in ("<", "<="):
            self._error(pos, "syntax error: a comparison inside &T<...> needs parentheses")
        if lexeme == "&" and self.last not in ENDS_OPERAND:
            angle = ANGLE.match(self.text, pos)
            if angle is not None:
                self.angle_at = angle.end() - 1
        elif lexeme in OPENERS:
            brackets.append(OPENERS[lexeme])
        elif lexeme in CLOSERS and brackets and brackets[-1] == lexeme:
            brackets.pop()
        elif lexeme == "/" and self.text.startswith("/*", pos):
            self._error(pos, "comment not terminated", LITERAL)
            return len(self.text)
        self._add(OPERATORS[lexeme], "semicolon" if lexeme == ";" else lexeme, pos)
        return pos + len(lexeme)

    def _report_unreadable(self) -> bool:
        """Whether the text has characters that no source file may have."""
        found = None
        for found in UNREADABLE.finditer(self.text):
            char = found[0]
            message = "invalid UTF-8 encoding"
            if char == "\0":
                message = "invalid NUL character"
            elif char == "\ufeff":
                message = "invalid BOM in the middle of the file"
            self._error(found.start(), message, LITERAL)
            if self.diagnostics.is_full:
                break
        return found is not None

    def _check_name(self, name: str, start: int) -> None:
        """Names are made of letters and decimal digits, and begin with a letter."""
        for i, char in enumerate(name):
            category = unicodedata.category(char)
            if category == "Nd" and i == 0:
                self._error(start, f"identifier cannot begin with digit {shown_character(char)}", LITERAL)
            elif category[0] != "L" and category != "Nd" and char != "_":
                self._error(start + i, f"invalid character {shown_character(char)} in identifier", LITERAL)

    def _line_end(self, pos: int) -> int:
        end = self.text.find("\n", pos)
        return end if end >= 0 else len(self.text)

    def _bad_rune(self, start: int) -> int:
        """A rune literal that is empty, too long or not terminated."""
        line_end = self._line_end(start)
        body = re.compile(r"'((?:[^'\\\n]|\\.)*)('?)").match(self.text, start)
        assert body is not None
        self._add("RUNE", body[0], start)
        if not body[2]:
            at_end = line_end == len(self.text)
            message = "rune literal not terminated" if at_end else "newline in rune literal"
            self._error(start if at_end else line_end, message, LITERAL)
            return line_end
        if not body[1]:
            self._error(start + 1, "empty rune literal or unescaped '", LITERAL)
        elif self._check_escapes(start, body[0]):
            self._error(start, "more than one character in rune literal", LITERAL)
        return body.end()

    def _check_escapes(self, start: int, lexeme: str) -> bool:
        """Report the first wrong escape sequence of a literal."""
        quote, i = lexeme[0], lexeme.find("\\")
        while i >= 0:
            found = ESCAPE.match(lexeme, i)
            wrong_quote = found is not None and found[0] == ("\\'" if quote == '"' else '\\"')
            surrogate = found is not None and found[0][1] in "uU" and 0xD800 <= int(found[0][2:], 16) < 0xE000
            if found is None or wrong_quote or surrogate:
                offset, message = escape_problem(lexeme, i)
                self._error(start + offset, message, LITERAL)
                return False
            i = lexeme.find("\\", found.end())
        return True


def shown_character(char: str) -> str:
    """A character as messages show it."""
    return f"U+{ord(char):04X} '{char}'" if char.isprintable() else f"U+{ord(char):04X}"


def escape_problem(lexeme: str, at: int) -> tuple[int, str]:
    """Where and what is wrong with the escape sequence at an index."""
    letter = lexeme[at + 1]
    if letter in "01234567":
        count, base, name, first = 3, 8, "octal", at + 1
    elif letter in ESCAPE_BASES:
        (count, base, name), first = ESCAPE_BASES[letter], at + 2
    else:
        return at + 1, "unknown escape"
    for i in range(first, first + count):
        if lexeme[i] not in "0123456789abcdefABCDEF"[: base if base == 8 else None]:
            shown = "'\\''" if lexeme[i] == "'" else f"'{lexeme[i]}'"
            return i, f"invalid character {shown} in {name} escape"
    value = int(lexeme[first : first + count], base)
    if base == 8:
        return first + count, f"octal escape value {value} > 255"
    return first + count, f"escape is invalid Unicode code point U+{value:04X}"


def number_problem(lexeme: str) -> tuple[int, str] | None:
    """Where and what is wrong with a number; None when a valid number is followed by something else."""
    lower = lexeme.lower()
    name, base = BASES.get(lower[1:2], ("", 0)) if lower[0] == "0" else ("", 0)
    start = 2 if base else 0
    digits = re.compile(r"[0-9a-f_]*" if base == 16 else r"[0-9_]*").match(lower, start)
    assert digits is not None
    end = digits.end()
    after = lower[end : end + 1]
    if after == "." and base in (2, 8):
        return end, f"invalid radix point in {name} literal"
    if base and not digits[0].strip("_") and not re.match(r"\.[0-9a-f]", lower[end:]):
        return end, f"{name} literal has no digits"
    if not base and lower[0] == "0" and after not in (".", "e", "i") and re.search("[89]", digits[0]):
        at = re.search("[89]", digits[0])
        assert at is not None
        return at.start(), f"invalid digit '{lower[at.start()]}' in octal literal"
    wrong = re.compile(f"[{base}-9]" if base in (2, 8) else "(?!)").search(lower, start, end)
    if wrong is not None:
        return wrong.start(), f"invalid digit '{wrong[0]}' in {name} literal"
    return _exponent_problem(lexeme, base, end) or _separator_problem(lower, start)


def _exponent_problem(lexeme: str, base: int, end: int) -> tuple[int, str] | None:
    """What is wrong from the exponent on, `end` being behind the integer part."""
    fraction = re.compile(r"(?:\.[0-9a-fA-F_]*)?" if base == 16 else r"(?:\.[0-9_]*)?").match(lexeme, end)
    assert fraction is not None
    at = fraction.end()
    letter = lexeme[at : at + 1].lower()
    if letter == "e" and base:
        return at, f"'{lexeme[at]}' exponent requires decimal mantissa"
    if letter == "p" and base != 16:
        return at, f"'{lexeme[at]}' exponent requires hexadecimal mantissa"
    if letter and letter in "ep":
        digits = re.compile(r"[+-]?([0-9_]*)").match(lexeme, at + 1)
        assert digits is not None
        return None if digits[1].strip("_") else (digits.end(), "exponent has no digits")
    if base == 16 and fraction[0]:
        return at, "hexadecimal mantissa requires a 'p' exponent"
    return None


def _separator_problem(lower: str, start: int) -> tuple[int, str] | None:
    """A `_` that does not stand between two digits (or between the base prefix and a digit)."""
    for found in re.finditer("_+", lower):
        before, behind = lower[found.start() - 1 : found.start()], lower[found.end() : found.end() + 1]
        good_before = before.isalnum() and (found.start() > start or start == 2)
        if len(found[0]) > 1 or not good_before or not behind or behind not in "0123456789abcdef":
            return found.start() + (len(found[0]) > 1), "'_' must separate successive digits"
    return None
