"""The first example of the package's README works as printed."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "xec-geometry" / "README.md"


def test_first_example(capsys):
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(example[1], str(README), "exec"), {})
    printed = capsys.readouterr().out
    assert "SiPM" in printed
    assert len(printed.splitlines()) == 2 + 6
