"""How classes travel: by reference if they can be imported, else by value with one identity."""

import functools
import io
import os
import pickle
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from types import FunctionType, MemberDescriptorType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from share.cerial._checksum import checksum_of
from share.cerial._tokens import MAIN_NAMES, base_of, main_class, token_base
from share.errors import CorruptDataError

__all__ = [
    "arrived",
    "by_token",
    "class_bytes",
    "find_class",
    "importable",
    "known",
    "load_class",
    "main_class_beside",
    "modules_named",
    "record_of",
    "reduce_class",
    "token_of",
]

_CLASS, _LOCAL_CLASS = 25, 26  # as in _tags.pxd
_HEAP_TYPE = 1 << 9
_WRAPPERS = {
    *functools.WRAPPER_ASSIGNMENTS,
    "__wrapped__",
    "cache_parameters",
}  # what lru_cache itself gives a function

_lock = threading.RLock()
_by_token: WeakValueDictionary[bytes, type] = WeakValueDictionary()
by_token = _by_token.get
_tokens: WeakKeyDictionary[type, bytes] = WeakKeyDictionary()
_blobs: WeakKeyDictionary[type, bytes] = WeakKeyDictionary()
_generations: dict[bytes, int] = {}  # base -> the generation that its next class gets
arrived: WeakSet[type] = WeakSet()  # classes that were made here from a definition
_unfilled: list[type] = []  # classes made by the definition being loaded, and still empty


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


# ---- by reference ----------------------------------------------------------------------------------------


def importable(value: Any) -> tuple[str, str] | None:
    """Module and qualified name by which other processes can import a class or function, or None."""
    module_name, name = value.__module__, value.__qualname__
    if type(module_name) is not str or module_name in MAIN_NAMES or "<" in name:
        return None
    module = found = sys.modules.get(module_name)
    if module is None:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not value or sent_by_value(module):
        return None
    return module_name, name


def sent_by_value(module: Any) -> bool:
    """Whether the user told cloudpickle to send everything of this module by value."""
    cloudpickle = sys.modules.get("cloudpickle.cloudpickle")
    # Its public list is a copy, and this is asked for every class that travels. Another thread may be importing it.
    if cloudpickle is None or not getattr(cloudpickle, "_PICKLE_BY_VALUE_MODULES", None):
        return False
    return bool(cloudpickle._is_registered_pickle_by_value(module))


def find_class(module_name: str, name: str) -> type:
    """The class that a CLASS record names, imported if need be.

    Raises:
        ImportError: there is no such module here.
        AttributeError: the module has no such class.
    """
    found: Any = sys.modules.get(module_name)
    if found is None:
        found = import_module(module_name)
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise AttributeError(f"{module_name}.{name} is no class here")
    return found


# ---- by value --------------------------------------------------------------------------------------------


def token_of(cls: type) -> bytes:
    """The token of a class that travels by value; given at the first call."""
    with _lock:
        token = _tokens.get(cls)
        if token is None:
            base = token_base(cls)
            generation = _generations.get(base, 0)
            token = b"%s#%d" % (base, generation)
            _adopt(cls, token)
        return token


def class_bytes(cls: type) -> bytes:
    """The pickled definition of ``cls``: made once a class, or kept from when the class arrived."""
    with _lock:
        blob = _blobs.get(cls)
        if blob is None:
            target = io.BytesIO()
            _definition_pickler()(target, 5).dump(cls)
            blob = _blobs[cls] = target.getvalue()
        return blob


def known(token: bytes) -> type | None:
    """The class of this process that has, or turns out to have, this token."""
    cls = _by_token.get(token)
    if cls is None:
        own = main_class(base_of(token)[0])
        if own is not None and token_of(own) == token:
            return own
    return cls


def load_class(token: bytes, blob: bytes) -> type:
    """The class with this token; made from its definition if this process has none."""
    with _lock:
        cls = known(token)
        if cls is not None:
            return cls
        waiting = len(_unfilled)
        try:
            cls = pickle.loads(blob)
        except BaseException:
            # Nobody must find the half-made classes of a definition that failed.
            for half_made in _unfilled[waiting:]:
                _by_token.pop(_tokens.pop(half_made), None)
            del _unfilled[waiting:]
            raise
        if not isinstance(cls, type):
            raise CorruptDataError("the definition of a class made something else")
        _blobs[cls] = blob
        arrived.add(cls)
        return cls


def main_class_beside(cls: type) -> type | None:
    """The class that this process's own main program has in the place of one that has arrived; None if it has none.

    In a program without a file (a notebook) what was made before a class was defined anew keeps its class.
    """
    base = base_of(token_of(cls))[0]
    own = main_class(base) if base.startswith(b"file:") else None
    return None if own is None or own is cls or base_of(token_of(own))[0] == base else own


def modules_named(cls: type) -> set[str]:
    """The modules, or packages that hold them, that a process must be able to import to load a class."""
    place = importable(cls)
    if place is not None:
        return {place[0].partition(".")[0]}
    import pickletools

    found: set[str] = set()
    pushed: list[Any] = [
        None
    ]  # the argument, or for what is fetched from the memo its own, of each step so far
    memo: list[Any] = []
    for opcode, argument, _ in pickletools.genops(class_bytes(cls)):
        if opcode.name == "MEMOIZE":
            memo.append(pushed[-1])
        elif opcode.name == "STACK_GLOBAL":
            found.add(pushed[-2].partition(".")[0])
            pushed.append(None)
        elif opcode.name in ("BINGET", "LONG_BINGET"):
            pushed.append(memo[argument])  # type: ignore[index]
        else:
            pushed.append(argument)
    return found


def reduce_class(cls: type) -> Any:
    """What reducer_override answers for a class."""
    if importable(cls) is not None:
        return NotImplemented
    if not cls.__flags__ & _HEAP_TYPE:
        return _cloudpickle()._class_reduce(cls)
    return load_class, (token_of(cls), class_bytes(cls))


def record_of(cls: type) -> tuple[bytes | None, str | None, str | None]:
    """A class as the encoder writes it, and where it must still be found for that to stay right."""
    place = importable(cls)
    if place is not None:
        text = ":".join(place).encode()
        return _record(_CLASS, text), *place
    if not cls.__flags__ & _HEAP_TYPE:
        return None, None, None
    token = token_of(cls)
    return _record(_LOCAL_CLASS, len(token).to_bytes(2, "little") + token + class_bytes(cls)), None, None


def _record(tag: int, body: bytes) -> bytes:
    size, count = bytearray(), len(body)
    while count >= 128:
        size.append(128 | count & 127)
        count >>= 7
    size.append(count)
    return bytes([tag]) + size + checksum_of(body, tag).to_bytes(8, "little") + body


# ---- definitions -----------------------------------------------------------------------------------------
# A definition is one pickle in which every class that travels by value is written out, with its token: so
# two classes that mention each other are no problem. Where a token is known already, that class is taken,
# and nothing about it is changed.


def _adopt(cls: type, token: bytes) -> None:
    base, generation = base_of(token)
    _by_token[token] = cls
    _tokens[cls] = token
    _generations[base] = max(_generations.get(base, 0), generation + 1)


def _skeleton(token: bytes, make: Callable[..., type], arguments: tuple[Any, ...]) -> type:
    cls = known(token)
    if cls is None:
        cls = make(*arguments)
        _adopt(cls, token)
        _unfilled.append(cls)
    return cls


def _fill(cls: type, filling: tuple[Callable[[type, Any], Any], Any]) -> None:
    setter, state = filling
    for i, waiting in enumerate(_unfilled):
        if waiting is cls:
            del _unfilled[i]
            setter(cls, state)
            return


def _write_out(cls: type) -> tuple[Any, ...]:
    cloudpickle = _cloudpickle()
    make, arguments, state, _, _, setter = cloudpickle._dynamic_class_reduce(cls)
    if make is cloudpickle._make_skeleton_class:
        # What cloudpickle leaves out, and a class must be made with.
        kind, name, bases, made_with, *rest = arguments
        made_with["__qualname__"] = cls.__qualname__
        if "__slots__" in vars(cls):
            made_with["__slots__"] = _slots_of(cls)
            members, of_slots = state
            state = (
                {
                    name: member
                    for name, member in members.items()
                    if name != "__slots__" and not isinstance(member, MemberDescriptorType)
                },
                of_slots,
            )
        if any(base is NamedTuple for base in bases):
            bases = (
                cls.__bases__
            )  # it is made already: typing.NamedTuple would make another one of the fields
        arguments = (kind, name, bases, made_with, *rest)
    return _skeleton, (token_of(cls), make, arguments), (setter, state), None, None, _fill


def _slots_of(cls: type) -> Any:
    said = vars(cls)["__slots__"]
    if isinstance(said, (str, tuple, list, dict)):
        return said
    return tuple(name for name, member in vars(cls).items() if isinstance(member, MemberDescriptorType))


def _cached(function: Any, parameters: dict[str, Any], attributes: dict[str, Any]) -> Any:
    """A function with a cache of its own, as ``functools.lru_cache`` makes it."""
    made = functools.lru_cache(**parameters)(function)
    made.__dict__.update(attributes)
    return made


def _cloudpickle() -> Any:
    from cloudpickle import cloudpickle

    return cloudpickle


_definition_pickler_class: Any = None


def _definition_pickler() -> Any:
    """The pickler of definitions; made at the first use, because importing cloudpickle takes its time."""
    global _definition_pickler_class
    if _definition_pickler_class is None:
        from share.cerial._registry import rule_for
        from share.cerial._sentinels import reduce_sentinel

        cloudpickle = _cloudpickle()
        base: Any = cloudpickle.Pickler

        class DefinitionPickler(base):  # type: ignore[misc]
            def reducer_override(self, value: Any) -> Any:
                if isinstance(value, type):
                    if importable(value) is not None:
                        return NotImplemented
                    if not value.__flags__ & _HEAP_TYPE:
                        return cloudpickle._class_reduce(value)
                    return _write_out(value)
                if type(value) is FunctionType:
                    if importable(value) is not None:
                        return NotImplemented
                    return self._dynamic_function_reduce(value)
                if isinstance(value, functools._lru_cache_wrapper) and importable(value) is None:
                    attributes = {k: v for k, v in vars(value).items() if k not in _WRAPPERS}
                    return _cached, (value.__wrapped__, value.cache_parameters(), attributes)
                rule = rule_for(type(value))
                return reduce_sentinel(value) if rule is None else rule(value)

        _definition_pickler_class = DefinitionPickler
    return _definition_pickler_class
