"""Generated proxy classes: one for each shape, with a descriptor for each attribute and method."""

from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from share._cells import index_of

from ._buffers import Buffered
from ._containers import overrides
from ._descriptors import Attribute, Method, Property
from ._nested import Nested
from ._proxy import Proxy, slot_offsets

if TYPE_CHECKING:
    from share.analysis._plan import ClassPlan

__all__ = ["nested_class", "proxy_class"]

# What the proxy answers itself, whatever the user's class says.
_OWN = frozenset(
    "__new__ __class__ __getattribute__ __getattr__ __setattr__ __delattr__ __del__ __reduce__ "
    "__reduce_ex__ __getnewargs__ __getnewargs_ex__ __copy__ __deepcopy__ __dir__ "
    "__init_subclass__ __subclasshook__ __class_getitem__ __sizeof__ __dict__ __weakref__ __slots__ "
    "__set_name__ __replace__ __buffer__ __release_buffer__".split()
)


# By what functions for all classes of a kind (``dataclasses.fields``, ``match``) know what a class declares.
_DESCRIBED = {"__dataclass_fields__", "__dataclass_params__", "__match_args__", "__attrs_attrs__"}


def proxy_class(cls: type, cells: tuple[Any, ...], plan: "ClassPlan") -> type:
    """The proxy class for a user's class whose instances have these cells, from cell 1 on."""
    indices = index_of(cells)
    members = _members(cls, plan, indices, cells)
    if plan.kind != "opaque":
        for name, index in indices.items():
            # No class can have an attribute of that name; methods still find it in the state.
            if name != "__qualname__" and not isinstance(members.get(name), Property):
                members[name] = Attribute(index, name)
    return _made(cls, Proxy, members)


def nested_class(cls: type) -> type:
    """The proxy class for objects of a class that are part of other objects' state."""
    from share.analysis import draft

    return _made(cls, Nested, _members(cls, draft(cls), {}, ()))


def _made(cls: type, base: type, members: dict[str, Any]) -> type:
    bases = (base, Buffered) if issubclass(cls, (bytearray, array)) else (base,)
    made = type(cls.__name__, bases, members)
    if hasattr(cls, "__slots__"):
        made.__slots__ = cls.__slots__  # type: ignore[attr-defined]
    # What `match` goes by is a flag of the type.
    abstract: Any = (
        Sequence if issubclass(cls, (list, deque, tuple)) else Mapping if issubclass(cls, dict) else None
    )
    if abstract is not None:
        abstract.register(made)
    return made


def _members(
    cls: type, plan: "ClassPlan", index_of: dict[str, int], cells: tuple[Any, ...]
) -> dict[str, Any]:
    numbers: dict[tuple[int, ...], int] = {}  # of the sets of cells that methods read; 0 is all
    origin = (cls, plan, index_of, numbers)
    members: dict[str, Any] = {
        "__slots__": (),
        "__new__": lambda _, *args, **kwargs: cls(
            *args, **kwargs
        ),  # ``type(proxy)(...)`` means the user's class
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__class__": property(lambda self: cls),
        "_share_class_": cls,
        "_share_cells_": cells,
        "_share_plan_": plan,
        "_share_index_": index_of,
        # What follows the class itself may define; then its own counts.
        "_repr_mimebundle_": _mime_bundle,
        "__sklearn_clone__": _itself,
    }
    members.update(
        {name: vars(base)[name] for base in reversed(cls.__mro__) for name in _DESCRIBED & vars(base).keys()}
    )
    if cls.__dictoffset__:
        members["__dict__"] = property(_attributes)
    if "__getattr__" in plan.methods:
        members["_share_getattr_"] = Method(
            "__getattr__", plan.methods["__getattr__"], _raw(cls, "__getattr__"), origin
        )
    for name, method in plan.methods.items():
        if name in _OWN or method.kind != "method":
            continue  # class and static methods are found on the class
        function = _raw(cls, name)
        if function is not None:
            members[name] = Method(name, method, function, origin)
    for name in {**plan.getters, **plan.setters, **plan.deleters}:
        if name not in _OWN:
            members[name] = Property(
                name, cls, plan.getters.get(name), plan.setters.get(name), plan.deleters.get(name), origin
            )
    offsets = slot_offsets(cls)
    members["_share_numbers_"] = len(numbers) + 1
    members["_share_offsets_"] = offsets or None
    members["_share_lazy_"] = plan.kind != "opaque" and not offsets and cls.__dictoffset__ != 0
    members.update(overrides(cls))
    if "__hash__" not in plan.methods and "__eq__" in members:
        members["__hash__"] = None
    return members


def _attributes(self: Any) -> Any:
    from ._attributes import Attributes

    return Attributes(self)


def _mime_bundle(self: Any, include: Any = None, exclude: Any = None) -> Any:
    from ._display import mime_bundle

    return mime_bundle(self, include, exclude)


def _itself(self: Any) -> Any:
    """``__sklearn_clone__``: a shared object in a parameter of an estimator stays the shared object in its clones."""
    return self


def _raw(cls: type, name: str) -> Any:
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None
