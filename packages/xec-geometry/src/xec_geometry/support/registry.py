"""A table of named entries, to which installed packages can add."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from xec_geometry.errors import XecError, XecWarning, did_you_mean
from xec_geometry.support.entry_points import entry_points
from xec_geometry.support.text import first_line


class Named(Protocol):
    """An object with a name."""

    @property
    def name(self) -> str:
        """The name in configurations, files and messages."""


EntryT = TypeVar("EntryT", bound=Named)


class PluginWarning(XecWarning):
    """An entry of an installed package that cannot be used."""


class Registry(Mapping[str, EntryT], Generic[EntryT]):
    """Entries by name, in the order in which they were added.

    Parameters
    ----------
    noun
        What an entry is, for messages: ``task``, ``loss``.
    entries
        The entries of xec itself.
    group
        Entry-point group in which other packages name further entries; they are loaded when the table is
        first read. One that cannot be loaded is left out with a warning.
    error
        Type of the error about an unknown name.
    check
        Raises an error if an entry does not go together with those before it.
    """

    def __init__(
        self,
        noun: str,
        entries: Iterable[EntryT] = (),
        *,
        group: str | None = None,
        error: Callable[[str], XecError] = XecError,
        check: Callable[[EntryT, Collection[EntryT]], None] | None = None,
    ) -> None:
        self.noun, self._group, self._error, self._check = noun, group, error, check
        self._entries: dict[str, EntryT] = {}
        for entry in entries:
            self.register(entry)

    def register(self, entry: EntryT) -> EntryT:
        """Add an entry.

        Raises
        ------
        XecError
            If there is one of that name already, or it is of another type than the entries of xec itself.
        """
        expected = next((type(other) for other in self._entries.values()), None)
        if expected is not None and not isinstance(entry, expected):
            found = entry.__name__ if isinstance(entry, type) else type(entry).__name__
            raise self._error(
                f"found {found}, expected an object of {expected.__module__}.{expected.__name__}"
            )
        if entry.name in self._entries:
            raise self._error(f"the {self.noun} '{entry.name}' is already registered; expected another name")
        if self._check is not None:
            self._check(entry, self._entries.values())
        self._entries[entry.name] = entry
        return entry

    def unregister(self, name: str) -> EntryT:
        """Remove an entry and return it."""
        entry = self[name]
        del self._entries[name]
        return entry

    def get_named(self, name: str, where: str = "") -> EntryT:
        """Return the entry called `name`.

        Parameters
        ----------
        name
            Its name.
        where
            What the message begins with, e.g. the file that holds the name.

        Raises
        ------
        XecError
            If there is none; the message offers the nearest name.
        """
        if name not in self:
            raise self._error(where + self.unknown(name))
        return self[name]

    def unknown(self, name: object) -> str:
        """Describe in one line an unknown name and the names that there are."""
        hint = did_you_mean(str(name), self)
        return f"unknown {self.noun} '{name}'{hint}; expected one of {', '.join(self)}"

    def __getitem__(self, name: str) -> EntryT:
        self._load_plugins()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(self._entries)

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._entries)

    def _load_plugins(self) -> None:
        group, self._group = self._group, None
        for point in entry_points(group=group) if group else ():
            try:
                self.register(point.load())
            # A module may also end the process when it is imported.
            except (Exception, SystemExit) as error:
                warnings.warn(
                    f"the {self.noun} '{point.name}' of {point.value} is left out: "
                    f"{type(error).__name__}: {first_line(error)}",
                    PluginWarning,
                    stacklevel=3,
                )
