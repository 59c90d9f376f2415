"""Fuzzing: programs nobody would write, and texts that are no programs.

    shapes.py        the types of generated programs
    tree.py          programs as trees of exchangeable parts
    expressions.py   random expressions of a wanted type
    values.py        those that are maps, functions, interfaces, or made by the library
    statements.py    random statements, and what may be named where they stand
    features.py      those that defer, panic and recover, ask interfaces and maps, keep functions
    programs.py      whole programs: generate(seed, size)
    runs.py          a program on Go, on both engines, and while the collector runs all the time
    shrink.py        the smallest program found that still fails
    mutations.py     source texts broken at random
    mutate.py        what the compiler makes of them
    children.py      processes that may hang, crash or be killed

`python -m tests.fuzz` and `python -m tests.fuzz.mutate` run the two; both print their seed and take it back.
"""
