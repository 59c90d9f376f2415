"""The tree builder: one method for each rule and alias of grammar.lark, called as the parser reduces it.

A method gets the list of what its production is made of: tokens that the grammar names, and what methods returned for
the parts. Here the flat lists of operands and operators become trees, parameter lists are sorted into names and types,
and constants without a value repeat the line above.

Next: parse.py
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lang import syntax as s
from lang.codes import NO_TYPE_PARAMETERS, NOT_YET, SYNTAX
from lang.diagnostics import Diagnostics
from lang.lexer import Token
from lang.spelling import spelled

Parts = list[Any]

PRECEDENCE = {"||": 1, "&&": 2}
PRECEDENCE.update(dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3))
PRECEDENCE.update(dict.fromkeys(("+", "-", "|", "^"), 4))
PRECEDENCE.update(dict.fromkeys(("*", "/", "%", "<<", ">>", "&", "&^"), 5))


@dataclass(slots=True)
class Parameter:
    """A parameter before it is known whether the list has names."""

    name: Token | None
    type_expr: s.Expr
    variadic: bool
    pos: int


@dataclass(slots=True)
class Parameters:
    """( parameters ), not sorted yet."""

    pos: int                                                    # of the opening parenthesis
    entries: list[Parameter]
    end: int                                                    # of the closing parenthesis


@dataclass(slots=True)
class ConstSpec:
    """One line of a const declaration."""

    names: list[s.Name]
    type_expr: s.Expr | None
    values: list[s.Expr] | None                                 # None: as the line above


def _name(token: Token) -> s.Name:
    return s.Name(token.pos, token.text)


def is_qualified(x: s.Expr) -> bool:
    """Whether an expression may be a package's member: p.x"""
    return isinstance(x, s.Selector) and isinstance(x.operand, s.Name)


class TreeBuilder:
    """The callbacks of the parser. `diagnostics` is exchanged for each source."""

    diagnostics: Diagnostics

    def _error(self, pos: int, message: str) -> None:
        self.diagnostics.report(SYNTAX, pos, "syntax error: " + message)

    # ------------------------------------------------------------ source file

    def file(self, parts: Parts) -> s.File:
        package = parts.pop(0) if parts and isinstance(parts[0], s.Name) else None
        imports: list[s.ImportDecl] = []
        declarations: list[s.Decl] = []
        for group in parts:
            for declaration in group:
                if not isinstance(declaration, s.ImportDecl):
                    declarations.append(declaration)
                    continue
                if declarations:
                    self._error(declaration.keyword, "imports must appear before other declarations")
                imports.append(declaration)
        return s.File(0, package, imports, declarations)

    def package_clause(self, parts: Parts) -> s.Name:
        return _name(parts[0])

    def import_declaration(self, parts: Parts) -> list[s.ImportDecl]:
        keyword, *imports = parts
        for import_ in imports:
            import_.keyword = keyword.pos
        return imports

    def import_plain(self, parts: Parts) -> s.ImportDecl:
        path = self.literal(parts)
        return s.ImportDecl(path.pos, None, path)

    def import_named(self, parts: Parts) -> s.ImportDecl:
        return s.ImportDecl(parts[0].pos, _name(parts[0]), self.literal(parts[1:]))

    # ------------------------------------------------------------ types

    def name(self, parts: Parts) -> s.Name:
        token = parts[0]
        return s.Name(token.pos, token.text)

    def qualified(self, parts: Parts) -> s.Selector:
        return s.Selector(parts[0].pos, _name(parts[0]), _name(parts[1]))

    def instance(self, parts: Parts) -> s.Index:
        package, name, bracket, first, *more = parts
        return s.Index(package.pos, self.qualified([package, name]), bracket.pos, first, more)

    def paren(self, parts: Parts) -> s.Paren:
        return s.Paren(parts[0].pos, parts[1])

    def bare_type(self, parts: Parts) -> s.Expr:
        """A type without its parentheses: messages do not show them."""
        type_expr: s.Expr = parts[1]
        return type_expr

    def deref(self, parts: Parts) -> s.Deref:
        return s.Deref(parts[0].pos, parts[1])

    def array_type(self, parts: Parts) -> s.ArrayType:
        length = parts[1]
        return s.ArrayType(parts[0].pos, None if isinstance(length, Token) else length, parts[2])

    def slice_type(self, parts: Parts) -> s.SliceType:
        return s.SliceType(parts[0].pos, parts[1])

    def struct_type(self, parts: Parts) -> s.StructType:
        return s.StructType(parts[0].pos, parts[1:])

    def named_field(self, parts: Parts) -> s.FieldDecl:
        names, type_expr, *tag = parts
        return s.FieldDecl(names[0].pos, names, type_expr, False, tag[0].text if tag else "")

    def embedded_field(self, parts: Parts) -> s.FieldDecl:
        star = parts.pop(0) if isinstance(parts[0], Token) else None
        type_name, *tag = parts
        named = type_name.operand if isinstance(type_name, s.Index) else type_name
        name = named.name if isinstance(named, s.Selector) else named
        assert isinstance(name, s.Name), "an embedded type has a name"
        type_expr = s.Deref(star.pos, type_name) if star else type_name
        names = [s.Name(name.pos, name.name)]
        return s.FieldDecl(type_expr.pos, names, type_expr, True, tag[0].text if tag else "")

    def map_type(self, parts: Parts) -> s.MapType:
        return s.MapType(parts[0].pos, parts[1], parts[2])

    def channel_type(self, parts: Parts) -> s.ChanType:
        elem = parts[1]
        if isinstance(elem, s.ChanType) and elem.direction == "receive":
            inner = elem.elem
            return s.ChanType(parts[0].pos, "send", inner)
        return s.ChanType(parts[0].pos, "", elem)

    def arrow_type(self, parts: Parts) -> s.ChanType:
        elem = parts[1]
        is_channel = isinstance(elem, s.ChanType) and elem.direction == ""
        return s.ChanType(parts[0].pos, "receive", elem.elem if is_channel else elem)

    def function_type(self, parts: Parts) -> s.FuncType:
        signature: s.FuncType = parts[1]
        signature.keyword = parts[0].pos
        return signature

    def signature(self, parts: Parts) -> s.FuncType:
        params = self._sorted(parts[0], allows_variadic=True)
        results: list[s.ParamDecl] = []
        if len(parts) > 1:
            result = parts[1]
            if isinstance(result, Parameters):
                results = self._sorted(result, allows_variadic=False)
            else:
                results = [s.ParamDecl(result.pos, None, result, False)]
        return s.FuncType(parts[0].pos, params, results)

    def parameters(self, parts: Parts) -> Parameters:
        return Parameters(parts[0].pos, parts[1:-1], parts[-1].pos)

    def unnamed_parameter(self, parts: Parts) -> Parameter:
        return Parameter(None, parts[0], False, parts[0].pos)

    def unnamed_variadic(self, parts: Parts) -> Parameter:
        return Parameter(None, parts[1], True, parts[0].pos)

    def named_parameter(self, parts: Parts) -> Parameter:
        return Parameter(parts[0], parts[1], False, parts[0].pos)

    def named_variadic(self, parts: Parts) -> Parameter:
        return Parameter(parts[0], parts[2], True, parts[1].pos)

    def _sorted(self, parameters: Parameters, allows_variadic: bool) -> list[s.ParamDecl]:
        """Parameters with their types: `a, b int` is two named ones, `int, string` two without names."""
        entries = parameters.entries
        misplaced = [e for e in (entries[:-1] if allows_variadic else entries) if e.variadic]
        if misplaced:
            what = "can only use ... with final parameter" if allows_variadic else "invalid use of ..."
            self.diagnostics.report(SYNTAX, misplaced[0].pos, what)
        for entry in misplaced:
            entry.variadic = False
        if all(entry.name is None for entry in entries):
            return [s.ParamDecl(e.pos, None, e.type_expr, e.variadic) for e in entries]
        return self._with_shared_types(parameters)

    def _with_shared_types(self, parameters: Parameters) -> list[s.ParamDecl]:
        sorted_: list[s.ParamDecl] = []
        shared: s.Expr | None = None
        variadic: Parameter | None = None                       # the one behind, which shares its type
        error_at, has_nameless = -1, False
        for entry in reversed(parameters.entries):
            name, type_expr = entry.name, entry.type_expr
            if name is not None:
                shared, variadic = type_expr, entry if entry.variadic else None
                param = s.ParamDecl(name.pos, _name(name), type_expr, entry.variadic)
            elif isinstance(type_expr, s.Name) and not entry.variadic:
                error_at = error_at if shared else parameters.end
                if variadic is not None:
                    self.diagnostics.report(SYNTAX, variadic.pos, "can only use ... with final parameter")
                    sorted_[-1].variadic, variadic = False, None
                param = s.ParamDecl(type_expr.pos, type_expr, shared or type_expr, False)
            else:
                shared, error_at, has_nameless = type_expr, entry.pos, True
                param = s.ParamDecl(entry.pos, None, type_expr, entry.variadic)
            sorted_.append(param)
        if error_at >= 0:
            self._error(error_at, "missing parameter " + ("name" if has_nameless else "type"))
        return sorted_[::-1]

    def interface_type(self, parts: Parts) -> s.InterfaceType:
        return s.InterfaceType(parts[0].pos, parts[1:])

    def tilde(self, parts: Parts) -> s.Unary:
        return s.Unary(parts[0].pos, "~", parts[1])

    def interface_method(self, parts: Parts) -> s.InterfaceElement:
        name = _name(parts[0])
        parts[1].pos = name.pos
        return s.InterfaceElement(name.pos, name, parts[1])

    def interface_embedded(self, parts: Parts) -> s.InterfaceElement:
        wrong = next((op for op in parts[1::2] if op.text != "|"), None)
        if wrong is not None:
            message = f"unexpected {wrong.text} in interface type; possibly missing semicolon or newline or }}"
            self._error(wrong.pos, message)
        return s.InterfaceElement(parts[0].pos, None, parts[0], len(parts) > 1 or isinstance(parts[0], s.Unary))

    # ------------------------------------------------------------ blocks and declarations

    def block(self, parts: Parts) -> s.Block:
        return s.Block(parts[0].pos, parts[1:-1], parts[-1].pos)

    def constants(self, parts: Parts) -> list[s.ConstDecl]:
        declarations: list[s.ConstDecl] = []
        above: ConstSpec | None = None
        for iota, spec in enumerate(parts[1:]):
            inherited = spec.values is None
            if not inherited:
                above = spec
            type_expr = deepcopy(above.type_expr) if inherited and above else spec.type_expr
            values = deepcopy(above.values or []) if inherited and above else spec.values or []
            declarations.append(s.ConstDecl(spec.names[0].pos, spec.names, type_expr, values, iota, inherited))
        return declarations

    def variables(self, parts: Parts) -> list[s.VarDecl]:
        return parts[1:]

    def types(self, parts: Parts) -> list[s.TypeDecl]:
        return parts[1:]

    def name_list(self, parts: Parts) -> list[s.Name]:
        return [s.Name(token.pos, token.text) for token in parts]

    def const_repeated(self, parts: Parts) -> ConstSpec:
        return ConstSpec(parts[0], None, None)

    def const_without_value(self, parts: Parts) -> ConstSpec:
        return ConstSpec(parts[0], parts[1], [])

    def const_untyped(self, parts: Parts) -> ConstSpec:
        return ConstSpec(parts[0], None, parts[1])

    def const_typed(self, parts: Parts) -> ConstSpec:
        return ConstSpec(parts[0], parts[1], parts[2])

    def var_zero(self, parts: Parts) -> s.VarDecl:
        return s.VarDecl(parts[0][0].pos, parts[0], parts[1], [])

    def var_untyped(self, parts: Parts) -> s.VarDecl:
        return s.VarDecl(parts[0][0].pos, parts[0], None, parts[1])

    def var_typed(self, parts: Parts) -> s.VarDecl:
        return s.VarDecl(parts[0][0].pos, parts[0], parts[1], parts[2])

    def type_definition(self, parts: Parts) -> s.TypeDecl:
        return s.TypeDecl(parts[0].pos, _name(parts[0]), parts[1], False)

    def type_alias(self, parts: Parts) -> s.TypeDecl:
        return s.TypeDecl(parts[0].pos, _name(parts[0]), parts[1], True)

    def function(self, parts: Parts) -> list[s.FuncDecl]:
        _, name, signature, *body = parts
        signature.pos = name.pos
        return [s.FuncDecl(name.pos, None, _name(name), signature, body[0] if body else None)]

    def method(self, parts: Parts) -> list[s.FuncDecl]:
        _, receivers, name, signature, *body = parts
        signature.pos = name.pos
        found = self._sorted(receivers, allows_variadic=False)
        if len(found) != 1:
            what = "method has multiple receivers" if found else "method has no receiver"
            self.diagnostics.report(SYNTAX, name.pos, what)
        receiver = found[0] if found else None
        return [s.FuncDecl(receivers.pos, receiver, _name(name), signature, body[0] if body else None)]

    # ------------------------------------------------------------ expressions

    def expression_list(self, parts: Parts) -> list[s.Expr]:
        return parts

    header_expression_list = expression_list

    def binary(self, parts: Parts) -> s.Expr:
        """The tree of operand, operator, operand, ...: operators of higher precedence first, then from the left."""
        operands: list[s.Expr] = [parts[0]]
        operators: list[Token] = []
        for i in range(1, len(parts), 2):
            operator = parts[i]
            precedence = PRECEDENCE[operator.text]
            while operators and PRECEDENCE[operators[-1].text] >= precedence:
                self._join(operands, operators.pop())
            operators.append(operator)
            operands.append(parts[i + 1])
        while operators:
            self._join(operands, operators.pop())
        return operands[0]

    @staticmethod
    def _join(operands: list[s.Expr], operator: Token) -> None:
        right = operands.pop()
        left = operands[-1]
        operands[-1] = s.Binary(left.pos, operator.text, operator.pos, left, right)

    def prefixed(self, parts: Parts) -> s.Expr:
        operator, operand = parts
        if operator.type == "STAR":
            return s.Deref(operator.pos, operand)
        while operator.text == "&" and isinstance(operand, s.Paren):
            operand = operand.inner
        return s.Unary(operator.pos, operator.text, operand)

    def selector(self, parts: Parts) -> s.Selector:
        operand, name = parts
        return s.Selector(operand.pos, operand, s.Name(name.pos, name.text))

    def index(self, parts: Parts) -> s.Index:
        operand, bracket, index, *rest = parts
        if rest and not is_qualified(operand):
            self.diagnostics.report(NOT_YET, rest[0].pos, NO_TYPE_PARAMETERS)
        return s.Index(operand.pos, operand, bracket.pos, index, rest[1:])

    def bound(self, parts: Parts) -> s.Expr | None:
        return parts[0] if parts else None

    def slice(self, parts: Parts) -> s.SliceExpr:
        """Its position is that of the bracket, as in Go: errors about it stand there."""
        operand, bracket, *inside = parts
        places = [part.pos for part in inside if isinstance(part, Token)]
        low, high, *rest = [part for part in inside if not isinstance(part, Token)]
        if rest:
            high = high or self._missing_index("middle", places[1])
            rest[0] = rest[0] or self._missing_index("final", places[2])
        return s.SliceExpr(bracket.pos, operand, low, high, rest[0] if rest else None)

    def _missing_index(self, which: str, pos: int) -> s.BasicLit:
        """What stands for an index that is not there: an integer that nobody knows."""
        self.diagnostics.report(SYNTAX, pos, f"{which} index required in 3-index slice")
        return s.BasicLit(pos, "INT", "")

    def type_assertion(self, parts: Parts) -> s.TypeAssert:
        return s.TypeAssert(parts[0].pos, parts[0], parts[1])

    def type_switch_guard(self, parts: Parts) -> s.TypeAssert:
        return s.TypeAssert(parts[0].pos, parts[0], None)

    def call(self, parts: Parts) -> s.Call:
        function, opening, *args, end = parts
        spread = bool(args) and isinstance(args[-1], Token)
        return s.Call(function.pos, function, args[:-1] if spread else args, spread, end.pos, opening.pos)

    def literal(self, parts: Parts) -> s.BasicLit:
        token = parts[0]
        return s.BasicLit(token.pos, token.type, token.text)

    def composite(self, parts: Parts) -> s.CompositeLit:
        type_expr, opening = parts[0], parts[1]
        generic = type_expr.operand if isinstance(type_expr, s.Index) else None
        is_type_name = isinstance(type_expr, s.Name | s.Selector) or (generic is not None and is_qualified(generic))
        if not is_type_name and not isinstance(type_expr, (s.ArrayType, s.SliceType, s.StructType, s.MapType)):
            if isinstance(type_expr, s.Index):
                self.diagnostics.report(NOT_YET, type_expr.bracket, NO_TYPE_PARAMETERS)
            elif isinstance(type_expr, s.Paren):
                self._error(opening.pos, "cannot parenthesize type in composite literal")
            else:
                self._error(opening.pos, "unexpected { at end of statement")
        return s.CompositeLit(type_expr.pos, type_expr, parts[2:-1], parts[-1].pos)

    def bare_composite(self, parts: Parts) -> s.CompositeLit:
        return s.CompositeLit(parts[0].pos, None, parts[1:-1], parts[-1].pos)

    def positional(self, parts: Parts) -> s.Element:
        return s.Element(parts[0].pos, None, parts[0])

    def keyed(self, parts: Parts) -> s.Element:
        return s.Element(parts[0].pos, parts[0], parts[1])

    def function_literal(self, parts: Parts) -> s.FuncLit:
        return s.FuncLit(parts[0].keyword, parts[0], parts[1])

    # ------------------------------------------------------------ statements

    def expression_statement(self, parts: Parts) -> s.ExprStmt:
        return s.ExprStmt(parts[0].pos, parts[0])

    def send(self, parts: Parts) -> s.Send:
        channel, operator, value = parts
        return s.Send(channel.pos, channel, operator.pos, value)

    def inc_dec(self, parts: Parts) -> s.IncDec:
        target, operator = parts
        return s.IncDec(target.pos, target, operator.text[0], operator.pos)

    def assign(self, parts: Parts) -> s.Assign:
        left, operator, right = parts
        return s.Assign(left[0].pos, left, "", operator.pos, right)

    def assign_op(self, parts: Parts) -> s.Assign:
        left, operator, right = parts
        return s.Assign(left.pos, [left], operator.text[:-1], operator.pos, [right])

    def define(self, parts: Parts) -> s.Stmt:
        left, operator, right = parts
        return s.Define(left[0].pos, left, operator.pos, right)

    def declaration_statement(self, parts: Parts) -> s.DeclStmt:
        declarations = parts[0]
        return s.DeclStmt(declarations[0].pos if declarations else 0, declarations)

    def labeled(self, parts: Parts) -> s.Labeled:
        label, *statement = parts
        return s.Labeled(label.pos, _name(label), statement[0] if statement else s.Empty(label.pos))

    def go(self, parts: Parts) -> s.Go:
        return s.Go(parts[0].pos, self._started(*parts))

    def defer(self, parts: Parts) -> s.Defer:
        return s.Defer(parts[0].pos, self._started(*parts))

    def _started(self, keyword: Token, call: s.Expr) -> s.Expr:
        """The call behind go or defer, which is not put in parentheses."""
        if isinstance(call, s.Paren):
            message = f"expression in {keyword.text} must not be parenthesized"
            self.diagnostics.report(SYNTAX, call.pos, message)
        while isinstance(call, s.Paren):
            call = call.inner
        return call

    def return_(self, parts: Parts) -> s.Return:
        return s.Return(parts[0].pos, parts[1] if len(parts) > 1 else [])

    def branch(self, parts: Parts) -> s.Branch:
        return s.Branch(parts[0].pos, parts[0].text, _name(parts[1]) if len(parts) > 1 else None)

    def if_(self, parts: Parts) -> s.If:
        at = next(i for i, part in enumerate(parts) if isinstance(part, s.Block))
        init, last, semi = self._header(parts[1:at])
        if last is None and semi is not None and semi.text != "semicolon":
            self._error(semi.pos, f"unexpected {semi.text}, expected {{ after if clause")
        elif last is None:
            self._error(semi.pos if semi else parts[at].pos, "missing condition in if statement")
        condition = self._value(last) or s.Name(parts[0].pos, "_")
        else_ = parts[at + 1] if len(parts) > at + 1 else None
        return s.If(parts[0].pos, init, condition, parts[at], else_)

    def switch(self, parts: Parts) -> s.Stmt:
        keyword, end = parts[0], parts[-1]
        cases = [part for part in parts if isinstance(part, s.Case)]
        init, last, _ = self._header(parts[1 : len(parts) - 1 - len(cases)])
        bound, guard = self._guard(last)
        if guard is not None:
            return s.TypeSwitch(keyword.pos, init, bound, guard.operand, cases, end.pos)
        _, misplaced = self._guard(init)
        if init is not None and misplaced is not None:
            misplaced.pos = init.pos
            init = s.ExprStmt(init.pos, misplaced)
        return s.Switch(keyword.pos, init, self._value(last), cases, end.pos)

    @staticmethod
    def _guard(statement: s.Stmt | None) -> tuple[s.Name | None, s.TypeAssert | None]:
        """The parts of `name := operand.(type)`, or of the operand alone; no operand where it is something else."""
        name: s.Expr | None = None
        guard = statement.expr if isinstance(statement, s.ExprStmt) else None
        if isinstance(statement, s.Define) and len(statement.left) == len(statement.right) == 1:
            name, guard = statement.left[0], statement.right[0]
        if not isinstance(guard, s.TypeAssert) or guard.type_expr is not None or not isinstance(name, s.Name | None):
            return None, None
        return name, guard

    def _header(self, parts: Parts) -> tuple[s.Stmt | None, s.Stmt | None, Token | None]:
        """The statement before the semicolon, the one behind it, and the semicolon."""
        at = next((i for i, part in enumerate(parts) if isinstance(part, Token)), -1)
        before, behind = parts[: max(at, 0)], parts[at + 1 :]
        return (before[0] if before else None), (behind[0] if behind else None), (parts[at] if at >= 0 else None)

    def _value(self, statement: s.Stmt | None) -> s.Expr | None:
        """The expression that a statement in a header has to be."""
        if statement is None:
            return None
        if isinstance(statement, s.ExprStmt):
            return statement.expr
        assert isinstance(statement, (s.Send, s.IncDec, s.Assign, s.Define))
        text = spelled(statement)
        if isinstance(statement, s.Assign) and statement.op == "":
            left, right = (", ".join(map(_emphasized, side)) for side in (statement.left, statement.right))
            text = f"assignment {left} = {right}"
        self._error(statement.op_pos, f"cannot use {text} as value")
        return s.Name(statement.pos, "_")

    def case(self, parts: Parts) -> s.Case:
        keyword, *rest = parts
        values = rest.pop(0) if keyword.type == "CASE" else None
        return s.Case(keyword.pos, values, rest)

    def select(self, parts: Parts) -> s.Select:
        return s.Select(parts[0].pos, parts[1:-1], parts[-1].pos)

    def comm_clause(self, parts: Parts) -> s.CommClause:
        keyword, *rest = parts
        return s.CommClause(keyword.pos, rest.pop(0) if keyword.type == "CASE" else None, rest)

    def for_ever(self, parts: Parts) -> s.For:
        return s.For(parts[0].pos, None, None, None, parts[1])

    def for_condition(self, parts: Parts) -> s.For:
        return s.For(parts[0].pos, None, self._value(parts[1]), None, parts[2])

    def for_clause(self, parts: Parts) -> s.For:
        keyword, *header, body = parts
        init, _, _ = self._header(header)
        rest = header[1 if init is None else 2 :]
        condition, post, _ = self._header(rest)
        if isinstance(post, s.Define):
            self._error(post.op_pos, "cannot declare in post statement of for loop")
        return s.For(keyword.pos, init, self._value(condition), post, body)

    def for_range(self, parts: Parts) -> s.Range:
        keyword, *targets, operand, body = parts
        names, define = (targets[0], targets[1].type == "DEFINE") if targets else ([], False)
        key, value, extra = (names + [None, None, None])[:3]
        return s.Range(keyword.pos, key, value, extra, define, operand, body)


def _emphasized(x: s.Expr) -> str:
    return f"({spelled(x)})" if isinstance(x, s.Binary) else spelled(x)
