"""What every test of the runtime can ask for."""

from tests.runtime.engines import engine, seed

__all__ = ["engine", "seed"]
