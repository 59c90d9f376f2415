"""The packages that a Toy program can import, and the builtins print and println, in systems Python.

    number_text.py ── float_digits.py ── exact_digits.py ── float_text.py     numbers as text
    printable.py ── printer.py ── quote.py                                    padding and quoting
    fmt_integers.py ── fmt_verbs.py ── fmt_values.py                          one value, by its type and a verb
    fmt_directive.py ── fmt.py                                                package fmt
    print_builtin.py   runtime_pkg.py   weak_pkg.py   os_pkg.py               print; packages runtime, weak and os

Lowered programs call these functions; nothing here knows the compiler.
"""
