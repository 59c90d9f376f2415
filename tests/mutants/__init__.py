"""Mutants: the runtime with one fault in it. The tests have to find each; `make mutants` says which they find."""
