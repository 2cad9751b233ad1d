"""The small language that both front ends (syntax tree and bytecode) translate a function into.

A :class:`Body` is a flat list of instructions over named variables. Order and branches do not matter: the
solver is flow-insensitive and runs every instruction until nothing changes. An instruction is a tuple
``(operation, line, ...)``; ``d`` below is the variable that takes the result, the other letters are variables:

====================================  =============================================================
``const d node``                      a constant: None, a string, any other immutable value
``move d s``                          ``d = s``
``global d name``                     a global or built-in; ``setglobal name s`` stores one
``outer d name``                      a variable of an enclosing function; ``setouter name s`` stores one
``attr d o name``                     ``o.name``; ``setattr o name s``; ``delattr o name``
``item d o k``                        ``o[k]``; ``setitem o k s``; ``delitem o k``
``iter d o index``                    one element of iterating ``o`` (the ``index``-th when unpacking, else -1)
``call d f args kwargs``              ``args``: (starred, variable) pairs; ``kwargs``: (name or None, variable)
``build d type elements``             a new list, tuple, set or dict; ``elements`` as ``args``
``proto d o names operands``          an operator: the special methods ``names`` of ``o``, or of an operand
``inplace d o name operand``          ``o += operand`` and its like
``contains d o x``                    ``x in o``
``same d a b``                        ``a is b``
``func d body defaults``              a nested function, lambda; ``defaults``: (parameter, variable) pairs,
                                      where ``*`` and ``**`` stand for all of them, in a tuple or dict
``defaults f s``                      the same afterwards: ``s`` holds defaults of the function ``f``
``into o starred s``                  ``s`` (or its elements) goes into a container under construction
``super d cls s``                     ``super(cls, s)``
``import d module name``              an imported module, or a name of one
``enter d o is_async``                ``with o as d``, its end included
``aiter d o``                         one element of ``async for``
``return s``  ``raise s``  ``caught d``
``yield d s``  ``yieldfrom d s``  ``await d s``
====================================  =============================================================
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Body", "Instr", "UnsupportedCodeError", "Var"]

Var: TypeAlias = str | int
Instr: TypeAlias = tuple[Any, ...]


_WITHOUT_RESULT = frozenset(
    "setglobal setouter setattr delattr setitem delitem defaults into return raise".split()
)


class UnsupportedCodeError(Exception):
    """A front end met something that it does not know; the function becomes one that may do anything."""


@dataclass(slots=True, eq=False)
class Body:
    """One function, translated."""

    name: str
    file: str
    line: int
    params: list[str] = field(default_factory=list)  # positional ones, in order
    kwonly: list[str] = field(default_factory=list)
    vararg: str | None = None
    kwarg: str | None = None
    locals: set[str] = field(default_factory=set)
    instrs: list[Instr] = field(default_factory=list)
    may_end: bool = True  # may end without a return statement
    is_generator: bool = False
    is_async: bool = False
    from_source: bool = False
    is_comprehension: bool = False  # of bytecode: called where it is made, and nowhere else
    _methods: "frozenset[Var] | None" = None
    _values: "frozenset[Var] | None" = None

    @property
    def methods(self) -> frozenset[Var]:
        """The variables that are one attribute of something and nothing else, as in ``x.name(...)``."""
        if self._methods is None:
            made: dict[Var, int] = {}
            for instr in self.instrs:
                if instr[0] not in _WITHOUT_RESULT:
                    made[instr[2]] = made.get(instr[2], 0) + 1
            loads = [instr[2] for instr in self.instrs if instr[0] == "attr"]
            self._methods = frozenset(var for var in loads if made[var] == 1 and isinstance(var, int))
        return self._methods

    @property
    def values(self) -> frozenset[Var]:
        """The variables that are an attribute of something and are not called there and then."""
        if self._values is None:
            called = {instr[3] for instr in self.instrs if instr[0] == "call"}
            self._values = frozenset(instr[2] for instr in self.instrs if instr[0] == "attr") - called
        return self._values
