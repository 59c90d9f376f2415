"""What every test of the standard packages can ask for."""

from tests.runtime.engines import engine, seed

__all__ = ["engine", "seed"]
