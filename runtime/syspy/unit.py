"""Unit: the LLVM module of one image. Functions are lowered as calls of them are met, starting from the roots.

    the closure of the roots     @runtime.malloc.mallocgc: hidden in the image that all others build on, else internal
    exports of an image          @library.strconv_Itoa: hidden, for images above
    of the base image            declared: the loader binds them; those marked @inline are lowered again, to be inlined
    entry.<function>             one thunk for each root, which Python calls: see below
    syspy.fail.<n>               leave with n words
    constants, descriptors       private data

Entry and failure. Python hands a thunk three addresses: arguments, results, and a record (its layout is in entries.py).
The thunk hangs the record on the thread, as its innermost one (pthread_getspecific tells where that is; the key is
in syspy.key), and calls. A failure fills in the thread's record and jumps to the thunk, which returns to Python as if
nothing had happened. Before it does, it calls the systems function that syspy.listener leads to, if any:
listener(listener, record, frame, is_again), whose frame is that of the routine which leaves, as a chain of frame
pointers has it.

Next: clang.py
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from runtime.syspy.constant_data import ConstantNames, Data, bytes_text
from runtime.syspy.division import Function, Module, Pieces, divided, whole
from runtime.syspy.entries import DESCRIPTOR, INNERMOST, OUTER, RECORD_WORDS, WORDS
from runtime.syspy.failure import MAX_WORDS
from runtime.syspy.kinds import BITS, FLOATS, LLVM, SIGNED, Kind, is_pointer, kind_name, llvm_type
from runtime.syspy.lower_calls import parameter_type
from runtime.syspy.lower_statements import FunctionLowering
from runtime.syspy.pointers import View
from runtime.syspy.signatures import Signature, signature_of, symbol_text
from runtime.syspy.sources import Sources

MOST_TOLD_BYTES = 4096  # of a constant of the base image whose contents are repeated
ATTRIBUTES = {  # of functions, by their mark
    "inline": "alwaysinline nounwind uwtable",
    "cold": "noinline cold nounwind uwtable",
    "once": "noinline nounwind uwtable",
}

METADATA = """
!0 = !{!"syspy"}
!6 = !{!"memory", !0, i64 0}
!7 = !{!"float", !6, i64 0}
!8 = !{!"word", !6, i64 0}
!1 = !{!7, !7, i64 0}
!2 = !{!8, !8, i64 0}
!3 = !{!"branch_weights", i32 2000, i32 1}
!4 = !{!"branch_weights", i32 1, i32 2000}
!5 = !{!"rsp"}
"""
# What makes LLVM keep places, through inlining, in its tables for debuggers (frame_table.py): as lines of one text.
PLACES = """
!llvm.module.flags = !{!10, !11}
!llvm.dbg.cu = !{!12}
!10 = !{i32 2, !"Debug Info Version", i32 3}
!11 = !{i32 7, !"Dwarf Version", i32 4}
!12 = distinct !DICompileUnit(language: DW_LANG_C, file: !13, isOptimized: true, emissionKind: LineTablesOnly)
!13 = !DIFile(filename: "text", directory: "")
!14 = !DISubroutineType(types: !15)
!15 = !{}
"""
SCOPE = "distinct !DISubprogram(file: !13, type: !14, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !12)"
FIRST_SCOPE = 16


class Unit:
    """The functions and data of one image, and their text."""

    def __init__(self, sources: Sources, base: frozenset[str] | None = None, debug: bool = False) -> None:
        self.sources = sources
        self.base = base  # symbols of the image underneath
        self.debug = debug
        self.defined: dict[str, Signature] = {}  # by symbol; in the order they were met
        self.roots: list[Signature] = []
        self._exports: set[str] = set()  # symbols that images above may refer to, beside those of the lowest image
        self._signatures: dict[Any, Signature] = {}
        self._waiting: list[Signature] = []
        self._functions: dict[str, Function] = {}  # by LLVM's spelling of the symbol; in the order of definition
        self._routines: dict[str, str] = {}  # the same; what leaves with failures, and what catches them
        self._thunks: list[str] = []
        self._declared: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._failures: dict[Any, str] = {}
        self._constants = ConstantNames()
        self._sound: set[int] = set()  # addresses of constants that point to constants alone
        self._scopes = 0  # number of the functions that have places

    def signature(self, function: Any, file: str, where: ast.AST) -> Signature:
        """The signature of a function that is used at a place."""
        if function not in self._signatures:
            self._signatures[function] = signature_of(function, self.sources, file, where)
        return self._signatures[function]

    # Functions

    def add_root(self, function: Any) -> None:
        """Lower a function and all that it calls, with an entry for Python. Once is enough."""
        signature = self.signature(function, function.__code__.co_filename, ast.Pass())
        if signature in self.roots:
            return
        self.use(signature)
        self.roots.append(signature)
        self._thunks.append(entry_thunk(signature))
        self._define_waiting()

    def add_exports(self, exports: Sequence[Any]) -> None:
        """Lower functions and all that they call, and constants and all that they point to, for images above."""
        signatures = [self.signature(f, f.__code__.co_filename, ast.Pass()) for f in exports if not isinstance(f, View)]
        self._exports |= {signature.symbol for signature in signatures}
        for signature in signatures:
            self.use(signature)
        self._define_waiting()
        for view in exports:
            if isinstance(view, View):
                data = self.constant_data(view, "")
                assert data is not None, "what is exported is a function or a constant"
                self.constant(data)

    def _define_waiting(self) -> None:
        while self._waiting:
            self._define(self._waiting.pop())

    def use(self, callee: Signature) -> str:
        """The symbol of a function that is called; it will be defined or declared."""
        symbol = symbol_text(callee.symbol)
        if callee.symbol in self.defined or callee.symbol in self._declared:
            return symbol
        is_below = self.base is not None and callee.symbol in self.base
        if callee.mark == "c" or (is_below and callee.mark != "inline"):
            self.declare(callee.symbol, prototype(callee))
        else:
            self.defined[callee.symbol] = callee
            self._waiting.append(callee)
        return symbol

    def _define(self, signature: Signature) -> None:
        lowering = FunctionLowering(self, signature)
        attributes = ATTRIBUTES.get(signature.mark, "nounwind uwtable")
        linkage = "hidden" if self.base is None or signature.symbol in self._exports else "internal"
        text = lowering.text(attributes)
        self._functions[symbol_text(signature.symbol)] = Function(linkage, prototype(signature), text)

    def declare(self, name: str, prototype: str) -> None:
        """Declare an external function."""
        self._declared[name] = prototype

    def scope(self) -> str:
        """The metadata of one more function that has places."""
        self._scopes += 1
        return f"!{FIRST_SCOPE + self._scopes - 1}"

    # Failures

    def failure(self, kind: int, message: str, signs: tuple[bool, ...]) -> str:
        """The symbol of a failure's descriptor, whose layout is in entries.py."""
        key = (kind, message, signs)
        if key not in self._failures:
            name = self._failures[key] = f"@syspy.failure.{len(self._failures)}"
            data = message.encode()
            mask = sum(1 << i for i, is_signed in enumerate(signs) if is_signed)
            self._globals[name] = (
                f"private constant <{{ [4 x i32], [{len(data)} x i8] }}> "
                f"<{{ [4 x i32] [i32 {kind}, i32 {len(signs)}, i32 {mask}, i32 {len(data)}], "
                f"[{len(data)} x i8] {bytes_text(data)} }}>"
            )
        return self._failures[key]

    def failure_routine(self, words: int) -> str:
        """The symbol of the routine that leaves with so many words."""
        symbol = f"@syspy.fail.{words}"
        if symbol not in self._routines:
            self._routines[symbol] = failure_text(words)
        return symbol

    def attempt_routine(self, parameters: list[str]) -> str:
        """The symbol of the routine that calls a function with such parameters, and that its failures come back to."""
        symbol = symbol_text("syspy.attempt." + ".".join(kind.replace(" ", "_") for kind in parameters))
        if symbol not in self._routines:
            self._routines[symbol] = attempt_text(symbol, parameters)
        return symbol

    def again_routine(self) -> str:
        """The symbol of the routine that leaves with a failure that was caught."""
        symbol = "@syspy.again"
        if symbol not in self._routines:
            self._routines[symbol] = AGAIN
        return symbol

    # Constants

    def constant_data(self, view: Any, name: str) -> Data | None:
        """The constant that a module-level object is, or None; called so if its own module has no name for it."""
        return self._constants.data(view, name)

    def stray_pointer(self, data: Data) -> str:
        """The name of a constant, reached from this one, that points to memory that is none; or ""."""
        waiting = [data]
        while waiting:
            current = waiting.pop()
            if current.addr in self._sound:
                continue
            self._sound.add(current.addr)
            for target in self._constants.targets(current):
                if target is None:
                    return current.name
                waiting.append(target)
        return ""

    def constant(self, data: Data) -> str:
        """The symbol of a constant; it and all that it points to will be defined or declared."""
        waiting = [data]
        while waiting:
            current = waiting.pop()
            symbol = symbol_text(current.name)
            if symbol in self._globals:
                continue
            if self.base is not None and current.name in self.base:
                self._globals[symbol] = self._constant_below(current)
                continue
            targets = [target for target in self._constants.targets(current) if target is not None]
            symbols = {target.addr: symbol_text(target.name) for target in targets}
            linkage = "hidden" if self.base is None else "internal"
            self._globals[symbol] = f"{linkage} constant {current.initializer(symbols)}, align 16"
            waiting.extend(targets)
        return symbol_text(data.name)

    def _constant_below(self, data: Data) -> str:
        """A constant of the base image: its contents are told, so that a load from a known place costs nothing."""
        if data.pointers() or data.size() > MOST_TOLD_BYTES:
            return "external constant i8"
        return f"available_externally constant {data.initializer({})}, align 16"

    # The whole

    def text(self) -> str:
        """The LLVM module."""
        return self._text(whole(self._pieces()))

    def texts(self) -> list[str]:
        """The LLVM modules of two halves, to be linked; one of the whole, if that is small."""
        return [self._text(module) for module in divided(self._pieces())]

    def _pieces(self) -> Pieces:
        declared = {symbol_text(name): text for name, text in self._declared.items()}
        return Pieces(self._functions, self._routines, self._globals, declared, self._thunks)

    def _text(self, module: Module) -> str:
        own = OWN if module.is_first else OF_ANOTHER
        declared = [f"declare {text}" for text in module.declared]
        places = [PLACES, *(f"!{FIRST_SCOPE + i} = {SCOPE}" for i in range(self._scopes))] if self._scopes else []
        return "\n".join([own, PRELUDE, *module.data, *declared, "", *module.functions, METADATA, *places])

    def exported(self) -> list[str]:
        """The symbols that the image defines for others."""
        data = [symbol.strip('@"') for symbol, value in self._globals.items() if value.startswith("hidden")]
        return ["syspy.key", "syspy.listener", *data, *self.defined, *(f"entry.{root.symbol}" for root in self.roots)]

    def imported(self) -> list[str]:
        """The symbols that it needs from the image underneath."""
        data = [
            symbol.strip('@"') for symbol, value in self._globals.items() if value.startswith(("external", "available"))
        ]
        called = [name for name in self._declared if name not in self.defined and self.base and name in self.base]
        return data + called

    def entries(self) -> dict[str, tuple[list[str], list[str]]]:
        """The kinds of parameters and results of each root, by name: what a call from Python needs."""
        return {
            root.symbol: ([word_kind(kind) for _, kind in root.parameters], [word_kind(k) for k in results_of(root)])
            for root in self.roots
        }


OWN = """
@syspy.key = hidden global i32 0
@syspy.listener = hidden global ptr null
"""
OF_ANOTHER = """
@syspy.key = external hidden global i32
@syspy.listener = external hidden global ptr
"""
PRELUDE = """
declare ptr @llvm.frameaddress.p0(i32)
declare i32 @_setjmp(ptr) returns_twice nounwind
declare void @longjmp(ptr, i32) noreturn nounwind
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare ptr @pthread_getspecific(i32) nounwind
declare i32 @pthread_setspecific(i32, ptr) nounwind
"""


def prototype(callee: Signature) -> str:
    """What declares a function."""
    convention = "" if callee.mark == "c" else "fastcc "
    kinds = ", ".join(parameter_type(kind, callee.mark) for _, kind in callee.parameters)
    return f"{convention}{llvm_type(callee.result)} {symbol_text(callee.symbol)}({kinds}) nounwind"


def word_kind(kind: Kind) -> str:
    """The name of a kind for a call from Python, to whom all pointers are addresses."""
    return "uintptr" if is_pointer(kind) else kind_name(kind)


def results_of(signature: Signature) -> tuple[Kind, ...]:
    """The kinds of a function's results: none, one or several."""
    if isinstance(signature.result, tuple):
        return signature.result
    return () if llvm_type(signature.result) == "void" else (signature.result,)


NOTED = (  # where the innermost record of the thread is
    "  %key = load i32, ptr @syspy.key",
    "  %place = call ptr @pthread_getspecific(i32 %key)",
)
NOTED_FIRST = (  # the same for a call from Python, which may be the thread's outermost
    "  %key = load i32, ptr @syspy.key",
    "  %before = call ptr @pthread_getspecific(i32 %key)",
    f"  %own = getelementptr i8, ptr %record, i64 {INNERMOST}",
    "  store ptr null, ptr %own",
    "  %is_outermost = icmp eq ptr %before, null",
    "  %place = select i1 %is_outermost, ptr %own, ptr %before",
    "  %set = call i32 @pthread_setspecific(i32 %key, ptr %place)",
)
NOTED_LAST = (
    "  %key.2 = load i32, ptr @syspy.key",
    "  %reset = call i32 @pthread_setspecific(i32 %key.2, ptr %before)",
)
HANG = (  # the record there; %first is true until a failure jumps here
    "  %outer = load ptr, ptr %place",
    f"  %keep = getelementptr i8, ptr %record, i64 {OUTER}",
    "  store ptr %outer, ptr %keep",
    "  store ptr %record, ptr %place",
    "  %way = call i32 @_setjmp(ptr %record) returns_twice",
    "  %first = icmp eq i32 %way, 0",
)
UNHANG = (  # the one that hung there before
    f"  %kept = getelementptr i8, ptr %record, i64 {OUTER}",
    "  %outer.2 = load ptr, ptr %kept",
    "  store ptr %outer.2, ptr %place",
)


def entry_thunk(signature: Signature) -> str:
    """The function that Python calls for a root."""
    lines = [
        *NOTED_FIRST,
        *HANG,
        "  br i1 %first, label %go, label %done",
        "go:",
    ]
    words = []
    for i, (_, kind) in enumerate(signature.parameters):
        lines += [
            f"  %a{i} = getelementptr i8, ptr %arguments, i64 {8 * i}",
            f"  %v{i} = load {llvm_type(kind) if kind is not bool else 'i8'}, ptr %a{i}",
        ]
        if kind is bool:
            lines.append(f"  %b{i} = icmp ne i8 %v{i}, 0")
        words.append(f"{llvm_type(kind)} %{'b' if kind is bool else 'v'}{i}")
    result = llvm_type(signature.result)
    name = "" if result == "void" else "%result = "
    lines.append(f"  {name}call fastcc {result} {symbol_text(signature.symbol)}({', '.join(words)}) noinline")
    for i, kind in enumerate(results_of(signature)):
        part = "%result"
        if isinstance(signature.result, tuple):
            part = f"%part{i}"
            lines.append(f"  {part} = extractvalue {result} %result, {i}")
        lines += [f"  %r{i} = getelementptr i8, ptr %results, i64 {8 * i}", *stored_result(kind, part, i)]
    lines += [
        "  br label %done",
        "done:",
        *UNHANG,
        *NOTED_LAST,
        "  ret void",
    ]
    head = f"define void {symbol_text('entry.' + signature.symbol)}(ptr %arguments, ptr %results, ptr %record)"
    return "\n".join([head + " nounwind uwtable {", *lines, "}\n"])


def stored_result(kind: Kind, part: str, i: int) -> list[str]:
    """Store a result as a word: integers extended by their sign."""
    if kind in FLOATS or BITS.get(kind, 64) == 64:
        return [f"  store {llvm_type(kind)} {part}, ptr %r{i}"]
    extend = "sext" if kind in SIGNED else "zext"
    return [f"  %w{i} = {extend} {LLVM[kind]} {part} to i64", f"  store i64 %w{i}, ptr %r{i}"]


def attempt_text(symbol: str, parameters: list[str]) -> str:
    """The routine that hangs a record on the thread, and calls; a failure jumps to it, and is told at %caught."""
    given = "".join(f", {kind} %a{i}" for i, kind in enumerate(parameters))
    passed = ", ".join(f"{kind} %a{i}" for i, kind in enumerate(parameters))
    lines = [
        f"  %record = alloca [{RECORD_WORDS} x i64], align 16",
        *NOTED,
        *HANG,
        "  br i1 %first, label %go, label %failed",
        "go:",
        f"  call fastcc void %target({passed}) nounwind",
        "  br label %done",
        "failed:",
        f"  %slot = getelementptr i8, ptr %record, i64 {DESCRIPTOR}",
        "  %descriptor = load ptr, ptr %slot",
        "  store ptr %descriptor, ptr %caught",
    ]
    for i in range(MAX_WORDS):
        lines += [
            f"  %from{i} = getelementptr i8, ptr %record, i64 {WORDS + 8 * i}",
            f"  %w{i} = load i64, ptr %from{i}",
            f"  %to{i} = getelementptr i8, ptr %caught, i64 {8 + 8 * i}",
            f"  store i64 %w{i}, ptr %to{i}",
        ]
    lines += [
        "  br label %done",
        "done:",
        "  %returned = phi i1 [ true, %go ], [ false, %failed ]",
        *UNHANG,
        "  ret i1 %returned",
    ]
    head = f"define internal fastcc i1 {symbol}(ptr %caught, ptr %target{given}) noinline nounwind uwtable"
    return "\n".join([head + " {", *lines, "}\n"])


LEAVES = 'noinline cold noreturn nounwind "frame-pointer"="all"'  # of a routine that ends in leave_text


def leave_text(is_again: bool) -> list[str]:
    """How a failure that is in the thread's record leaves: first whoever listens is told, who walks up the stack."""
    return [
        "  %listener = load ptr, ptr @syspy.listener",
        "  %is_heard = icmp ne ptr %listener, null",
        "  br i1 %is_heard, label %tell, label %leave",
        "tell:",
        "  %code = load ptr, ptr %listener",
        "  %frame = call ptr @llvm.frameaddress.p0(i32 0)",
        f"  call fastcc void %code(ptr %listener, ptr %record, ptr %frame, i1 {str(is_again).lower()}) nounwind",
        "  br label %leave",
        "leave:",
        "  call void @longjmp(ptr %record, i32 1)",
        "  unreachable",
        "}\n",
    ]


AGAIN = "\n".join(
    [
        f"define internal fastcc void @syspy.again(ptr %caught) {LEAVES} {{",
        *NOTED,
        "  %record = load ptr, ptr %place",
        f"  %told = getelementptr i8, ptr %record, i64 {DESCRIPTOR}",
        "  %descriptor = load ptr, ptr %caught",
        "  store ptr %descriptor, ptr %told",
        f"  %words = getelementptr i8, ptr %record, i64 {WORDS}",
        "  %given = getelementptr i8, ptr %caught, i64 8",
        f"  call void @llvm.memcpy.p0.p0.i64(ptr %words, ptr %given, i64 {8 * MAX_WORDS}, i1 false)",
        *leave_text(is_again=True),
    ]
)


def failure_text(words: int) -> str:
    """The routine that fills in the thread's record and jumps to its thunk."""
    parameters = ["ptr %descriptor", *(f"i64 %w{i}" for i in range(words))]
    lines = [
        *NOTED,
        "  %record = load ptr, ptr %place",
        f"  %slot = getelementptr i8, ptr %record, i64 {DESCRIPTOR}",
        "  store ptr %descriptor, ptr %slot",
    ]
    for i in range(words):
        lines += [f"  %s{i} = getelementptr i8, ptr %record, i64 {WORDS + 8 * i}", f"  store i64 %w{i}, ptr %s{i}"]
    head = f"define internal fastcc void @syspy.fail.{words}({', '.join(parameters)}) {LEAVES}"
    return "\n".join([head + " {", *lines, *leave_text(is_again=False)])
