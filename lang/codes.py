"""Codes: every kind of error, the rule behind it, and a program that breaks the rule.

The tests run the programs: each must give an error that matches the /* ERROR "regexp" */, at the token before it.

Next: lexer.py
"""

from __future__ import annotations

from lang.diagnostics import Code


def _in_main(body: str) -> str:
    return "func main() {\n\t" + body.replace("\n", "\n\t") + "\n}\n"


SYNTAX = Code(
    "syntax",
    "A program follows the grammar.",
    'func main() { x := := /* ERROR "unexpected :=, expected expression" */ 1 }\n',
    mend=(
        "Look at the token that the message names, and at what stands before it: often a bracket, a comma or "
        "an operand is missing there."
    ),
)
LITERAL = Code(
    "literal",
    "A literal is well formed.",
    "var x = 0b12 /* ERROR \"invalid digit '2' in binary literal\" */\nfunc main() {}\n",
    mend=("The message tells the character that does not belong; 0b takes the digits 0 and 1, '' takes one character."),
)
NESTING = Code(
    "nesting",
    "A program is not nested too deeply.",
    "var x = " + "(" * 81 + ' /* ERROR "nested more than 80 deep" */ 1' + ")" * 81 + "\nfunc main() {}\n",
    mend="Give the inner parts names: variables for expressions, functions for statements, types for types.",
)
NOT_YET = Code(
    "not-yet",
    "A program uses only what Toy has.",
    _in_main('var c chan /* ERROR "Toy does not have channels yet" */ int\n_ = c'),
    mend=(
        "Write it in another way: a slice as a queue instead of a channel, a type of its own for each T."
    ),
)
NO_TYPE_PARAMETERS = "Toy does not have type parameters yet"

PACKAGE = Code(
    "package",
    "A program is package main.",
    'package lib /* ERROR "a Toy program is package main" */\nfunc main() {}\n',
    mend="Write package main, or leave the clause out.",
)
MAIN = Code(
    "main",
    "A program has one func main(), without parameters and results; init is a func, too.",
    'func main /* ERROR "func main must have no arguments and no return values" */ () int { return 1 }\n',
    mend="Write func main() { ... }; an exit code goes to os.Exit.",
)
IMPORT = Code(
    "import",
    "What is imported exists.",
    'import "nosuch" /* ERROR "package nosuch is not in std" */\nfunc main() {}\n',
    mend="Look for a misspelt path; README.md lists the packages that Toy has.",
)
UNUSED_IMPORT = Code(
    "unused-import",
    "What is imported is used.",
    'import "os" /* ERROR "\\"os\\" imported and not used" */\nfunc main() {}\n',
    mend='Remove the import. To keep it for a while: import _ "os".',
)
UNDEFINED = Code(
    "undefined",
    "A name that is used is declared.",
    _in_main('println(foo /* ERROR "undefined: foo" */)'),
    mend="Declare the name, import its package, or look for a misspelling: upper and lower case differ.",
)
REDECLARED = Code(
    "redeclared",
    "A name is declared once in a block.",
    _in_main('x := 1\nvar x /* ERROR "x redeclared in this block" */ int\n_ = x'),
    mend="Assign with = instead of declaring again, or choose another name.",
)
UNUSED = Code(
    "unused",
    "A local variable is used.",
    _in_main('x /* ERROR "declared and not used: x" */ := 1'),
    mend="Remove the variable, use it, or assign it to _.",
)
BLANK = Code(
    "blank",
    "The blank identifier _ has no value.",
    _in_main('x := _ /* ERROR "cannot use _ as value" */\n_ = x'),
    mend="Give the variable a name where its value is needed.",
)
IOTA = Code(
    "iota",
    "iota counts the lines of a constant declaration.",
    _in_main('println(iota /* ERROR "cannot use iota outside constant declaration" */)'),
    mend="Write the number, or move the expression into a const declaration.",
)
CYCLE = Code(
    "cycle",
    "No type contains itself, and no value needs itself.",
    'type T /* ERROR "invalid recursive type: T refers to itself" */ struct { t T }\nfunc main() {}\n',
    mend="Let the type hold a pointer or a slice of itself: type T struct { t *T }.",
)
NOT_A_TYPE = Code(
    "not-a-type",
    "Where a type belongs stands a type.",
    _in_main('x := 1\nvar y x /* ERROR "x \\(local variable\\) is not a type" */\n_ = y'),
    mend="Name the type instead of a variable or function; a variable of the same name may hide it.",
)
NOT_AN_EXPRESSION = Code(
    "not-an-expression",
    "Where a value belongs stands a value.",
    _in_main('x := int /* ERROR "int \\(type\\) is not an expression" */\n_ = x'),
    mend="Make a value of the type: T{}, T(x) or new(T).",
)
ARRAY_LENGTH = Code(
    "array-length",
    "The length of an array is a constant, and not negative.",
    _in_main('n := 3\nvar a [n /* ERROR "invalid array length n" */]int\n_, _ = a, n'),
    mend="Declare n as a const, or use a slice: make([]int, n).",
)
MAP_KEY = Code(
    "map-key",
    "The keys of a map can be compared.",
    'var m map[[ /* ERROR "invalid map key type \\[\\]int" */]int]bool\nfunc main() {}\n',
    mend="Use a key that can be compared: a string, an array, or a struct of such.",
)
EMBEDDED = Code(
    "embedded",
    "An embedded field is a type T or *T, where T is no pointer.",
    'type P *int\ntype T struct { P /* ERROR "embedded field type cannot be a pointer" */ }\nfunc main() {}\n',
    mend="Embed the struct itself, or give the field a name.",
)
RECEIVER = Code(
    "receiver",
    "Methods belong to a type that the program itself defines.",
    'func (i int /* ERROR "cannot define new methods on non-local type int" */) f() {}\nfunc main() {}\n',
    mend="Define a type of your own: type Int int.",
)
MISSING_BODY = Code(
    "missing-body",
    "A function has a body.",
    'func f /* ERROR "missing function body" */ ()\nfunc main() {}\n',
    mend="Write the body: { ... }.",
)
CONSTANT = Code(
    "constant",
    "The value of a constant is constant.",
    _in_main('x := 1\nconst c = x /* ERROR "x \\(variable of type int\\) is not constant" */\n_ = c'),
    mend="Declare it with var.",
)
CONSTANT_RANGE = Code(
    "constant-range",
    "A constant fits its type.",
    _in_main(
        'var b byte = 256 /* ERROR "cannot use 256 .* as byte value in variable declaration \\(overflows\\)" */\n_ = b'
    ),
    mend="Use a wider type, or a smaller number.",
)
DIVISION_BY_ZERO = Code(
    "division-by-zero",
    "No integer is divided by the constant zero.",
    _in_main('x := 1\nprintln(x / 0 /* ERROR "invalid operation: division by zero" */)'),
    mend="Divide by something else; to get an infinity, divide floating-point variables.",
)
OPERATOR = Code(
    "operator",
    "An operator is defined on its operands.",
    _in_main('println(-"a" /* ERROR "operator - not defined" */)'),
    mend="Convert the operands to a type that has the operator, or call a function that does it.",
)
MISMATCHED_TYPES = Code(
    "mismatched-types",
    "Both operands of an operator have one type.",
    _in_main('a, b := 1, 2.5\nprintln(a /* ERROR "mismatched types int and float64" */ + b)'),
    mend="Convert one of them: float64(a) + b.",
)
SHIFT_COUNT = Code(
    "shift-count",
    "A shift count is an integer, and not negative.",
    _in_main('const n = -1\nprintln(1 << n /* ERROR "negative shift count n" */)'),
    mend="Shift the other way: >> instead of <<.",
)
ADDRESS = Code(
    "address",
    "Only variables have an address.",
    _in_main('p := &f /* ERROR "cannot take address of f\\(\\)" */ ()\n_ = p') + "func f() int { return 1 }\n",
    mend="Put the value into a variable first: x := f(); p := &x.",
)
CONVERSION = Code(
    "conversion",
    "A conversion T(x) is between types with like values.",
    _in_main('println(int("1" /* ERROR "cannot convert \\"1\\" .* to type int" */))'),
    mend="Between numbers and text: strconv.Atoi and strconv.Itoa, or fmt.Sprint.",
)
ASSIGN_TYPE = Code(
    "assign-type",
    "A value fits the variable that it is assigned to.",
    _in_main('var s string = 1 /* ERROR "cannot use 1 .* as string value in variable declaration" */\n_ = s'),
    mend=(
        "Convert the value, or change the type of the variable. For an interface, the message tells the "
        "method that is missing."
    ),
)
ASSIGN_COUNT = Code(
    "assign-count",
    "Both sides of an assignment have equally many values.",
    _in_main('a, b := 1 /* ERROR "assignment mismatch: 2 variables but 1 value" */\n_, _ = a, b'),
    mend="Name all values, with _ for those that are not needed: a, _ := f().",
)
ASSIGN_TARGET = Code(
    "assign-target",
    "What is assigned to is a variable.",
    _in_main('f /* ERROR "cannot assign to f\\(\\)" */ () = 1') + "func f() int { return 1 }\n",
    mend=(
        "Assign to a variable, a field, an element or *p. A struct in a map is replaced as a whole: v := "
        "m[k]; v.x = 1; m[k] = v."
    ),
)
NO_NEW_VARIABLES = Code(
    "no-new-variables",
    "A := declares at least one variable.",
    _in_main('x := 1\nx := /* ERROR "no new variables on left side of :=" */ 2\n_ = x'),
    mend="Assign with = instead.",
)
NIL_USE = Code(
    "nil-use",
    "nil alone has no type.",
    _in_main('x := nil /* ERROR "use of untyped nil in assignment" */\n_ = x'),
    mend="Give the variable a type: var x *T.",
)
VALUE_COUNT = Code(
    "value-count",
    "Where one value belongs stands one value.",
    _in_main('println(1 + f /* ERROR "multiple-value f\\(\\)" */ ())') + "func f() (int, int) { return 1, 2 }\n",
    mend="Put the values into variables first: a, b := f().",
)
NO_VALUE = Code(
    "no-value",
    "A function without results has no value.",
    _in_main('x := f /* ERROR "f\\(\\) \\(no value\\) used as value" */ ()\n_ = x') + "func f() {}\n",
    mend="Call it as a statement, or let it return something.",
)
UNUSED_VALUE = Code(
    "unused-value",
    "A statement does something.",
    _in_main('x := 1\nx /* ERROR "x \\(variable of type int\\) is not used" */'),
    mend="Use the value, or remove the line; to throw it away: _ = x.",
)
NO_FIELD = Code(
    "no-field",
    "A selected field or method exists.",
    "type T struct { x int }\n"
    + _in_main('var t T\nprintln(t.y /* ERROR "t.y undefined \\(type T has no field or method y\\)" */)'),
    mend="Look for a misspelling: upper and lower case differ, and other packages see only names in upper case.",
)
INDEX = Code(
    "index",
    "An index is an integer within bounds.",
    _in_main('var a [3]int\nprintln(a[3 /* ERROR "index 3 out of bounds \\[0:3\\]" */])'),
    mend="Count from 0: the last element of a is a[len(a)-1].",
)
NOT_CALLABLE = Code(
    "not-callable",
    "What is called is a function.",
    _in_main('x := 1\nx /* ERROR "cannot call x" */ ()'),
    mend="Remove the parentheses, or call a function that the value belongs to.",
)
ARGUMENT_COUNT = Code(
    "argument-count",
    "A call has as many arguments as the function has parameters.",
    _in_main('f(1, 2 /* ERROR "too many arguments in call to f" */)') + "func f(x int) {}\n",
    mend="Compare the two lines below the message: what the call has, and what the function wants.",
)
INFERENCE = Code(
    "inference",
    "The arguments of a generic function agree about the types that they stand for.",
    'import "runtime"\n\nvar n int\n\nfunc f(s string) {}\n\nfunc main() {\n'
    '\truntime.AddCleanup(&n, f, n /* ERROR "does not match inferred type string for S" */)\n}\n',
    mend="Give arguments of the same type, or convert one.",
)
INSTANTIATION = Code(
    "instantiation",
    "What is generic gets one type for each of its type parameters, and nothing else gets any.",
    'import "weak"\n\n'
    'var p weak.Pointer /* ERROR "cannot use generic type weak.Pointer\\[T any\\] without instantiation" */\n\n'
    "func main() { _ = p }\n",
    mend="Put the type in brackets behind the name: weak.Pointer[int].",
)
SPREAD = Code(
    "spread",
    "Only a variadic parameter takes a slice with ... behind it.",
    _in_main('f /* ERROR "cannot use ... in call to non-variadic f" */ ([]int{}...)') + "func f(x []int) {}\n",
    mend="Remove the ..., or declare the parameter as x ...int.",
)
BUILTIN_USE = Code(
    "builtin-use",
    "A built-in function is called.",
    _in_main('x := len /* ERROR "len \\(built-in\\) must be called" */\n_ = x'),
    mend="Call it, or wrap it: func(s []int) int { return len(s) }.",
)
BUILTIN_ARGUMENT = Code(
    "builtin-argument",
    "A built-in function gets what it is made for.",
    _in_main('println(len(1 /* ERROR "invalid argument: 1 .* for built-in len" */))'),
    mend="Convert the argument, or use what belongs to its type: a struct has fields to look at, not a len.",
)
LITERAL_TYPE = Code(
    "literal-type",
    "T{...} makes a struct, an array, a slice or a map.",
    _in_main('x := int /* ERROR "invalid composite literal type int" */ {}\n_ = x'),
    mend="Write the value as it is, or T(x) for a conversion.",
)
STRUCT_LITERAL = Code(
    "struct-literal",
    "A struct literal names fields of the struct once each, or gives all values in order.",
    "type T struct { x int }\n" + _in_main('_ = &T<y /* ERROR "unknown field y in struct literal of type T" */ : 1>'),
    mend=(
        "Name the fields as they are declared; what an embedded struct has goes into its own literal: "
        "T{Base: Base{x: 1}}."
    ),
)
DUPLICATE = Code(
    "duplicate",
    "Cases, and keys of a literal, differ.",
    _in_main('switch 1 {\ncase 2, 2 /* ERROR "duplicate case 2" */:\n}'),
    mend="Remove one of them.",
)
ASSERTION = Code(
    "assertion",
    "A type assertion or type switch looks into an interface.",
    _in_main('x := 1\n_ = x /* ERROR "x \\(variable of type int\\) is not an interface" */ .(int)'),
    mend=(
        "Assert only what an interface holds; convert other values with T(x). A type that lacks methods of "
        "the interface is never in it."
    ),
)
CONDITION = Code(
    "condition",
    "A condition is a boolean.",
    _in_main('if 1 /* ERROR "non-boolean condition in if statement" */ {\n}'),
    mend="Compare: if x != 0 { ... }.",
)
SWITCH = Code(
    "switch",
    "What is switched on can be compared.",
    "type S struct { s []int }\n" + _in_main('switch ( /* ERROR "cannot switch on" */ S{}) {\n}'),
    mend="Switch on a part that can be compared, or write conditions: switch { case len(s.s) == 0: ... }.",
)
RANGE = Code(
    "range",
    "A loop ranges over what has elements.",
    _in_main('for range 1.5 /* ERROR "cannot range over 1.5" */ {\n}'),
    mend="Range over a slice, an array, a string, a map or an integer.",
)
BRANCH = Code(
    "branch",
    "break, continue and fallthrough stand where they lead somewhere.",
    _in_main('break /* ERROR "break is not in a loop, switch, or select" */'),
    mend="Use return to leave a function; fallthrough is the last statement of a case that is not the last one.",
)
LABEL = Code(
    "label",
    "A label is declared once, used, and stands at the statement to leave.",
    _in_main('L /* ERROR "label L defined and not used" */ :\n\tfor {\n\t}'),
    mend="Remove the label, or use it: break L, continue L, goto L.",
)
GOTO = Code(
    "goto",
    "A goto leads to a label of its block or of one around it, and no variable is declared in between.",
    _in_main('goto L /* ERROR "goto L jumps over declaration of x at" */\n\tx := 1\nL:\n\tprintln(x)'),
    mend="Declare the variable before the goto, or put what is jumped over in a block of its own.",
)
MISSING_RETURN = Code(
    "missing-return",
    "A function with results ends in a return.",
    'func f() int {\n} /* ERROR "missing return" */\nfunc main() {}\n',
    mend="End with a return on every way, or with panic.",
)
RETURN_COUNT = Code(
    "return-count",
    "A return has as many values as the function has results.",
    'func f() (int, int) { return 1 /* ERROR "not enough return values" */ }\nfunc main() {}\n',
    mend="Return a value for each result; the lines below the message compare them.",
)
HIDDEN_RESULT = Code(
    "hidden-result",
    "A bare return returns the named results, which no other variable hides.",
    "func f() (x int) {\n\tif x := 1; x > 0 {\n"
    '\t\treturn /* ERROR "result parameter x not in scope at return" */\n\t}\n\treturn\n}\nfunc main() {}\n',
    mend="Name the inner variable differently, or return the values: return x.",
)

CODES = {code.name: code for code in list(globals().values()) if isinstance(code, Code)}
