"""Functions: parameters into variables, the body into flow, and the flow into lines.

    func (t *Tree) insert(key int) bool     def Tree_insert(g: G, sp: uintptr, t: Tree, key: i64) -> bool:

Which calls may collect, and which functions recurse, is known only when all bodies are lowered: the lines come last.

    C1  a function in a cycle of calls compares the stack pointer with its limit first; the others together need
        less than the room kept below the limit
    C2  of a small recursive function there is a second copy, which is inlined into the first and calls it: half of the
        levels of the recursion are no calls
    C3  what a recursive function does before it calls anything is its front, and inlined where it calls itself: where
        that is all there is to do, nothing is called (fronts.py)

Owner: one program's lowering.        Next: lower_thunks.py
"""

from __future__ import annotations

import re

from lang import syntax
from lang.flow import Allocate, Call, Flow, If, Leave, Loop, Return, Step, ends, flow_nodes
from lang.fronts import Divided, divided
from lang.go_types import Instance, InterfaceMethod, Signature, Type
from lang.lookup import selected_method
from lang.lower_closures import CLOSURE, method_call, parameters_of, used_name
from lang.lower_defers import Defers
from lang.lower_frame import Program, Value
from lang.lower_interfaces import DATA, TYPE
from lang.lower_types import Component, is_boxed, needs_memory
from lang.objects import Func, FunctionInfo, Var
from lang.shadow_stack import emit_function_body
from lang.syntax import Adjust, Block, FuncDecl, FuncLit, MethodSelection, Selection, Selector

UNROLLED_NODES = 40  # nodes of flow that a function which is unrolled into itself has at most
UNROLLED_CALLS = 3  # and calls of itself
DIVIDED_CALLS = 8  # calls of itself that a function with a front has at most
LARGE = 60  # lines of a function that stays out of line if it runs once; of what a smaller one does its caller may know
SLOTS_PER_FRAME = 8  # a native frame is at least a quarter of this many words; frames with more slots check their own


class Function(Defers):
    """One function: its name, its parameters, and what it calls."""

    def __init__(self, program: Program, info: FunctionInfo, name: str) -> None:
        super().__init__(program, info)
        self.name = name
        self.targets = []
        self.entries = {}
        self.literal_names = {}
        self.parameters: list[str] = []  # with their annotations
        self.results: list[Component] = []
        self.guard_mark = ""  # what traces call the line where the stack is found to be too deep

    def show(self, pos: int) -> None:
        """Traces name the function, which is declared at a position."""
        self.is_shown = True
        self.guard_mark = f"  # {self.program.position(self.info, pos)}"

    def lower(self, declaration: FuncDecl) -> None:
        """The parameters and the body of a declared function."""
        assert declaration.body is not None, "the checker rejects functions without a body"
        assert declaration.object is not None, "the checker declares every function"
        self.program.analyse(declaration.object)
        self.show(declaration.pos)
        self.pos = declaration.pos
        self.note_call(is_value=False)
        self.declare_parameters()
        self.lower_whole(declaration.body)

    def lower_whole(self, body: Block) -> None:
        """The body, or what runs it when it defers calls."""
        if self.info.has_defer:
            self.run_body(body)
        else:
            self.lower_body(body)

    def lower_literal(self, declaration: FuncLit) -> None:
        """A function literal: its closure comes before its parameters (FV1)."""
        self.show(declaration.pos)
        self.pos = declaration.pos
        self.note_call(is_value=True)
        self.declare_closure()
        self.declare_parameters()
        self.lower_whole(declaration.body)

    def lower_ready(self, target: Func | None, signature: Signature, given: Type, is_cleanup: bool) -> None:
        """What the runtime calls for a finalizer or a cleanup."""
        closure, word = self.declare("closure", CLOSURE), self.declare("word", DATA)
        self.parameters += [f"{closure}: Closure", f"{word}: uintptr"]
        self.bind_captures(closure, self.info)
        arguments = self.ready_argument(given, is_cleanup, word)
        if target is None:
            (function,) = self.as_locals(self.info.captures[0])
            self.call_closure(function, "-1", signature, arguments)
        else:
            self.call_toy(self.program.function_name(target), arguments, signature)

    def lower_matcher(self, t: Type) -> None:
        """func(err error) bool: whether err is a t, which the captured pointer then points to."""
        self.declare_closure()
        self.declare_parameters()
        (err,), (target,) = self.info.params, self.info.captures
        typ, data = self.as_locals(err)
        *found, ok = self.asked(typ, data, t)
        with self.inside(self.if_(ok).then):
            self.store(self.pointed(self.as_locals(target)[0], t), tuple(found))
        self.add(Return(ok))

    def as_locals(self, var: Var) -> Value:
        """The locals of a variable that is not shared."""
        found = self.locals[var]
        assert isinstance(found, tuple), "the variable lives in locals"
        return found

    def lower_deferring_body(self, body: Block, defers: Var, outer: Function) -> None:
        """The inner function of one that defers: its results are variables that it captures."""
        self.show(body.pos)
        self.defers, self.deferred, self.recovers = defers, outer.deferred, outer.recovers
        self.declare_closure()
        self.block_of(body)

    def lower_deferred(self, call: syntax.Call) -> None:
        """A func() that makes a deferred call; what it captured is in info."""
        self.pos = call.pos
        self.hand_on(call)
        self.declare_closure()
        self.unused = call
        for part in self.value(call):
            if "(" in part:
                self.step(part)

    def lower_thunk(self, call: syntax.Call, receiver: Var | None) -> None:
        """A function that makes one call with what it was given, of a method perhaps, whose receiver it was given."""
        self.pos = call.pos
        self.hand_on(call)
        self.declare_closure()
        self.declare_parameters()
        if receiver is not None:
            assert isinstance(call.function, Selector), "a method is selected"
            self.check_receiver(self.value(used_name("receiver", receiver, receiver.type)), call.function.selection)
        self.add(Return(", ".join(self.value(call))))

    def lower_dispatch(self, method: InterfaceMethod, held: list[Type], hands_on: bool) -> None:
        """A call of a method of what an interface holds, which is one of the types. A deferred one is handed on."""
        typ = self.declare("typ", TYPE)
        data = self.declare("data", DATA)
        self.parameters += [f"{typ}: {TYPE.annotation}", f"{data}: {DATA.annotation}"]
        signature = method.signature
        self.info.params = parameters_of(signature, 0)
        self.info.results = [Var("", 0, result.type) for result in signature.results]
        self.declare_parameters()
        for t in held:
            branch = self.if_(f"{typ}.number == {self.types.number(t)}")
            with self.inside(branch.then):
                receiver = Var("receiver", 0, t)
                parts = self.held_value(data, t)
                self.locals[receiver] = self.pointed(parts[0], t) if is_boxed(t) else self.bind(t, parts)
                selected = selected_method(t, method.name)
                assert selected is not None, "IF1: the type has the method"
                self.check_receiver(parts, selected)
                call = method_call(receiver, selected, signature, self.info.params)
                if hands_on:
                    self.hand_on(call)
                self.add(Return(", ".join(self.value(call))))
        self.add(Leave('throw("IF1: an interface holds a type that no interface was given")'))

    def check_receiver(self, parts: Value, selected: Selection | None) -> None:
        """Panic when the method of a value is called, not by its name, for a pointer that is nil."""
        if isinstance(selected, MethodSelection) and selected.adjust is Adjust.DEREFERENCE and not selected.steps:
            receiver = selected.method.receiver
            assert receiver is not None, "a method has a receiver"
            name = f"{receiver.name}[...]" if isinstance(receiver, Instance) else receiver.name
            text = f"{receiver.package or 'main'}.{name}.{selected.method.name} called using nil *{name}"
            with self.inside(self.if_(f"is_nil({parts[0]})").then):
                self.add(Leave(f"panic_nil_receiver({self.program.string_constant(text)}, -1)"))

    def declare_closure(self) -> None:
        """The closure as a parameter, and what it holds as variables."""
        closure = self.declare("closure", CLOSURE)
        self.parameters.append(f"{closure}: {CLOSURE.annotation}")
        self.bind_captures(closure, self.info)

    def declare_parameters(self) -> None:
        """Parameters as locals; those that must live in memory are moved there."""
        for var in self.info.given:
            components = self.types.components(var.type)
            wish = self.wish(var)
            names = tuple(self.declare(f"{wish}_{c.suffix}" if c.suffix else wish, c) for c in components)
            self.parameters += [f"{name}: {c.annotation}" for name, c in zip(names, components, strict=True)]
            self.bind_parameter(var, names)
        for var in self.info.results:
            self.results += self.types.components(var.type)
            if self.info.has_named_results:
                self.declare_variable(var, self.wish(var), None)

    def bind_parameter(self, var: Var, names: tuple[str, ...]) -> None:
        """Make a parameter a variable."""
        if needs_memory(var):
            self.locals[var] = self.variable_memory(var, self.wish(var), names)
        else:
            self.locals[var] = names

    def lower_body(self, body: Block) -> None:
        """The statements; where Go knows that the end is not reached, systems Python is told."""
        self.block_of(body)
        if self.results and not ends(self.block):
            self.add(Leave('throw("the end of a function with results was reached")'))

    # ---- what all functions together need to know

    def callees(self) -> set[str]:
        """The Toy functions that are called."""
        return set(self.places_of_calls())

    def places_of_calls(self) -> list[str]:
        """The Toy functions that are called: each as often as there are places that call it.

        Those that the runtime calls in its turn count twice: nobody knows how often it does.
        """
        calls = [node for node in flow_nodes(self.body) if isinstance(node, Call)]
        return [name for node in calls for name in (node.callee, *node.others, *node.others) if name]

    def calls_outside_loops(self) -> list[str]:
        """The Toy functions that are called at most once in a run of this one, where they are called."""
        nodes = flow_nodes(self.body, with_loops=False)
        return [node.callee for node in nodes if isinstance(node, Call) and node.callee]

    def collects_itself(self) -> bool:
        """Whether the body allocates or calls what may collect, other Toy functions aside."""
        return any(
            isinstance(node, Allocate) or (isinstance(node, Call) and not node.callee) for node in flow_nodes(self.body)
        )

    # ---- lines

    def lines(self, collecting: set[str], recurses: bool, runs_once: bool = False) -> list[str]:
        """The function's text, given which Toy functions may collect."""
        pieces = self.pieces() if recurses else None
        if pieces is not None:
            return self.lines_of_pieces(pieces, collecting)
        body, depth = self.emitted(self.body, collecting, runs_once)
        guard = self.guard(2 * depth) if recurses else []
        if self.is_unrolled():
            twin = self.program.names.fresh(f"{self.name}_again")
            outer = self.calling(twin, body)  # C2
            return ["@inline", self.head(twin), *body, "", self.head(self.name), *guard, *outer, ""]
        marks = ["@once"] if runs_once and len(body) >= LARGE else []
        return [*marks, self.head(self.name), *guard, *body, ""]

    def pieces(self) -> Divided | None:
        """The front of a function that calls itself, and its rests."""
        if not 0 < self.own_calls() <= DIVIDED_CALLS or self.info.has_defer:
            return None
        fresh = self.program.names.fresh
        return divided(self.body, self.annotations, bool(self.results), lambda: fresh(f"{self.name}_rest"))

    def lines_of_pieces(self, pieces: Divided, collecting: set[str]) -> list[str]:
        """The text of a function with a front."""
        callee = front = self.program.names.fresh(f"{self.name}_front")
        given = ", ".join(["g", "sp", *(parameter.partition(":")[0] for parameter in self.parameters)])
        whole = [self.head(self.name), f"    {'return ' if self.results else ''}{front}({given})", ""]
        body, inlined_depth = self.emitted(pieces.front, collecting)
        lines = ["@inline", self.head(front), *body, ""]  # C3
        if self.is_unrolled():
            callee = self.program.names.fresh(f"{self.name}_again")
            body, depth = self.emitted(self.body, collecting)
            inlined_depth += depth
            lines += ["@inline", self.head(callee), *self.calling(front, body), ""]
        for rest in pieces.rests:
            body, depth = self.emitted(rest.body, collecting)
            parameters = [f"{name}: {self.annotations[name]}" for name in rest.given]
            guard = self.guard(depth + inlined_depth)
            lines += [self.head(rest.name, parameters), *guard, *self.calling(callee, body), ""]
        return [*lines, *whole]

    def emitted(self, flow: list[Flow], collecting: set[str], runs_once: bool = False) -> tuple[list[str], int]:
        """The lines of a flow, and the number of slots that it uses at most."""
        body, depth = emit_function_body(
            without_safe_calls(flow, collecting), self.pointers, finalizers=self.finalizers(), runs_once=runs_once
        )
        return ["    package = Package.at(g.globals)", *body] if self.uses_globals else body, depth

    def guard(self, slots: int) -> list[str]:
        """What stands in front of a body that may be too deep, and uses so many slots of the shadow stack."""
        overflow = f"        stack_overflow(g){self.guard_mark}"
        lines = ["    if unlikely(stack_pointer() < g.stack_guard):", overflow]  # C1
        if slots > SLOTS_PER_FRAME:
            lines += [f"    if unlikely(sp + {8 * slots} > g.shadow_limit):", overflow]
        return lines

    def calling(self, name: str, body: list[str]) -> list[str]:
        """The lines of a body that call another function where it calls this one."""
        calls = re.compile(rf"\b{self.name}\(g, ")
        return [calls.sub(f"{name}(g, ", line) for line in body]

    def finalizers(self) -> str:
        """What is called behind an allocation; "" where nothing can be ready."""
        return "run_ready" if self.program.has_finalizers else ""

    def head(self, name: str, parameters: list[str] | None = None) -> str:
        """The function's `def` line, under a name; with its own parameters, unless others are given."""
        parameters = self.parameters if parameters is None else parameters
        result = ", ".join(c.annotation for c in self.results)
        arrow = f"tuple[{result}]" if len(self.results) > 1 else result or "None"
        return f"def {name}({', '.join(['g: G', 'sp: uintptr', *parameters])}) -> {arrow}:"

    def is_unrolled(self) -> bool:
        """Whether the function is small, calls itself, and so is worth having its callees' bodies in its own."""
        return 0 < self.own_calls() <= UNROLLED_CALLS and len(flow_nodes(self.body)) <= UNROLLED_NODES

    def own_calls(self) -> int:
        """In how many places the function calls itself."""
        return sum(isinstance(node, Call) and node.callee == self.name for node in flow_nodes(self.body))


def without_safe_calls(block: list[Flow], collecting: set[str]) -> list[Flow]:
    """The flow with calls of functions that never collect as plain steps: nothing needs to be stored for them."""
    result: list[Flow] = []
    for node in block:
        match node:
            case Call() if node.callee and node.callee not in collecting:
                result.append(Step(node.text.replace("{sp}", "sp"), node.targets, node.place))
            case If():
                then, orelse = (without_safe_calls(part, collecting) for part in (node.then, node.orelse))
                result.append(If(node.condition, then, orelse, node.place))
            case Loop():
                body = without_safe_calls(node.body, collecting)
                result.append(Loop(node.condition, body, node.place))
            case _:
                result.append(node)
    return result
