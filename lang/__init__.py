"""The Toy language: from source text to systems Python, one phase a module.

    source -> parse -> check -> lower -> systems Python

Start with `grammar.lark` for the form of the language, `syntax.py` for its tree, `check_package.py` for its rules.
"""
