"""The architecture, enforced: who imports whom, what a header promises, how long a function may be.

The lists below are the reading order. A module imports, when it is loaded, only modules that stand above it;
the names that two structs need of each other are imported for the type checker only.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from tests.expectations import parse
from tests.forked_toyrun import toyrun
from tests.go_oracle import ROOT

LONGEST_FUNCTION = 60  # lines, its docstring not counted

READING_ORDER = """
    runtime.syspy.pointers runtime.syspy.machine runtime.syspy.arrays runtime.syspy.annotations runtime.syspy.structs
    runtime.syspy.failure runtime.syspy.functions runtime.syspy.memory runtime.syspy.atomics runtime.syspy.intrinsics
    runtime.syspy.attempts runtime.syspy.constants runtime.syspy
    runtime.syspy.subset runtime.syspy.sources runtime.syspy.kinds runtime.syspy.constant_data runtime.syspy.signatures
    runtime.syspy.emission runtime.syspy.operators runtime.syspy.lower_values runtime.syspy.lower_conditions
    runtime.syspy.lower_memory runtime.syspy.lower_calls runtime.syspy.lower_vocabulary runtime.syspy.lower_intrinsics
    runtime.syspy.lower_assignment runtime.syspy.lower_statements runtime.syspy.entries
    runtime.syspy.division runtime.syspy.unit
    runtime.syspy.cache runtime.syspy.clang runtime.syspy.optimise runtime.syspy.dependencies runtime.syspy.mapping
    runtime.syspy.elf_link runtime.syspy.frame_table runtime.syspy.beside runtime.syspy.llvm_loader runtime.syspy.image
    runtime.syspy.translate runtime.syspy.compiler runtime.syspy.native

    runtime.layout runtime.size_classes runtime.types runtime.basic_types runtime.utf8
    runtime.clock runtime.lock runtime.os_memory runtime.first_touch runtime.output runtime.hexdump runtime.fixalloc
    runtime.xorshift runtime.sampler
    runtime.mem_profile runtime.addr_ranges
    runtime.page_summaries runtime.page_bits runtime.scavenge_bits runtime.scavenge_index
    runtime.page_alloc runtime.page_cache runtime.time_histogram
    runtime.pi_controller runtime.scavenge_sleep runtime.scavenge_pacer runtime.scavenge
    runtime.mspan runtime.zombies runtime.specials runtime.arenas runtime.span_set runtime.gc_bits runtime.heap_bits
    runtime.sweep runtime.pacer
    runtime.gc_limiter runtime.p runtime.active_sweep runtime.mheap runtime.central_sets runtime.sweeper runtime.reclaim
    runtime.sweep_pacer runtime.mcentral runtime.mcache
    runtime.roots runtime.work_queue runtime.workbufs runtime.mark runtime.mark_team
    runtime.traceback
    runtime.proc runtime.world runtime.watch runtime.heap runtime.memstats runtime.gctrace runtime.pacertrace
    runtime.scavtrace
    runtime.heap_check runtime.background_scavenger runtime.background_sweeper runtime.memory_limit runtime.phases
    runtime.incremental runtime.cycle runtime.collect runtime.memory_control runtime.periodic runtime.mem_sample
    runtime.stress runtime.malloc runtime.write_barrier runtime.weak
    runtime.panics runtime.slices runtime.strings runtime.values runtime.maps runtime.map_hash runtime.string_maps
    runtime.stats_check runtime.metrics runtime.settings
    runtime.heap_map runtime.heap_graph runtime.dominators runtime.heap_buffers
    runtime.walk runtime.finalizers runtime.boundary runtime.profile_records runtime.pprof
    runtime.refusals runtime.stress_report
    runtime.record runtime.knobs runtime.host_thread runtime.image runtime.engines runtime.parallel
    runtime.watcher runtime.damage runtime.descriptions runtime.handles runtime.weak_embedding
    runtime.finalizers_embedding runtime.holdings runtime.embedding runtime.pytest_plugin
    runtime

    lang.source lang.diagnostics lang.codes lang.go_types lang.objects lang.syntax lang.spelling
    lang.lexer lang.tree_builder lang.syntax_errors lang.parse_tables lang.parse
    lang.tree_text
    lang.constants lang.layout lang.scopes lang.version lang.import_paths lang.packages lang.outlines
    lang.lookup
    lang.check_base lang.check_conversions lang.check_operators lang.check_types lang.check_generics
    lang.check_selectors lang.check_literals lang.check_builtins lang.check_finalizers lang.check_calls
    lang.check_expressions lang.check_assignments lang.check_loops lang.check_switches lang.labels lang.returns
    lang.check_statements lang.check_declarations lang.init_order lang.check_package lang.check_tree lang.explain
    lang.std lang.std.number_text lang.std.exact_digits lang.std.float_digits lang.std.float_text lang.std.printable
    lang.std.texts lang.std.printer lang.std.failure_text lang.std.defers lang.std.quote lang.std.fmt_integers
    lang.std.fmt_verbs lang.std.map_order lang.std.fmt_values lang.std.fmt_directive lang.std.fmt
    lang.std.print_builtin lang.std.arithmetic lang.std.start lang.std.os_pkg lang.std.strconv_pkg
    lang.std.slices_of_any lang.std.finalizer_calls lang.std.runtime_pkg lang.std.weak_pkg lang.std.time_pkg
    lang.std.debug_pkg
    lang.flow lang.lower_imports lang.liveness lang.shadow_stack lang.fronts lang.lower_names lang.runtime_names
    lang.lower_types lang.type_notes lang.build
    lang.lower_frame lang.lower_places lang.lower_operators lang.lower_constants lang.lower_literals lang.lower_slices
    lang.lower_maps lang.lower_calls lang.lower_closures lang.lower_interfaces lang.lower_finalizers
    lang.lower_natives lang.escapes lang.lower_packages lang.lower_statements lang.lower_loops lang.lower_gotos
    lang.lower_defers
    lang.lower_function lang.lower_map_types lang.lower_thunks lang.lower_library lang.lower_program
    lang.lower_common
    lang.toolchain lang.output_file lang.heap_record lang.trace_text
    lang.reports lang.execution lang.memory_profile lang.heap_types lang.watching
    lang.heap_summary lang.heap_page lang.trace_file lang.python_engine lang.driver
    lang.session_input lang.session_methods lang.session lang.replay lang.repl lang.toyrun lang.child
    lang.pygments_lexer
    lang
""".split()


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    text: str

    def __str__(self) -> str:
        return self.name

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def structs(self) -> list[ast.ClassDef]:
        classes = [node for node in self.nodes if isinstance(node, ast.ClassDef)]
        return [node for node in classes if "struct" in map(ast.unparse, node.decorator_list)]

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree, clean=False) or ""


def module_at(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, path.read_text(encoding="utf-8"))


MODULES = [module_at(path) for top in ("runtime", "lang") for path in sorted((ROOT / top).rglob("*.py"))]
NAMES = {module.name for module in MODULES}
every_module = pytest.mark.parametrize("module", MODULES, ids=str)


# Who imports whom


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Each of our modules that this one imports when it is loaded, with the line."""
    for statement in module.tree.body:
        for node in [statement] if isinstance(statement, ast.Import | ast.ImportFrom) else []:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names if alias.name in NAMES)
            elif node.module in NAMES:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield node.lineno, full if full in NAMES else node.module or ""


def test_the_reading_order_names_every_module_once() -> None:
    assert len(READING_ORDER) == len(set(READING_ORDER))
    assert not NAMES - set(READING_ORDER), "modules that the reading order does not have"
    assert not set(READING_ORDER) - NAMES, "names of the reading order that are no modules"


@every_module
def test_a_module_imports_only_what_stands_above_it(module: Module) -> None:
    above = READING_ORDER[: READING_ORDER.index(module.name)] if module.name in READING_ORDER else []
    wrong = [f"line {line}: {name}" for line, name in imports(module) if name not in above]
    assert not wrong


@every_module
def test_the_runtime_knows_nothing_of_the_language(module: Module) -> None:
    own = module.name.split(".")[0]
    for node in module.nodes:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert own == "lang" or not any(re.match(r"lang(\.|$)", name) for name in names)
        if module.name.startswith("runtime.syspy"):
            assert not any(re.match(r"runtime\.(?!syspy)", name) for name in names), "systems Python stands alone"


def test_importing_the_command_line_does_not_load_llvm() -> None:
    code = "import sys, lang.toyrun; sys.exit(int(any(name.startswith('llvmlite') for name in sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# What a module says about itself


@every_module
def test_a_module_has_a_header_that_teaches(module: Module) -> None:
    words = set(module.docstring.split())
    assert words, "no docstring"
    assert module.name.split(".")[-1] not in ("utils", "common", "helpers", "misc")
    if module.structs:
        assert words & {"Owner:", "Lock:"}, "it does not say who may write to its structs (Owner: or Lock:)"
        assert words & {"Next:"}, "it does not say where to read on (Next:)"


@every_module
def test_every_struct_and_each_of_its_fields_is_explained(module: Module) -> None:
    lines = module.text.splitlines()
    for node in module.structs:
        assert ast.get_docstring(node), f"{node.name} has no docstring"
        for field in node.body:
            if isinstance(field, ast.AnnAssign):
                last = lines[(field.end_lineno or field.lineno) - 1]
                assert "#" in last, f"line {field.lineno}: {node.name}.{ast.unparse(field.target)} has no comment"


TAG = re.compile(r"^ {4,}([A-Z]{1,3}[0-9]{1,2}) {1,3}\S", re.MULTILINE)


def part_of(module: Module) -> str:
    """Tags are unique within one of these."""
    return next(part for part in ("runtime.syspy", "runtime", "lang") if f"{module.name}.".startswith(f"{part}."))


def without_docstrings(module: Module) -> str:
    """The module's code, comments included."""
    lines = module.text.splitlines()
    for node in module.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            for number in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1):
                lines[number - 1] = ""
    return "\n".join(lines)


@cache
def code_of(part: str) -> str:
    return "".join(without_docstrings(module) for module in MODULES if part_of(module) == part)


@every_module
def test_an_invariant_of_the_header_is_checked_in_the_code(module: Module) -> None:
    """By `throw("S4: ...")` or `assert ..., "S4: ..."`, or at least at the place marked `# S4` that makes it so."""
    code = code_of(part_of(module))
    unchecked = [tag for tag in TAG.findall(module.docstring) if not re.search(rf"\b{tag}\b", code)]
    assert not unchecked, "stated in the header, and nowhere in the code"


def test_no_two_headers_use_the_same_tag() -> None:
    owners: dict[tuple[str, str], str] = {}
    for module in MODULES:
        for tag in TAG.findall(module.docstring):
            assert owners.setdefault((part_of(module), tag), module.name) == module.name, tag


# Size and tidiness


def lines_of(function: ast.FunctionDef) -> int:
    body = function.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    docstring = (body[0].end_lineno or 0) - body[0].lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@every_module
def test_functions_are_short(module: Module) -> None:
    functions = [node for node in module.nodes if isinstance(node, ast.FunctionDef)]
    assert not [f"{f.name}: {lines_of(f)} lines" for f in functions if lines_of(f) > LONGEST_FUNCTION]


@cache
def tracked() -> list[Path]:
    """Our files; what builds and tests leave behind, and what is hidden, is not even looked at."""
    found: list[Path] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in ("build", "dist"))
        found += [Path(folder, name) for name in sorted(files) if not name.startswith(".")]
    return found


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
    texts = [path for path in tracked() if path.suffix in (".py", ".toy", ".md", ".lark", ".toml")]
    assert not [path for path in texts if marks.search(path.read_text("utf-8"))]


# The documents tell the truth

BLOCK = re.compile(r"^```(toy|python) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNABLE = [
    pytest.param(match[1], match[2], id=f"{path.relative_to(ROOT)}-{number}")
    for path in documents()
    for number, match in enumerate(BLOCK.finditer(path.read_text("utf-8")))
]


@pytest.mark.parametrize(("language", "text"), RUNNABLE)
def test_runnable_code_in_the_documents_runs(language: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / ("block.toy" if language == "toy" else "block.py")
    path.write_text(text, encoding="utf-8")
    expected = parse(text, "block")
    if language == "toy":
        ran = toyrun(path, cwd=tmp_path)
        code, out, err = ran.code, ran.out, ran.err
    else:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(path)]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
        code, out, err = done.returncode, done.stdout, done.stderr
    assert (code, out.splitlines()) == (expected.exit_code, list(expected.stdout)), err


@pytest.mark.parametrize("document", documents(), ids=str)
def test_every_file_that_a_document_links_to_exists(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
