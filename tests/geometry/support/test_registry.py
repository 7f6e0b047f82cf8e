from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from xec_geometry.errors import GeometryError, XecError
from xec_geometry.support import registry
from xec_geometry.support.registry import PluginWarning, Registry


@dataclass(frozen=True)
class Fruit:
    name: str
    colour: str = "green"


@dataclass(frozen=True)
class Vegetable:
    name: str


PEAR = Fruit("pear")
NOT_A_FRUIT = 3
LEEK = Vegetable("leek")


def make(**options):
    return Registry("fruit", [Fruit("apple"), Fruit("plum", "blue")], **options)


def test_entries_stay_in_their_order():
    fruits = make()
    fruits.register(Fruit("cherry"))
    assert list(fruits) == ["apple", "plum", "cherry"]
    assert fruits["plum"].colour == "blue"
    assert len(fruits) == 3


def test_a_name_is_given_once():
    with pytest.raises(XecError, match="the fruit 'plum' is already registered"):
        make().register(Fruit("plum"))


def test_an_unknown_name_gets_the_nearest_one_and_the_error_of_its_package():
    with pytest.raises(GeometryError, match=r"^here: unknown fruit 'plumb' \(did you mean 'plum'\?\); "):
        make(error=GeometryError).get_named("plumb", "here: ")


@pytest.mark.parametrize(("entry", "found"), [(LEEK, "Vegetable"), (Fruit, "Fruit"), (NOT_A_FRUIT, "int")])
def test_an_entry_has_the_type_of_the_others(entry, found):
    with pytest.raises(XecError, match=rf"^found {found}, expected an object of .*test_registry\.Fruit$"):
        make().register(entry)


def test_entries_can_be_checked_against_each_other():
    def check(fruit, others):
        if fruit.colour in {other.colour for other in others}:
            raise XecError(f"another {fruit.colour} one")

    fruits = make(check=check)
    with pytest.raises(XecError, match="another green one"):
        fruits.register(PEAR)
    assert list(fruits) == ["apple", "plum"]


def test_an_entry_can_be_removed():
    fruits = make()
    fruits.unregister("apple")
    assert "apple" not in fruits


def points(monkeypatch, *names):
    found = [EntryPoint(name.lower(), f"{__name__}:{name}", "xec.fruits") for name in names]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == "xec.fruits" else [])
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.attr])


def test_installed_packages_add_entries(monkeypatch):
    points(monkeypatch, "PEAR")
    assert list(make(group="xec.fruits")) == ["apple", "plum", "pear"]


def test_a_module_that_ends_the_process_is_left_out(monkeypatch):
    points(monkeypatch, "PEAR")

    def load(_point):
        raise SystemExit("bye")

    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.warns(PluginWarning, match="is left out: SystemExit: bye"):
        assert list(make(group="xec.fruits")) == ["apple", "plum"]


def test_a_broken_entry_is_left_out_with_a_warning(monkeypatch):
    points(monkeypatch, "NOT_A_FRUIT", "ABSENT", "PEAR")
    fruits = make(group="xec.fruits")
    with pytest.warns(PluginWarning, match="is left out") as caught:
        assert list(fruits) == ["apple", "plum", "pear"]
    assert len(caught) == 2
    assert list(fruits) == ["apple", "plum", "pear"]
