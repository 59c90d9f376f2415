"""What every test of the runtime can ask for."""

from tests.runtime.embedders import runtime
from tests.runtime.engines import engine, seed
from tests.runtime.heaps import any_engine, heap, new_heap

__all__ = ["any_engine", "engine", "heap", "new_heap", "runtime", "seed"]
