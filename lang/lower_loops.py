"""Loops and switches, and the branches that leave them.

    for init; c; post {b}      init                      `continue` runs post first
                               while c:
                                   b
                                   post
    switch t { case a: ... }   if t == a: ... else: ...  in a loop of one round when a `break` leaves it
    continue outer             leave = True; break       each loop passed on the way out asks the flag

Python's loops know no labels, so a branch to an outer loop sets a flag; LLVM turns the flags back into jumps.

    S1  a loop variable that lives on the heap is a new one each round; of one in the frame nothing is left by then

Next: lower_gotos.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lang import syntax
from lang.flow import Break, Continue, Flow, If, Loop, Step, ends
from lang.go_types import BOOL, INT, RUNE, STRING, Array, Interface, Pointer, Slice, Type, basic
from lang.layout import has_pointers, size_of
from lang.lower_calls import Argument
from lang.lower_frame import NotYet, Place, Value
from lang.lower_literals import is_fresh
from lang.lower_places import is_bytes
from lang.lower_statements import Jumping, Statements, is_blank
from lang.lower_types import is_boxed
from lang.objects import Var

SHORT_COPY = 256  # bytes of an array that is copied into the frame
LONGEST_CHAIN = 8  # cases; see is_long
STATEMENT_PARTS = ("statements", "then", "else_", "body", "statement", "cases")


@dataclass(slots=True)
class Target:
    """A statement that break or continue can name, while its body is lowered."""

    statement: syntax.Stmt | None  # None for the loop that only carries a switch's breaks
    post: list[syntax.Stmt] = field(default_factory=list)  # run before the next round
    step: Step | None = None  # the same, where it is no Toy statement
    copies: list[Var] = field(default_factory=list)  # S1
    is_loop: bool = True
    exits: list[tuple[syntax.Stmt, str, str]] = field(default_factory=list)  # target, keyword, flag: passing outwards


class Loops(Statements):
    """Statements that jump, and that are jumped out of."""

    targets: list[Target]

    def jumping_statement(self, node: Jumping) -> None:
        """Loops and switches, and what leaves them."""
        if isinstance(node, syntax.For):
            self.for_statement(node)
        elif isinstance(node, syntax.Range):
            self.range_statement(node)
        elif isinstance(node, syntax.Switch):
            self.switch(node)
        elif isinstance(node, syntax.TypeSwitch):
            self.type_switch(node)
        else:
            self.branch(node)

    # ---- loops

    def for_statement(self, node: syntax.For) -> None:
        """for init; condition; post {}"""
        if node.init is not None:
            self.statement(node.init)
        copies = [
            var
            for var in node.variables
            if isinstance(self.locals.get(var), Place) and (var.captured or var.address_taken) and not var.stays
        ]
        target = Target(node, [node.post] if node.post is not None else [], copies=copies)
        self.loop(node.condition, target, lambda: self.block_of(node.body))

    def loop(self, condition: syntax.Expr | None, target: Target, body: Callable[[], None]) -> None:
        """A loop over `body`; the condition is asked inside it when it needs lines of its own."""
        lines: list[Flow] = []
        with self.inside(lines):
            text = "True" if condition is None else self.condition(condition)
            if lines:
                self.add(If(f"not {text}", [Break()]))
                text = "True"
            self.loop_body(target, body)
        self.close_loop(Loop(text, lines), target)

    def loop_body(self, target: Target, body: Callable[[], None]) -> None:
        """The body and what goes before the next round."""
        self.targets.append(target)
        self.rounds.append((self.block, len(self.block)))
        rooted = len(self.rooted)
        body()
        del self.rooted[rooted:]
        self.rounds.pop()
        self.targets.pop()
        if not ends(self.block):
            self.next_round(target)

    def next_round(self, target: Target) -> None:
        """What happens between two rounds of a loop."""
        for var in target.copies:
            old = self.locals[var]
            assert isinstance(old, Place), "a captured variable lives in memory"
            fresh = self.new_memory(var.type, "", self.load(old))
            self.step(f"{old.pointer} = {fresh.pointer}", old.pointer)
        for post in target.post:
            self.statement(post)
        if target.step is not None:
            self.add(target.step)

    def close_loop(self, loop: Loop, target: Target) -> None:
        """Append a loop, and behind it the jumps that go on outwards."""
        for _, _, flag in target.exits:
            self.step(f"{flag} = False", flag)
        self.add(loop)
        for statement, keyword, flag in target.exits:
            onward = self.if_(flag)
            with self.inside(onward.then):
                self.jump(statement, keyword, flag)

    def branch(self, node: syntax.Branch) -> None:
        """break, continue, goto and fallthrough"""
        if node.keyword == "fallthrough":
            return
        assert node.target is not None, "the checker knows where a branch leads"
        if node.keyword == "goto":
            self.goto(node.target)
        else:
            self.jump(node.target, node.keyword, "")

    def goto(self, label: syntax.Stmt) -> None:
        """goto L"""
        raise NotImplementedError

    def jump(self, statement: syntax.Stmt, keyword: str, flag: str) -> None:
        """Go to the end of `statement`, or to its next round; through loops in between by a flag."""
        innermost = next(target for target in reversed(self.targets) if target.is_loop)
        if innermost.statement is statement:
            if keyword == "continue":
                self.next_round(innermost)
                self.add(Continue())
            else:
                self.add(Break())
            return
        known = next((exit_[2] for exit_ in innermost.exits if exit_[:2] == (statement, keyword)), "")
        if not known:
            known = flag or self.names.fresh("leave")
            innermost.exits.append((statement, keyword, known))
        self.step(f"{known} = True", known)
        self.add(Break())

    # ---- range

    def range_statement(self, node: syntax.Range) -> None:
        """for key, value := range operand {}"""
        match node.kind:
            case syntax.RangeKind.INTEGER:
                self.range_integer(node)
            case syntax.RangeKind.SLICE | syntax.RangeKind.ARRAY | syntax.RangeKind.ARRAY_POINTER:
                self.range_elements(node)
            case syntax.RangeKind.STRING:
                self.range_string(node)
            case syntax.RangeKind.MAP:
                self.range_map(node)
            case _:
                raise NotYet(node, f"range over {node.kind.name.lower()}s")

    def range_integer(self, node: syntax.Range) -> None:
        """for i := range n"""
        t = node.operand.type
        (limit,) = self.snapshot(t, self.value(node.operand))
        counter = self.counter(t)
        self.range_loop(node, counter, f"{counter} < {limit}", f"{counter} + 1", (counter,), t, None)

    def counter(self, t: Type) -> str:
        """A hidden variable that counts the rounds."""
        (component,) = self.types.components(t)
        name = self.declare_temporary(component)
        self.step(f"{name} = {component.zero}", name)
        return name

    def range_elements(self, node: syntax.Range) -> None:
        """for i, v := range of a slice, an array or a pointer to one"""
        data, length, elem = self.ranged_elements(node)
        counter = self.counter(INT)
        place = self.element_place(data, counter, elem)
        self.range_loop(node, counter, f"{counter} < {length}", f"{counter} + 1", (counter,), INT, place)

    def ranged_elements(self, node: syntax.Range) -> tuple[str, str, Type]:
        """Elements, their number and type; evaluated once. "" for those of an array that only has its length taken."""
        under = node.operand.type.underlying
        if isinstance(under, Slice):
            if is_bytes(under):
                data, length = self.snapshot(STRING, self.looked_at(node.operand))
            else:
                data, length, _ = self.snapshot(node.operand.type, self.value(node.operand))
            return data, length, under.elem
        array = under.elem.underlying if isinstance(under, Pointer) else under
        assert isinstance(array, Array), "the checker lets only arrays and pointers to them come here"
        if not takes_value(node):
            if not node.is_counted:
                self.evaluate(node.operand)
            return "", str(array.length), array.elem
        if isinstance(under, Pointer):
            base = self.anchored(self.checked(self.value(node.operand)[0], node.operand))
        else:
            base = self.array_copy(node.operand)
        return self.temporary(f"{base}.items", "address({})"), str(array.length), array.elem

    def array_copy(self, expr: syntax.Expr) -> str:
        """A pointer to an array that stays as it is while a loop walks over it; a short copy lies in the frame."""
        if is_fresh(expr) or not 0 < size_of(expr.type) <= SHORT_COPY:
            return self.owned_value(expr, expr.type)[0]
        (array,) = self.bind(expr.type, self.value(expr))
        copy = self.frame_memory(expr.type, "", has_pointers(expr.type))
        self.step(f"copy_struct({copy}, {array})")
        return copy

    def range_string(self, node: syntax.Range) -> None:
        """for i, r := range s"""
        data, length = self.snapshot(node.operand.type, self.value(node.operand))
        counter, after = self.counter(INT), self.names.temporary()
        rune = self.names.temporary()
        decode = Step(f"{rune}, {after} = decode_rune({data}, {length}, {counter})", (rune, after))
        self.range_loop(
            node, counter, f"{counter} < {length}", f"{counter} + {after}", (counter,), INT, None, (decode, rune)
        )

    def range_map(self, node: syntax.Range) -> None:
        """for k, v := range m"""
        t = self.map_of(node.operand)
        rounds = self.map_rounds(node.operand)
        clears = self.temporary(f"({rounds[0]}.clears if {rounds[2]} != 0 else u64(0))")
        target = Target(node)

        def body() -> None:
            key, elem = self.map_entry(t, rounds, clears)
            given = [(t.key, self.owned_copy(t.key, key))]
            if takes_value(node):
                given.append((t.elem, self.owned_copy(t.elem, elem)))
            self.range_variables(node, given)
            self.block_of(node.body)

        lines: list[Flow] = []
        with self.inside(lines):
            self.loop_body(target, body)
        self.close_loop(Loop("True", lines), target)

    def owned_copy(self, t: Type, parts: Value) -> Value:
        """A value of a map's slot, which the slot may lose."""
        return (self.new_memory(t, "", parts).pointer,) if is_boxed(t) else self.bind(t, parts)

    def range_loop(
        self,
        node: syntax.Range,
        counter: str,
        condition: str,
        following: str,
        key: Value,
        key_type: Type,
        place: Place | None,
        decoded: tuple[Step, str] | None = None,
    ) -> None:
        """The loop that all ranges share: give key and value, run the body, move on."""
        target = Target(node, step=Step(f"{counter} = {following}", (counter,)))

        def body() -> None:
            if decoded is not None:
                self.add(decoded[0])
            given = [(key_type, key)]
            if takes_value(node):
                value = (decoded[1],) if decoded is not None else self.load(place) if place is not None else ()
                given.append((RUNE if place is None else place.type, value))
            self.range_variables(node, given)
            self.block_of(node.body)

        lines: list[Flow] = []
        with self.inside(lines):
            self.loop_body(target, body)
        self.close_loop(Loop(condition, lines), target)

    def range_variables(self, node: syntax.Range, given: list[Argument]) -> None:
        """This round's key and value: new variables, or assigned to what stands there."""
        targets, values = [], []
        for expr, var, (t, parts) in zip((node.key, node.value), (node.key_var, node.value_var), given, strict=False):
            if var is not None:
                self.declare_variable(var, self.wish(var), parts)
            elif expr is not None and not is_blank(expr):
                targets.append(expr)
                values.append(self.snapshot(expr.type, self.as_type(t, parts, expr.type, expr)))
        for target in targets:
            self.make_calls(target)
        self.put_all(targets, values)

    # ---- switch

    def switch(self, node: syntax.Switch) -> None:
        """switch init; tag {}"""
        if node.init is not None:
            self.statement(node.init)
        tag = self.snapshot(node.tag.type, self.tag_value(node, node.tag)) if node.tag is not None else ()
        target = Target(node, is_loop=breaks_out(node))
        numbered = any(case.falls_through for case in node.cases) or is_long(node)
        self.cases_of(target, lambda: self.numbered_cases(node, tag) if numbered else self.chained_cases(node, tag))

    def tag_value(self, node: syntax.Switch, tag: syntax.Expr) -> Value:
        """What the cases of a switch are compared with; constants leave a string as it is."""
        values = [value for case in node.cases for value in case.values or []]
        is_left = basic(tag.type).is_string and all(value.mode is syntax.Mode.CONSTANT for value in values)
        return self.looked_at(tag) if is_left else self.value(tag)

    def cases_of(self, target: Target, body: Callable[[], None]) -> None:
        """The cases of a switch, in a loop of one round if a break leaves it."""
        lines: list[Flow] = []
        self.targets.append(target)
        with self.inside(lines):
            body()
            if target.is_loop and not ends(lines):
                self.add(Break())
        self.targets.pop()
        if target.is_loop:
            self.close_loop(Loop("True", lines), target)
        else:
            self.block += lines

    def type_switch(self, node: syntax.TypeSwitch) -> None:
        """switch v := x.(type) {}"""
        if node.init is not None:
            self.statement(node.init)
        t = node.operand.type
        held = self.snapshot(t, self.value(node.operand))
        self.cases_of(Target(node, is_loop=breaks_out(node)), lambda: self.type_cases(node, t, held))

    def type_cases(self, node: syntax.TypeSwitch, t: Type, held: Value) -> None:
        """if ... else if ... else default"""
        before = self.block
        for case in node.cases:
            if case.values is not None:
                branch = self.if_(any_of([self.holds_case(held[0], value) for value in case.values]))
                with self.inside(branch.then):
                    self.type_case(case, t, held)
                self.block = branch.orelse
        for case in node.cases:
            if case.values is None:
                self.type_case(case, t, held)
        self.block = before

    def holds_case(self, typ: str, value: syntax.Expr) -> str:
        """Whether an interface holds what a case names."""
        return f"is_nil({typ})" if value.mode is syntax.Mode.NIL else self.holds(typ, value.type)

    def type_case(self, case: syntax.Case, t: Type, held: Value) -> None:
        """The body of one case, with the variable that it has."""
        if case.var is not None:
            is_same = isinstance(case.var.type.underlying, Interface)
            parts = held if is_same else self.held_value(held[1], case.var.type)
            self.declare_variable(case.var, self.wish(case.var), parts)
        self.statements(case.body)

    def chained_cases(self, node: syntax.Switch, tag: Value) -> None:
        """if ... else if ... else default"""
        default = next((case for case in node.cases if case.values is None), None)
        rest = [case for case in node.cases if case.values is not None]
        before = self.block
        for case in rest:
            branch = self.if_(self.case_condition(node, tag, case))
            with self.inside(branch.then):
                self.statements(case.body)
            self.block = branch.orelse
        if default is not None:
            self.statements(default.body)
        self.block = before

    def numbered_cases(self, node: syntax.Switch, tag: Value) -> None:
        """With fallthrough: find the case's number first, then run the bodies from it on."""
        chosen = self.names.fresh("case")
        default = next((number for number, case in enumerate(node.cases) if case.values is None), len(node.cases))
        self.step(f"{chosen} = {default}", chosen)
        is_first = True
        for number, case in enumerate(node.cases):
            if case.values is not None:
                untaken = self.block if is_first else self.if_(f"{chosen} == {default}").then
                with self.inside(untaken), self.inside(self.if_(self.case_condition(node, tag, case)).then):
                    self.step(f"{chosen} = {number}", chosen)
                is_first = False
        for number, case in enumerate(node.cases):
            branch = self.if_(f"{chosen} == {number}")
            with self.inside(branch.then):
                self.statements(case.body)
                if case.falls_through:
                    self.step(f"{chosen} = {number + 1}", chosen)

    def case_condition(self, node: syntax.Switch, tag: Value, case: syntax.Case) -> str:
        """Whether a case is taken: one of its values equals the tag, or is true."""
        tests: list[str] = []
        for value in case.values or []:
            lines: list[Flow] = []
            with self.inside(lines):
                if node.tag is None:
                    test = self.case_true(value)
                elif value.mode is syntax.Mode.NIL:
                    test = f"is_nil({tag[0]})"
                else:
                    test = self.case_equal(node.tag.type, tag, value)
            tests = self.either(tests, lines, test)
        return any_of(tests)

    def case_true(self, value: syntax.Expr) -> str:
        """Whether the value of a case is true: a bool, or an interface that holds one."""
        if isinstance(value.type.underlying, Interface):
            return self.equal_mixed(value.type, self.value(value), BOOL, ("True",))
        return self.condition(value)

    def case_equal(self, t: Type, tag: Value, value: syntax.Expr) -> str:
        """Whether the tag equals the value of a case."""
        if isinstance(t.underlying, Interface) or isinstance(value.type.underlying, Interface):
            return self.equal_mixed(t, tag, value.type, self.value(value))
        return self.compared("==", t, tag, self.value(value))

    def either(self, tests: list[str], lines: list[Flow], test: str) -> list[str]:
        """`tests` and `test`, where `lines` must run before `test` and only if none of `tests` is true."""
        if not tests:
            self.block += lines
            return [test]
        if not lines:
            return [*tests, test]
        name = self.temporary(any_of(tests))
        branch = self.if_(f"not {name}")
        branch.then += [*lines, Step(f"{name} = {test}", (name,))]
        return [name]


def takes_value(node: syntax.Range) -> bool:
    """Whether a loop wants the values, not only their keys."""
    return node.value is not None and not is_blank(node.value)


def is_long(node: syntax.Switch) -> bool:
    """Whether a switch as a chain might nest too deeply: a case whose test has lines of its own is one level more."""
    tests = [value for case in node.cases for value in case.values or []]
    return len(node.cases) > LONGEST_CHAIN and any(value.mode is not syntax.Mode.CONSTANT for value in tests)


def any_of(tests: list[str]) -> str:
    """The text that is true when one of `tests` is."""
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def breaks_out(node: syntax.Switch | syntax.TypeSwitch) -> bool:
    """Whether a break inside leaves this switch."""
    pending: list[object] = [case.body for case in node.cases]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, syntax.Branch):
            if item.target is node:
                return True
        elif isinstance(item, syntax.Case):
            pending.append(item.body)
        elif isinstance(item, syntax.Stmt):
            pending += [getattr(item, name) for name in STATEMENT_PARTS if hasattr(item, name)]
    return False
