"""Runtime names: types as %T, panics and the page of the heap spell them.

    struct { a main.node }         list.List              main.local
    struct { main.a main.node }    container/list.List    main.local·1      in the brackets of a generic type

In brackets Go writes what tells types apart for its linker: packages with their whole paths, also in front of fields
that only they see, and of the types that functions declare which one it is.

Go: cmd/compile/internal/types/fmt.go (fmtTypeID), noder/reader.go.     Next: lower_types.py
"""

from __future__ import annotations

from lang.go_types import (
    Array,
    Basic,
    Field,
    Instance,
    Interface,
    InterfaceMethod,
    Kind,
    Map,
    Named,
    Pointer,
    Signature,
    Slice,
    Struct,
    Type,
    type_string,
)
from lang.lookup import is_exported
from lang.packages import path_of


def runtime_name(t: Type, is_argument: bool = False) -> str:
    """The type as %T prints it: the program's own names as main.T. An argument stands in brackets."""
    match t:
        case Instance(args=args):
            return f"{t.package}.{t.name}[{', '.join(runtime_name(arg, is_argument=True) for arg in args)}]"
        case Named():
            return _declared_name(t, is_argument)
        case Pointer(elem):
            return f"*{runtime_name(elem, is_argument)}"
        case Slice(elem):
            return f"[]{runtime_name(elem, is_argument)}"
        case Array(length, elem):
            return f"[{length}]{runtime_name(elem, is_argument)}"
        case Struct():
            return _struct_name(t, is_argument)
        case Interface(methods) if not methods:
            return "interface {}"
        case Interface(methods):
            return f"interface {{ {'; '.join(_method_name(method, is_argument) for method in methods)} }}"
        case Signature():
            return signature_name(t, is_argument)
        case Map(key, elem):
            return f"map[{runtime_name(key, is_argument)}]{runtime_name(elem, is_argument)}"
        case Basic(kind=Kind.UINT8):
            return "uint8"
        case Basic(kind=Kind.INT32):
            return "int32"
    return type_string(t)


def _declared_name(t: Named, is_argument: bool) -> str:
    if not t.package:
        number = f"·{t.local}" if is_argument and t.local else ""
        return f"main.{t.name}{number}" if t.pos > 0 else t.name
    return f"{path_of(t.package) if is_argument else t.package}.{t.name}"


def _struct_name(struct: Struct, is_argument: bool) -> str:
    words = []
    for field in struct.fields:
        text = _field_name(field, is_argument) + runtime_name(field.type, is_argument)
        words.append(f"{text} {field.tag}" if field.tag else text)
    return f"struct {{ {'; '.join(words)} }}" if words else "struct {}"


def _field_name(field: Field, is_argument: bool) -> str:
    """What stands in front of a field's type: for an embedded one in brackets its name, if that is not the type's."""
    if field.embedded and (not is_argument or _is_named_alike(field)):
        return ""
    is_hidden = is_argument and not is_exported(field.name)
    owner = f"{path_of(field.package) or 'main'}." if is_hidden else ""
    return f"{owner}{field.name}{' = ' if field.embedded else ' '}"


def _is_named_alike(field: Field) -> bool:
    """Whether an embedded field has the name that its type has for the linker."""
    base = field.type.elem if isinstance(field.type, Pointer) else field.type
    if not isinstance(base, Named) or isinstance(base, Instance) or base.local or base.pos == 0:
        return False
    return base.name == field.name and (is_exported(base.name) or base.package == field.package)


def _method_name(method: InterfaceMethod, is_argument: bool) -> str:
    owner = "" if is_exported(method.name) else "main."
    return owner + method.name + signature_name(method.signature, is_argument).removeprefix("func")


def signature_name(signature: Signature, is_argument: bool = False) -> str:
    """A function's type as the run time names it."""
    params = [runtime_name(param.type, is_argument) for param in signature.params]
    if signature.variadic:
        params[-1] = "..." + params[-1].removeprefix("[]")
    results = [runtime_name(result.type, is_argument) for result in signature.results]
    text = f"func({', '.join(params)})"
    return f"{text} ({', '.join(results)})" if len(results) > 1 else " ".join([text, *results])
