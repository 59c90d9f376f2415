"""Thunks: the functions of a program that function values lead to, and what is known of them.

    double as a value           def double_value(g, sp, closure, n): return double(g, sp, n)
    func(int) int               def call_i64_to_i64(g, sp, closure, a1): no body; it lends its types to call_at

Every function whose address is taken belongs to a shape: the types of its parameters and results as systems Python has
them. A call of a function value may lead to all functions of its shape, and to no other (FV2): so it is known which
calls may collect, and which functions recurse.

Owner: one program's lowering.        Next: lower_library.py
"""

from __future__ import annotations

from lang import syntax
from lang.build import Build
from lang.go_types import BOOL, ERROR, Field, Interface, InterfaceMethod, Param, Pointer, Signature, Type
from lang.lookup import missing_method, selected_method
from lang.lower_closures import CLOSURE, Selected, closure_type
from lang.lower_defers import TEXT_METHOD, TEXT_METHODS
from lang.lower_finalizers import READY_CODE
from lang.lower_frame import Frame
from lang.lower_function import Function
from lang.lower_map_types import MapTypes
from lang.lower_names import function_name, safe_name
from lang.lower_packages import MATCHER
from lang.lower_types import plain
from lang.objects import Func, FunctionInfo, Var
from lang.source import Source
from lang.syntax import InterfaceSelection

Shape = tuple[tuple[str, ...], tuple[str, ...]]  # annotations of the parameters and of the results


class Thunks(MapTypes):
    """The functions that a program has beside those that it declares."""

    def __init__(self, source: Source, build: Build) -> None:
        super().__init__(source, build)
        self.lowered: list[Function] = []
        self.shapes: dict[Shape, str] = {}
        self.addressed: dict[str, set[str]] = {}  # by shape: the functions that a call of a value may lead to
        self.static_closures: dict[str, str] = {}  # by function: the field of the package's struct
        self._thunks: dict[object, str] = {}
        self.boxed: dict[Type, None] = {}  # the types that interfaces may hold, in the order they were met
        # Functions that call a method of what an interface holds; True: they hand a deferred call on.
        self.dispatches: dict[tuple[InterfaceMethod, bool], str] = {}
        self.questions: dict[Interface, str] = {}  # functions that tell whether a type implements an interface
        self.complaints: dict[Interface, str] = {}  # functions that tell what it lacks

    def literal(self, expr: syntax.FuncLit, known: dict[Var, str]) -> str:
        """The name of a function literal's function. Of what it captures, some function values are known."""
        name = self.names.fresh(function_name(expr.info.name))
        function = Function(self, expr.info, name)
        function.known.update(known)
        function.lower_literal(expr)
        self.lowered.append(function)
        return name

    def thunk(self, key: object, name: str, call: syntax.Call, captured: list[Var], receiver: Var | None = None) -> str:
        """The name of the function that takes a closure, and makes a call with its own parameters."""
        found = self._thunks.get(key)
        if found is None:
            signature = call.signature
            assert signature is not None, "what is called has a signature"
            found = self._thunks[key] = self.names.fresh(f"{function_name(name)}_value")
            params = [arg.object for arg in call.args if isinstance(arg, syntax.Name)]
            info = FunctionInfo(name, signature, captures=captured)
            info.params = [var for var in (receiver, *params) if isinstance(var, Var)]
            info.results = [Var("", call.pos, result.type) for result in signature.results]
            function = Function(self, info, found)
            function.lower_thunk(call, receiver)
            self.lowered.append(function)
            if receiver is not None:
                signature = Signature((Param("", receiver.type), *signature.params), signature.results)
            self.take_address(found, signature)
        return found

    def deferred(self, call: syntax.Call, captured: list[Var]) -> str:
        """The name of the func() that makes a deferred call."""
        name = self.names.fresh("deferred")
        function = Function(self, FunctionInfo("deferred", Signature((), ()), captures=captured), name)
        function.lower_deferred(call)
        self.lowered.append(function)
        return name

    def ready_thunk(self, target: Func | None, signature: Signature, given: Type, is_cleanup: bool) -> str:
        """The name of what the runtime calls for a finalizer or a cleanup: of a function, or of what is captured."""
        key = ("ready", target, signature, given, is_cleanup)
        found = self._thunks.get(key)
        if found is None:
            found = self._thunks[key] = self.names.fresh("finalizer")
            captures = [Var("function", 0, signature)] if target is None else []
            function = Function(self, FunctionInfo("finalizer", Signature((), ()), captures=captures), found)
            function.lower_ready(target, signature, given, is_cleanup)
            self.lowered.append(function)
            self.addressed.setdefault(READY_CODE, set()).add(found)
        return found

    def matcher(self, t: Type) -> str:
        """The name of the function that errors.As asks whether an error is a t."""
        found = self._thunks.get(("matcher", t))
        if found is None:
            found = self._thunks["matcher", t] = self.names.fresh("as_target")
            info = FunctionInfo("As", MATCHER, params=[Var("err", 0, ERROR)], results=[Var("", 0, BOOL)])
            info.captures = [Var("target", 0, Pointer(t))]
            function = Function(self, info, found)
            function.lower_matcher(t)
            self.lowered.append(function)
            self.take_address(found, MATCHER)
        return found

    def deferring_body(self, info: FunctionInfo, body: syntax.Block, frame: Frame, defers: Var) -> str:
        """The name of the function that is the body of one that defers."""
        found = self.names.fresh(f"{function_name(info.name)}_body")
        function = Function(self, info, found)
        function.known.update(frame.known)
        assert isinstance(frame, Function), "a function defers"
        function.lower_deferring_body(body, defers, frame)
        self.lowered.append(function)
        return found

    def shape(self, signature: Signature) -> str:
        """The name of a function with the parameters and results of a function value's code, for call_at."""
        params = tuple(c.annotation for param in signature.params for c in self.types.components(param.type))
        results = tuple(c.annotation for result in signature.results for c in self.types.components(result.type))
        found = self.shapes.get((params, results))
        if found is None:
            words = "_".join(plain(text) for text in (*params, *(("to", *results) if results else ())))
            found = self.shapes[params, results] = self.names.fresh(f"call_{words}"[:40].rstrip("_"))
            self.addressed[found] = set()
        return found

    def shape_lines(self) -> list[str]:
        """The functions that lend their types."""
        lines = []
        for (params, results), name in self.shapes.items():
            given = "".join(f", a{number}: {annotation}" for number, annotation in enumerate(params, start=1))
            result = f"tuple[{', '.join(results)}]" if len(results) > 1 else "".join(results) or "None"
            lines += [
                f"def {name}(g: G, sp: uintptr, closure: {CLOSURE.annotation}{given}) -> {result}:",
                '    throw("a function value is called by its address")',
                "",
            ]
        return lines

    def take_address(self, name: str, signature: Signature) -> None:
        """Note that function values lead to the function `name`."""
        self.addressed[self.shape(signature)].add(name)

    def static_closure(self, name: str) -> str:
        """The field of the package's struct that holds the closure of a function without captured variables."""
        return self.static_closures.setdefault(name, f"closure{len(self.static_closures)}_{name}")

    def static_fields(self) -> list[Field]:
        """Those fields."""
        return [Field(field, closure_type([])) for field in self.static_closures.values()]

    def static_lines(self) -> list[str]:
        """What fills them in before the program begins."""
        return [
            f"    package.{field}.code = function_address({name})" for name, field in self.static_closures.items()
        ]

    # ---- interfaces

    def dynamic_type(self, t: Type) -> str:
        """The name of the descriptor of a type, values of which are put into interfaces (IF1)."""
        self.boxed.setdefault(t)
        return self.types.descriptor(t)

    def dispatch(self, method: str, signature: Signature, hands_on: bool) -> str:
        """The name of the function that calls a method of what an interface holds; it may hand on a deferred call."""
        key = (InterfaceMethod(method, signature), hands_on and self.recovers)
        if key not in self.dispatches:
            self.dispatches[key] = self.names.fresh(f"{safe_name(method)}_dispatch")
        return self.dispatches[key]

    def implements(self, t: Interface) -> str:
        """The name of the function that tells whether what an interface holds implements t."""
        if t not in self.questions:
            self.questions[t] = self.names.fresh("implements")
        return self.questions[t]

    def missing_method(self, t: Interface) -> str:
        """The name of the function that tells which method of t what an interface holds lacks."""
        if t not in self.complaints:
            self.complaints[t] = self.names.fresh("missing_method")
        return self.complaints[t]

    def name_methods(self) -> None:
        """Ask for the names of all methods that may be called through interfaces."""
        done = 0
        while done < len(self.dispatches):
            method, hands_on = list(self.dispatches)[done]
            for t in self.boxed:
                selected = selected_method(t, method.name)
                if selected is not None and not missing_method(t, Interface((method,))):
                    self.name_method(selected, method, hands_on)
            done += 1
        for _, kind, selected in self.spoken() if self.text_of else ():
            self.name_method(selected, InterfaceMethod(TEXT_METHODS[kind], TEXT_METHOD), False)

    def spoken(self) -> list[tuple[Type, str, Selected]]:
        """The types whose values say what is printed of them: by which method, and how it is reached."""
        found: list[tuple[Type, str, Selected]] = []
        for t in self.types.numbers:
            if isinstance(t.underlying, Interface):
                continue
            for kinds in (("ERROR_TEXT", "STRING_TEXT"), ("SYNTAX_TEXT",)):  # of each, the first that there is
                for kind in kinds:
                    method = InterfaceMethod(TEXT_METHODS[kind], TEXT_METHOD)
                    selected = selected_method(t, method.name)
                    if selected is not None and not missing_method(t, Interface((method,))):
                        found.append((t, kind, selected))
                        break
        return found

    def name_method(self, selected: Selected, method: InterfaceMethod, hands_on: bool) -> None:
        """Ask for the name of what a dispatch calls for a type."""
        if isinstance(selected, InterfaceSelection):
            self.dispatch(method.name, method.signature, hands_on)
        elif not selected.method.is_native:
            self.function_name(selected.method)

    def lower_dispatches(self) -> None:
        """The functions that call methods, once all types are known that interfaces hold."""
        done = 0
        while done < len(self.dispatches):
            (method, hands_on), name = list(self.dispatches.items())[done]
            function = Function(self, FunctionInfo(method.name, method.signature), name)
            held = [t for t in self.boxed if not missing_method(t, Interface((method,)))]
            function.lower_dispatch(method, held, hands_on)
            self.lowered.append(function)
            done += 1
        if self.text_of:
            function = Function(self, FunctionInfo("text", Signature((), ())), self.text_of)
            function.lower_text_of(self.spoken())
            self.lowered.append(function)

    def question_lines(self) -> list[str]:
        """The functions that tell what types implement."""
        lines = []
        for t, name in self.questions.items():
            numbers = [self.types.number(held) for held in self.boxed if not missing_method(held, t)]
            test = " or ".join(f"typ.number == {number}" for number in numbers) or "False"
            lines += [f"def {name}(typ: Type) -> bool:", f"    return not is_nil(typ) and ({test})", ""]
        for t, name in self.complaints.items():
            lines += [f"def {name}(typ: Type) -> String:"]
            for held in self.boxed:
                lacked = next((m.name for m in t.methods if missing_method(held, Interface((m,)))), "")
                if lacked:
                    lines.append(f"    if not is_nil(typ) and typ.number == {self.types.number(held)}:")
                    lines.append(f"        return {self.string_constant(lacked)}")
            lines += [f"    return {self.string_constant('')}", ""]
        return lines

    def calls(self) -> dict[str, set[str]]:
        """Which functions a function calls; a shape calls what function values of its own may lead to."""
        found = {function.name: function.callees() for function in self.lowered} | self.addressed
        return {READY_CODE: set(), **found}
