"""Stash: tables of keys and values, with the interface of gunicorn's ``dirty.stash``."""

from collections.abc import Iterator, KeysView, MutableMapping
from fnmatch import fnmatchcase
from typing import Any

from share import Share, plain

__all__ = ["Stash"]


class Tables:
    """Dicts by name."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}

    def put(self, table: str, key: str, value: Any) -> None:
        self.tables.setdefault(table, {})[key] = value

    def get(self, table: str, key: str, default: Any) -> Any:
        return self.tables.get(table, {}).get(key, default)

    def item(self, table: str, key: str) -> Any:
        if not self.exists(table, key):
            raise KeyError(key)
        return self.tables[table][key]

    def exists(self, table: str, key: str | None) -> bool:
        return table in self.tables and (key is None or key in self.tables[table])

    def delete(self, table: str, key: str) -> bool:
        return table in self.tables and self.tables[table].pop(key, self) is not self

    def keys(self, table: str) -> list[str]:
        return list(self.tables.get(table, {}))

    def names(self) -> list[str]:
        return list(self.tables)

    def size(self, table: str) -> int:
        return len(self.tables.get(table, ()))

    def info(self, table: str) -> dict[str, Any]:
        if table not in self.tables:
            raise KeyError(table)
        return {"table": table, "size": len(self.tables[table])}

    def ensure(self, table: str) -> None:
        self.tables.setdefault(table, {})

    def clear(self, table: str) -> None:
        self.tables.get(table, {}).clear()

    def delete_table(self, table: str) -> None:
        self.tables.pop(table, None)


class Stash:
    """Tables that all processes read and write; reading one sends no message."""

    def __init__(self, shared: Share, name: str = "stash") -> None:
        self.state: Tables = shared.setdefault(name, Tables())

    def put(self, table: str, key: str, value: Any) -> None:
        """Sets a key; the table is made if need be."""
        self.state.put(table, key, value)

    def get(self, table: str, key: str, default: Any = None) -> Any:
        """The value of a key: a copy, as gunicorn's stash gives one."""
        return plain(self.state.get(table, key, default))

    def delete(self, table: str, key: str) -> bool:
        """Deletes a key; whether there was one."""
        return self.state.delete(table, key)

    def exists(self, table: str, key: str | None = None) -> bool:
        """Whether there is such a table, or such a key in it."""
        return self.state.exists(table, key)

    def keys(self, table: str, pattern: str | None = None) -> list[str]:
        """The keys of a table, perhaps only those that match a pattern (``user:*``)."""
        keys = self.state.keys(table)
        return keys if pattern is None else [key for key in keys if fnmatchcase(key, pattern)]

    def ensure(self, table: str) -> None:
        """Makes a table if there is none of that name."""
        self.state.ensure(table)

    def info(self, table: str) -> dict[str, Any]:
        """The size of a table, and its name. Raises KeyError if there is none."""
        return self.state.info(table)

    def clear(self, table: str) -> None:
        """Deletes all keys of a table."""
        self.state.clear(table)

    def delete_table(self, table: str) -> None:
        """Deletes a table."""
        self.state.delete_table(table)

    def tables(self) -> list[str]:
        """The names of all tables."""
        return self.state.names()

    def table(self, name: str) -> "StashTable":
        """A table as a mapping."""
        return StashTable(self, name)


class StashTable(MutableMapping[str, Any]):
    """One table of a stash."""

    def __init__(self, stash: Stash, name: str) -> None:
        self.stash, self.name = stash, name

    def __getitem__(self, key: str) -> Any:
        return plain(self.stash.state.item(self.name, key))

    def __setitem__(self, key: str, value: Any) -> None:
        self.stash.put(self.name, key, value)

    def __delitem__(self, key: str) -> None:
        if not self.stash.delete(self.name, key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stash.keys(self.name))

    def __len__(self) -> int:
        return self.stash.state.size(self.name)

    def keys(self, pattern: str | None = None) -> KeysView[str]:
        """The keys, perhaps only those that match a pattern."""
        return dict.fromkeys(self.stash.keys(self.name, pattern)).keys()

    def clear(self) -> None:
        """Deletes all keys."""
        self.stash.clear(self.name)
