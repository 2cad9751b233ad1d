"""What a call does, by what is called."""

import contextlib
import functools
import itertools
import re
import string
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

from .._classes import MISSING, lookup
from ..knowledge._plain import CHANGING, OF_CONTAINERS, READING, has_no_code, is_open
from ..knowledge._table import (
    blocking_name,
    callable_effect,
    is_immutable_type,
    is_neutral_type,
    method_effect,
    result_type,
)
from ._args import Args
from ._nodes import Kind, Node, NodeSet, Plain, is_given
from ._objects import SHOWN
from ._special import BY_CODE, GETTERS, SPECIAL

if TYPE_CHECKING:
    from ._solver import Instance, Solver

__all__ = ["Calls"]

#: The special methods that a pure callable of that name calls on an object.
_CALLED_BY_NAME: dict[str, tuple[str, ...]] = {
    "len": ("__len__",), "id": (), "isinstance": (), "issubclass": (), "callable": (), "type": (),
    "hash": ("__hash__",), "repr": ("__repr__",), "ascii": ("__repr__",), "str": ("__str__", "__repr__"),
    "format": ("__format__", "__str__", "__repr__"), "bool": ("__bool__", "__len__"),
    "int": ("__int__", "__index__", "__trunc__"), "float": ("__float__", "__index__"),
    "abs": ("__abs__",), "round": ("__round__",), "dir": ("__dir__",), "print": ("__str__", "__repr__"),
    "debug": ("__str__", "__repr__"), "info": ("__str__", "__repr__"),
    "copy": ("__copy__", "__reduce__", "__reduce_ex__", "__getstate__"),
    "deepcopy": ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__"),
}  # fmt: skip
_CALLED_BY_ANY = (
    "__str__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__len__", "__bool__",
    "__int__", "__float__", "__index__", "__fspath__", "__add__", "__radd__", "__sub__", "__rsub__", "__mul__",
    "__rmul__", "__abs__", "__neg__", "__divmod__", "__pow__", "__bytes__", "__complex__", "__buffer__", "__format__",
)  # fmt: skip
#: Those of the table that look into what they are given, at any depth.
_LOOKING_INTO = frozenset(
    "repr str ascii format print hash deepcopy dumps asdict astuple pformat pprint saferepr".split()
)
_PICKLED = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__")
#: What methods of built-in containers call of what they are given.
_CALLED_OF_GIVEN = ("__eq__", "__hash__", "__index__", "__lt__", "__gt__")
_BUILT = {
    list: list, sorted: list, tuple: tuple, set: set, frozenset: frozenset, dict: dict, bytearray: bytearray,
    deque: deque, OrderedDict: OrderedDict, defaultdict: defaultdict, Counter: Counter,
}  # fmt: skip
#: Methods of built-in containers that give None.
_GIVES_NONE = frozenset(
    "append extend insert remove clear sort reverse update add discard appendleft extendleft rotate __init__ "
    "__setitem__ __delitem__ difference_update intersection_update symmetric_difference_update move_to_end "
    "__setattr__ __delattr__".split()
)
_GIVES_SCALAR = frozenset(
    "__len__ __contains__ count index isdisjoint issubset issuperset __eq__ __ne__ __lt__ __le__ __gt__ __ge__ "
    "__hash__ __str__ __repr__ __bool__ __int__ __float__ __index__ __format__ __sizeof__ total".split()
)
#: Class methods in C that iterate their argument, and give something new that holds its elements.
_BUILDERS = ((itertools.chain, "from_iterable"), (dict, "fromkeys"), (OrderedDict, "fromkeys"))
#: Pure callables that call a positional argument; the others call only what they get by keyword (``key=``).
_CALLING = frozenset(
    "map filter filterfalse takewhile dropwhile starmap reduce accumulate groupby iter sub subn".split()
)
#: Those that call no method of the elements that they iterate.
_ONLY_HOLDS = frozenset("list tuple enumerate zip map filter reversed iter deque islice chain".split())
#: Those that ask a mapping for its keys and items.
_TAKES_MAPPING = frozenset("dict OrderedDict Counter ChainMap".split())
_MAX_DEPTH = 8
_IN_PLACE = frozenset("iadd iand ior ixor isub iconcat imul".split())
_CONTAINERS = (list, dict, set, deque, bytearray, OrderedDict, defaultdict)
_VIEWS = {"keys": type({}.keys()), "values": type({}.values()), "items": type({}.items())}
_TEXTS = (str, bytes, int, float, complex, bool)
_NUMBERS = (int, float, complex, bool)
#: What built-in functions give, where their name does not say it.
_GIVES: dict[str, type] = {
    "len": int, "id": int, "hash": int, "ord": int, "repr": str, "ascii": str, "format": str, "chr": str, "bin": str,
    "oct": str, "hex": str, "isinstance": bool, "issubclass": bool, "callable": bool, "any": bool, "all": bool,
}  # fmt: skip
#: Modules whose functions in the table give objects of built-in types, if they give no numbers, texts or truths.
_GIVING_PLAIN = frozenset(
    "re json struct _struct hashlib _hashlib textwrap zlib binascii base64 posix os string".split()
)
#: What a generator or iterator made by the method itself does is part of what the method does.
_ITERATORS = (types.GeneratorType, zip, enumerate, map, filter, reversed)
#: Built-in types whose values a built-in function does not change when these are its arguments.
_LOOKED_AT = frozenset({Plain, list, tuple, set, frozenset, dict, OrderedDict, deque, *_VIEWS.values()})


class Calls:
    """The half of the solver that knows what happens when something is called."""

    def __init__(self, solver: "Solver") -> None:
        self.solver = solver
        self.nodes = solver.nodes
        self.active: list[Node] = []  # what is being called, outermost first

    def call_node(self, instance: "Instance", node: Node, args: Args, key: Any) -> NodeSet:
        """Call what a node stands for."""
        self.solver.spend(10)
        if node in self.active or len(self.active) > _MAX_DEPTH:
            return self.give_up(instance, node, args)
        self.active.append(node)
        try:
            return self.call_kind(instance, node, args, key)
        finally:
            self.active.pop()

    def give_up(self, instance: "Instance", node: Node, args: Args) -> NodeSet:
        """Callables that call each other round and round: all that they get at may change."""
        solver = self.solver
        out = {self.nodes.outside, *args.all()}
        seen: NodeSet = set()
        todo = [node, *out]
        while todo:
            found = todo.pop()
            if found in seen:
                continue
            seen.add(found)
            if found.kind is Kind.SELF:
                solver.read(instance, None, "callables that call each other")
                solver.write(instance, None, "callables that call each other")
                instance.unseen.add(None)
            elif found.kind is Kind.STATE:
                solver.mutate(instance, found, "callables that call each other", surely=True)
            elif found.kind is Kind.FUNC:
                instance.calls[found.outer] = None
                self.bind(found.outer, Args([], set(out)), None)
            elif found.receiver is not None:
                todo.append(found.receiver)
            todo += solver.contents.get(found, ())
        return out

    def call_kind(self, instance: "Instance", node: Node, args: Args, key: Any) -> NodeSet:
        solver = self.solver
        instance.touches = instance.touches or is_given(node)
        match node.kind:
            case Kind.BOUND:
                assert node.receiver is not None
                return self.call_object(instance, node.obj, args.bound(node.receiver), key)
            case Kind.KNOWN:
                return self.call_object(instance, node.obj, args, key)
            case Kind.METH:
                return self.call_method(instance, node, args, key)
            case Kind.FUNC:
                instance.calls[node.outer] = None
                self.bind(node.outer, args, None)
                return self.result(node.outer)
            case Kind.NONE:
                return set()
            case Kind.SCALAR:
                return {self.nodes.scalar(None)}
            case Kind.SELF:
                return solver.objects.special(instance, node, "__call__", args, key)
            case Kind.STATE:
                if node.name is None and not solver.closed:
                    solver.read(instance, None, "calling an attribute whose name is not known")
                    solver.write(instance, None, "calling an attribute whose name is not known")
                    instance.unseen.add(None)
                out: NodeSet = set()
                for shape in solver.shapes(node):
                    if shape.kind is Kind.SITE and shape.type in GETTERS:
                        held = list(solver.contents.get(shape, ()))
                        out |= GETTERS[shape.type](solver, instance, held, args, (key, "kept"))
                for cls in solver.objects.types_of(node):
                    found = lookup(cls, "__call__") if cls is not None else MISSING
                    if cls is None and solver.closed:
                        solver.doubt(instance, node, "a call of unknown effect")
                        out |= self.plain(instance, node, "__call__", args, key)
                    elif found is MISSING:
                        # A method of it; or it is kept, and what it is bound to is looked at (see share.state).
                        solver.mutate(instance, node, "a call of unknown effect", surely=True, seen=True)
                        solver.put(node, args.all())
                        out |= self.unknown(instance, args, key, "a call of unknown effect")
                        out |= solver.objects.elements(node) | {self.nodes.state(node.name, True)}
                    else:
                        out |= self.call_object(instance, found, args.bound(node), (key, "__call__"))
                return out
            case Kind.SITE if node.type is Plain:
                return self.plain(instance, node, "__call__", args, key)
            case Kind.SITE:
                if node.type in GETTERS:
                    return GETTERS[node.type](
                        solver, instance, list(solver.contents.get(node, ())), args, key
                    )
                if node.type is not None:
                    found = lookup(node.type, "__call__")
                    if found is not MISSING:
                        return self.call_object(instance, found, args.bound(node), (key, "__call__"))
                out = self.unknown(instance, args, key, "a call of unknown effect")
                if solver.carries([node]):
                    out |= solver.escape(instance, [node], "a call of something that holds it")
                solver.put(node, args.all())
                return out | solver.held(node) | {node}
            case _:
                return self.unknown(instance, args, key, "an unknown callable")

    def call_object(self, instance: "Instance", target: Any, args: Args, key: Any) -> NodeSet:
        """Call an object that exists now."""
        solver = self.solver
        try:
            special = SPECIAL.get(target)
        except TypeError:
            special = None
        if special is not None:
            result = special(solver, instance, args, key)
            if result is not None:
                return result
        name = blocking_name(target)
        if name is not None:
            instance.blocks[name] = None
        effect = callable_effect(target)
        if effect is not None:
            return self.listed(instance, target, effect, args, key)
        if type(target) in GETTERS:
            kept = [self.nodes.known(value) for value in target.__reduce__()[1]]
            return GETTERS[type(target)](solver, instance, kept, args, key)
        match target:
            case types.FunctionType():
                return self.python(instance, target, args, key)
            case types.MethodType():
                receiver = self.nodes.known(target.__self__)
                return self.call_object(instance, target.__func__, args.bound(receiver), key)
            case functools.partial():
                receivers = [{self.nodes.known(value)} for value in target.args]
                merged = Args([*receivers, *args.positional], args.rest)
                merged.keywords = args.keywords
                return self.call_object(instance, target.func, merged, key)
            case functools.partialmethod():
                given = [{self.nodes.known(value)} for value in target.args]
                merged = Args([*args.positional[:1], *given, *args.positional[1:]], args.rest)
                merged.keywords = args.keywords
                return self.call_object(instance, target.func, merged, key)
            case functools.singledispatchmethod():
                out: NodeSet = set()
                for function in target.dispatcher.registry.values():
                    out |= self.call_object(instance, function, args, (key, id(function)))
                return out
            case staticmethod() | classmethod():
                return self.call_object(instance, target.__func__, args, key)
            case types.MethodDescriptorType() | types.WrapperDescriptorType():
                return self.descriptor(instance, target, args, key)
            case types.ClassMethodDescriptorType() if (target.__objclass__, target.__name__) in _BUILDERS:
                rest = Args(args.positional[1:], args.rest)
                rest.keywords, rest.rest_keywords = args.keywords, args.rest_keywords
                return self.listed(instance, target, "build", rest, key)
            case type():
                return self.construct(instance, target, args, key)
        wrapped = getattr(target, "__wrapped__", None) if type(target).__module__ == "functools" else None
        if isinstance(wrapped, types.FunctionType):
            return self.call_object(instance, wrapped, args, key)
        if isinstance(target, types.BuiltinFunctionType | types.MethodWrapperType):
            return self.builtin(instance, target, args, key)
        found = lookup(type(target), "__call__")
        if isinstance(found, types.FunctionType):
            return self.call_object(instance, found, args.bound(self.nodes.known(target)), key)
        return self.unknown(instance, args, key, getattr(target, "__name__", type(target).__name__))

    def builtin(self, instance: "Instance", target: Any, args: Args, key: Any) -> NodeSet:
        """A C function, or a C method of an object that exists now."""
        owner = getattr(target, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType | type):
            receiver = self.nodes.known(owner)
            descriptor = lookup(type(owner), target.__name__)
            if isinstance(descriptor, types.MethodDescriptorType | types.WrapperDescriptorType):
                return self.descriptor(instance, descriptor, args.bound(receiver), key)
        return self.unknown(instance, args, key, target.__name__)

    # Python functions

    def python(self, instance: "Instance", function: types.FunctionType, args: Args, key: Any) -> NodeSet:
        """A function written in Python: analysed if it gets at state of ours, or stands close by."""
        solver = self.solver
        solver.spend(5)
        handler = BY_CODE.get(function.__code__)
        found = handler(solver, instance, args, key) if handler is not None else None
        if found is not None:
            return found
        everything = args.all()
        mine = function.__module__ in solver.near
        if not mine and not solver.carries(everything):
            self.hand_out(instance, everything)
            return {self.nodes.site(key, None)}
        first = args.positional[0] if args.positional else set()
        out: NodeSet = set()
        receiver = solver.nodes.receiver
        roles: list[tuple[Node | None, Args]] = []
        if receiver in first:
            roles.append((receiver, self.with_first(args, {receiver})))
        if not first or first - {receiver}:
            roles.append((None, self.with_first(args, first - {receiver}) if first else args))
        for role, given in roles:
            inner = solver.instance(function, role, mine)
            if inner is None:
                out |= self.unknown(instance, given, key, function.__name__)
                continue
            instance.calls[inner] = None
            if solver.closed and inner.writes and id(function) not in solver.said:
                instance.writes.setdefault(None, next(iter(inner.writes.values())))
                return set()  # it is a writer, and so is what calls it
            self.bind(inner, given, function)
            out |= self.result(inner)
        return out

    def with_first(self, args: Args, first: NodeSet) -> Args:
        changed = Args([first, *args.positional[1:]], args.rest)
        changed.keywords, changed.rest_keywords = args.keywords, args.rest_keywords
        return changed

    def result(self, inner: "Instance") -> NodeSet:
        """What a call of a function of ours gives."""
        solver = self.solver
        if inner.body.is_generator:
            site = solver.generator_site(inner)
            carrying = {node for node in inner.result if solver.carries([node])}
            solver.put(site, carrying)  # what `yield from` gives
            solver.put(solver.caught, carrying)
            return {site}
        out = inner.result | ({self.nodes.none} if inner.body.may_end else set())
        if inner.body.is_async:
            site = self.nodes.site(("coroutine", inner), types.CoroutineType, unknown=False)
            solver.put(site, out)
            solver.put(solver.caught, {node for node in out if solver.carries([node])})  # by StopIteration
            return {site}
        return out

    def bind(self, inner: "Instance", args: Args, function: types.FunctionType | None) -> None:
        """Flow arguments into parameters, more generously than Python would."""
        solver, body = self.solver, inner.body
        given = len(args.positional)
        for index, name in enumerate(body.params):
            if index < given:
                solver.add(inner, name, args.positional[index])
            else:
                solver.add(inner, name, args.rest)
                solver.add(inner, name, args.rest_keywords)
            if name in args.keywords:
                solver.add(inner, name, args.keywords[name])
        for name in body.kwonly:
            solver.add(inner, name, args.keywords.get(name, set()) | args.rest_keywords)
        if function is not None:
            self.bind_defaults(inner, function)
        if body.vararg is not None:
            self.bind_rest(inner, args)
        if body.kwarg is not None:
            site = self.nodes.site((inner, "**"), dict, unknown=False)
            for name, nodes in args.keywords.items():
                if name not in body.params and name not in body.kwonly:
                    solver.put(site, nodes)
            solver.put(site, args.rest_keywords)
            solver.add(inner, body.kwarg, {site})

    def bind_defaults(self, inner: "Instance", function: types.FunctionType) -> None:
        params = inner.body.params
        defaults = function.__defaults__ or ()
        for name, value in zip(params[len(params) - len(defaults) :], defaults, strict=False):
            self.solver.add(inner, name, {self.nodes.known(value)})
        for name, value in (function.__kwdefaults__ or {}).items():
            self.solver.add(inner, name, {self.nodes.known(value)})

    def bind_rest(self, inner: "Instance", args: Args) -> None:
        solver, body = self.solver, inner.body
        assert body.vararg is not None
        site = self.nodes.site((inner, "*"), tuple, unknown=False)
        extra = args.positional[len(body.params) :]
        if site.elements is None:
            site.elements = []
        for index, nodes in enumerate(extra):
            if index >= len(site.elements):
                site.elements.append(set())
            if not nodes <= site.elements[index]:
                site.elements[index] |= nodes
                solver.changed = True
            solver.put(site, nodes)
        solver.put(site, args.rest)
        solver.add(inner, body.vararg, {site})

    def construct(self, instance: "Instance", cls: type, args: Args, key: Any) -> NodeSet:
        """A new object of a class."""
        solver = self.solver
        if is_immutable_type(cls):
            return {self.nodes.scalar(cls)}
        if cls is Plain:
            return self.plain(instance, self.nodes.plain(key), "__call__", args, key)
        carries = solver.carries(args.all())
        init = lookup(cls, "__init__")
        new = lookup(cls, "__new__")
        followed = solver.closed and is_open(cls) and (carries or cls.__module__ in solver.near)
        site = self.nodes.site((key, "new"), cls, unknown=not followed)
        python_made = isinstance(init, types.FunctionType) or isinstance(new, staticmethod)
        if isinstance(new, staticmethod) and isinstance(new.__func__, types.FunctionType):
            made = args.bound(self.nodes.known(cls))
            solver.put(site, self.call_object(instance, new.__func__, made, (key, "__new__")) - {site})
        if isinstance(init, types.FunctionType):
            self.call_object(instance, init, args.bound(site), (key, "__init__"))
        if carries:
            if not (followed and python_made):
                solver.put(site, args.all())
            if not python_made and not issubclass(cls, BaseException | tuple):
                self.unknown(instance, args, key, cls.__name__)
        return {site}

    # Foreign code

    def reaches_code(self, nodes: NodeSet) -> bool:
        """Whether functions of ours, or the receiver itself, can be reached through these."""
        solver = self.solver
        seen: NodeSet = set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.kind in (Kind.SELF, Kind.FUNC, Kind.BOUND, Kind.METH, Kind.SUPER):
                return True
            todo += solver.contents.get(node, ())
        return False

    def hand_out(self, instance: "Instance", given: NodeSet) -> None:
        """Objects are given to code that nothing is known about, as far as they are not part of the state."""
        touched = any(map(is_given, given))
        instance.touches = instance.touches or touched
        instance.unseen_given = (
            instance.unseen_given or touched or any(node.kind is Kind.SITE for node in given)
        )

    def unknown(self, instance: "Instance", args: Args, key: Any, name: str) -> NodeSet:
        """Code that nothing is known about."""
        solver = self.solver
        everything = args.all()
        self.hand_out(instance, everything)
        if solver.carries(everything):
            return solver.escape(instance, everything, f"passed to {name}") | {self.nodes.outside}
        return {self.nodes.site((key, "unknown"), None)}

    def listed(self, instance: "Instance", target: Any, effect: str, args: Args, key: Any) -> NodeSet:
        """A callable of the table; see :mod:`share.analysis.knowledge._effects` for what the effects mean."""
        solver, objects = self.solver, self.solver.objects
        given = list(args.all())
        name = getattr(target, "__name__", "")
        # What __hash__ returns is for the table that asks; who keeps it calls hash() on the object.
        if (
            target is hash
            and instance.body.name != "__hash__"
            and any(node.type not in _NUMBERS for node in given)
        ):
            instance.hashes = instance.hashes or solver.reason(instance, "hash", "hash(...)")
        if effect == "change":
            return self.changing(instance, name, args, key)
        if "file" in args.keywords:
            solver.escape(instance, args.keywords["file"], f"passed to {name} as file")
        names = _CALLED_BY_NAME.get(name, _CALLED_BY_ANY)
        if getattr(target, "__module__", None) == "_operator":
            names = (*names, f"__{name.strip('_')}__", f"__r{name.strip('_')}__")
        if name == "dumps":
            names = (*names, *_PICKLED)
        held: NodeSet = set()
        made_by_code: NodeSet = set()
        if name in _LOOKING_INTO:
            objects.look_into(instance, set(given), names, key)
        elif name == "contains":
            for node in list(args.positional[0]) if args.positional else ():
                objects.contains(instance, node, args.all(), key)
        elif name in ("isinstance", "issubclass"):
            self.class_hooks(instance, args, f"__{name.removeprefix('is')}check__", key)
        for node in given:
            if effect == "copy" and node.kind is Kind.SELF:
                solver.read(instance, None, name)
            if node.kind not in (Kind.SCALAR, Kind.NONE, Kind.FUNC, Kind.BOUND, Kind.METH):
                made_by_code |= objects.operate_on(instance, node, set(), names, key)
            if effect in ("test", "fold", "build") and not self.is_function(node):
                found = objects.iterate(instance, node, -1)
                held |= found
                if name in _TAKES_MAPPING:
                    held |= objects.unpack(instance, node, (key, "mapping"))
                if name in ("dict", "from_iterable", "OrderedDict", "starmap") and not self.is_mapping(node):
                    for inner in list(found):
                        if inner.kind not in (Kind.SCALAR, Kind.NONE) and inner is not node:
                            held |= objects.iterate(instance, inner, -1)
            if effect in ("copy", "test", "fold", "build"):
                for inner in list(objects.elements(node)):
                    if inner is not node and (
                        inner.kind in (Kind.STATE, Kind.SITE)
                        or (inner.kind is Kind.SELF and name not in _ONLY_HOLDS)
                    ):
                        objects.operate_on(instance, inner, set(), _CALLED_BY_ANY, key)
        if name == "reduce" and len(args.positional) > 1 and not args.rest:
            return self.reduced(instance, args, held, key)
        self.call_functions(instance, self.functions_in(name, effect, args), held, key)
        self.call_unknown(instance, name, args, held, key)
        if effect in ("inspect", "test"):
            return self.inspected(target, key)
        if effect == "copy":
            return {self.nodes.site((key, "copy"), None, unknown=False)}
        made = Plain if solver.closed and effect in ("fold", "build") else None
        result = self.nodes.site((key, "made"), _BUILT.get(target, made), unknown=False)
        if name == "copy":
            solver.put(result, made_by_code)
        if effect == "hold" and isinstance(target, type):
            result = self.nodes.site((key, "made"), target, unknown=False)
        if target is defaultdict:
            for node in list(args.positional[0]) if args.positional else ():
                if self.is_function(node) and not isinstance(node.obj, type):
                    solver.put(result, self.call_node(instance, node, Args([]), (key, "factory")))
        if target in _BUILT:
            solver.put(result, args.rest_keywords.union(*args.keywords.values()))  # ``dict(k=v)`` holds v
        if name in ("zip", "enumerate"):
            pair = self.nodes.site((key, "pair"), tuple, unknown=False)
            solver.put(pair, held | {self.nodes.scalar(int)})
            pair.elements = self.columns(instance, name, args)
            solver.put(result, {pair})
        else:
            solver.put(result, held if effect != "hold" else set(given))
        if effect == "hold" or name in ("map", "filter", "iter", "accumulate", "starmap"):
            solver.put(result, given)
        if effect == "fold":
            return {result, *(node for node in held if node is not result)}
        if name == "copy" and effect == "hold":
            for node in given:
                if node.kind is Kind.SELF:
                    solver.read(instance, None, name)
                solver.put(result, objects.elements(node))
            return {result, *made_by_code}
        return {result}

    def class_hooks(self, instance: "Instance", args: Args, name: str, key: Any) -> None:
        """``isinstance(x, cls)`` asks the class of ``cls``."""
        for node in args.positional[1] if len(args.positional) > 1 else ():
            for cls in (node, *self.solver.contents.get(node, ())):
                found = (
                    lookup(type(cls.obj), name)
                    if cls.kind is Kind.KNOWN and isinstance(cls.obj, type)
                    else MISSING
                )
                if isinstance(found, types.FunctionType) and found.__module__ not in (
                    "abc",
                    "typing",
                    "_py_abc",
                ):
                    self.call_object(instance, found, Args([{cls}, args.positional[0]]), (key, name))

    def reduced(self, instance: "Instance", args: Args, held: NodeSet, key: Any) -> NodeSet:
        """``reduce(function, iterable, start)``: what the function gives comes back as its first argument."""
        made = set(args.positional[2]) if len(args.positional) > 2 else set(held)
        size = -1
        while len(made) > size:
            size = len(made)
            for function in list(args.positional[0]):
                made |= self.call_node(instance, function, Args([set(made), set(held)]), (key, "reduce"))
        return made

    def columns(self, instance: "Instance", name: str, args: Args) -> list[NodeSet] | None:
        """What the places of the tuples hold that ``zip`` and ``enumerate`` give; None if that is not known."""
        if args.rest:
            return None
        columns: list[NodeSet] = [{self.nodes.scalar(int)}] if name == "enumerate" else []
        for nodes in args.positional[: 1 if name == "enumerate" else None]:
            columns.append(
                set().union(*(self.solver.objects.iterate(instance, node, -1) for node in list(nodes)))
            )
        return columns

    def inspected(self, target: Any, key: Any) -> NodeSet:
        if isinstance(target, type):
            if is_immutable_type(target):
                return {self.nodes.scalar(target)}
            return {self.nodes.site((key, "made"), target, unknown=False)}
        made = result_type(target)
        if made is not None:
            return {self.nodes.site((key, "made"), made, unknown=False)}
        module = getattr(target, "__module__", None)
        if module in ("builtins", "math", "time", "_operator", "posixpath", "genericpath", "random", "zlib"):
            given = _GIVES.get(target.__name__) if module == "builtins" else None
            return {self.nodes.scalar(given) if target is not print else self.nodes.none}
        name = getattr(target, "__name__", "")
        if name in ("debug", "info", "warning", "error", "exception", "critical", "log", "warn", "sleep"):
            return {self.nodes.none}
        return {self.nodes.site((key, "made"), Plain if module in _GIVING_PLAIN else None, unknown=False)}

    def is_mapping(self, node: Node) -> bool:
        """Whether ``dict(node)`` surely asks it for its keys, so that it iterates no pairs."""
        found = self.solver.objects.types_of(node)
        return bool(found) and all(cls is not None and lookup(cls, "keys") is not MISSING for cls in found)

    def is_function(self, node: Node) -> bool:
        return node.kind in (Kind.FUNC, Kind.BOUND, Kind.METH, Kind.NONE) or (
            node.kind is Kind.KNOWN and callable(node.obj)
        )

    def functions_in(self, name: str, effect: str, args: Args) -> list[Node]:
        """What a callable of the table may call of its arguments."""
        if effect == "hold" or name in _CALLING or args.rest:
            return list(args.all())
        return list(args.rest_keywords.union(*args.keywords.values()))

    def call_unknown(self, instance: "Instance", name: str, args: Args, held: NodeSet, key: Any) -> None:
        """What is given as a function and may be anything is called with the elements too."""
        given = args.keywords.get("key", set()) | args.rest_keywords
        if name in _CALLING and args.positional and (name != "iter" or len(args.positional) > 1):
            given = given | args.positional[0]
        if name in ("sub", "subn") and len(args.positional) > 1:
            given = given | args.positional[1]
        for node in given:
            if node.kind in (Kind.STATE, Kind.SELF) or (
                node.kind is Kind.SITE and (node.type is None or node.type is Plain)
            ):
                held |= self.call_node(instance, node, Args([set(held)]), (key, "called"))

    def call_functions(self, instance: "Instance", given: list[Node], held: NodeSet, key: Any) -> None:
        """Functions given to a pure callable (``key=``, ``map``) are called with the elements."""
        for node in given:
            if self.is_function(node) and node.kind is not Kind.NONE:
                held |= self.solver.callback(instance, node, held | {self.nodes.outside})

    def changing(self, instance: "Instance", name: str, args: Args, key: Any) -> NodeSet:
        """``next(it)``, ``heappush(heap, x)`` and their like."""
        solver, objects = self.solver, self.solver.objects
        targets = list(args.positional[0]) if args.positional else list(args.rest)
        others = args.all() - set(targets)
        out: NodeSet = set() if name != "next" else set(others)
        for node in targets:
            if name == "next":
                for cls in objects.types_of(node):
                    found = lookup(cls, "__next__") if cls is not None else MISSING
                    if isinstance(found, types.FunctionType):
                        out |= self.call_object(instance, found, Args([{node}]), key)
                    else:
                        solver.mutate(instance, node, "next() moves it on", surely=True, seen=True)
            else:
                solver.mutate(instance, node, f"passed to {name}", definite=True, surely=True, seen=True)
                solver.put(node, others)
                for element in list(objects.elements(node)):
                    if element.kind is Kind.STATE and element is not node:
                        objects.operate_on(instance, element, others, ("__lt__", "__gt__", "__eq__"), key)
            out |= objects.elements(node)
            if name not in ("next", "heappop", "heapreplace", "heappushpop"):
                out.add(node)
        self.call_functions(instance, self.functions_in(name, "change", args), set(), key)
        if name in _IN_PLACE and all(
            set(objects.types_of(node)) & {Plain, list, set, dict, deque} for node in targets
        ):
            return set(targets)
        return out | others | {self.nodes.none}

    def call_method(self, instance: "Instance", node: Node, args: Args, key: Any) -> NodeSet:
        """``receiver.name(...)`` of a receiver of unknown type, or of one whose type says nothing about the name."""
        solver = self.solver
        receiver = node.receiver
        assert receiver is not None
        if is_given(receiver):
            instance.unsure = True
            instance.touches = instance.touches or node.name not in READING
        match receiver.kind:
            case Kind.NONE:
                return {self.nodes.scalar(None)}
            case Kind.SCALAR:
                return self.scalar_method(instance, receiver, node.name or "", args, key)
            case Kind.STATE:
                text = f".{node.name}() of unknown type"
                if solver.closed and None in solver.objects.types_of(receiver) and node.name not in CHANGING:
                    solver.doubt(instance, receiver, text)
                    return self.plain(instance, receiver, node.name or "", args, key)
                if node.name in READING and not self.reaches_code(args.all()):
                    solver.doubt(instance, receiver, text)
                    for given in list(args.all()):
                        solver.doubt(instance, given, text)
                    if args.all():
                        solver.put(receiver, args.all())
                    out = {*args.all(), self.nodes.site((key, "unknown"), None)}
                    return out | {receiver} | solver.objects.elements(receiver)
                solver.mutate(instance, receiver, text, surely=True, seen=True)
                if solver.stores and node.name in CHANGING and not self.reaches_code(args.all()):
                    out = {*args.all(), self.nodes.site((key, "unknown"), None)}
                else:
                    out = self.unknown(instance, args, key, f".{node.name}()")
                if solver.carries(args.all()) or args.all():
                    solver.put(receiver, args.all())
                return out | {receiver} | solver.objects.elements(receiver)
            case Kind.FUNC | Kind.BOUND | Kind.METH:
                if node.name in ("__call__", "__get__"):
                    return self.call_node(instance, receiver, args, (key, "__call__"))
                return self.unknown(instance, args, key, node.name or "")
        if receiver.type is Plain:
            return self.plain(instance, receiver, node.name or "", args, key)
        out = self.unknown(instance, args, key, f".{node.name}()")
        if solver.carries([receiver]):
            out |= solver.escape(instance, [receiver], f".{node.name}() of something that holds it")
        if receiver.kind is Kind.SITE:
            solver.put(receiver, args.all())
            out |= solver.held(receiver) | {receiver}
        return out

    def plain(self, instance: "Instance", node: Node, name: str, args: Args, key: Any) -> NodeSet:
        """``node.name(...)`` of a plain value, or ``node(...)``: built-in code looks at the arguments.

        It may iterate and compare them, ask them for items, and put them into the plain value.
        """
        solver, objects = self.solver, self.solver.objects
        given = args.all()
        parts: NodeSet = set()
        todo = list(given)
        while todo:
            part = todo.pop()
            if part not in parts:
                parts.add(part)
                todo += objects.elements(part) if part.kind in (Kind.SITE, Kind.STATE) else ()
                todo += solver.contents.get(part, ()) if part.kind is Kind.KNOWN else ()
        out: NodeSet = set()
        text = "a call of unknown effect" if name == "__call__" else f".{name}()"
        functions = [part for part in parts if self.is_function(part) and part.kind is not Kind.NONE]
        if not all(map(self.is_looked_at, parts.difference(functions))):
            out |= self.unknown(instance, args, key, text)
            solver.put(node, given)
        else:
            for part in parts:
                if part.kind is Kind.STATE and None in objects.types_of(part):
                    solver.doubt(instance, part, f"passed to {text}")
                if (
                    any(cls is not None and is_open(cls) for cls in objects.types_of(part))
                    or part.kind is Kind.SELF
                ):
                    self.look_at(instance, part, key)
            for function in functions:
                out |= solver.callback(instance, function, {node, *parts.difference(functions)})
        return out | self.given_by_plain(node, name, parts, key)

    def look_at(self, instance: "Instance", node: Node, key: Any) -> None:
        """What built-in code may do with an object of a class in Python that it is given."""
        objects = self.solver.objects
        objects.operate_on(instance, node, set(), (*_CALLED_BY_ANY, "__contains__"), key)
        objects.iterate(instance, node, -1)
        if any(cls is not None and lookup(cls, "keys") is not MISSING for cls in objects.types_of(node)):
            for found in objects.load(instance, node, "keys"):
                self.call_node(instance, found, Args([]), (key, "keys"))
            objects.special(instance, node, "__getitem__", Args([{self.nodes.outside}]), key)

    def given_by_plain(self, node: Node, name: str, given: NodeSet, key: Any) -> NodeSet:
        """What a method of a plain value gives."""
        solver = self.solver
        inside = solver.objects.elements(node)
        if name in ("get", "__getitem__"):
            return {*inside, *given, self.nodes.none}
        if name in CHANGING:
            solver.put(node, given)
            return {*inside, *given, self.nodes.none}
        if name in ("__call__", "__class__"):
            inside = inside | given
        elif name not in OF_CONTAINERS or name in _GIVES_SCALAR:
            return {self.nodes.scalar(None)}
        made = self.nodes.site((key, "of plain"), Plain, unknown=False)
        solver.put(made, inside)
        return {made}

    def is_looked_at(self, node: Node) -> bool:
        """Whether built-in code does not change an object that it gets as argument, given that it is plain."""
        return node.kind is Kind.SELF or all(
            cls is None
            or cls in _LOOKED_AT
            or is_open(cls)
            or (node.kind is Kind.SITE and cls in _ITERATORS)
            or is_immutable_type(cls)
            or is_neutral_type(cls)
            for cls in self.solver.objects.types_of(node)
        )

    def scalar_method(self, instance: "Instance", receiver: Node, name: str, args: Args, key: Any) -> NodeSet:
        """A method of an immutable value: it changes nothing but may iterate its arguments."""
        objects = self.solver.objects
        if self.solver.scalar_state and receiver.type is None and name in CHANGING:
            self.solver.write(
                instance, None, f".{name}(...)"
            )  # what has such a method is no number and no text
        if name in ("acquire", "wait", "wait_for") and receiver.type is not None:
            instance.blocks[f"{receiver.type.__name__}.{name}"] = None
        if name in ("translate", "format_map"):
            for node in list(args.all()):
                if node.kind is not Kind.SELF:
                    objects.special(
                        instance, node, "__getitem__", Args([{self.nodes.scalar(str)}]), (key, name)
                    )
        for node in list(args.all()):
            if name in ("join", "union", "intersection", "difference", "fromhex", "symmetric_difference"):
                objects.iterate(instance, node, -1)
            if node.kind not in (Kind.SCALAR, Kind.NONE):
                objects.operate_on(instance, node, set(), _CALLED_BY_ANY, key)
        if name in ("format", "join", "format_map"):
            objects.look_into(instance, args.all(), SHOWN, key)
        if name == "format":
            self.formatted(instance, receiver.name, args, key)
        if receiver.type not in _TEXTS or name in _CALLING:
            self.call_functions(instance, list(args.all()), set(), key)
        if name in ("split", "rsplit", "splitlines"):
            made = self.nodes.site((key, "split"), list, unknown=False)
            self.solver.put(made, {self.nodes.scalar(receiver.type)})
            return {made}
        if receiver.type in _TEXTS:
            return {self.nodes.scalar(receiver.type if receiver.type in (str, bytes) else None)}
        given = Plain if receiver.type is None or has_no_code(receiver.type) else None
        return {self.nodes.scalar(None), self.nodes.site((key, "made"), given, unknown=False)}

    def formatted(self, instance: "Instance", text: str | None, args: Args, key: Any) -> None:
        """``"{0.name}".format(x)`` reads attributes and items of what it shows."""
        objects = self.solver.objects
        given = {node for node in args.all() if node.kind in (Kind.SELF, Kind.STATE, Kind.SITE, Kind.KNOWN)}
        if not given:
            return
        fields: list[str | None] = [None]
        if text is not None:
            with contextlib.suppress(ValueError):
                fields = [field for _, field, _, _ in string.Formatter().parse(text)]
        for field in fields:
            if text is None or (field is not None and ("." in field or "[" in field)):
                names = re.findall(r"\.(\w+)", field) if field is not None else [None]
                nodes = given
                for name in names or [None]:
                    nodes = {found for node in nodes for found in objects.load(instance, node, name)}
                objects.look_into(instance, nodes, SHOWN, key)

    # Methods implemented in C

    def descriptor(self, instance: "Instance", target: Any, args: Args, key: Any) -> NodeSet:
        """``list.append`` and all other methods in C, called with their receiver as first argument."""
        owner, name = target.__objclass__, target.__name__
        receivers = list(args.positional[0]) if args.positional else list(args.rest)
        rest = Args(args.positional[1:], args.rest)
        rest.keywords, rest.rest_keywords = args.keywords, args.rest_keywords
        rest.own = args.own
        out: NodeSet = set()
        for node in receivers:
            out |= self.c_method(instance, owner, name, node, rest, (key, name))
        return out

    def c_method(
        self, instance: "Instance", owner: type, name: str, node: Node, args: Args, key: Any
    ) -> NodeSet:
        solver, objects = self.solver, self.solver.objects
        if node.kind in (Kind.SCALAR, Kind.NONE):
            return self.scalar_method(instance, node, name, args, key)
        others = args.all()
        if owner is object and node.kind is Kind.SELF:
            if name in ("__reduce__", "__reduce_ex__", "__getstate__"):
                solver.read(instance, None, name)
            return {self.nodes.scalar(None), *({self.nodes.state(None)} if "__reduce" in name else ())}
        if is_neutral_type(owner):
            if name in ("acquire", "__enter__", "wait"):
                instance.blocks.setdefault(f"{owner.__name__}.{name}", None)
            return {self.nodes.scalar(None)}
        effect = method_effect(owner, name)
        if node.kind is Kind.SELF:
            solver.read(instance, None, f".{name}()")
        missing = self.missing(instance, owner, name, node, args, key)
        for other in others:
            if other.kind in (Kind.SELF, Kind.STATE, Kind.SITE):
                objects.operate_on(instance, other, set(), _CALLED_OF_GIVEN, key)
        if effect is None:
            return missing | self.c_change(instance, owner, name, node, args, key)
        if owner not in _CONTAINERS:
            self.call_functions(instance, list(others), set(), key)
        if name not in ("__getitem__", "__contains__", "get", "count", "index") and name.strip("_") == name:
            for other in list(others):
                if not self.is_function(other) and other.kind is not Kind.SCALAR:
                    objects.iterate(instance, other, -1)
        if name in ("__contains__", "count", "index") and owner in (list, tuple, deque):
            for element in list(objects.elements(node)):  # each is asked, until one is found
                objects.operate_on(instance, element, set(), ("__eq__",), (key, "element"))
        if effect == "look":
            if name in _GIVES_SCALAR:
                return {self.nodes.scalar(None)} | missing
            return {self.nodes.site(key, Plain if solver.closed else None, unknown=False)} | missing
        elements = objects.elements(node)
        if name in ("__getitem__", "get"):
            keys = args.positional[0] if args.positional else args.rest
            if any(key_node.kind is Kind.SCALAR and key_node.type is slice for key_node in keys):
                part = self.nodes.site(
                    key, owner if owner in (list, tuple, bytearray) else None, unknown=False
                )
                solver.put(part, elements)
                return {part}
            defaults: NodeSet = set().union(*args.positional[1:]) if len(args.positional) > 1 else set()
            return elements | defaults | ({self.nodes.none} if name == "get" else set()) | missing
        result = self.nodes.site(key, self.made_type(owner, name), unknown=False)
        if name == "items":
            pair = self.nodes.site((key, "pair"), tuple, unknown=False)
            solver.put(pair, elements)
            pair.elements = [elements, elements]
            solver.put(result, {pair})
        else:
            solver.put(result, elements)
        if name in _VIEWS:
            result.receiver = node
        if name in ("__or__", "__ror__", "__add__", "union", "symmetric_difference", "__xor__"):
            for other in list(others):
                solver.put(result, objects.elements(other))
        return {result} | missing

    def made_type(self, owner: type, name: str) -> type | None:
        if name in _VIEWS:
            return _VIEWS[name]
        if owner in (list, tuple, set, frozenset, dict) and name not in (
            "__iter__",
            "__reversed__",
            "__reduce__",
        ):
            return owner
        return Plain if self.solver.closed and name != "__reduce__" else None

    def missing(
        self, instance: "Instance", owner: type, name: str, node: Node, args: Args, key: Any
    ) -> NodeSet:
        """``d[k]`` of a dictionary that says what to do about a missing key."""
        solver = self.solver
        out: NodeSet = set()
        if name != "__getitem__" or not issubclass(owner, dict):
            return out
        for cls in solver.objects.types_of(node):
            found = lookup(cls, "__missing__") if cls is not None else MISSING
            if isinstance(found, types.FunctionType):
                out |= self.call_object(instance, found, args.bound(node), (key, "__missing__"))
            elif found is not MISSING:
                text = "[...] of a defaultdict inserts a missing key"
                solver.mutate(instance, node, text, own=args.own, seen=True)
        return out

    def c_change(
        self, instance: "Instance", owner: type, name: str, node: Node, args: Args, key: Any
    ) -> NodeSet:
        """A method in C that may change its object, and may keep what it is given."""
        solver, objects = self.solver, self.solver.objects
        known = owner in _CONTAINERS
        if name not in ("__init__", "__new__") or node.kind is not Kind.SITE:
            own = known and args.own
            solver.mutate(instance, node, f".{name}(...)", definite=known, own=own, seen=args.own)
        others = args.all()
        solver.put(node, others)
        if known or method_effect(owner, "__len__") is not None:
            called = self.functions_in(name, "change", args) if known else list(others)
            self.call_functions(instance, called, objects.elements(node), key)
            spread = (
                name in ("extend", "extendleft", "update", "__iadd__", "__ior__", "__init__")
                or "_update" in name
            )
            for other in list(others):
                if spread and other.kind not in (Kind.SCALAR, Kind.NONE) and not self.is_function(other):
                    found = objects.iterate(instance, other, -1)
                    solver.put(node, found | objects.elements(other))
                    for inner in list(found):
                        if owner in (dict, OrderedDict, defaultdict) and inner is not other:
                            solver.put(node, objects.elements(inner))
        elif solver.carries(others) and not issubclass(owner, BaseException):
            solver.escape(instance, others, f"passed to .{name}()")
        if known and name in _GIVES_NONE:
            return {self.nodes.none}
        if name.startswith("__i") and name != "__iter__":
            return {node}
        out = objects.elements(node) | others
        if name == "popitem":
            pair = self.nodes.site((key, "pair"), tuple, unknown=False)
            solver.put(pair, out)
            pair.elements = [out, out]
            out = {pair}
        if not known:
            out |= {self.nodes.site(key, None), node}
        return out
