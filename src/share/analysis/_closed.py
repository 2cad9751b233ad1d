"""What a function does, all that it calls included, and what its author says instead."""

from ._classes import MISSING
from ._overrides import Override
from ._plan import Reason
from .knowledge._plain import SAID, TYPES, WHOLE
from .solver._solver import Instance

__all__ = ["Effects"]


class Effects:
    """The effects of a function, all that it calls included, and what its author says instead."""

    def __init__(self, entry: Instance, said: dict[int, Override]) -> None:
        self.instance = entry
        self.said = said
        self.override = self.override_of(entry)
        self.reads: dict[str | None, Reason] = {}
        self.writes: dict[str | None, Reason] = {}
        self.doubtful: dict[str | None, Reason] = {}
        self.assumed: set[str | None] = set()
        self.unseen: set[str | None] = set()
        self.class_writes: list[Reason] = []
        self.outside: dict[str, Reason] = {}
        self.blocks: dict[str, None] = {}
        for instance in self.called("reads"):
            self.include(self.reads, instance.reads, instance, "reads")
        for instance in self.called("writes"):
            self.include(self.writes, instance.writes, instance, "writes")
            author = self.override_of(instance)
            if instance.doubtful and (author is None or author.writes is MISSING):
                self.include(self.doubtful, instance.doubtful, instance, "writes")
                self.assumed |= instance.assumed
            self.class_writes += instance.class_writes
            if author is None or author.writes is MISSING:
                self.unseen |= instance.unseen
            else:
                self.unseen |= {None} if author.writes is None else set(author.writes)
        self.surely = any(instance.surely for instance in self.called("writes"))
        called = self.called(None)
        self.compares = any(instance.compares for instance in called)
        self.touches = any(instance.touches for instance in called)
        self.unsure = any(instance.unsure for instance in called)
        self.unseen_given = any(instance.unseen_given for instance in called)
        self.guessed = TYPES if any(instance.guessed for instance in called) else ""
        if any(self.override_of(instance) is not None for instance in called):
            self.guessed = SAID
        for instance in self.called(None):
            self.outside.update(instance.outside)
            self.blocks.update(instance.blocks)

    def to_be_plain(self) -> frozenset[str]:
        """The attributes that the doubtful writes depend on."""
        names = {name if name is not None else WHOLE for name in self.assumed}
        return frozenset({WHOLE} if WHOLE in names else names)

    def override_of(self, instance: Instance) -> Override | None:
        if instance.function is None or not instance.is_receiver:
            return None
        return self.said.get(id(instance.function))

    def called(self, effect: str | None) -> list[Instance]:
        """The function and all that it calls, not going below one about which something is said."""
        seen = {self.instance: None}
        todo = [self.instance]
        while todo:
            instance = todo.pop()
            said = self.override_of(instance)
            if said is not None and effect is not None and getattr(said, effect) is not MISSING:
                continue
            for called in instance.calls:
                if called not in seen:
                    seen[called] = None
                    todo.append(called)
        return list(seen)

    def include(
        self,
        into: dict[str | None, Reason],
        found: dict[str | None, Reason],
        instance: Instance,
        effect: str,
    ) -> None:
        said = self.override_of(instance)
        names = MISSING if said is None else getattr(said, effect)
        if names is not MISSING:
            text = f"the author of {instance.body.name} says so"
            wanted = [None] if names is None else sorted(names)
            found = {
                name: Reason(f"{effect} {name or 'anything'}", text, instance.body.file, instance.body.line)
                for name in wanted
            }
        for name, reason in found.items():
            into.setdefault(name, reason)

    def reasons(self) -> list[Reason]:
        out = [*self.writes.values(), *self.doubtful.values()]
        if None in self.reads:
            out.append(self.reads[None])
        return [*out, *self.outside.values()]
