"""The syntax tree: one dataclass per production of the Go specification, and what the checker writes on it.

The parser builds the tree and leaves the annotations (`field(init=False)`) at their defaults; the checker fills them
in and changes nothing else. After a check without errors:

    AN1  every expression in operand position has `mode` and `type`; `value` is set exactly when mode is CONSTANT
    AN2  no type is untyped: implicit conversions are resolved down to the literals, except under a node that is itself
         CONSTANT, whose parts need not be visited
    AN3  a Name that stands for something has `object`
    AN4  pos is the offset of the leftmost character, in characters from the start of the source; of a[i:j], and of what
         begins with it, that of the bracket, and of a function type that of the parenthesis: there Go reports errors

A tree is checked once. Expressions that denote types (`[]int` in `make([]int, n)`) have mode TYPE and the type itself.

Go: cmd/compile/internal/syntax/nodes.go.                       Next: grammar.lark, parse.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from lang.diagnostics import Diagnostic
from lang.go_types import INVALID, Field, Signature, Struct, Type
from lang.objects import Func, FunctionInfo, Object, PackageName, TypeName, Value, Var


class Mode(Enum):
    """What an expression is, besides its type."""

    UNCHECKED = auto()
    INVALID = auto()                                            # an error was reported
    NO_VALUE = auto()                                           # a call without a result
    BUILTIN = auto()                                            # len, not called yet
    TYPE = auto()                                               # denotes a type
    PACKAGE = auto()                                            # the name of a package
    CONSTANT = auto()
    VARIABLE = auto()                                           # addressable
    MAP_INDEX = auto()                                          # m[k]: assignable, not addressable
    VALUE = auto()
    NIL = auto()
    COMMA_OK = auto()                                           # x.(T) or <-c: may give a second value


@dataclass(slots=True, eq=False)
class Node:
    """Anything in the tree."""

    pos: int                                                    # AN4


@dataclass(slots=True, eq=False)
class Expr(Node):
    """An expression or a type."""

    mode: Mode = field(init=False, default=Mode.UNCHECKED)
    type: Type = field(init=False, default=INVALID)             # of the value; for mode TYPE the type denoted
    value: Value | None = field(init=False, default=None)       # exact; ints of every size, floats as Fraction
    stays: bool = field(init=False, default=False)              # what it makes, in the frame where it is made
    stays_boxed: bool = field(init=False, default=False)        # the copy of its value that an interface leads to


# ---------------------------------------------------------------- types


@dataclass(slots=True, eq=False)
class ArrayType(Expr):
    """[length]elem; the length is None for `[...]`."""

    length: Expr | None
    elem: Expr


@dataclass(slots=True, eq=False)
class SliceType(Expr):
    """[]elem"""

    elem: Expr


@dataclass(slots=True, eq=False)
class MapType(Expr):
    """map[key]elem"""

    key: Expr
    elem: Expr


@dataclass(slots=True, eq=False)
class ChanType(Expr):
    """chan elem, chan<- elem, <-chan elem"""

    direction: str                                              # "", "send" or "receive"
    elem: Expr


@dataclass(slots=True, eq=False)
class FieldDecl(Node):
    """`a, b T` in a struct; an embedded field has one name, its type's, and `embedded` set."""

    names: list[Name]
    type_expr: Expr
    embedded: bool
    tag: str


@dataclass(slots=True, eq=False)
class StructType(Expr):
    """struct { fields }"""

    fields: list[FieldDecl]


@dataclass(slots=True, eq=False)
class ParamDecl(Node):
    """One parameter or result; `a, b int` is two of them."""

    name: Name | None
    type_expr: Expr
    variadic: bool


@dataclass(slots=True, eq=False)
class FuncType(Expr):
    """func(params) results"""

    params: list[ParamDecl]
    results: list[ParamDecl]
    keyword: int = 0                                            # offset of func; pos is that of the parenthesis


@dataclass(slots=True, eq=False)
class InterfaceElement(Node):
    """A method, or an embedded interface (name None)."""

    name: Name | None
    type_expr: Expr                                             # a FuncType for a method
    is_constraint: bool = False                                 # ~T, or T | U


@dataclass(slots=True, eq=False)
class InterfaceType(Expr):
    """interface { elements }"""

    elements: list[InterfaceElement]


# ---------------------------------------------------------------- expressions


@dataclass(slots=True, eq=False)
class Name(Expr):
    """An identifier: a use, or the name in a declaration."""

    name: str
    object: Object | None = field(init=False, default=None)     # None for the blank identifier


@dataclass(slots=True, eq=False)
class BasicLit(Expr):
    """A literal; `text` is its spelling."""

    kind: str                                                   # INT, FLOAT, IMAGINARY, RUNE or STRING
    text: str


@dataclass(slots=True, eq=False)
class Element(Node):
    """One element of a composite literal, as written."""

    key: Expr | None
    value: Expr


@dataclass(slots=True, eq=False)
class CompositeLit(Expr):
    """T{elements} or, under `&`, T<elements>; no type_expr inside a literal that tells the type."""

    type_expr: Expr | None
    elements: list[Element]
    end: int                                                    # of the closing bracket
    # Index of the field or element, and its value: converted to the field's or element's type, `&` put back where it
    # was left out ({{1, 2}} in a []*Point). Fields and elements not mentioned are zero. In order of the source.
    entries: list[tuple[int, Expr]] = field(init=False, default_factory=list)
    pairs: list[tuple[Expr, Expr]] = field(init=False, default_factory=list)    # the same of a map: keys and elements
    length: int = field(init=False, default=0)                  # elements of an array or slice literal
    is_lent: bool = field(init=False, default=False)            # what a call lends to a variadic parameter


@dataclass(slots=True, eq=False)
class FuncLit(Expr):
    """func(params) results { body }"""

    signature: FuncType
    body: Block
    info: FunctionInfo = field(init=False)


@dataclass(slots=True, eq=False)
class Paren(Expr):
    """(inner)"""

    inner: Expr


@dataclass(frozen=True, slots=True)
class FieldStep:
    """One step from a struct to a field in it."""

    struct: Struct                                              # the struct stepped into
    index: int                                                  # of the field in struct.fields
    field: Field
    through_pointer: bool                                       # the value before this step is a pointer to the struct


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """x.f: a field, maybe inside embedded structs."""

    steps: tuple[FieldStep, ...]                                # outermost first; the last one is f


class Adjust(Enum):
    """What turns the receiver operand (after the steps) into what the method takes."""

    NONE = auto()
    ADDRESS = auto()                                            # &x: operand is a variable of type T, method is on *T
    DEREFERENCE = auto()                                        # *x: operand is a *T, method is on T


@dataclass(frozen=True, slots=True)
class MethodSelection:
    """x.m: a declared method; called at once, or a method value."""

    steps: tuple[FieldStep, ...]                                # through embedded fields to the receiver
    method: Func
    adjust: Adjust


@dataclass(frozen=True, slots=True)
class InterfaceSelection:
    """x.m where x (after the steps) is an interface."""

    steps: tuple[FieldStep, ...]
    name: str


@dataclass(frozen=True, slots=True)
class MethodExpression:
    """T.m or (*T).m: a function whose first parameter is the receiver."""

    selected: MethodSelection | InterfaceSelection              # as on a value of type T


@dataclass(frozen=True, slots=True)
class PackageSelection:
    """package.Member"""

    package: PackageName
    object: Object


Selection = FieldSelection | MethodSelection | InterfaceSelection | MethodExpression | PackageSelection


@dataclass(slots=True, eq=False)
class Selector(Expr):
    """operand.name"""

    operand: Expr
    name: Name
    selection: Selection | None = field(init=False, default=None)


@dataclass(slots=True, eq=False)
class Index(Expr):
    """operand[index] of an array, a pointer to one, a slice, a string or a map; or generic[types]"""

    operand: Expr
    bracket: int                                                # of the [
    index: Expr
    more: list[Expr]                                            # type arguments behind the first
    comma_ok: bool = field(init=False, default=False)           # v, ok = m[k]: `type` is still the element's
    target: Func | None = field(init=False, default=None)       # the function, if it was given its type arguments


@dataclass(slots=True, eq=False)
class SliceExpr(Expr):
    """operand[low:high:max]: of an array (then its address is taken), a pointer to one, a slice or a string"""

    operand: Expr
    low: Expr | None
    high: Expr | None
    max: Expr | None


@dataclass(slots=True, eq=False)
class TypeAssert(Expr):
    """operand.(T); type_expr is None for the .(type) of a switch"""

    operand: Expr
    type_expr: Expr | None
    comma_ok: bool = field(init=False, default=False)


class CallKind(Enum):
    """What a call does."""

    CONVERSION = auto()                                         # T(x): `type` is T, args[0] is x
    BUILTIN = auto()                                            # `builtin` says which
    FUNCTION = auto()                                           # `target`, known at compile time
    METHOD = auto()                                             # `target`; function is a Selector with MethodSelection
    DYNAMIC = auto()                                            # a func value, an interface's method


@dataclass(slots=True, eq=False)
class Call(Expr):
    """function(args) or function(args...)"""

    function: Expr
    args: list[Expr]
    spread: bool                                                # the last argument is followed by ...
    end: int                                                    # of the closing parenthesis
    opening: int = -1                                           # of the opening one; -1 if the source has no such call
    kind: CallKind = field(init=False, default=CallKind.DYNAMIC)
    builtin: str = field(init=False, default="")                # len, append, ...
    target: Func | None = field(init=False, default=None)       # the program's, or a package's (target.package)
    signature: Signature | None = field(init=False, default=None)   # of the function called; None for others
    expands_tuple: bool = field(init=False, default=False)      # f(g()): the one argument gives all the values
    lends: bool = field(init=False, default=False)              # nobody keeps the array that a variadic parameter takes


@dataclass(slots=True, eq=False)
class Deref(Expr):
    """*operand: what a pointer points to, or a pointer type"""

    operand: Expr


@dataclass(slots=True, eq=False)
class Unary(Expr):
    """+ - ! ^ & <- before an operand"""

    op: str
    operand: Expr
    comma_ok: bool = field(init=False, default=False)           # v, ok = <-c


@dataclass(slots=True, eq=False)
class Binary(Expr):
    """left op right; the operands have one type, except in shifts"""

    op: str
    op_pos: int
    left: Expr
    right: Expr


# ---------------------------------------------------------------- statements


@dataclass(slots=True, eq=False)
class Stmt(Node):
    """A statement."""


@dataclass(slots=True, eq=False)
class Empty(Stmt):
    """Nothing."""


@dataclass(slots=True, eq=False)
class Block(Stmt):
    """{ statements }"""

    statements: list[Stmt]
    end: int                                                    # of the closing brace


@dataclass(slots=True, eq=False)
class Unread(Block):
    """A block that nobody has looked into: outlines.py."""

    packed: bytes


@dataclass(slots=True, eq=False)
class ExprStmt(Stmt):
    """A call, its values thrown away."""

    expr: Expr


@dataclass(slots=True, eq=False)
class Send(Stmt):
    """channel <- value"""

    channel: Expr
    op_pos: int
    value: Expr


@dataclass(slots=True, eq=False)
class IncDec(Stmt):
    """target++ or target--"""

    target: Expr
    op: str                                                     # "+" or "-"
    op_pos: int


@dataclass(slots=True, eq=False)
class Assign(Stmt):
    """left = right (op is ""), or one target op= one value. A target that is the Name `_` has no object."""

    left: list[Expr]
    op: str                                                     # "", or + - * / % & | ^ &^ << >>
    op_pos: int
    right: list[Expr]                                           # as many as left, or one that gives them all


@dataclass(slots=True, eq=False)
class Define(Stmt):
    """names := right"""

    left: list[Expr]                                            # Names, once checked
    op_pos: int
    right: list[Expr]                                           # as many as left, or one that gives them all
    # One for each name: the variable declared here, or None for _ and for a variable assigned to (then see object).
    new: list[Var | None] = field(init=False, default_factory=list)


@dataclass(slots=True, eq=False)
class If(Stmt):
    """if init; condition then else"""

    init: Stmt | None
    condition: Expr
    then: Block
    else_: Stmt | None                                          # an If or a Block


@dataclass(slots=True, eq=False)
class For(Stmt):
    """for init; condition; post body"""

    init: Stmt | None
    condition: Expr | None
    post: Stmt | None
    body: Block
    variables: list[Var] = field(init=False, default_factory=list)  # declared by init: one copy an iteration


class RangeKind(Enum):
    """What a range loop walks over."""

    INTEGER = auto()                                            # key: 0 to n-1, of n's type
    SLICE = auto()
    ARRAY = auto()                                              # a copy of it, when value is used
    ARRAY_POINTER = auto()
    STRING = auto()                                             # key: byte offset, value: rune
    MAP = auto()
    CHANNEL = auto()
    FUNCTION = auto()


@dataclass(slots=True, eq=False)
class Range(Stmt):
    """for key, value := range operand body"""

    key: Expr | None                                            # None when it is absent; the Name `_` is kept
    value: Expr | None
    extra: Expr | None                                          # a third one, which is an error
    define: bool                                                # := rather than =
    operand: Expr
    body: Block
    kind: RangeKind = field(init=False, default=RangeKind.INTEGER)
    is_counted: bool = field(init=False, default=False)         # the operand's length is constant: it is not evaluated
    key_var: Var | None = field(init=False, default=None)       # the new variables of a define, None for _
    value_var: Var | None = field(init=False, default=None)


@dataclass(slots=True, eq=False)
class Case(Node):
    """case values: body; values is None for default"""

    values: list[Expr] | None
    body: list[Stmt]
    falls_through: bool = field(init=False, default=False)      # body ends in fallthrough
    var: Var | None = field(init=False, default=None)           # the variable of a type switch, in this case


@dataclass(slots=True, eq=False)
class Switch(Stmt):
    """switch init; tag { cases }; without a tag the first true case is taken"""

    init: Stmt | None
    tag: Expr | None
    cases: list[Case]                                           # values converted to be compared with the tag
    end: int                                                    # of the closing brace


@dataclass(slots=True, eq=False)
class TypeSwitch(Stmt):
    """switch init; name := operand.(type) { cases }"""

    init: Stmt | None
    name: Name | None
    operand: Expr
    cases: list[Case]
    end: int


@dataclass(slots=True, eq=False)
class CommClause(Node):
    """case send or receive: body; comm is None for default"""

    comm: Stmt | None
    body: list[Stmt]


@dataclass(slots=True, eq=False)
class Select(Stmt):
    """select { clauses }"""

    clauses: list[CommClause]
    end: int


@dataclass(slots=True, eq=False)
class Return(Stmt):
    """return results; none may stand for the named results"""

    results: list[Expr]                                         # none, one a result, or one that gives them all


@dataclass(slots=True, eq=False)
class Branch(Stmt):
    """break, continue, goto or fallthrough, with or without a label"""

    keyword: str
    label: Name | None
    # The For, Range, Switch or Select left or continued; of a goto, the Labeled.
    target: Stmt | None = field(init=False, default=None)


@dataclass(slots=True, eq=False)
class Labeled(Stmt):
    """label: statement"""

    label: Name
    statement: Stmt
    is_goto_target: bool = field(init=False, default=False)


@dataclass(slots=True, eq=False)
class Go(Stmt):
    """go call"""

    call: Expr


@dataclass(slots=True, eq=False)
class Defer(Stmt):
    """defer call"""

    call: Expr


@dataclass(slots=True, eq=False)
class DeclStmt(Stmt):
    """A declaration among statements."""

    declarations: list[Decl]


# ---------------------------------------------------------------- declarations


@dataclass(slots=True, eq=False)
class Decl(Node):
    """A declaration; a group in parentheses is several."""


@dataclass(slots=True, eq=False)
class ImportDecl(Decl):
    """import name "path" """

    name: Name | None
    path: BasicLit
    keyword: int = 0                                            # offset of the word import


@dataclass(slots=True, eq=False)
class ConstDecl(Decl):
    """names type = values, iota; type and values may come from an earlier line of the group"""

    names: list[Name]
    type_expr: Expr | None
    values: list[Expr]
    iota: int
    inherited: bool                                             # values repeated from an earlier line


@dataclass(slots=True, eq=False)
class VarDecl(Decl):
    """var names type = values"""

    names: list[Name]
    type_expr: Expr | None
    values: list[Expr]                                          # none, as many as names, or one that gives them all
    vars: list[Var | None] = field(init=False, default_factory=list)    # one a name; None for _


@dataclass(slots=True, eq=False)
class TypeDecl(Decl):
    """type name type_expr, or type name = type_expr"""

    name: Name
    type_expr: Expr
    is_alias: bool


@dataclass(slots=True, eq=False)
class FuncDecl(Decl):
    """func (receiver) name signature body; its position is behind the keyword"""

    receiver: ParamDecl | None
    name: Name
    signature: FuncType
    body: Block | None
    object: Func | None = field(init=False, default=None)
    info: FunctionInfo = field(init=False)
    finish: Callable[[], None] | None = field(init=False, default=None)  # reads and checks an unread body

    def finished(self) -> FuncDecl:
        """Itself, its body checked."""
        if self.finish is not None:
            self.finish()
        return self


# ---------------------------------------------------------------- the whole


@dataclass(slots=True, eq=False)
class File(Node):
    """One source file."""

    package: Name | None                                        # None when `package main` is left out
    imports: list[ImportDecl]
    declarations: list[Decl]
    problems: list[Diagnostic] = field(init=False, default_factory=list)    # errors found on the way that left a tree


@dataclass(slots=True, eq=False)
class Initializer:
    """Package-level variables that get their first values together: one each, or all from one call."""

    vars: list[Var | None]                                      # None for _
    value: Expr
    owners: list[Object]                                        # objects that the value's uses are recorded under


@dataclass(slots=True, eq=False)
class Package:
    """A checked program: what the lowering starts from."""

    file: File
    types: list[TypeName]                                       # package-level, in order of the source
    globals: list[Var]                                          # in order of the source
    functions: list[FuncDecl]                                   # functions and methods, in order of the source
    initializers: list[Initializer]                             # in the order in which Go runs them
    init_functions: list[FuncDecl]                              # func init(), run after them, before main
    main: FuncDecl | None                                       # None when an error was reported, and in the library
    imported: list[str]                                         # paths of packages that are written in Toy
    members: dict[str, Object]                                  # what it declares; others can name what is exported
    info: FunctionInfo                                          # of the function that initialises the variables
    recovers: bool                                              # some function calls recover
