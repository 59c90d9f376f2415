"""Thunks: the functions of a program that function values lead to, and what is known of them.

    double as a value           def double_value(g, sp, closure, n): return double(g, sp, n)
    func(int) int               def call_i64_to_i64(g, sp, closure, a1): no body; it lends its types to call_at

Every function whose address is taken belongs to a shape: the types of its parameters and results as systems Python has
them. A call of a function value may lead to all functions of its shape, and to no other (FV2): so it is known which
calls may collect, and which functions recurse.

Owner: one program's lowering.        Next: lower_program.py
"""

from __future__ import annotations

from lang import syntax
from lang.go_types import UINTPTR, Field, Signature
from lang.lower_closures import CLOSURE, closure_type
from lang.lower_frame import Program
from lang.lower_function import Function
from lang.lower_names import safe_name
from lang.lower_types import plain
from lang.objects import FunctionInfo, Var
from lang.source import Source

Shape = tuple[tuple[str, ...], tuple[str, ...]]  # annotations of the parameters and of the results


class Thunks(Program):
    """The functions that a program has beside those that it declares."""

    def __init__(self, source: Source, is_profiled: bool) -> None:
        super().__init__(source, is_profiled)
        self.lowered: list[Function] = []
        self.shapes: dict[Shape, str] = {}
        self.addressed: dict[str, set[str]] = {}  # by shape: the functions that a call of a value may lead to
        self.static_closures: dict[str, str] = {}  # by function: the field of the package's struct
        self._thunks: dict[object, str] = {}

    def literal(self, expr: syntax.FuncLit) -> str:
        """The name of a function literal's function."""
        name = self.names.fresh(safe_name(expr.info.name.replace(".", "_")))
        function = Function(self, expr.info, name)
        function.lower_literal(expr)
        self.lowered.append(function)
        return name

    def thunk(self, key: object, name: str, call: syntax.Call, captured: list[Var], receiver: Var | None = None) -> str:
        """The name of the function that takes a closure, and makes a call with its own parameters."""
        found = self._thunks.get(key)
        if found is None:
            signature = call.signature
            assert signature is not None, "what is called has a signature"
            found = self._thunks[key] = self.names.fresh(f"{safe_name(name.replace('.', '_'))}_value")
            params = [arg.object for arg in call.args if isinstance(arg, syntax.Name)]
            info = FunctionInfo(name, signature, captures=captured)
            info.params = [var for var in (receiver, *params) if isinstance(var, Var)]
            info.results = [Var("", call.pos, result.type) for result in signature.results]
            function = Function(self, info, found)
            function.lower_thunk(call)
            self.lowered.append(function)
            if receiver is not None:
                signature = Signature((Field("", receiver.type), *signature.params), signature.results)
            self.take_address(found, signature)
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

    def calls(self) -> dict[str, set[str]]:
        """Which functions a function calls; a shape calls what function values of its own may lead to."""
        return {function.name: function.callees() for function in self.lowered} | self.addressed
