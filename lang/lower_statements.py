"""Statements: assignment, declarations, if and return.

    x = y             stores, or assignments to the locals of x
    a, b = b, a       what an earlier assignment may change into temporaries, then one assignment after the other
    a[i()] += 1       the place's operands once

Next: lower_loops.py
"""

from __future__ import annotations

from lang import syntax
from lang.check_tree import nodes
from lang.flow import Return
from lang.go_types import Array, Basic, Type, basic
from lang.layout import size_of
from lang.lower_frame import NotYet, Place, Value, strip
from lang.lower_maps import MapPlace, is_map_index
from lang.lower_names import safe_name
from lang.lower_operators import has_part
from lang.lower_packages import Packages
from lang.lower_types import VIEW, is_boxed, is_scalar
from lang.objects import Object, Var

STATEMENT_NAMES: dict[type[syntax.Stmt], str] = {
    syntax.Send: "channels",
    syntax.Select: "select",
    syntax.Go: "goroutines",
}


Jumping = syntax.For | syntax.Range | syntax.Switch | syntax.TypeSwitch | syntax.Branch


class Statements(Packages):
    """All statements."""

    def block_of(self, block: syntax.Block) -> None:
        """{ statements }"""
        self.statements(block.statements)

    def statements(self, statements: list[syntax.Stmt]) -> None:
        """Statements in a row."""
        for statement in statements:
            outer, self.pos = self.pos, statement.pos
            self.statement(statement)
            self.pos = outer

    def statement(self, node: syntax.Stmt) -> None:
        """One statement."""
        match node:
            case syntax.Empty():
                pass
            case syntax.Block():
                self.block_of(node)
            case syntax.ExprStmt():
                self.expression_statement(node.expr)
            case syntax.IncDec():
                self.inc_dec(node)
            case syntax.Assign() if node.op:
                self.assign_operation(node)
            case syntax.Assign():
                self.assign(node)
            case syntax.Define():
                self.define(node)
            case syntax.DeclStmt():
                self.declarations(node.declarations)
            case syntax.If():
                self.if_statement(node)
            case syntax.For() | syntax.Range() | syntax.Switch() | syntax.TypeSwitch() | syntax.Branch():
                self.jumping_statement(node)
            case syntax.Labeled():
                self.statement(node.statement)
            case syntax.Defer():
                self.defer(node)
            case syntax.Return():
                self.return_statement(node)
            case _:
                raise NotYet(node, STATEMENT_NAMES.get(type(node), "this statement"))

    def defer(self, node: syntax.Defer) -> None:
        """defer f(x)"""
        raise NotImplementedError

    def jumping_statement(self, node: Jumping) -> None:
        """Loops and switches, and what leaves them."""
        raise NotImplementedError

    def expression_statement(self, expr: syntax.Expr) -> None:
        """A call, its values unused."""
        self.unused = strip(expr)
        parts = self.value(expr)
        for part in parts:
            if "(" in part:
                self.step(part)

    # ---- assignment

    def inc_dec(self, node: syntax.IncDec) -> None:
        """x++ and x--"""
        one = syntax.BasicLit(node.pos, "INT", "1")
        one.mode, one.type, one.value = syntax.Mode.CONSTANT, node.target.type, 1
        self.operate(node.target, node.op, one)

    def assign_operation(self, node: syntax.Assign) -> None:
        """x op= y"""
        self.operate(node.left[0], node.op, node.right[0])

    def operate(self, target: syntax.Expr, op: str, operand: syntax.Expr) -> None:
        """x = x op y, x evaluated once: its calls before those in y, its checks behind them."""
        self.begin_target(target, [operand])
        self.make_calls(operand)
        t, inner = target.type, strip(target)
        if is_map_index(inner):
            self.operate_on_entry(inner, op, operand)
            return
        place = self.fixed_place(target)
        is_string, is_shift = basic(t).is_string, op in ("<<", ">>")
        added = self.to_join(operand) if is_string else []
        right = () if is_string or is_shift else self.value(operand)
        old = self.load(place) if place is not None else self.value(target)
        if is_string:
            new = self.joined([self.bind(t, old), *added])
        elif is_shift:
            new = (self.shift(op, old[0], operand, t),)
        else:
            new = (self.arithmetic(op, old[0], right[0], t, operand),)
        self.put(target, place, new)

    def operate_on_entry(self, target: syntax.Index, op: str, operand: syntax.Expr) -> None:
        """m[k] op= x. What may panic, or allocate, comes before the key is in the map."""
        t = target.type
        if basic(t).is_string:
            added = [self.bind(t, parts) for parts in self.to_join(operand)]
            place = self.map_place(target)
            self.store_entry(place, self.joined([self.load_entry(place), *added]))
            return
        right = () if op in ("<<", ">>") else self.bind(t, self.value(operand))
        place = self.map_place(target)
        if op in ("/", "%", "<<", ">>"):
            (old,) = self.load_entry(place)
            shifted = op in ("<<", ">>")
            new = self.shift(op, old, operand, t) if shifted else self.arithmetic(op, old, right[0], t, operand)
            self.store_entry(place, (new,))
            return
        slot = self.assigned_slot(place)
        self.store(slot, (self.arithmetic(op, self.load(slot)[0], right[0], t, operand),))

    def begin_target(self, target: syntax.Expr, right: list[syntax.Expr]) -> None:
        """Make the calls that a target is found through, before those on the right side; a key is read before these."""
        self.make_calls(target)
        inner = strip(target)
        if is_map_index(inner) and is_copied(inner.operand.type) and any(map(self.waits, right)):
            self.take(inner.index)

    def fixed_place(self, target: syntax.Expr) -> Place | None:
        """The memory of an assignment's target, found and checked now; None for locals and `_`."""
        place = None if is_blank(target) else self.place(target)
        return None if place is None else self.fixed(place)

    def target_place(self, target: syntax.Expr) -> Place | None:
        """The memory of one target of several: its operands are read now, and checked when it is assigned to."""
        match target:
            case syntax.Paren():
                return self.target_place(target.inner)
            case syntax.Name() if is_blank(target):
                return None
            case syntax.Index() if is_map_index(target):
                return self.map_place(target)
            case syntax.Index() if isinstance(target.operand.type.underlying, Array):
                array = self.target_place(target.operand)
                assert array is not None, "an array is always in memory"
                self.take(target.index)
                return self.element_of_array(array.text, target)
            case syntax.Index():
                self.take(target.operand)
                self.take(target.index)
            case syntax.Deref():
                self.take(target.operand)
            case syntax.Selector(selection=syntax.FieldSelection(steps=steps)):
                return self.target_field(target, steps)
        return self.place(target)

    def target_field(self, target: syntax.Selector, steps: tuple[syntax.FieldStep, ...]) -> Place | None:
        """The same for a field: the pointer that is followed last is read now."""
        last = max((number for number, step in enumerate(steps) if step.through_pointer), default=-1)
        if last < 0:
            place = self.target_place(target.operand)
        else:
            operand = target.operand
            (pointer,) = self.stepped_value(operand, steps[:last], target) if last else self.value(operand)
            place = self.pointed(self.checked(self.temporary(pointer, VIEW), target), steps[last].struct)
        for step in steps[max(last, 0) :]:
            place = None if place is None else self.field_place(place.text, step)
        return place

    def fixed(self, place: Place) -> Place:
        """A place whose text nothing assigned later can change."""
        if not is_scalar(place.type):
            pointer = self.anchored(place.text)
            return Place(pointer, place.type, pointer)
        if place.text.endswith("]"):
            base, index = subscript(place.text)
            if base.endswith(".items"):
                base = f"{self.anchored(base.removesuffix('.items'))}.items"
            else:  # the elements of a slice, which may be assigned to in the same statement
                base = self.temporary(base, VIEW)
            return Place(f"{base}[{index if index.isdigit() else self.temporary(index)}]", place.type, "")
        base, _, member = place.text.rpartition(".")
        return Place(f"{self.anchored(base)}.{member}", place.type, place.pointer)

    def put(self, target: syntax.Expr, place: Place | None, parts: Value) -> None:
        """Give the target its new value."""
        if isinstance(place, MapPlace):
            self.store_entry(place, parts)
        elif place is not None:
            self.store(place, parts)
        elif not is_blank(target):
            self.put_local(target, parts)

    def put_local(self, target: syntax.Expr, parts: Value) -> None:
        """Assign to a variable in locals, or to a field of one."""
        names = self.value(target)
        self.set_locals(names, self.types.components(target.type), parts)

    def assign(self, node: syntax.Assign) -> None:
        """a, b = x, y"""
        if len(node.left) == 1:
            self.assign_one(node.left[0], node.right[0])
            return
        for target in node.left:
            self.begin_target(target, node.right)
        if len(node.left) == len(node.right):
            self.assign_each(node.left, node.right)
        else:
            self.put_all(node.left, self.right_sides(node.right, [wanted_type(target) for target in node.left]))

    def assign_each(self, targets: list[syntax.Expr], right: list[syntax.Expr]) -> None:
        """a, b = x, y. A value is looked at just before it is assigned, unless an earlier assignment may change it.

        So does Go: of several that panic, it is this order that says which one does.
        """
        self.make_all_calls(right)
        places = [self.target_place(target) for target in targets]
        early: dict[int, Value] = {}
        assigned: set[Object | None] = set()  # what the targets in front name
        has_memory = False  # whether one of those is in memory
        for number, (target, place, expr) in enumerate(zip(targets, places, right, strict=True)):
            if self.may_change(expr, assigned, has_memory):
                early[number] = self.right_side(expr, wanted_type(target))
            assigned.update(x.object for x in nodes(target) if isinstance(x, syntax.Name))
            has_memory = has_memory or place is not None
        for number, (target, place, expr) in enumerate(zip(targets, places, right, strict=True)):
            parts = early[number] if number in early else self.right_side(expr, wanted_type(target))
            self.put_checked(target, place, parts)

    def may_change(self, expr: syntax.Expr, assigned: set[Object | None], has_memory: bool) -> bool:
        """Whether assignments to what is named, some of it in memory or not, may change what an expression gives."""
        return any(
            isinstance(x, syntax.Name) and x.object in assigned or has_memory and not self.is_in_locals(x)
            for x in nodes(expr)
        )

    def put_all(self, targets: list[syntax.Expr], values: list[Value]) -> None:
        """Give several targets their new values: what they are found through is read before the first has its."""
        places = [self.target_place(target) for target in targets]
        for target, place, parts in zip(targets, places, values, strict=True):
            self.put_checked(target, place, parts)

    def put_checked(self, target: syntax.Expr, place: Place | None, parts: Value) -> None:
        """Give one target of several its new value; its place is checked now."""
        self.put(target, place if place is None or isinstance(place, MapPlace) else self.fixed(place), parts)

    def assign_one(self, target: syntax.Expr, right: syntax.Expr) -> None:
        """x = y"""
        if is_blank(target):
            if right.mode is not syntax.Mode.NIL:
                self.evaluate(right)
            return
        self.begin_target(target, [right])
        parts = self.value_as(right, target.type)
        inner = strip(target)
        self.put(target, self.map_place(inner) if is_map_index(inner) else self.place(target), parts)

    def right_sides(self, right: list[syntax.Expr], types: list[Type | None]) -> list[Value]:
        """The values of several right sides, all taken before the first is assigned; as their targets want them."""
        self.make_all_calls(right)
        if len(right) == len(types):
            return [self.right_side(expr, t) for expr, t in zip(right, types, strict=True)]
        return [
            self.snapshot(*((source, parts) if t is None else (t, self.as_type(source, parts, t, right[0]))))
            for (source, parts), t in zip(self.split(right[0]), types, strict=True)
        ]

    def right_side(self, expr: syntax.Expr, t: Type | None) -> Value:
        """The value of one right side, as its target wants it; None: whatever it is."""
        return self.snapshot(expr.type, self.value(expr)) if t is None else self.snapshot(t, self.owned_value(expr, t))

    def define(self, node: syntax.Define) -> None:
        """a, b := x, y"""
        if len(node.left) == 1 and len(node.right) == 1:
            self.define_one(node.left[0], node.new[0], node.right[0])
            return
        types = [
            None if is_blank(left) else defined_variable(left, var).type
            for left, var in zip(node.left, node.new, strict=True)
        ]
        values = self.right_sides(node.right, types)
        for left, var, parts in zip(node.left, node.new, values, strict=True):
            if var is not None:
                self.declare_owned(var, parts)
            elif not is_blank(left):
                self.assign_variable(defined_variable(left, var), parts)

    def assign_variable(self, var: Var, parts: Value) -> None:
        """Give a variable that exists a new value."""
        found = self.variable(var)
        if isinstance(found, Place):
            self.store(found, parts)
        else:
            self.set_locals(found, self.types.components(var.type), parts)

    def define_one(self, left: syntax.Expr, var: Var | None, right: syntax.Expr) -> None:
        """a := x"""
        if var is None:
            self.assign_one(left, right)
        else:
            self.declare_from(var, right)

    def declare_from(self, var: Var, right: syntax.Expr) -> None:
        """A variable declared with a value."""
        inner = strip(right)
        if not var.stays or not is_boxed(var.type):
            self.declare_owned(var, self.owned_value(right, var.type))
        elif isinstance(inner, syntax.CompositeLit):
            place = self.variable_memory(var, self.wish(var), None)
            self.fill(place.pointer, inner)
            self.locals[var] = place
        else:
            self.declare_variable(var, self.wish(var), self.value_as(right, var.type))
        self.note_known(var, right)

    def declare_owned(self, var: Var, parts: Value) -> None:
        """A variable whose boxed value is memory of its own already."""
        if is_boxed(var.type) and not var.stays:
            self.moves(var)
            self.locals[var] = self.pointed(self.named_pointer(var, parts[0]), var.type)
        else:
            self.declare_variable(var, self.wish(var), parts)

    def named_pointer(self, var: Var, pointer: str) -> str:
        """A local named after `var` that holds the pointer to its memory."""
        name = self.declare(self.wish(var), self.types.components(var.type)[0])
        self.step(f"{name} = {pointer}", name)
        return name

    def wish(self, var: Var) -> str:
        """The name that a variable would like to have."""
        return safe_name(var.name) if var.name and var.name != "_" else "unnamed"

    def declarations(self, declarations: list[syntax.Decl]) -> None:
        """var among statements; types and constants leave nothing to do."""
        for declaration in declarations:
            if isinstance(declaration, syntax.VarDecl):
                self.var_declaration(declaration)

    def var_declaration(self, node: syntax.VarDecl) -> None:
        """var a, b T = x, y"""
        if not node.values:
            for var in node.vars:
                if var is not None:
                    self.declare_variable(var, self.wish(var), None)
            return
        if len(node.vars) == 1 and node.vars[0] is not None:
            self.declare_from(node.vars[0], node.values[0])
            return
        values = self.right_sides(node.values, [None if var is None else var.type for var in node.vars])
        for var, parts in zip(node.vars, values, strict=True):
            if var is not None:
                self.declare_owned(var, parts)

    # ---- branches

    def condition(self, expr: syntax.Expr) -> str:
        """The text of a condition."""
        return self.value(expr)[0]

    def if_statement(self, node: syntax.If) -> None:
        """if init; condition {} else {}"""
        if node.init is not None:
            self.statement(node.init)
        branch = self.if_(self.condition(node.condition))
        with self.inside(branch.then):
            self.block_of(node.then)
        if node.else_ is not None:
            with self.inside(branch.orelse):
                self.statement(node.else_)

    def return_statement(self, node: syntax.Return) -> None:
        """return, with values or with what the named results hold"""
        types = [var.type for var in self.info.results]
        if not node.results:
            self.return_named()
        elif any(var.is_shared for var in self.info.results):
            self.set_results(node)
            self.return_named()
        elif len(node.results) == len(types):
            self.make_all_calls(node.results)
            parts = [self.owned_value(expr, t) for expr, t in zip(node.results, types, strict=True)]
            self.add(Return(", ".join(part for value in parts for part in value)))
        else:
            values = self.right_sides(node.results, list(types))
            self.add(Return(", ".join(part for value in values for part in value)))

    def set_results(self, node: syntax.Return) -> None:
        """Give the results, which others may see, the values that are returned."""
        results = self.info.results
        values = self.right_sides(node.results, [var.type for var in results])
        for var, parts in zip(results, values, strict=True):
            self.assign_variable(var, parts)

    def return_named(self) -> None:
        """The current values of the results."""
        parts: list[str] = []
        for var in self.info.results:
            found = self.variable(var)
            parts += self.load(found) if isinstance(found, Place) else found
        self.add(Return(", ".join(parts)))


def defined_variable(left: syntax.Expr, new: Var | None) -> Var:
    """The variable that a name on the left of := stands for: a new one, or one that is assigned to."""
    found = left.object if new is None and isinstance(left, syntax.Name) else new
    assert isinstance(found, Var), "only variables stand left of :="
    return found


def subscript(text: str) -> tuple[str, str]:
    """base and index of `base[index]`"""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == "]") - (text[at] == "[")
        if depth == 0:
            return text[:at], text[at + 1 : -1]
    raise AssertionError(f"{text} has no subscript")


def is_blank(expr: syntax.Expr) -> bool:
    """Whether an assignment's target is `_`."""
    return isinstance(expr, syntax.Name) and expr.name == "_"


def is_copied(t: Type) -> bool:
    """Whether Go's compiler copies the keys of a map, so that they are read in their turn: not words and strings."""
    key = t.underlying.key  # type: ignore[attr-defined]
    if isinstance(key.underlying, Basic) and key.underlying.is_string:
        return False
    return size_of(key) not in (4, 8) or has_part(key, lambda part: isinstance(part, Basic) and part.is_float)


def wanted_type(target: syntax.Expr) -> Type | None:
    """The type that an assignment's target wants of a value; None if it takes any."""
    return None if is_blank(target) else target.type
