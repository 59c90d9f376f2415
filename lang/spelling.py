"""Spelling: expressions as messages show them, in Go's short form.

    f(a, b)[i + 1].x         T{…}         func(x int) {…}

Go: cmd/compile/internal/syntax/printer.go.                     Next: tree_builder.py
"""

from __future__ import annotations

from lang import syntax as s


def spelled(x: s.Node) -> str:
    """An expression or simple statement in one line."""
    match x:
        case s.Name(name=name):
            return name
        case s.BasicLit(text=text):
            return text
        case s.Paren(inner=inner):
            return f"({spelled(inner)})"
        case s.Selector(operand=operand, name=name):
            return f"{spelled(operand)}.{name.name}"
        case s.Index(operand=operand, index=index, more=more):
            return f"{spelled(operand)}[{_spelled_list([index, *more])}]"
        case s.SliceExpr():
            return _spelled_slice(x)
        case s.TypeAssert(operand=operand, type_expr=type_expr):
            return f"{spelled(operand)}.({spelled(type_expr) if type_expr else 'type'})"
        case s.Call(function=function, args=args, spread=spread):
            return f"{spelled(function)}({_spelled_list(args)}{'...' if spread else ''})"
        case s.Deref(operand=operand):
            return f"*{spelled(operand)}"
        case s.Unary(op=op, operand=operand):
            return f"{op}{spelled(operand)}"
        case s.Binary(op=op, left=left, right=right):
            return f"{spelled(left)} {op} {spelled(right)}"
        case s.CompositeLit(type_expr=type_expr, elements=elements):
            return (spelled(type_expr) if type_expr else "") + ("{…}" if elements else "{}")
        case s.FuncLit(signature=signature, body=body):
            return spelled(signature) + (" {…}" if body.statements else " {}")
    return _spelled_type(x) or _spelled_statement(x)


def _spelled_list(xs: list[s.Expr]) -> str:
    return ", ".join(map(spelled, xs))


def _spelled_slice(x: s.SliceExpr) -> str:
    bounds = [spelled(bound) if bound else "" for bound in (x.low, x.high)]
    if x.max:
        bounds.append(spelled(x.max))
    return f"{spelled(x.operand)}[{':'.join(bounds)}]"


def _spelled_type(x: s.Node) -> str:
    match x:
        case s.ArrayType(length=length, elem=elem):
            return f"[{spelled(length) if length else '...'}]{spelled(elem)}"
        case s.SliceType(elem=elem):
            return f"[]{spelled(elem)}"
        case s.MapType(key=key, elem=elem):
            return f"map[{spelled(key)}]{spelled(elem)}"
        case s.ChanType(direction=direction, elem=elem):
            return {"": "chan ", "send": "chan<- ", "receive": "<-chan "}[direction] + spelled(elem)
        case s.StructType(fields=fields):
            return "struct{" + "; ".join(map(_spelled_field, fields)) + "}"
        case s.InterfaceType(elements=elements):
            return "interface{" + "; ".join(map(_spelled_element, elements)) + "}"
        case s.FuncType():
            return "func" + _spelled_signature(x)
    return ""


def _spelled_element(x: s.InterfaceElement) -> str:
    if x.name is not None and isinstance(x.type_expr, s.FuncType):
        return x.name.name + _spelled_signature(x.type_expr)
    return spelled(x.type_expr)


def _spelled_field(f: s.FieldDecl) -> str:
    text = spelled(f.type_expr)
    return text if f.embedded else ", ".join(name.name for name in f.names) + " " + text


def _spelled_signature(x: s.FuncType) -> str:
    text = f"({_spelled_params(x.params)})"
    if not x.results:
        return text
    results = _spelled_params(x.results)
    is_plain = len(x.results) == 1 and x.results[0].name is None
    return f"{text} {results}" if is_plain else f"{text} ({results})"


def _spelled_params(params: list[s.ParamDecl]) -> str:
    """As written: `a, b int` share their type."""
    words = []
    for i, p in enumerate(params):
        text = ("..." if p.variadic else "") + spelled(p.type_expr)
        following = params[i + 1] if i + 1 < len(params) else None
        shares_type = p.name and following and following.name and following.type_expr is p.type_expr
        words.append(p.name.name if p.name and shares_type else f"{p.name.name} {text}" if p.name else text)
    return ", ".join(words)


def _spelled_statement(x: s.Node) -> str:
    match x:
        case s.Assign(left=left, op=op, right=right):
            return f"{_spelled_list(left)} {op}= {_spelled_list(right)}"
        case s.Define(left=left, right=right):
            return f"{_spelled_list(left)} := {_spelled_list(right)}"
        case s.IncDec(target=target, op=op):
            return f"{spelled(target)}{op}{op}"
        case s.Send(channel=channel, value=value):
            return f"{spelled(channel)} <- {spelled(value)}"
        case s.ExprStmt(expr=expr):
            return spelled(expr)
    raise AssertionError(f"no spelling for {type(x).__name__}")
