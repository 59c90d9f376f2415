"""Literals: numbers, strings, T{...} and function literals.

    []*Point{{1, 2}, 5: {x: 3}}     entries  0: &Point{1, 2}   5: &Point{x: 3}     length 6

What the source leaves out is put in: inner types, the & of pointers, indices. So whoever comes later sees entries only.

Go: types2/literals.go.                                         Next: check_builtins.py
"""

from __future__ import annotations

from lang import codes
from lang import constants as c
from lang import syntax as s
from lang.check_base import is_valid
from lang.check_selectors import Likeness, Selectors
from lang.go_types import (
    INVALID,
    UNTYPED_FLOAT,
    UNTYPED_INT,
    UNTYPED_RUNE,
    UNTYPED_STRING,
    Array,
    Field,
    Map,
    Pointer,
    Slice,
    Struct,
    Type,
)
from lang.lookup import Found, find, is_exported
from lang.objects import FunctionInfo, Value
from lang.scopes import Scope
from lang.spelling import spelled

_LITERAL_TYPES = {"INT": UNTYPED_INT, "FLOAT": UNTYPED_FLOAT, "RUNE": UNTYPED_RUNE, "STRING": UNTYPED_STRING}


class Literals(Selectors):
    """Values that the source spells out."""

    def check_basic(self, x: s.BasicLit) -> None:
        """A number, rune or string"""
        if x.kind == "IMAGINARY":
            self.refuse(x, "complex numbers")
            self.invalidate(x)
            return
        try:
            value = c.literal_value(x.kind, x.text)
        except ValueError:
            # Malformed; the lexer has said so.
            self.invalidate(x)
            return
        is_long = x.kind != "STRING" and len(x.text) > c.MAX_CHARS
        if value is None or is_long or (isinstance(value, int) and value.bit_length() > c.MAX_BITS):
            is_excessive = is_long or x.kind != "INT"
            message = f"excessively long constant: {x.text[:10]}... ({len(x.text)} chars)"
            self.error(codes.CONSTANT_RANGE, x, message if is_excessive else "constant overflow")
            if is_excessive:
                self.invalidate(x)
                return
            value = None
        x.mode, x.type, x.value = s.Mode.CONSTANT, _LITERAL_TYPES[x.kind], value

    # ------------------------------------------------------------ T{...}

    def check_composite(self, x: s.CompositeLit, hint: Type | None) -> None:
        """type_expr{elements}; inside another literal the type may be left out, and is the hint"""
        if x.type_expr is not None:
            type_ = self._literal_type(x)
        elif hint is not None:
            type_ = hint
        else:
            self.error(codes.LITERAL_TYPE, x, "missing type in composite literal")
            type_ = INVALID
        self.is_complete(type_)
        under = type_.underlying
        match under:
            case Struct():
                self._struct_literal(x, under, type_)
            case Array(length, elem):
                x.length = self._indexed_elements(x, elem, length)
                if length < 0:
                    type_ = Array(x.length, elem)
                    assert x.type_expr is not None
                    x.type_expr.type = type_
                    self.compound.append((x.type_expr, type_))
                x.length = max(x.length, length)
            case Slice(elem):
                x.length = self._indexed_elements(x, elem, -1)
            case Map():
                self._map_literal(x, under)
            case _:
                for element in x.elements:
                    self.use(element.value)
                if under != INVALID:
                    self.error(codes.LITERAL_TYPE, x, f"invalid composite literal type {type_}")
                    self.invalidate(x)
                    return
        x.mode, x.type = s.Mode.VALUE, type_

    def _literal_type(self, x: s.CompositeLit) -> Type:
        type_expr = x.type_expr
        if isinstance(type_expr, s.ArrayType) and type_expr.length is None:
            type_expr.mode = s.Mode.TYPE
            type_expr.type = Array(-1, self.type_of(type_expr.elem))
            return type_expr.type
        assert type_expr is not None
        return self.type_of(type_expr)

    def element(self, x: s.Expr, type_: Type, context: str) -> s.Expr:
        """Check an element of a literal; the expression to evaluate, with & put back."""
        if isinstance(x, s.CompositeLit) and x.type_expr is None and isinstance(type_.underlying, Pointer):
            return self._pointed_element(x, type_, context)
        self.expr(x, type_)
        self.assign(x, type_, context)
        return x

    def _pointed_element(self, x: s.CompositeLit, type_: Type, context: str) -> s.Expr:
        pointer = type_.underlying
        assert isinstance(pointer, Pointer)
        if isinstance(pointer.elem.underlying, Pointer) or INVALID in (pointer.elem, pointer.elem.underlying):
            self.error(codes.LITERAL_TYPE, x, f"invalid composite literal element type {type_}")
            self.invalidate(x)
            return x
        self.expr(x, pointer.elem)
        address = s.Unary(x.pos, "&", x)
        address.mode, address.type = x.mode, type_
        if not is_valid(x):
            self.invalidate(address)
        return address

    # ------------------------------------------------------------ structs

    def _struct_literal(self, x: s.CompositeLit, struct: Struct, type_: Type) -> None:
        if not x.elements:
            return
        if x.elements[0].key is not None:
            self._keyed_fields(x, struct, type_)
        else:
            self._positional_fields(x, struct, type_)

    def _keyed_fields(self, x: s.CompositeLit, struct: Struct, type_: Type) -> None:
        seen: set[str] = set()
        for element in x.elements:
            if element.key is None:
                message = "mixture of field:value and value elements in struct literal"
                self.error(codes.STRUCT_LITERAL, element, message)
                continue
            if not isinstance(element.key, s.Name):
                self.expr(element.value)
                message = f"invalid field name {spelled(element.key)} in struct literal"
                self.error(codes.STRUCT_LITERAL, element, message)
                continue
            name = element.key.name
            fields = enumerate(struct.fields)
            index = next((i for i, f in fields if f.name == name != "_" and not self.is_hidden(f)), -1)
            if index < 0:
                self.expr(element.value)
                self._report_unknown_field(element.key, struct, type_)
                continue
            entry = self.element_of_struct(element.value, struct.fields[index].type)
            if name in seen:
                self.error(codes.STRUCT_LITERAL, element, f"duplicate field name {name} in struct literal")
            seen.add(name)
            x.entries.append((index, entry))

    def element_of_struct(self, x: s.Expr, type_: Type) -> s.Expr:
        """Check the value of a field. Its type, if it is a literal, cannot be left out."""
        self.expr(x)
        self.assign(x, type_, "struct literal")
        return x

    def _report_unknown_field(self, key: s.Name, struct: Struct, type_: Type) -> None:
        found = find(struct, key.name, self.package)
        if isinstance(found, Found):
            if found.field is None:
                self.error(codes.STRUCT_LITERAL, key, f"{key.name} is not a field")
            else:
                self.refuse(key, "promoted fields in struct literals")
            return
        found = find(struct, key.name, folds=True)
        message = f"unknown field {key.name} in struct literal of type {type_}"
        match self.likeness(found, key.name), found:
            case Likeness.MISSPELT, Found():
                message += f", but does have {found.name}"
            case Likeness.UNEXPORTED, Found():
                message += f", but does have unexported {found.name}"
            case Likeness.INACCESSIBLE, _:
                message = f"cannot refer to unexported field {key.name} in struct literal of type {type_}"
        self.error(codes.STRUCT_LITERAL, key, message)

    def is_hidden(self, field: Field) -> bool:
        """Whether a field is the business of another package."""
        return field.package != self.package and not is_exported(field.name)

    def _positional_fields(self, x: s.CompositeLit, struct: Struct, type_: Type) -> None:
        for i, element in enumerate(x.elements):
            if element.key is not None:
                message = "mixture of field:value and value elements in struct literal"
                self.error(codes.STRUCT_LITERAL, element, message)
                continue
            if i >= len(struct.fields):
                self.expr(element.value)
                message = f"too many values in struct literal of type {type_}"
                self.error(codes.STRUCT_LITERAL, element.value, message)
                return
            if self.is_hidden(struct.fields[i]):
                self.expr(element.value)
                what = f"unexported field {struct.fields[i].name} in struct literal of type {type_}"
                self.error(codes.STRUCT_LITERAL, element.value, f"implicit assignment to {what}")
                continue
            x.entries.append((i, self.element_of_struct(element.value, struct.fields[i].type)))
        if len(x.elements) < len(struct.fields):
            hidden = any(map(self.is_hidden, struct.fields))
            hint = " (type has unexported fields - use key:value pairs)" if hidden else ""
            self.error(codes.STRUCT_LITERAL, x.end, f"too few values in struct literal of type {type_}{hint}")

    # ------------------------------------------------------------ arrays, slices, maps

    def _indexed_elements(self, x: s.CompositeLit, elem: Type, length: int) -> int:
        """Check the elements of an array or slice; how many elements it has."""
        taken: set[int] = set()
        index = highest = 0
        for element in x.elements:
            is_good = True
            if element.key is not None:
                found = self.index_value(element.key, length)
                is_good = found >= 0
                if is_good:
                    index = found
                elif is_valid(element.key) and element.key.mode is not s.Mode.CONSTANT:
                    message = f"index {spelled(element.key)} must be integer constant"
                    self.error(codes.INDEX, element, message)
            elif 0 <= length <= index:
                is_good = False
                self.error(codes.INDEX, element, f"index {index} is out of bounds (>= {length})")
            if is_good and index in taken:
                message = f"duplicate index {index} in array or slice literal"
                self.error(codes.DUPLICATE, element, message)
            taken.add(index)
            x.entries.append((index, self.element(element.value, elem, "array or slice literal")))
            index += 1
            highest = max(highest, index)
        return highest

    def _map_literal(self, x: s.CompositeLit, map_: Map) -> None:
        seen: set[tuple[Type, Value]] = set()
        for element in x.elements:
            if element.key is None:
                self.error(codes.LITERAL_TYPE, element, "missing key in map literal")
                continue
            key = self.element(element.key, map_.key, "map literal")
            if not is_valid(key):
                continue
            if key.mode is s.Mode.CONSTANT and key.value is not None:
                if (key.type, key.value) in seen:
                    message = f"duplicate key {c.spelled_value(key.value)} in map literal"
                    self.error(codes.DUPLICATE, key, message)
                    continue
                seen.add((key.type, key.value))
            x.pairs.append((key, self.element(element.value, map_.elem, "map literal")))

    # ------------------------------------------------------------ functions

    def check_function_literal(self, x: s.FuncLit) -> None:
        """func(params) results { body }"""
        signature = self.signature(x.signature)
        outer = self.at.function
        name = self._literal_name(outer)
        x.info = FunctionInfo(name, signature, outer=outer, package=self.path, source=self.library_source())
        scope = Scope(self.at.scope)
        self.declare_params(x.info, x.signature, scope)
        iota = self.at.iota
        self.later(lambda: self.function_body(x.info, x.body, scope, iota))
        x.mode, x.type = s.Mode.VALUE, signature

    def _literal_name(self, outer: FunctionInfo | None) -> str:
        """As traces call it: main.func1 is the first of main, main.func1.1 the first inside that.

        The first of a package-level variable is init.func1.
        """
        if outer is None:
            self.literals += 1
            return f"init.func{self.literals}"
        outer.literals += 1
        is_literal = outer.outer is not None or outer.name.startswith("init.func")
        return f"{outer.name}.{'' if is_literal else 'func'}{outer.literals}"

    def declare_params(self, info: FunctionInfo, type_expr: s.FuncType, scope: Scope) -> None:
        """Enter the parameters and results of a function into its scope."""
        raise NotImplementedError
