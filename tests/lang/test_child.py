"""Programs in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lang import child

PRINTS_PLACE = """import "os"

func main() {
	print(os.Getenv("PLACE"))
}
"""


def test_a_program_has_this_environment_or_one_that_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "place.toy"
    path.write_text(PRINTS_PLACE, encoding="utf-8")
    monkeypatch.setenv("PLACE", "here")
    assert child.run(path, engine="python").stderr == b"here"
    assert child.run(path, engine="python", environ={"PLACE": "there"}).stderr == b"there"
