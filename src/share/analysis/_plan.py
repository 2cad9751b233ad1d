"""What analysis found about a class: frozen, picklable, made once at registration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["ClassPlan", "MethodPlan", "Reason"]

#: How the state of an instance is kept: ``object`` = one slot an attribute; ``opaque`` = one slot for all.
Kind = Literal["object", "opaque"]
MethodKind = Literal["method", "classmethod", "staticmethod", "getter", "setter", "deleter"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an effect is in a plan: the source line, or the rule, that made it so."""

    effect: str  # for example "writes words" or "writes anything"
    text: str  # for example "self.words[w] = ..."
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class MethodPlan:
    """The effects of one function of a class, everything that it calls on the receiver included.

    ``reads`` and ``writes`` are attribute names; None means any attribute (the wildcard).
    """

    name: str
    kind: MethodKind
    reads: frozenset[str] | None
    writes: frozenset[str] | None
    returns: bool  # may return something other than None
    returns_alias: bool = True  # the result may share mutable state with the receiver
    returns_self: bool = False  # every value returned is the receiver itself
    is_async: bool = False  # calling it gives a coroutine or an async generator
    is_generator: bool = False
    blocks: tuple[str, ...] = ()  # calls that would stall the coordinator
    #: Attributes that decide: as long as these hold nothing but plain values, the method writes nothing after all.
    #: ``{"*"}`` stands for all the state; empty: nothing like that is known.
    #: ``"()"`` among them: the arguments too; ``"="``: the attributes hold no containers.
    plain: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    #: Attributes whose parts may be changed past what records changes: by unknown code that was given one, by an
    #: unbound call (``list.append(self.x, 1)``) or through ``vars``. None means any attribute.
    unseen: frozenset[str] | None = None
    #: It may run methods of parts whose class the plan does not know, which may do so, too.
    unsure: bool = True
    #: It may change what it is given, or what it makes of that, past what records changes.
    unseen_given: bool = True
    #: Classes of which ``plain`` attributes may hold objects, if what these hold is plain.
    opened: frozenset[type] = frozenset()
    #: It may say too much: a closer look at the method (:mod:`share.analysis._closer`) may show that it only reads.
    pending: bool = False
    #: Why it is not proved that it writes nothing else: ``"types"``, operators and attributes of objects of unknown
    #: type are taken to change nothing; ``"said"``, its author or a rule says so. Runs in the caller are then compared
    #: with the state before. Empty: it is proved.
    guessed: str = ""
    #: It asks whether something is the object itself, which a copy of that is not.
    compares: bool = False
    #: It may change something that it is given as an argument.
    touches: bool = True

    @property
    def read_only(self) -> bool:
        """Whether the method never changes the receiver, so that it can run in the caller."""
        return self.writes is not None and not self.writes


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """What a proxy and a mirror need to know about a class.

    ``methods`` holds every callable that is found on the class and its MRO (``object`` excluded), special
    methods included; ``getters``, ``setters`` and ``deleters`` hold properties and other descriptors by name.
    ``attributes`` are all instance attributes that the class's own code mentions, in a stable order.
    """

    name: str  # module:qualname
    kind: Kind
    attributes: tuple[str, ...]
    methods: Mapping[str, MethodPlan] = field(default_factory=dict)
    getters: Mapping[str, MethodPlan] = field(default_factory=dict)
    setters: Mapping[str, MethodPlan] = field(default_factory=dict)
    deleters: Mapping[str, MethodPlan] = field(default_factory=dict)
    custom_setattr: bool = False  # own __setattr__/__delattr__: attribute writes are wildcard
    custom_getattribute: bool = False  # own __getattribute__: attribute reads wait for everything
    alias_groups: tuple[
        frozenset[str], ...
    ] = ()  # attributes that may hold the same mutable: who writes one raises the flags of all
    entangled: bool = False  # any two attributes may, for all that is known: every write is one of everything
    together: bool = True  # all methods were looked at together; else too much code is reached for that
    hashes: str = ""  # a method that writes and calls hash(), whose result may be part of what it writes
    elsewhere: bool = False  # what its methods are given may be kept in objects of the module
    held: frozenset[type] = (
        frozenset()
    )  # classes of which objects were seen stored in attributes, for a closer look
