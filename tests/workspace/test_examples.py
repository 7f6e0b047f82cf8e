"""The example notebooks of the packages: they run, and hold no results of earlier runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
# A training before the export of its network.
ORDER = ("geometry", "data", "models", "train", "export", "analysis")
NOTEBOOKS = [path for name in ORDER for path in sorted(PACKAGES.glob(f"xec-{name}/examples/*.ipynb"))]


def test_every_notebook_is_known_and_named() -> None:
    assert sorted(NOTEBOOKS) == sorted(PACKAGES.glob("*/examples/*.ipynb"))
    assert len(NOTEBOOKS) == len(ORDER)
    for path in NOTEBOOKS:
        assert f"`examples/{path.name}`" in (path.parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_an_earlier_run_is_stored(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert 5 <= len(code) <= 12
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.slow
def test_all_run_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One kernel for all of them: torch is imported once."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    # The kernel's own messages about the debugger, and files of its start, stay out of the home.
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    whole = nbformat.v4.new_notebook()
    begin: list[int] = []
    for path in NOTEBOOKS:
        begin.append(len(whole.cells))
        # Nothing of the one before is left.
        whole.cells.append(nbformat.v4.new_code_cell("%reset -f"))
        whole.cells += nbformat.read(path, as_version=4).cells
    for number, cell in enumerate(whole.cells):
        cell.id = f"cell-{number}"
    client.NotebookClient(
        whole, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    for first, last in zip(begin, [*begin[1:], len(whole.cells)], strict=True):
        outputs = [out for cell in whole.cells[first:last] for out in cell.get("outputs", ())]
        # Each ends in a picture, and complains about nothing.
        assert any("image/png" in out.get("data", {}) for out in outputs)
        assert not re.search(r"Warning|Error", str([out.get("text") for out in outputs]))
