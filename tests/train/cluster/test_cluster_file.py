"""The file with the profiles of a cluster: what is valid, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_train.cluster.duration import in_words, minutes_of
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.profile import Environment
from xec_train.cluster.profile_file import choose_profile, default_path, read_cluster_file

EXAMPLE = Path(__file__).parents[3] / "packages" / "xec-train" / "docs" / "cluster.yaml"


def test_the_example_is_valid() -> None:
    file = read_cluster_file(EXAMPLE)
    assert file.default in file.profiles
    assert set(file.environments) == {"x86_64", "aarch64"}
    node = choose_profile(file, "a100-node", {})
    assert (node.time, node.tasks, node.mem) == (720, 4, "256G")


def test_all_errors_come_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "defualt: a\n"
        "profiles:\n"
        "  a: {partitoin: x, time: soon, nodes: 0, mem: much}\n"
        "environments:\n"
        "  x86_64: {pyton: /usr/bin/python3}\n"
    )
    with pytest.raises(ClusterError) as caught:
        read_cluster_file(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}: 7 problems"
    assert sorted(line.strip() for line in lines[1:]) == sorted(
        [
            "defualt: unknown key (did you mean 'default'?)",
            "profiles.a.partitoin: unknown key (did you mean 'partition'?)",
            "profiles.a.time: found 'soon', expected a time such as 12:00:00, 2-00:00:00 or 90 (minutes)",
            "profiles.a.nodes: found 0; input should be greater than or equal to 1",
            "profiles.a.mem: found 'much', expected a size such as 64G",
            f"environments.x86_64.python: missing; expected {Environment.model_fields['python'].description}",
            "environments.x86_64.pyton: unknown key (did you mean 'python'?)",
        ]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default: b\nprofiles: {a: {}}", "default: no profile 'b'; profiles: a"),
        (
            "environments: {x86: {python: p}}",
            "environments.x86: unknown architecture (did you mean 'x86_64'?)",
        ),
        ("- a", "expected the keys default, profiles, environments"),
        ("default: [", "not valid YAML"),
    ],
)
def test_an_error_names_the_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(ClusterError) as caught:
        read_cluster_file(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_without_a_file_options_are_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_path() == tmp_path / "xec" / "cluster.yaml"
    file = read_cluster_file()
    profile = choose_profile(
        file, None, {"partition": "gpu", "time": "2-12:30:00", "nodes": "2", "mem": None}
    )
    assert (profile.partition, profile.time, profile.nodes, profile.mem) == ("gpu", 3630, 2, None)
    with pytest.raises(ClusterError, match=r"^no profile 'gh'; profiles: none, "):
        choose_profile(file, "gh", {})
    with pytest.raises(ClusterError, match=r"^options: nodes: found 'two'; input should be a valid integer"):
        choose_profile(file, None, {"nodes": "two"})
    with pytest.raises(ClusterError, match=r"no profile 'a100-nod' \(did you mean 'a100-node'"):
        choose_profile(read_cluster_file(EXAMPLE), "a100-nod", {})


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), (90, 90), ("1:30", 2), ("12:00:00", 720), ("2-0", 2880), ("1-1:1", 1501), ("0-0:0:1", 1)],
)
def test_time_limits_of_slurm(text: str | int, minutes: int) -> None:
    assert minutes_of(text) == minutes
    assert minutes_of(in_words(minutes)) == minutes


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "1:2:3:4", "1.5", "00:00:00"])
def test_what_is_no_time_limit(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        minutes_of(text)
