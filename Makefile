# Everything happens in a virtual environment of its own: only python3 (3.11 or newer, with venv) and make are needed.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
BYTECODE := $(VENV)/bytecode.stamp
PROGRAM ?= examples/binary_trees.toy
ARGS    ?=
TESTS   ?=
ROUNDS  ?= 3

# A path in a .pth file; setuptools would rather import a finder of its own, at length, whenever Python starts.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--config-settings editable_mode=compat --editable

.DEFAULT_GOAL := help
.PHONY: help run test full slow soak lint types fuzz mutate misuse mutants clean distclean
.PHONY: bench bench-programs bench-functions bench-malloc bench-traces bench-mark bench-instructions bench-compile
.PHONY: peers peers-install curves report results

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp $(BYTECODE) ## install, then run an example (PROGRAM=examples/nbody.toy ARGS=...)
	$(BIN)/toyrun $(PROGRAM) $(ARGS)

test: lint types $(BYTECODE) ## install, then lint, check types and run the tests (TESTS=tests/test_toyrun.py)
	$(BIN)/python -m pytest -m 'not full and not slow' $(TESTS)

full: test ## the same, and then the tests that the default run has no time for (TESTS=tests/test_programs.py)
	$(BIN)/python -m pytest -m 'full and not slow' $(TESTS)

slow: $(VENV)/test.stamp $(BYTECODE) ## the tests that both leave out (TESTS=tests/test_escapes.py)
	$(BIN)/python -m pytest -m slow $(TESTS)

soak: $(VENV)/test.stamp $(BYTECODE) ## ten million random operations of the allocator against a model (ARGS=--help)
	$(BIN)/python -m tests.runtime.soak $(ARGS)

lint: $(VENV)/test.stamp ## ruff
	$(BIN)/ruff check .

types: $(VENV)/test.stamp ## mypy --strict
	$(BIN)/mypy

bench: $(VENV)/bench.stamp $(BYTECODE) ## each level of the allocator and the collector by itself, on both engines (ARGS="-k tiny")
	$(BIN)/python -m pytest bench/micro.py -n 0 -q --benchmark-enable --benchmark-columns=median,iqr,rounds \
		--benchmark-sort=fullname $(ARGS)

bench-programs: $(VENV)/bench.stamp $(BYTECODE) ## run beside the real Go: time, memory, start-up (ARGS=--help)
	$(BIN)/python -m bench.programs $(ARGS)

bench-functions: $(VENV)/bench.stamp $(BYTECODE) ## single functions of the library, and small loops, beside Go (ARGS="--only sort")
	$(BIN)/python -m bench.functions $(ARGS)

peers: $(VENV)/bench.stamp $(BYTECODE) ## workloads beside Go and other peers; writes bench/RESULTS.md (ARGS="--only json --rounds 3")
	$(BIN)/python -m bench.side_by_side $(ARGS)

# Debian's packages of the peers; those that cannot be installed are left out of the run, by name.
PEERS := gcc libc6-dev luajit lua5.4 nodejs openjdk-17-jdk-headless pypy3 libmimalloc2.0 libjemalloc2 libgc-dev
peers-install: $(VENV)/bench.stamp ## install the peers, as root, on Debian or Ubuntu (PEERS="luajit nodejs")
	apt-get update
	apt-get install --yes --no-install-recommends $(PEERS)

bench-malloc: $(VENV)/bench.stamp $(BYTECODE) ## the allocator beside Go's: each kind of object, each layer (ARGS=--help)
	$(BIN)/python -m bench.malloc $(ARGS)

bench-traces: $(VENV)/bench.stamp $(BYTECODE) ## allocations of real programs, replayed here and in Go (ARGS=--help)
	$(BIN)/python -m bench.traces $(ARGS)

bench-mark: $(VENV)/bench.stamp $(BYTECODE) ## the collector beside Go's: shapes of heaps, heaps of real programs (ARGS=--help)
	$(BIN)/python -m bench.mark $(ARGS)

curves: $(VENV)/bench.stamp $(BYTECODE) ## GOGC 25 to 800, heaps of 1 MiB to 8 GiB, beside Go; into bench/RESULTS.md (ARGS="--only GOGC")
	$(BIN)/python -m bench.curves $(or $(ARGS),--record)

report: $(VENV)/bench.stamp $(BYTECODE) ## bench/RESULTS.md once more, of what is kept in bench/results
	$(BIN)/python -m bench.report

results: $(VENV)/bench.stamp $(BYTECODE) ## all that bench/RESULTS.md has, measured anew (ROUNDS=3; a quiet machine)
	$(BIN)/python -m bench.side_by_side --rounds $(ROUNDS)
	$(BIN)/python -m bench.curves --record --rounds $(ROUNDS)
	$(BIN)/python -m bench.traces --record --rounds $(ROUNDS)
	$(BIN)/python -m bench.mark --record --rounds $(ROUNDS)
	$(BIN)/python -m bench.malloc --record --rounds $(ROUNDS)

bench-instructions: $(VENV)/bench.stamp $(BYTECODE) ## instructions of a few fixed things, against what they were (needs valgrind)
	$(BIN)/python -m bench.instructions $(ARGS)

bench-compile: $(VENV)/bench.stamp $(BYTECODE) ## compiling a program of a thousand lines, stage by stage (ARGS=--help)
	$(BIN)/python -m bench.compile_time $(ARGS)

fuzz: $(VENV)/test.stamp ## random programs, on Go, both engines and under collector stress (ARGS=--help)
	$(BIN)/python -m tests.fuzz --count 2000 $(ARGS)

mutate: $(VENV)/test.stamp ## broken source texts through the compiler (ARGS=--help)
	$(BIN)/python -m tests.fuzz.mutate --count 20000 $(ARGS)

misuse: $(VENV)/test.stamp ## wrong programs: what Toy says about them, beside what Go says (ARGS=--help)
	$(BIN)/python -m tests.fuzz.misuse --count 100000 $(ARGS)

mutants: $(VENV)/test.stamp ## the runtime with one fault at a time: which do the tests notice? (ARGS=--list)
	$(BIN)/python -m tests.mutants $(ARGS)

clean: ## remove what builds and tests leave behind
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## the same, and the virtual environment
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@# Until Python 3.12 it is put there, unasked, and loads a part of itself whenever Python starts.
	$(BIN)/python -m pip uninstall --quiet --disable-pip-version-check --yes setuptools

# A stamp is older than pyproject.toml when the environment has to be brought up to date.
$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(INSTALL) .
	@touch $@

$(VENV)/test.stamp: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[test]'
	@touch $@ $(VENV)/run.stamp

$(VENV)/bench.stamp: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[bench]'
	@touch $@ $(VENV)/run.stamp

# As pip does for what it copies: where PYTHONDONTWRITEBYTECODE is set, each run would compile all that it imports.
$(BYTECODE): $(shell find lang runtime -name '*.py') | $(BIN)/python
	$(BIN)/python -m compileall -q lang runtime
	@touch $@
