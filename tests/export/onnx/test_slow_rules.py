"""The rule of the exporter's optimizer that lists the whole graph for each operation is left out."""

from __future__ import annotations

from onnxscript import rewriter

from xec_export.onnx.graph import without_slow_rules


def names() -> list[str | None]:
    return [rule.name for rule in rewriter._DEFAULT_REWRITE_RULES]


def test_the_rule_is_left_out_and_comes_back() -> None:
    before = names()
    assert "SlicesSplit" in before
    with without_slow_rules():
        assert names() == [name for name in before if name != "SlicesSplit"]
    assert names() == before
