"""Syntax errors: a token that fits nowhere, explained in Go's words.

    f(1, 2 }          unexpected } in argument list; possibly missing comma or )
    x := 1 +          unexpected newline, expected expression
    a b               unexpected name b at end of statement

What to say follows from two things: which terminals the parser could have taken, and what is still open on its stack
(tokens there belong to constructs that have begun and not ended).

Go: cmd/compile/internal/syntax/parser.go.                      Next: parse.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lang import syntax as s
from lang.codes import NO_TYPE_PARAMETERS
from lang.lexer import LITERALS, Token
from lang.tree_builder import Parameters

Stack = Sequence[object]

OPENING = frozenset(["LPAR", "LBRACK", "LBRACE", "LANGLE"])
CLOSING = frozenset(["RPAR", "RBRACK", "RBRACE", "RANGLE"])
DECLARING = frozenset(["FUNC", "VAR", "CONST", "TYPE", "IMPORT"])
MISSING_STATEMENT = "syntax error: missing statement after label"  # told where the colon stands
TEXTS = {
    "LPAR": "(", "RPAR": ")", "LBRACK": "[", "RBRACK": "]", "LBRACE": "{", "RBRACE": "}", "COMMA": "comma",
    "COLON": ":", "ASSIGN": "=", "DEFINE": ":=", "SEMI": "semicolon or newline", "DOT": ".", "NAME": "name",
    "LANGLE": "<", "RANGLE": ">",
}  # fmt: skip


def explained(token: Token, before: Token | None, expected: set[str], stack: Stack) -> str:
    """The message about a token, by the one before, the terminals that would have fitted, and the parser's stack."""
    if _opens_type_parameters(token, before, stack):
        return NO_TYPE_PARAMETERS
    if token.type == "LPAR" and "NAME" in expected and _is_in_struct(stack):
        return "syntax error: cannot parenthesize embedded type"
    if _is_between_declarations(stack):
        after_semicolon = bool(stack) and _is_token(stack[-1], "SEMI")
        return "syntax error: " + _outside(token, stack[:-1] if after_semicolon else stack, after_semicolon)
    if len(stack) == 2 and _is_token(stack[0], "PACKAGE"):
        return f"syntax error: unexpected {token_text(token)}, expected semicolon or newline"
    if _is_after_label(stack) and "RETURN" in expected:
        return MISSING_STATEMENT
    if token.type == "LBRACK" and expected == {"LPAR"} and _is_token(before, "FUNC"):
        return "syntax error: function type must have no type parameters"
    if token.type == "COMMA" and _is_array_length(stack):
        return "syntax error: unexpected comma; expected ]"
    context = _context(token, expected, stack)
    if context.startswith(("missing", "import path", "else must", "... is")):
        return f"syntax error: {context}"
    return f"syntax error: unexpected {token_text(token)}{context}"


def token_text(token: Token) -> str:
    """A token as messages name it."""
    if token.type == "NAME":
        return f"name {token.text}"
    if token.type in LITERALS:
        return f"literal {token.text}"
    if token.text == ",":
        return "comma"
    return f"keyword {token.text}" if token.text.isalpha() and token.type == token.text.upper() else token.text


def _is_token(part: object, *types: str) -> bool:
    return isinstance(part, Token) and part.type in types


def _open(stack: Stack) -> Iterator[tuple[int, Token]]:
    """The tokens on the stack, innermost first, without brackets that are closed again and what is in them."""
    closed = 0
    for i in range(len(stack) - 1, -1, -1):
        part = stack[i]
        if not isinstance(part, Token):
            continue
        if part.type in CLOSING:
            closed += 1
        elif closed:
            closed -= part.type in OPENING
        else:
            yield i, part


def _opens_type_parameters(token: Token, before: Token | None, stack: Stack) -> bool:
    """func name[, type name[param constraint, or a list of types behind a name: List[int], Pair[int, string]"""
    if token.type == "LBRACK":
        return _is_token(before, "NAME")
    if token.type == "COMMA" and len(stack) >= 3 and _is_token(stack[-2], "LBRACK"):
        return _is_token(stack[-3], "NAME")
    follows_name = len(stack) >= 4 and (isinstance(stack[-1], s.Name) or _is_token(stack[-1], "NAME"))
    is_bracketed = follows_name and _is_token(stack[-2], "LBRACK") and _is_token(stack[-3], "NAME")
    is_constraint = token.type in ("NAME", "COMMA", "INTERFACE", "TILDE", "FUNC", "MAP", "STRUCT", "CHAN", "ARROW")
    return is_bracketed and is_constraint and _is_token(stack[-4], "TYPE")


# ---------------------------------------------------------------- outside declarations


def _is_between_declarations(stack: Stack) -> bool:
    """Whether nothing but a package clause or whole declarations (and a semicolon) was read."""
    if len(stack) == 3 and _is_token(stack[0], "PACKAGE"):
        return True
    parts = stack[:-1] if stack and _is_token(stack[-1], "SEMI") else stack
    return not any(isinstance(part, (Token, s.Node)) for part in parts[1:]) and not (
        parts and isinstance(parts[0], Token)
    )


def _outside(token: Token, stack: Stack, after_semicolon: bool) -> str:
    last: object = stack[-1] if stack else None
    while not isinstance(last, s.Node) and _parts(last):
        last = _parts(last)[-1]
    if token.type == "LBRACE" and isinstance(last, s.FuncDecl) and last.body is None:
        return "unexpected semicolon or newline before {"
    if last is not None and not after_semicolon:
        return f"unexpected {token_text(token)} after top level declaration"
    return "non-declaration statement outside function body"


def _parts(part: object) -> Stack:
    """What a list, or a rule that Lark has not dissolved into its parent yet, is made of."""
    return part if isinstance(part, list) else getattr(part, "children", [])


# ---------------------------------------------------------------- inside


def _context(token: Token, expected: set[str], stack: Stack) -> str:
    """What was being read: `, expected X`, ` in Y; possibly missing Z` or ` at end of statement`."""
    top = stack[-1] if stack else None
    if expected <= {"NAME", "LPAR"} and "NAME" in expected:
        return ", expected name or (" if "LPAR" in expected and _is_token(top, "FUNC", "DOT") else ", expected name"
    if {"NAME", "LPAR"} <= expected and _is_token(top, "VAR", "CONST", "TYPE"):
        return ", expected name"
    is_unended = token.text == "EOF" and "RPAR" in expected
    if "STRING" in expected and expected <= {"STRING", "NAME", "DOT", "LPAR", "RPAR"} and not is_unended:
        return "import path must be a string" if token.type in LITERALS else "missing import path"
    if _is_token(top, "ELSE"):
        return "else must be followed by if or statement block"
    if token.type == "DEFINE" and "ASSIGN" in expected and "DEFINE" not in expected:
        return ", expected ="
    if "CASE" in expected and expected <= {"CASE", "DEFAULT", "RBRACE"}:
        return ", expected case or default or }"
    if "BINARY_OP" not in expected:
        needed = _needed(token, expected, stack)
        if needed:
            return needed
    if len(expected) == 1 and not expected & {"LBRACE", "SEMI"}:
        only = next(iter(expected))
        return ", expected " + TEXTS.get(only, only.lower())
    return _after(token, expected, stack)


def _is_after_label(stack: Stack) -> bool:
    return len(stack) > 1 and _is_token(stack[-1], "COLON") and _is_token(stack[-2], "NAME")


def _is_array_length(stack: Stack) -> bool:
    """Whether a length was read behind a bracket that opens an array type."""
    at, opening = next(_open(stack), (0, None))
    is_behind_value = at > 0 and isinstance(stack[at - 1], s.Expr)
    return _is_token(opening, "LBRACK") and at > 0 and not is_behind_value and not _is_behind_type(stack[:at])


def _is_behind_type(stack: Stack) -> bool:
    """Whether the last thing read of a type is a package's member, which type arguments may follow."""
    return len(stack) > 1 and _is_token(stack[-1], "NAME") and _is_token(stack[-2], "DOT")


def _is_in_struct(stack: Stack) -> bool:
    """Whether a field of a struct begins here, or goes on behind its *."""
    parts = stack[:-1] if stack and _is_token(stack[-1], "STAR") else stack
    at = next((i for i, part in _open(parts) if part.type != "SEMI"), 0)
    return _is_token(parts[-1], "LBRACE", "SEMI") and at > 0 and _is_token(parts[at - 1], "STRUCT")


def _declares(stack: Stack, keyword: str) -> bool:
    """Whether names were read, or some whole declarations in parentheses before them, behind a keyword."""
    at, opening = next(((i, part) for i, part in _open(stack) if part.type not in ("NAME", "COMMA", "SEMI")), (0, None))
    return _is_token(stack[at - 1] if _is_token(opening, "LPAR") and at else opening, keyword)


def _is_in_case(stack: Stack) -> bool:
    """Whether what is read are the statements of a case."""
    around = next((part for _, part in _open(stack) if part.type not in ("SEMI", "COLON")), None)
    return _is_token(around, "CASE", "DEFAULT")


def _needed(token: Token, expected: set[str], stack: Stack) -> str:
    """The message where an operand, a type or a statement has to begin; "" elsewhere."""
    top = stack[-1] if stack else None
    if "INT" in expected:
        if "RETURN" in expected:
            is_in_case = _is_in_case(stack) and token.text != "EOF"
            return ", expected case or default or }" if is_in_case else ", expected }"
        if token.type == "LBRACE" and _is_token(top, "SEMI"):
            return ", expected for loop condition"
        if _is_token(top, "LBRACK") and isinstance(stack[-2], s.Expr):
            return ", expected operand"
        if token.text == "EOF" and _is_token(top, "COMMA", *OPENING):
            return _unended(stack) or ", expected expression"
        return ", expected expression"
    if _is_token(top, "LBRACE") and _is_token(stack[-2], "STRUCT") and token.text != "EOF":
        return ", expected field name or embedded type"
    if "TILDE" in expected:
        return ", expected }" if token.text == "EOF" else ", expected ~ term or type"
    if "STRUCT" not in expected:
        return ""
    if _is_token(top, "ELLIPSIS") and not _is_token(stack[-2], "LBRACK"):
        return "... is missing type"
    if _is_token(top, "CHAN"):
        return "missing channel element type"
    if _is_token(top, "COMMA") and "RBRACK" in expected:
        return ", expected ]"
    if token.type == "RBRACK" and _is_token(top, "LBRACK") and _is_behind_type(stack[:-1]):
        return ", expected type argument list"
    if _declares(stack, "VAR"):
        return ", expected type"
    if "RPAR" in expected:
        return "" if "COMMA" in expected else ", expected )"
    if "ASSIGN" in expected and _is_token(top, "NAME") and _declares(stack, "TYPE"):
        return " in type declaration"
    if _is_token(top, "ASSIGN") and len(stack) >= 3 and _is_token(stack[-3], "TYPE"):
        return " in type declaration"
    return ", expected type"


def _is_in_targets(stack: Stack) -> bool:
    """Whether several expressions were read where a statement begins."""
    inside = [part for _, part in _open(stack[:-1] if _is_token(stack[-1], "NAME") else stack)]
    before = next((part for part in inside if part.type != "COMMA"), None)
    if not _is_token(inside[0] if inside else None, "COMMA") or before is None:
        return False
    is_block = before.type == "LBRACE" and not _opens_literal(stack, stack.index(before))
    return is_block or before.type in ("FOR", "IF", "SWITCH", "SEMI")


def _unended(stack: Stack) -> str:
    """The message at the end of the file where one more argument or element of a literal could stand."""
    at, opening = next(_open(stack[: -1 if _is_token(stack[-1], "COMMA") else None]), (0, None))
    if _is_token(opening, "LPAR") and at and isinstance(stack[at - 1], s.Expr):
        return ", expected )"
    if _is_token(opening, "LBRACE", "LANGLE") and _opens_literal(stack, at):
        return ", expected >" if _is_token(opening, "LANGLE") else ", expected }"
    return ""


def _after(token: Token, expected: set[str], stack: Stack) -> str:
    """The message behind something complete, by the innermost bracket or keyword that is open."""
    if {"ASSIGN", "DEFINE"} <= expected and ("SEMI" not in expected or _is_in_targets(stack)):
        return ", expected := or = or comma"
    top = stack[-1] if stack else None
    inside: set[str] = set()
    for i, part in _open(stack):
        before = stack[i - 1] if i else None
        if part.type == "LPAR":
            return _in_parentheses(before, token, top)
        if part.type in ("LBRACE", "LANGLE"):
            return _in_braces(stack, i, token)
        if part.type == "LBRACK":
            return ", expected comma, : or ]" if isinstance(before, s.Expr) else ", expected ]"
        if part.type in ("STRUCT", "INTERFACE") and part is top:
            return ", expected {"
        if part.type in ("IF", "FOR", "SWITCH", "SELECT"):
            return _in_header(part.text, token, stack[i + 1 :])
        if part.type == "CASE" and "COLON" in expected and "COLON" not in inside:
            return ", expected :"
        if part.type in ("CASE", "DEFAULT"):
            return " at end of statement"
        inside.add(part.type)
        if part.type in DECLARING and not any(isinstance(below, Token) for below in stack[:i]):
            return " after top level declaration"
    return " at end of statement"


def _in_header(keyword: str, token: Token, read: Stack) -> str:
    """The message between a keyword and its block, by what was read of the header."""
    if any(isinstance(part, s.Block) for part in read) or (read and _is_token(read[-1], "RBRACE")):
        return " at end of statement"
    semicolons = sum(_is_token(part, "SEMI") for part in read)
    if semicolons == 0 and not any(_is_token(part, "RANGE") for part in read):
        return ", expected {"
    if keyword == "for" and semicolons == 1:
        return ", expected semicolon or newline"
    return f", expected {{ after {keyword} clause" if keyword != "switch" else "missing { after switch clause"


def _in_parentheses(before: object, token: Token, top: object) -> str:
    is_list = isinstance(before, s.Expr | Parameters) or _is_token(before, "FUNC", "NAME")
    if token.text == "EOF" and (not is_list or _is_token(top, "COMMA", "LPAR")):
        return ", expected )"
    if _is_token(before, "VAR", "CONST", "TYPE") and _is_token(top, "LPAR", "SEMI"):
        return ", expected name"
    if _is_token(before, "VAR", "CONST", "TYPE", "IMPORT"):
        return " in grouped declaration; possibly missing semicolon or newline or )"
    if _is_token(before, "FUNC", "NAME") or isinstance(before, Parameters):
        return " in parameter list; possibly missing comma or )"
    return " in argument list; possibly missing comma or )" if isinstance(before, s.Expr) else ", expected )"


def _opens_literal(stack: Stack, at: int) -> bool:
    """Whether a brace or angle bracket on the stack is a composite literal's."""
    before = stack[at - 1] if at else None
    if _is_token(stack[at], "LANGLE"):
        return True
    if isinstance(before, s.Expr) and not isinstance(before, s.FuncType):
        return not _is_token(stack[at - 2], "RANGE")
    if not _is_token(before, "COLON", "COMMA", "LBRACE", "LANGLE"):
        return False
    outer = next((i for i, part in _open(stack[:at]) if part.type not in ("COLON", "COMMA")), -1)
    return outer >= 0 and _is_token(stack[outer], "LBRACE", "LANGLE") and _opens_literal(stack, outer)


def _in_braces(stack: Stack, at: int, token: Token) -> str:
    before, opening = stack[at - 1] if at else None, stack[at]
    if _is_token(before, "STRUCT", "INTERFACE"):
        if token.text == "EOF":
            return ", expected }"
        assert isinstance(before, Token)
        if before.type == "STRUCT" and _is_token(stack[-1], "LBRACE", "SEMI"):
            return ", expected field name or embedded type"
        return f" in {before.text} type; possibly missing semicolon or newline or }}"
    if _opens_literal(stack, at):
        closer = ">" if _is_token(opening, "LANGLE") else "}"
        return f" in composite literal; possibly missing comma or {closer}"
    return ", expected }" if token.text == "EOF" else " at end of statement"
