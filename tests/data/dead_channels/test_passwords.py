"""Passwords are found wherever a URL may hold one."""

from __future__ import annotations

import pytest

from xec_data.dead_channels.passwords import has_password


@pytest.mark.parametrize(
    "url",
    [
        "mysql://reader:secret@host/conditions",
        "mysql://reader:secret@host/conditions#run=1",
        "postgresql://host/conditions?user=r&password=secret",
        "mysql+pymysql://host/conditions?PASSWD=secret#run=1",
    ],
)
def test_of_a_url(url: str) -> None:
    assert has_password(url)


@pytest.mark.parametrize(
    "source",
    [
        "mysql://reader@host/conditions",
        "sqlite:///conditions.db#run=1",
        "postgresql://host/conditions?user=r#password=none",
        "lists/password=2.txt",
        "conditions.yaml#run=1",
    ],
)
def test_of_none(source: str) -> None:
    assert not has_password(source)
