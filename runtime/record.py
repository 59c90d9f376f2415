"""Record: a named tuple, as `typing.NamedTuple` makes one, for what is defined whenever a program starts.

    class Point(Record):
        x: int
        y: int = 0          Point(1), Point(1, y=2)._replace(x=3), Point(1) == (1, 0), Point._fields

Importing `typing` and `collections`, and having a class's code written and compiled, takes longer than many a program
runs. Type checkers see a NamedTuple.

Runs in Python only.                                                                            Next: knobs.py
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:

    class Record(tuple):
        """A tuple whose items have names: those of the annotations, in their order."""

        __slots__ = ()
        _fields = ()  # names
        _defaults = {}  # noqa: RUF012 - of each class, its own

        def __init_subclass__(cls):
            """Note the fields of a new kind of record, whose items become properties."""
            cls._fields = tuple(cls.__annotations__)
            cls._defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
            for at, name in enumerate(cls._fields):
                setattr(cls, name, property(lambda self, at=at: self[at]))

        def __new__(cls, *values, **named):
            """A record; TypeError if an item is missing, given twice or of another name."""
            if len(values) > len(cls._fields):
                raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(values)}")
            given = dict(zip(cls._fields, values, strict=False))
            if wrong := [name for name in named if name in given or name not in cls._fields]:
                raise TypeError(f"{cls.__name__}: {', '.join(wrong)}: no such field, or given twice")
            items = {**cls._defaults, **given, **named}
            if missing := [name for name in cls._fields if name not in items]:
                raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
            return tuple.__new__(cls, [items[name] for name in cls._fields])

        def __repr__(self):
            """As it could be written."""
            return f"{type(self).__name__}({', '.join(f'{name}={item!r}' for name, item in self._asdict().items())})"

        def __getnewargs__(self):
            """For copies and pickles."""
            return tuple(self)

        def _asdict(self):
            """The items by their names."""
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changes):
            """The same, with other items."""
            return type(self)(**{**self._asdict(), **changes})


__all__ = ["Record"]
