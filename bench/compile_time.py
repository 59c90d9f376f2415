"""`python -m bench.compile_time`: how long a program of a thousand lines takes from its text to its end.

    cold    the text is new; what all programs share (the images of the runtime and of the library) is in the cache
    warm    the second run of the same text
    stages  of a cold run, in a process that has imported everything; LLVM's is of the whole at once, where a run has
            two processes, each of which compiles a half

The program is made of workloads, one behind the other, each as it is written, but for the names that it declares at
package level: they have the name of the workload in front.

Owner: the benchmark.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness import Harness, Series, table
from bench.peers import ROOT, Toyrun, Workload, launcher
from lang import driver, toolchain
from lang import syntax as s
from lang.diagnostics import Diagnostics
from lang.lexer import Lexer, Token
from lang.lower_imports import COMMON_MODULE
from lang.lower_program import stubs
from lang.parse import keywords
from lang.python_engine import declarations, module_of, program_module
from lang.source import Source
from runtime.syspy.elf_link import link
from runtime.syspy.optimise import compile_text
from runtime.syspy.translate import lowered

PARTS = ("json_values", "closure_interpreter", "graph_search", "string_building", "k_nucleotide")
IMPORTS = re.compile(r'^import (?:\(.*?^\)|"\w+")\n', re.MULTILINE | re.DOTALL)
LITTLE = "1"  # the argument: each part does next to nothing


def thousand_lines() -> str:
    """The program."""
    parts = [Part(name) for name in PARTS]
    imports = sorted({path for part in parts for path in part.imports})
    listed = "".join(f"\t{path}\n" for path in imports)
    calls = "".join(f"\t{part.prefix}main()\n" for part in parts)
    return f"import (\n{listed})\n{''.join(part.renamed() for part in parts)}\nfunc main() {{\n{calls}}}\n"


class Part:
    """One workload."""

    def __init__(self, name: str) -> None:
        path = ROOT / "bench" / "workloads" / f"{name}.toy"
        self.source = Source.of_bytes(path.name, path.read_bytes())
        self.prefix = f"{name}_"
        file = driver.parse_source(self.source)
        self.imports = [import_.path.text for import_ in file.imports]
        self.packages = {path.strip('"').rpartition("/")[2] for path in self.imports}
        self.names = {name for declaration in file.declarations for name in declared_names(declaration)}
        found = IMPORTS.search(self.source.text)
        assert found is not None, f"{name} imports nothing"
        self.start = found.end()

    def renamed(self) -> str:
        """Its text behind the imports, under names of its own."""
        tokens = Lexer(self.source.text, Diagnostics(self.source), keywords()).run()
        found, at = [], self.start
        for number, token in enumerate(tokens):
            if token.pos >= self.start and token.text in self.names and not self.is_foreign(tokens, number):
                found += [self.source.text[at : token.pos], self.prefix]
                at = token.pos
        return "".join([*found, self.source.text[at:]])

    def is_foreign(self, tokens: list[Token], number: int) -> bool:
        """Whether a token is no name, or one of a package's."""
        qualifier = tokens[number - 2].text if tokens[number - 1].text == "." else ""
        return tokens[number].type != "NAME" or qualifier in self.packages


def declared_names(declaration: s.Decl) -> list[str]:
    """The names that a package-level declaration declares; a method is no such."""
    match declaration:
        case s.FuncDecl(receiver=None) | s.TypeDecl():
            return [declaration.name.name]
        case s.VarDecl() | s.ConstDecl():
            return [name.name for name in declaration.names]
    return []


def seconds_used() -> float:
    """Of a processor, by this process and by others that it has started."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def stages() -> dict[str, float]:
    """Seconds of the processor that each stage of a cold run takes."""
    found: dict[str, float] = {}

    def timed(stage: str, action: Callable[[], Any]) -> Any:
        begin = seconds_used()
        result = action()
        found[stage] = seconds_used() - begin
        return result

    source = Source("thousand_lines.toy", f"{thousand_lines()}// {uuid.uuid4()}\n")
    base = toolchain.library_image(toolchain.runtime_image())
    with driver.without_collections():
        file = timed("parse", lambda: driver.parse_source(source))
        package = timed("check, with the library's outlines", lambda: driver.check_file(file, source))
        program = timed("lower", lambda: driver.lower_checked(package, source, common=driver.common_of(base)))
        sources = {"program": program.text, COMMON_MODULE: stubs(program.common)}
        timed("execute the library's heads", lambda: module_of(COMMON_MODULE, sources[COMMON_MODULE]))
        module = timed("execute the module", lambda: program_module(declarations(program.text)))
        unit = timed("translate", lambda: lowered([module.start], base.names(), sources))
        compiled = timed("LLVM", lambda: compile_text(unit.text()))
        timed("link", lambda: link([compiled.object_code]))
    return found


def runs(harness: Harness, rounds: int) -> list[list[str]]:
    """A row each for cold and for warm runs: medians of processor time and of time."""
    text = thousand_lines()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "thousand_lines.toy"
        command = Toyrun(procs=1).command(Workload(path.stem, path, (LITTLE,)))
        cold, warm = Series(), Series()
        for _ in range(rounds):
            path.write_text(f"{text}// {uuid.uuid4()}\n", encoding="utf-8")
            for series in (cold, warm):
                series.samples.append(harness.sample(command))
    return [[kind, f"{one.cpu:.3f}", f"{one.wall:.3f}"] for kind, one in (("cold", cold), ("warm", warm))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compile_time", description="compiling a thousand lines")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind")
    options = parser.parse_args()
    harness = Harness(launcher())
    harness.output(Toyrun().command(Workload("hello", ROOT / "examples" / "hello.toy")))  # makes the images
    print(table(["run", "cpu s", "wall s"], runs(harness, options.rounds)))
    stages()  # imports everything
    print(table(["stage", "cpu s"], [[stage, f"{seconds:.3f}"] for stage, seconds in stages().items()]))


if __name__ == "__main__":
    main()
