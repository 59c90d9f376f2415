"""Methods that are declared again: through an interface, a method is chosen by its name while the program runs.

    3>  func (t T) get(n int) int { old }       func (t T) get·3(n int) int { old }
    5>  i.get(1)                                i.get(1): the one below, which is not there yet
    7>  func (t T) get(n int) int { new }       var since·70 = 1
                                                func (t T) get(n int) int {
                                                    if since·70 == 0 { return t.get·3(n) }
                                                    new
                                                }

Every input is run again with each later one, and does then what it did. So the new method leaves calls to the old one
until the variables in front of it, and with them all earlier inputs, are through. Only methods of one signature follow
each other so; another signature is another method to an interface, too.

Owner: one program of a session.        Next: session.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from lang import syntax as s
from lang.check_tree import nodes
from lang.session_input import as_typed, method_name


class Methods:
    """The methods of a session's program so far."""

    def __init__(self) -> None:
        self.newest: dict[tuple[str, str], s.FuncDecl] = {}  # by type and name, as typed

    def followed(self, declarations: list[s.Decl]) -> Iterator[s.Decl]:
        """An input's declarations, and what its methods need that take the place of earlier ones."""
        for x in declarations:
            if isinstance(x, s.FuncDecl) and x.receiver is not None:
                base, name = method_name(x)
                old = self.newest.get((base, as_typed(name)))
                if old is not None and x.body is not None and old.name.name != name and shape(old) == shape(x):
                    yield follow(old, x, x.body)
                self.newest[base, as_typed(name)] = x
            yield x


def shape(x: s.FuncDecl) -> list[list[object]]:
    """The types of a method's receiver, parameters and results, without the names of these; equal if they are."""
    assert x.receiver is not None, "a method has a receiver"
    declared = [x.receiver, *x.signature.params, *x.signature.results]
    found: list[list[object]] = [[len(x.signature.params)]]
    for param in declared:
        found.append([param.variadic])
        found += [[type(node), *words(node)] for node in nodes(param.type_expr)]
    return found


def words(x: s.Node) -> list[object]:
    """What a node says itself, and how many nodes are in its lists."""
    values = [getattr(x, field.name) for field in fields(x) if field.init and field.name not in ("pos", "end")]
    return [len(value) if isinstance(value, list) else value for value in values if not isinstance(value, s.Node)]


def follow(old: s.FuncDecl, new: s.FuncDecl, body: s.Block) -> s.VarDecl:
    """Make a method leave calls to an older one until a variable has its value, which is given back."""
    assert new.receiver is not None, "a method has a receiver"
    pos = body.pos
    since = f"since·{new.pos}"
    receiver = named(new.receiver, "receiver·")
    params = [named(param, f"p·{number}") for number, param in enumerate(new.signature.params)]
    method = s.Selector(pos, s.Name(pos, receiver), s.Name(pos, old.name.name))
    is_spread = any(param.variadic for param in new.signature.params)
    call = s.Call(pos, method, [s.Name(pos, name) for name in params], is_spread, pos)
    left: list[s.Stmt] = [s.ExprStmt(pos, call), s.Return(pos, [])]
    if new.signature.results:
        left = [s.Return(pos, [call])]
    is_early = s.Binary(pos, "==", pos, s.Name(pos, since), s.BasicLit(pos, "INT", "0"))
    body.statements.insert(0, s.If(pos, None, is_early, s.Block(pos, left, pos), None))
    return s.VarDecl(0, [s.Name(0, since)], None, [s.BasicLit(0, "INT", "1")])


def named(param: s.ParamDecl, name: str) -> str:
    """The name of a parameter, which gets one if it has none."""
    if param.name is None or param.name.name == "_":
        param.name = s.Name(param.pos, name)
    return param.name.name
