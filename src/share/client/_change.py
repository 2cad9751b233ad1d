"""What ``shared.changes`` gives."""

from typing import Any, NamedTuple

__all__ = ["Change"]


class Change(NamedTuple):
    """What has changed at a commit, or at several of which the last is that."""

    position: int  # the commit position
    changed: dict[
        tuple[Any, ...], Any
    ]  # copies of what is there now, by path: (name,) or (key,), or () the whole
    gone: tuple[tuple[Any, ...], ...]  # the paths at which nothing is any more
    gap: bool  # some of it may have been something else in between

    @property
    def value(self) -> Any:
        """What is there now, if one thing has changed; None if it is gone."""
        if len(self.changed) + len(self.gone) != 1:
            raise ValueError(
                f"{len(self.changed) + len(self.gone)} things have changed: look at `changed` and `gone`"
            )
        return next(iter(self.changed.values()), None)

    def apply(self, copy: Any) -> Any:
        """The copy with these changes made (it is changed itself), or what takes its place."""
        for path, value in self.changed.items():
            if not path:
                copy = value
            elif isinstance(copy, dict):
                copy[path[0]] = value
            else:
                setattr(copy, path[0], value)
        for path in self.gone:
            if isinstance(copy, dict):
                copy.pop(path[0], None)
            elif hasattr(copy, path[0]):
                delattr(copy, path[0])
        return copy
