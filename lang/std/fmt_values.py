"""Values: any value printed by its type's description.

    { 1  [2 3]  <nil>  abc }        struct { id int; list []int; next *T; name string }
      |  |      |      |
      each field or element by its own type, with the same verb and flags, one level deeper

    verb  %v     {1 [2 3] <nil> abc}                 a pointer to a struct, slice or array:
          %+v    {id:1 list:[2 3] ...}                   at the top   &{1 [2 3] ...}
          %#v    main.T{id:1, list:[]int{2, 3}, ...}     below it     0xc000012345, so that cycles end

A value that has a method Error or String, for %#v GoString, is printed as what that says, but not inside an unexported
field (an embedded struct's exported fields are not inside), and not where the verb does not fit it. Such a method may
allocate, and so does sorting a map: what is printed is kept alive by the caller of fmt.

Owner: the print statement under way. Go: fmt/print.go.                                Next: fmt.py
"""

from __future__ import annotations

from lang.std.defers import Panic, ask_text, caught_panic, is_error, leave_with, panic_value
from lang.std.fmt_integers import VERB_Q, VERB_V, put_address, put_bool, put_integer
from lang.std.fmt_verbs import NIL_ANGLE, VERB_P, VERB_S, put_float, put_pointer, put_string
from lang.std.map_order import sorted_entries
from lang.std.number_text import LETTER_X, SPACE, UPPER_X
from lang.std.printer import (
    Printer,
    clear_flags,
    flags_of,
    literal,
    put,
    put_byte,
    put_padded_words,
    put_words,
    set_flags,
)
from lang.std.quote import put_rune
from runtime.maps import Map
from runtime.proc import ERROR_TEXT, NO_TEXT, SYNTAX_TEXT
from runtime.syspy import (
    address,
    array_at,
    constant,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    is_nil,
    load,
    memory_equal,
    nil,
    stack_pointer,
    store,
    throw,
    u8,
    u16,
    u32,
    u64,
    uintptr,
)
from runtime.types import (
    FIELD_EXPORTED,
    FIELD_HIDDEN,
    KIND_ARRAY,
    KIND_BOOL,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_FUNC,
    KIND_INT,
    KIND_INT8,
    KIND_INT16,
    KIND_INT32,
    KIND_INT64,
    KIND_INTERFACE,
    KIND_MAP,
    KIND_PTR,
    KIND_SLICE,
    KIND_STRING,
    KIND_STRUCT,
    KIND_UINT,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    KIND_UINTPTR,
    Any,
    Slice,
    String,
    Type,
    map_layout,
    value_address,
)

VERB_TYPE = ord("T")
VERB_W = ord("w")
PERCENT = ord("%")
BANG = ord("!")
OPEN_PAREN = ord("(")
CLOSE_PAREN = ord(")")
OPEN_BRACE = ord("{")
CLOSE_BRACE = ord("}")
OPEN_BRACKET = ord("[")
CLOSE_BRACKET = ord("]")
COLON = ord(":")
EQUALS = ord("=")
AMPERSAND = ord("&")
QUESTION = ord("?")

PANIC_IN = constant(String, **literal(b"PANIC="))
ERROR_METHOD = constant(String, **literal(b"Error method: "))
STRING_METHOD = constant(String, **literal(b"String method: "))
SYNTAX_METHOD = constant(String, **literal(b"GoString method: "))
COMMA_SPACE = constant(String, **literal(b", "))
MAP_BRACKET = constant(String, **literal(b"map["))
NIL_IN_PARENS = constant(String, **literal(b"(nil)"))
NIL = constant(String, **literal(b"nil"))
BYTES = constant(String, **literal(b"[]byte"))
BYTE_SLICE_NAME = constant(String, **literal(b"[]uint8"))


def print_argument(p: Printer, argument: Any, verb: i32) -> None:
    """One operand."""
    typ = argument.typ
    if is_nil(typ):
        if verb == VERB_TYPE or verb == VERB_V:
            put_padded_words(p, NIL_ANGLE)
        else:
            open_bad_verb(p, verb)
            put_words(p, NIL_ANGLE)
            put_byte(p, CLOSE_PAREN)
    elif verb == VERB_TYPE:
        put_string(p, typ.name, i64(typ.name_length), VERB_S)
    elif (verb == VERB_W and not fits_w(p, typ, 0)) or (verb == VERB_P and not has_address(typ)):
        print_bad_verb(p, typ, value_address(argument), verb)
    elif verb == VERB_P:
        put_pointer(p, load(uintptr, value_address(argument)), VERB_P)
    else:
        print_value(p, typ, value_address(argument), verb, 0)


def has_address(typ: Type) -> bool:
    """Do values of the type begin with the address that %p prints?"""
    return typ.kind == KIND_PTR or typ.kind == KIND_SLICE or typ.kind == KIND_FUNC or typ.kind == KIND_MAP


def print_value(p: Printer, typ: Type, data: uintptr, verb: i32, depth: i64) -> None:
    """The value of a type at an address, `depth` levels below an operand."""
    if stack_pointer() < p.g.stack_guard:
        throw("stack overflow")
    if typ.kind == KIND_INTERFACE and not is_nil(Any.at(data).typ):
        print_value(p, Any.at(data).typ, value_address(Any.at(data)), verb, depth + 1)
        return
    if may_speak(p):
        if verb == VERB_W and not fits_w(p, typ, depth):
            print_bad_verb(p, typ, data, verb)
            return
        asking: i32 = VERB_V if verb == VERB_W else verb
        if (p.sharp_v or is_text_verb(asking)) and print_by_method(p, typ, data, asking):
            return
    if typ.kind == KIND_STRUCT:
        print_struct(p, typ, data, verb, depth)
    elif typ.kind == KIND_ARRAY:
        print_list(p, typ, data, i64(typ.length), verb, depth)
    elif typ.kind == KIND_SLICE:
        print_list(p, typ, load(uintptr, data), Slice.at(data).length, verb, depth)
    elif typ.kind == KIND_MAP:
        print_map(p, typ, Map.at(load(uintptr, data)), verb, depth)
    elif typ.kind == KIND_INTERFACE:
        print_nil_interface(p, typ)
    elif typ.kind == KIND_PTR and depth == 0 and is_followed(typ.elem) and load(uintptr, data) != 0:
        put_byte(p, AMPERSAND)
        print_value(p, typ.elem, load(uintptr, data), verb, 1)
    elif not print_simple(p, typ, data, verb):
        print_bad_verb(p, typ, data, verb)


# --- Values with methods ---------------------------------------------------------------------------------------------


def may_speak(p: Printer) -> bool:
    """May methods say what is printed?"""
    return p.g.unwinding.text_of != 0 and p.access == FIELD_EXPORTED and not p.in_bad_verb


def is_text_verb(verb: i32) -> bool:
    """Is the verb one that prints texts, so that Error and String are called?"""
    return verb == VERB_V or verb == VERB_S or verb == VERB_Q or verb == LETTER_X or verb == UPPER_X


def fits_w(p: Printer, typ: Type, depth: i64) -> bool:
    """Does %w print such a value? Errorf's does if it is an error; the bytes of an operand are looked at one by one."""
    if depth == 0 and is_named(typ, BYTE_SLICE_NAME):
        return True
    return not is_nil(p.wrapped) and is_error(p.g, typ)


def print_by_method(p: Printer, typ: Type, data: uintptr, verb: i32) -> bool:
    """The text that Error or String give, with %#v GoString; False when the value has none of them."""
    g = p.g
    frame = g.shadow_top  # of two slots, for a panic
    store(uintptr, frame, 0)
    store(uintptr, frame + 8, 0)
    said, returned = ask_text(g, frame + 16, typ, data, SYNTAX_TEXT if p.sharp_v else NO_TEXT)
    if returned:
        if said != NO_TEXT:
            form: i32 = VERB_S if p.sharp_v else verb
            put_string(p, g.unwinding.said.data, g.unwinding.said.length, form)
    elif typ.kind == KIND_PTR and load(uintptr, data) == 0:
        put_words(p, NIL_ANGLE)
    else:
        print_method_panic(p, frame, said, verb)
    g.shadow_top = frame
    return said != NO_TEXT


def print_method_panic(p: Printer, frame: uintptr, said: u64, verb: i32) -> None:
    """%!v(PANIC=String method: text)

    What follows is printed with the same flags, but the width and a precision are 0 from here on, as in Go.
    """
    panic = caught_panic(p.g, frame, nil(Panic))
    if p.in_panic:
        leave_with(p.g, panic)
    flags = flags_of(p)
    clear_flags(p)
    open_bad_verb(p, verb)
    put_words(p, PANIC_IN)
    if said == SYNTAX_TEXT:
        put_words(p, SYNTAX_METHOD)
    else:
        put_words(p, ERROR_METHOD if said == ERROR_TEXT else STRING_METHOD)
    p.in_panic = True
    if is_nil(panic.typ):
        put_words(p, NIL_ANGLE)
    else:
        p.g.shadow_top = frame + 16
        print_value(p, panic.typ, panic_value(panic), VERB_V, 0)
    p.in_panic = False
    put_byte(p, CLOSE_PAREN)
    set_flags(p, flags)


# --- Values without parts --------------------------------------------------------------------------------------------


def print_simple(p: Printer, typ: Type, data: uintptr, verb: i32) -> bool:
    """A value without parts; false when the verb is none of its own."""
    kind = typ.kind
    if kind == KIND_STRING:
        return put_string(p, String.at(data).data, String.at(data).length, verb)
    if KIND_INT <= kind <= KIND_INT64:
        return put_integer(p, load_integer(kind, data), True, verb)
    if KIND_UINT <= kind <= KIND_UINTPTR:
        return put_integer(p, load_integer(kind, data), False, verb)
    if kind == KIND_FLOAT64:
        return put_float(p, load(f64, data), False, verb)
    if kind == KIND_FLOAT32:
        return put_float(p, f64(load(f32, data)), True, verb)
    if kind == KIND_BOOL:
        return put_bool(p, load(u8, data) != 0, verb)
    if verb == VERB_V and p.sharp_v:
        print_typed_address(p, typ, load(uintptr, data))
        return True
    return put_pointer(p, load(uintptr, data), verb)


def load_integer(kind: u8, data: uintptr) -> u64:
    """The integer of that kind at an address, extended to 64 bits as its sign demands."""
    if kind == KIND_INT8:
        return u64(load(i8, data))
    if kind == KIND_INT16:
        return u64(load(i16, data))
    if kind == KIND_INT32:
        return u64(load(i32, data))
    if kind == KIND_UINT8:
        return u64(load(u8, data))
    if kind == KIND_UINT16:
        return u64(load(u16, data))
    if kind == KIND_UINT32:
        return u64(load(u32, data))
    return load(u64, data)


def print_typed_address(p: Printer, typ: Type, value: u64) -> None:
    """%#v of a pointer: (*main.T)(0xc000012345)."""
    put_byte(p, OPEN_PAREN)
    put_type_name(p, typ)
    put_byte(p, CLOSE_PAREN)
    put_byte(p, OPEN_PAREN)
    if value == 0:
        put_words(p, NIL)
    else:
        put_address(p, value, True)
    put_byte(p, CLOSE_PAREN)


def put_type_name(p: Printer, typ: Type) -> None:
    """main.T"""
    put(p, typ.name, i64(typ.name_length))


# --- Values with parts -----------------------------------------------------------------------------------------------


def is_followed(elem: Type) -> bool:
    """Does a pointer to such a value print the value?"""
    return elem.kind == KIND_STRUCT or elem.kind == KIND_ARRAY or elem.kind == KIND_SLICE or elem.kind == KIND_MAP


def put_separator(p: Printer) -> None:
    """Between two parts."""
    if p.sharp_v:
        put_words(p, COMMA_SPACE)
    else:
        put_byte(p, SPACE)


def print_struct(p: Printer, typ: Type, data: uintptr, verb: i32, depth: i64) -> None:
    """{1 2}, {a:1 b:2} or main.T{a:1, b:2}."""
    if p.sharp_v:
        put_type_name(p, typ)
    put_byte(p, OPEN_BRACE)
    for i in range(typ.field_count):
        if i > 0:
            put_separator(p)
        field = typ.fields[i]
        if p.plus_v or p.sharp_v:
            put(p, field.name, i64(field.name_length))
            put_byte(p, COLON)
        access = p.access
        if access != FIELD_HIDDEN:
            p.access = field.access
        print_value(p, field.typ, data + field.offset, verb, depth + 1)
        p.access = access
    put_byte(p, CLOSE_BRACE)


def print_nil_interface(p: Printer, typ: Type) -> None:
    """An interface that holds nothing."""
    if p.sharp_v:
        put_type_name(p, typ)
        put_words(p, NIL_IN_PARENS)
    else:
        put_words(p, NIL_ANGLE)


def print_map(p: Printer, typ: Type, m: Map, verb: i32, depth: i64) -> None:
    """map[a:1 b:2] or map[string]int{"a":1, "b":2}, by the order of the keys."""
    if p.sharp_v:
        put_type_name(p, typ)
        if is_nil(m):
            put_words(p, NIL_IN_PARENS)
            return
        put_byte(p, OPEN_BRACE)
    else:
        put_words(p, MAP_BRACKET)
    g = p.g
    frame = g.shadow_top  # of one slot
    store(uintptr, frame, 0)
    g.shadow_top = frame + 8
    entries, n = sorted_entries(g, frame, typ, m)
    offset, _, _ = map_layout(typ)
    for i in range(n):
        if i > 0:
            put_separator(p)
        print_value(p, typ.key, entries[i], verb, depth + 1)
        put_byte(p, COLON)
        print_value(p, typ.elem, entries[i] + offset, verb, depth + 1)
    g.shadow_top = frame
    put_byte(p, CLOSE_BRACE if p.sharp_v else CLOSE_BRACKET)


def is_text(typ: Type, verb: i32) -> bool:
    """Does the verb print the bytes of such a slice or array as one string?"""
    if typ.elem.kind != KIND_UINT8:
        return False
    return verb == VERB_S or verb == VERB_Q or verb == LETTER_X or verb == UPPER_X


def print_list(p: Printer, typ: Type, items: uintptr, n: i64, verb: i32, depth: i64) -> None:
    """[1 2 3] or []int{1, 2, 3}: a slice, or an array."""
    if is_text(typ, verb):
        put_string(p, array_at(u8, items), n, verb)
        return
    if p.sharp_v:
        put_list_name(p, typ, depth == 0 and verb == VERB_V)
        if typ.kind == KIND_SLICE and items == 0:
            put_words(p, NIL_IN_PARENS)
            return
    put_byte(p, OPEN_BRACE if p.sharp_v else OPEN_BRACKET)
    for i in range(n):
        if i > 0:
            put_separator(p)
        print_value(p, typ.elem, items + u64(i) * typ.elem.size, verb, depth + 1)
    put_byte(p, CLOSE_BRACE if p.sharp_v else CLOSE_BRACKET)


def put_list_name(p: Printer, typ: Type, is_operand: bool) -> None:
    """The type's name; an operand of the type []uint8 is called []byte."""
    if is_operand and is_named(typ, BYTE_SLICE_NAME):
        put_words(p, BYTES)
    else:
        put_type_name(p, typ)


def is_named(typ: Type, name: String) -> bool:
    """Has the type this name?"""
    return i64(typ.name_length) == name.length and memory_equal(address(typ.name), address(name.data), typ.name_length)


# --- Verbs that don't fit --------------------------------------------------------------------------------------------


def open_bad_verb(p: Printer, verb: i32) -> None:
    """%!verb("""
    put_byte(p, PERCENT)
    put_byte(p, BANG)
    put_rune(p, verb)
    put_byte(p, OPEN_PAREN)


def print_bad_verb(p: Printer, typ: Type, data: uintptr, verb: i32) -> None:
    """%!verb(type=value)"""
    open_bad_verb(p, verb)
    put_type_name(p, typ)
    put_byte(p, EQUALS)
    p.in_bad_verb = True
    print_value(p, typ, data, VERB_V, 0)
    p.in_bad_verb = False
    put_byte(p, CLOSE_PAREN)
