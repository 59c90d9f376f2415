"""A small Lisp whose values live in the runtime's heap: the library under a language that is not Toy.

    python examples/embedding/lisp.py                     a prompt
    python examples/embedding/lisp.py queens.lisp         run a file (- for standard input)
        --engine python   --gogc 50   --gcstress 100      how to run
        --stats                                           at the end: what the heap and the collector did

Every value is an object of the heap, with its kind in word 0:

    pair      | PAIR    | car        | cdr    |                 symbol    | SYMBOL | text   | value    |
    closure   | CLOSURE | parameters | body   | frame       |   number    | NUMBER | 64 bits |
    frame     | FRAME   | names      | values | outer frame |   string    | STRING | length | bytes ...
    builtin   | BUILTIN | its index  |                          nil       | NIL    |

Python names values by Handles only. So whatever an evaluation still needs is a root, and nothing else is: a Handle
that Python drops is none. The collector may run at every allocation, and nobody has to think of it.

Special forms: quote if cond define set! lambda let begin while. A call in last place does not nest.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path

from runtime import Handle, Runtime

NIL, PAIR, SYMBOL, NUMBER, STRING, CLOSURE, BUILTIN, FRAME = range(8)
NAMES = ["nil", "pair", "symbol", "number", "string", "closure", "builtin", "frame"]
DEEPEST = 5000  # evaluations inside of one another
DEEPEST_SHOWN = 100  # lists in lists that are printed
TOKEN = re.compile(r"""(?:\s|;[^\n]*+)*+(?:([()'])|("(?:\\.|[^"\\])*")|([^\s()'";]+)|$)""")


class LispError(Exception):
    """A program's mistake; its text is all that the user sees."""


class Lisp:
    """The values, the symbols, and evaluation."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.types = {
            PAIR: runtime.describe("pair", 24, pointers=[8, 16]),
            SYMBOL: runtime.describe("symbol", 24, pointers=[8, 16]),
            CLOSURE: runtime.describe("closure", 32, pointers=[8, 16, 24]),
            FRAME: runtime.describe("frame", 32, pointers=[8, 16, 24]),
        }
        self.number_type = runtime.describe("number", 16)
        self.nil = self.number(0, NIL)
        self.symbols: dict[str, Handle] = {}  # what it holds are the roots of the globals
        self.depth = 0
        self.true = self.symbol("t")
        self.true[2], self.symbol("nil")[2] = self.true, self.nil
        for i, (name, _, _) in enumerate(BUILTINS):
            self.symbol(name)[2] = self.number(i, BUILTIN)
        self.forms = {self.symbol(name): form for name, form in FORMS.items()}

    # --- Making values ---

    def number(self, number: int, kind: int = NUMBER) -> Handle:
        """A number, or what is one inside. Arithmetic wraps at 64 bits."""
        made = self.runtime.new(self.number_type)
        made[0] = kind
        made[1] = number % (1 << 64)
        return made

    def string(self, text: str) -> Handle:
        """A string: length and bytes in one object without pointers."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise LispError("a string that is no UTF-8") from None
        made = self.runtime.new_bytes(16 + len(data))
        made[0], made[1] = STRING, len(data)
        made.write(16, data)
        return made

    def record(self, kind: int, *fields: Handle) -> Handle:
        """A pair, closure or frame. Its fields are handles: the collection that this may start keeps them."""
        made = self.runtime.new(self.types[kind])
        made[0] = kind
        for i, field in enumerate(fields, 1):
            made[i] = field
        return made

    def list_of(self, values: list[Handle]) -> Handle:
        """A list."""
        made = self.nil
        for value in reversed(values):
            made = self.record(PAIR, value, made)
        return made

    def symbol(self, name: str) -> Handle:
        """The one symbol of a name. Its value is that of the global variable."""
        if name not in self.symbols:
            self.symbols[name] = self.record(SYMBOL, self.string(name))
        return self.symbols[name]

    def truth(self, condition: bool) -> Handle:
        """t or nil."""
        return self.true if condition else self.nil

    # --- Reading ---

    def read(self, text: str) -> Iterator[Handle]:
        """The expressions of a text, each as soon as it is complete."""
        waiting: list[tuple[str, list[Handle]]] = [("", [])]  # the open lists, each behind what opened it
        for token in tokens(text):
            if token in "('":
                waiting.append((token, [self.symbol("quote")] if token == "'" else []))
                continue
            if token == ")" and waiting[-1][0] != "(":
                raise LispError("a ) without its (")
            waiting[-1 - (token == ")")][1].append(self.list_of(waiting.pop()[1]) if token == ")" else self.atom(token))
            while waiting[-1][0] == "'":
                quoted = self.list_of(waiting.pop()[1])
                waiting[-1][1].append(quoted)
            if len(waiting) == 1:
                yield waiting[0][1].pop()
        if len(waiting) > 1:
            raise LispError(f"the text ends behind a {waiting[-1][0]}")

    def atom(self, token: str) -> Handle:
        """A number, a string or a symbol."""
        if token.startswith('"'):
            return self.string(re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], token[1:-1]))
        return self.number(int(token)) if re.fullmatch(r"[+-]?[0-9]{1,18}", token) else self.symbol(token)

    # --- Evaluation ---

    def eval(self, code: Handle, frame: Handle) -> Handle:
        """The value of an expression in a frame; nil is the outermost. What is in last place goes round the loop."""
        self.depth += 1
        try:
            if self.depth > DEEPEST:
                raise LispError("the recursion is too deep")
            while code[0] == PAIR:
                form = self.forms.get(car(code))
                if form:
                    is_value, code, frame = form(self, cdr(code), frame)
                    if is_value:
                        return code
                else:
                    function, values = self.eval(car(code), frame), self.eval_all(cdr(code), frame)
                    if function[0] == BUILTIN:
                        return self.call_builtin(function, values)
                    code, frame = self.enter(function, self.list_of(values))
            return self.variable(code, frame) if code[0] == SYMBOL else code
        finally:
            self.depth -= 1

    def eval_all(self, codes: Handle, frame: Handle) -> list[Handle]:
        """The values of the expressions of a list."""
        return [self.eval(code, frame) for code in items(codes)]

    def enter(self, function: Handle, values: Handle) -> tuple[Handle, Handle]:
        """The body of a closure, and the frame to evaluate it in."""
        if function[0] != CLOSURE:
            raise LispError(f"{self.text(function)} cannot be called")
        names, body, outer = (field(function, i) for i in (1, 2, 3))
        wanted, given = (sum(1 for _ in items(those)) for those in (names, values))
        if wanted != given:
            raise LispError(f"{wanted} parameters, but {given} arguments")
        return body, self.record(FRAME, names, values, outer)

    def call_builtin(self, function: Handle, values: list[Handle]) -> Handle:
        """Call what is written in Python."""
        name, count, call = BUILTINS[int(function[1])]
        if count not in (ANY, len(values)):
            raise LispError(f"{name} takes {count} arguments, not {len(values)}")
        return call(self, *values)

    def apply(self, function: Handle, values: Handle) -> Handle:
        """Call a function with the values of a list."""
        if function[0] == BUILTIN:
            return self.call_builtin(function, list(items(values)))
        return self.eval(*self.enter(function, values))

    def place(self, symbol: Handle, frame: Handle) -> tuple[Handle, int]:
        """Where the value of a variable is: word 1 of a pair of a frame's values, or word 2 of the symbol."""
        while frame[0] != NIL:
            names, values = field(frame, 1), field(frame, 2)
            while names[0] != NIL:
                if car(names) == symbol:
                    return values, 1
                names, values = cdr(names), cdr(values)
            frame = field(frame, 3)
        return symbol, 2

    def variable(self, symbol: Handle, frame: Handle) -> Handle:
        """The value of a variable."""
        holder, word = self.place(symbol, frame)
        value = holder.target(word)
        if value is None:
            raise LispError(f"{self.text(symbol)} has no value")
        return value

    def assign(self, symbol: Handle, value: Handle, frame: Handle) -> Handle:
        """Give a variable a value."""
        if symbol[0] != SYMBOL:
            raise LispError(f"{self.text(symbol)} is no name")
        holder, word = self.place(symbol, frame)
        holder[word] = value
        return value

    # --- Printing ---

    def text(self, value: Handle, depth: int = 0) -> str:
        """A value as it is written."""
        kind = value[0]
        if kind == NUMBER:
            return str(value.get("i64", 8))
        if kind == STRING:
            return value.read(16, 16 + value[1]).decode()
        if kind == SYMBOL:
            return self.text(field(value, 1))
        if kind != PAIR:
            return "()" if kind == NIL else f"<{NAMES[kind]}>"
        if depth == DEEPEST_SHOWN:
            return "(...)"
        parts = []
        while value[0] == PAIR:
            parts.append(self.text(car(value), depth + 1))
            value = cdr(value)
        tail = [] if value[0] == NIL else [".", self.text(value, depth + 1)]
        return f"({' '.join(parts + tail)})"


def tokens(text: str) -> Iterator[str]:
    """The words of a text."""
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise LispError("a string without its end")
        at = found.end()
        if found.lastindex:
            yield found[found.lastindex]


def field(value: Handle, word: int) -> Handle:
    """What a pointer leads to that is never nil."""
    found = value.target(word)
    assert found is not None, "an object of the Lisp is not complete"
    return found


def car(value: Handle) -> Handle:
    """The first of a list."""
    return field(wanted(value, PAIR), 1)


def cdr(value: Handle) -> Handle:
    """All but the first."""
    return field(wanted(value, PAIR), 2)


def wanted(value: Handle, kind: int) -> Handle:
    """The value, which is of a kind."""
    if value[0] != kind:
        raise LispError(f"a {NAMES[kind]} is wanted, not a {NAMES[value[0]]}")
    return value


def integer(value: Handle) -> int:
    """A number of the heap, as Python's."""
    return int(wanted(value, NUMBER).get("i64", 8))


def items(value: Handle) -> Iterator[Handle]:
    """The elements of a list."""
    while value[0] != NIL:
        yield car(value)
        value = cdr(value)


# --- Special forms: whether this is the value; the value, or the expression to go on with; the frame to do so in ------

Step = tuple[bool, Handle, Handle]


def form_begin(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(begin expression ...)"""
    while rest[0] == PAIR and cdr(rest)[0] == PAIR:
        lisp.eval(car(rest), frame)
        rest = cdr(rest)
    return False, rest if rest[0] == NIL else car(rest), frame


def form_if(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(if condition then else)"""
    way = cdr(rest)
    if lisp.eval(car(rest), frame)[0] == NIL:
        way = cdr(way)
    return False, way if way[0] == NIL else car(way), frame


def form_cond(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(cond (condition expression ...) ...)"""
    for clause in items(rest):
        if lisp.eval(car(clause), frame)[0] != NIL:
            return form_begin(lisp, cdr(clause), frame)
    return True, lisp.nil, frame


def form_define(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(define name value), (define (name parameter ...) expression ...): of a global variable"""
    name = car(rest)
    if name[0] != PAIR:
        return True, lisp.assign(name, lisp.eval(car(cdr(rest)), frame), lisp.nil), frame
    closure = form_lambda(lisp, lisp.record(PAIR, cdr(name), cdr(rest)), frame)[1]
    return True, lisp.assign(car(name), closure, lisp.nil), frame


def form_set(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(set! name value)"""
    return True, lisp.assign(car(rest), lisp.eval(car(cdr(rest)), frame), frame), frame


def form_lambda(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(lambda (parameter ...) expression ...)"""
    body = lisp.record(PAIR, lisp.symbol("begin"), cdr(rest))
    return True, lisp.record(CLOSURE, car(rest), body, frame), frame


def form_let(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(let ((name value) ...) expression ...)"""
    names = lisp.list_of([car(binding) for binding in items(car(rest))])
    values = lisp.list_of([lisp.eval(car(cdr(binding)), frame) for binding in items(car(rest))])
    return form_begin(lisp, cdr(rest), lisp.record(FRAME, names, values, frame))


def form_while(lisp: Lisp, rest: Handle, frame: Handle) -> Step:
    """(while condition expression ...)"""
    while lisp.eval(car(rest), frame)[0] != NIL:
        lisp.eval_all(cdr(rest), frame)
    return True, lisp.nil, frame


FORMS: dict[str, Callable[[Lisp, Handle, Handle], Step]] = {
    "quote": lambda lisp, rest, frame: (True, car(rest), frame),
    "begin": form_begin, "if": form_if, "cond": form_cond, "define": form_define, "set!": form_set,
    "lambda": form_lambda, "let": form_let, "while": form_while,
}  # fmt: skip


# --- Builtins: name, how many arguments, what to do ------------------------------------------------------------------


def remainder(a: int, b: int) -> int:
    """What is left of a, without a multiple of b."""
    if b == 0:
        raise LispError("division by zero")
    return a % b


def is_same(a: Handle, b: Handle) -> bool:
    """eq: one object, or equal numbers or strings."""
    return a == b or a[0] == b[0] in (NUMBER, STRING) and a.read() == b.read()


def show(lisp: Lisp, *values: Handle) -> Handle:
    """(print value ...)"""
    print(*map(lisp.text, values))
    return lisp.nil


def set_cdr(pair: Handle, value: Handle) -> Handle:
    """(set-cdr! pair value)"""
    wanted(pair, PAIR)[2] = value
    return value


ANY = -1
BUILTINS: list[tuple[str, int, Callable[..., Handle]]] = [
    ("+", 2, lambda lisp, a, b: lisp.number(integer(a) + integer(b))),
    ("-", 2, lambda lisp, a, b: lisp.number(integer(a) - integer(b))),
    ("*", 2, lambda lisp, a, b: lisp.number(integer(a) * integer(b))),
    ("%", 2, lambda lisp, a, b: lisp.number(remainder(integer(a), integer(b)))),
    ("<", 2, lambda lisp, a, b: lisp.truth(integer(a) < integer(b))),
    ("=", 2, lambda lisp, a, b: lisp.truth(integer(a) == integer(b))),
    ("eq", 2, lambda lisp, a, b: lisp.truth(is_same(a, b))),
    *((name, 1, lambda lisp, a, kind=kind: lisp.truth(a[0] == kind))
      for name, kind in (("not", NIL), ("pair?", PAIR), ("symbol?", SYMBOL), ("number?", NUMBER))),
    ("cons", 2, lambda lisp, a, b: lisp.record(PAIR, a, b)),
    ("car", 1, lambda lisp, a: car(a)),
    ("cdr", 1, lambda lisp, a: cdr(a)),
    ("set-cdr!", 2, lambda lisp, a, b: set_cdr(a, b)),
    ("list", ANY, lambda lisp, *values: lisp.list_of(list(values))),
    ("apply", 2, Lisp.apply),
    ("print", ANY, show),
]  # fmt: skip


# --- The command -----------------------------------------------------------------------------------------------------


def run(lisp: Lisp, text: str, shows_values: bool) -> int:
    """Run a program, or a line of the prompt. The exit code: 1 after an error, 130 after Ctrl-C."""
    try:
        for code in lisp.read(text):
            value = lisp.eval(code, lisp.nil)
            if shows_values:
                print(lisp.text(value))
    except (LispError, MemoryError) as error:
        return told(f"error: {error}", 1)
    except KeyboardInterrupt:
        return told("interrupted", 130)
    return 0


def told(what: str, code: int) -> int:
    """Say why something ends, on standard error if there is one; the exit code."""
    if sys.stderr is not None:
        print(what, file=sys.stderr)
    return code


def prompt(lisp: Lisp) -> int:
    """Read, evaluate and print lines until the input ends."""
    while True:
        try:
            run(lisp, input("lisp> "), shows_values=True)
        except KeyboardInterrupt:
            print()
        except EOFError:
            return 0


def text_of(name: str) -> str:
    """A program."""
    return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8", "surrogateescape")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="A small Lisp on Go's memory allocator.")
    parser.add_argument("file", nargs="?", help="a program, or - for standard input; without: a prompt")
    parser.add_argument("--engine", choices=("native", "python"), default="native")
    parser.add_argument("--gogc", default="10", help="heap growth before a collection in percent (10), or off")
    parser.add_argument("--gcstress", type=int, default=0, metavar="N", help="collect at every N-th allocation")
    parser.add_argument("--stats", action="store_true", help="print what the heap and the collector did")
    options = parser.parse_args()
    sys.setrecursionlimit(20 * DEEPEST)
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):  # None, if it is closed
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        text = text_of(options.file) if options.file else ""
        runtime = Runtime(options.engine, gogc=options.gogc, debug={"gcstress": options.gcstress, "clobberfree": 1})
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with runtime:
        lisp = Lisp(runtime)
        code = run(lisp, text, shows_values=False) if options.file else prompt(lisp)
        if options.stats:
            told(str(runtime.stats()), code)
    if sys.stdout is not None:
        sys.stdout.flush()  # what goes wrong with it is told as well
    return code


def guarded() -> int:
    """The command, when something beside its program goes wrong."""
    try:
        return main()
    except KeyboardInterrupt:
        return told("interrupted", 130)
    except MemoryError as error:
        return told(f"error: {error}", 1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what Python still wants to write there
        return told(f"error: {error.strerror}", 1)


if __name__ == "__main__":
    sys.exit(guarded())
