"""The fixed point: runs the instructions of all functions that matter until nothing new is found.

Flow-insensitive and alias-aware: every variable holds a set of :class:`Node`; what is put into an object is
remembered per place of creation (``contents``) and per attribute (``tops``). Only what cannot be retracted is
recorded, so the order in which functions are visited does not matter.
"""

import linecache
import sys
from collections.abc import Iterable
from types import CodeType, FunctionType, GeneratorType, ModuleType
from typing import Any

from .._classes import declared_fields, kind_of, slot_names
from .._plan import Reason
from ..frontend._body import body_of
from ..frontend._ir import Body, Var
from ..knowledge._plain import are_plain, is_open
from ..knowledge._table import is_immutable_type, is_neutral_type
from ._args import Args
from ._calls import Calls
from ._nodes import Kind, Node, Nodes, NodeSet, Plain, is_given
from ._objects import Objects
from ._operations import OPERATIONS

__all__ = ["Instance", "Solver", "TooComplexError"]

_MAX_INSTANCES, _MAX_FOREIGN, _MAX_FOREIGN_CLOSED = 600, 30, 30
#: How many objects a variable may be before those of one class are taken together, and how many of these stay apart.
_MANY, _ALIKE = 12, 3
DICT = "__dict__"  # as the name of a state: the dictionary of all attributes
_WITHOUT_PARTS = (int, float, complex, bool)
_CARRYING = (Kind.SELF, Kind.STATE, Kind.FUNC, Kind.SUPER)
_CODE_LIKE = (Kind.SELF, Kind.FUNC, Kind.BOUND, Kind.METH, Kind.NONE, Kind.SUPER)


class TooComplexError(Exception):
    """The functions reached are too many; the class is planned as if nothing were known of them."""


class Mixture:
    """The type of nodes that stand for things which unknown code may have put into each other."""


class Instance:
    """One function in one role (receiver is the shared object, or not), with what is known of its variables."""

    def __init__(self, body: Body, function: FunctionType | None, outer: "Instance | None") -> None:
        self.body, self.function, self.outer = body, function, outer
        self.vars: dict[Var, NodeSet] = {}
        self.reads: dict[str | None, Reason] = {}
        self.writes: dict[str | None, Reason] = {}
        self.doubtful: dict[str | None, Reason] = {}  # writes only of objects that are not plain
        self.assumed: set[str | None] = set()  # the attributes in which these objects would be
        self.unseen: set[str | None] = (
            set()
        )  # attributes whose parts may be changed past what records changes
        self.unsure = False  # it meets parts of the state whose class is not known
        self.unseen_given = False  # something that is no part of the state yet may be changed so
        self.class_writes: list[Reason] = []
        self.outside: dict[str, Reason] = {}
        self.blocks: dict[str, None] = {}
        self.hashes: Reason | None = None  # where it calls hash()
        self.calls: dict[Instance, None] = {}
        self.result: NodeSet = set()
        self.guessed = False  # an object of unknown type is used in a way that is taken to change nothing
        self.touches = False  # it may change something that it was given
        self.compares = False  # it asks whether something is the shared object itself
        self.surely = False  # it writes whatever its arguments are
        self.is_receiver = False  # the first argument is the shared object
        self.line = body.line

    def root(self) -> "Instance":
        """The outermost enclosing function."""
        return self if self.outer is None else self.outer.root()


class Solver:
    """Analyses one class; see :meth:`enter` and :meth:`run`.

    :arg closed: to take all arguments that come from outside as plain values, and all state as plain values or objects
        of these classes. So it need not be followed what is stored where: a method that stores anything is a writer,
        whether the rest is right or not, and state is one node, whatever the attribute.
    :arg scalars: if so, to take all attributes as numbers, texts and the like.
    """

    def __init__(
        self, cls: type, work: int, closed: frozenset[type] | None = None, scalars: bool = False
    ) -> None:
        self.cls = cls
        self.scalar_state = scalars
        self.said: frozenset[int] = frozenset()  # ids of functions of which their author says what they do
        self.elsewhere = (
            False  # whether objects of the module may hold what calls that are not looked at put there
        )
        self.closed = closed is not None
        self.stores = False  # whether methods named as those of containers that only store, do only that
        self.held_classes = closed or frozenset()
        self.allowed = work  # nodes handled in calls and stores before it is too much
        self.nodes = Nodes(is_immutable_type)
        self.instances: dict[Any, Instance] = {}
        self.keep: list[Any] = []  # functions whose id is part of a key
        self.tops: dict[str | None, NodeSet] = {}
        self.contents: dict[Node, NodeSet] = {}
        self.globals: dict[tuple[int, str], NodeSet] = {}
        self.class_owned: set[int] = set()  # objects that were found as attributes of the class
        self.seen_states: dict[Node, None] = {}
        self.filled: set[Node] = set()
        self.escaped: dict[tuple[Instance, int], NodeSet] = {}  # in this round
        self.mixtures: NodeSet = set()
        self.callbacks: dict[tuple[Instance, Node], tuple[NodeSet, NodeSet, int]] = {}
        self.changed = True
        self.work = 0
        self.translated: set[int] = set()
        self.current: Instance | None = None  # what is looked at
        self.foreign = 0  # functions of other modules that are followed
        self.merges = False
        self.groups: dict[Node, list[Node]] = {}
        self.shape_cache: dict[Node, NodeSet] = {}
        self.value_cache: dict[Node, NodeSet] = {}
        self.mutable_cache: dict[Node, bool] = {}
        self.carry_cache: dict[Node, bool] = {}
        self.slots = set(slot_names(cls))
        self.declared = declared_fields(cls)
        self.opaque = kind_of(cls) == "opaque"
        self.near = {
            base.__module__ for base in cls.__mro__ if base.__module__ not in ("builtins", "abc", "typing")
        }
        self.caught = self.nodes.site("caught", None)
        self.operations = OPERATIONS
        self.objects = Objects(self)
        self.calling = Calls(self)

    # Running

    def enter(self, function: FunctionType, receiver: Node | None) -> Instance | None:
        """Add a function that is called from outside; None if nothing is known about its code."""
        instance = self.instance(function, receiver)
        if instance is None:
            return None
        body = instance.body
        for index, name in enumerate(body.params):
            if index == 0 and receiver is not None:
                self.add(instance, name, {receiver})
            else:
                self.add(instance, name, self.argument(instance, name))
        for name in body.kwonly:
            self.add(instance, name, self.argument(instance, name))
        if body.vararg is not None:
            site = self.many(instance, "*", tuple)
            if receiver is not None and not body.params:
                self.put(site, {receiver})
                site.elements = [{receiver}]
            self.add(instance, body.vararg, {site})
        if body.kwarg is not None:
            self.add(instance, body.kwarg, {self.many(instance, "**", dict)})
        if self.closed:
            self.calling.bind_defaults(instance, function)
        return instance

    def many(self, instance: Instance, stars: str, cls: type) -> Node:
        """The arguments from outside that come in by ``*args`` or ``**kwargs``."""
        site = self.nodes.site((instance, stars), cls, unknown=not self.closed)
        if self.closed:
            self.put(site, {self.nodes.plain((instance, stars))})
        else:
            site.unknown = True
        return site

    def hint_space(self, name: str) -> FunctionType | None:
        """Some function of the class that declares an attribute, for the globals of its module."""
        for base in self.cls.__mro__:
            if name in base.__dict__.get("__annotations__", {}):
                functions = (value for value in vars(base).values() if isinstance(value, FunctionType))
                return next((value for value in functions if value.__module__ == base.__module__), None)
        return None

    def argument(self, instance: Instance, name: str) -> NodeSet:
        """What a caller from outside may pass."""
        function = instance.function
        hints = function.__annotations__ if function is not None and sys.version_info < (3, 14) else {}
        hinted = self.objects.from_hint(hints.get(name), (instance, name), function)
        if self.closed and any(node.kind is Kind.SITE for node in hinted):
            return {self.nodes.plain((instance, name))}
        return hinted

    def run(self) -> None:
        """Iterate to the fixed point, then once more with what was never seen being stored taken as unknown."""
        while True:
            while self.changed:
                self.changed = False
                self.forget()
                for instance in list(self.instances.values()):
                    self.step(instance)
                for (instance, node), (given, results, line) in list(self.callbacks.items()):
                    instance.line = line
                    key = ("callback", instance)
                    found = self.calling.call_node(instance, node, Args([], set(given)), key)
                    if not found <= results:
                        results |= found
                        self.changed = True
            self.forget()
            self.fill()
            if not self.changed:
                self.current = None
                return

    def forget(self) -> None:
        """A new round: what was derived from contents is derived again."""
        if self.merges:
            self.tidy()
        self.escaped.clear()
        self.shape_cache.clear()
        self.value_cache.clear()
        self.mutable_cache.clear()
        self.carry_cache.clear()
        self.objects.types_cache.clear()

    def fill(self) -> None:
        """Attributes and containers into which nothing was seen being put are filled from outside."""
        for state in list(self.seen_states):
            if state not in self.filled and not self.shapes(state) - {self.nodes.none}:
                self.filled.add(state)
                self.changed = True

    def step(self, instance: Instance) -> None:
        if self.closed and instance.writes:
            return  # it is a writer, and so is whatever calls it
        self.current = instance
        self.spend(len(instance.body.instrs))
        for instr in instance.body.instrs:
            instance.line = instr[1]
            self.operations[instr[0]](self, instance, instr)

    def instance(self, function: FunctionType, receiver: Node | None, mine: bool = True) -> Instance | None:
        """A function in one role; None if it cannot be analysed, or is one too many of those from elsewhere."""
        role = "self" if receiver is self.nodes.receiver else "other"
        key = (id(function), role)
        found = self.instances.get(key)
        if found is None:
            if not mine:
                self.foreign += 1
                if self.foreign > (_MAX_FOREIGN_CLOSED if self.closed else _MAX_FOREIGN):
                    return None
            self.spend_on(function.__code__)
            body = body_of(function.__code__)
            if body is None:
                return None
            self.keep.append(function)
            found = self.new_instance(key, Instance(body, function, None))
            found.is_receiver = role == "self"
        return found

    @staticmethod
    def nested(body: Body, outer: Instance) -> Instance:
        """A function made within another."""
        return Instance(body, None, outer)

    def new_instance(self, key: Any, instance: Instance) -> Instance:
        if len(self.instances) >= _MAX_INSTANCES:
            raise TooComplexError
        self.instances[key] = instance
        self.changed = True
        return instance

    def spend_on(self, code: CodeType | None) -> None:
        """Count the work of translating a function."""
        if code is not None and id(code) not in self.translated:
            self.translated.add(id(code))
            self.spend(len(code.co_code) // 2)

    def spend(self, work: int) -> None:
        """Count steps, so that no class takes for ever."""
        self.work += work
        if self.work > self.allowed:
            raise TooComplexError

    # Variables and contents

    def get(self, instance: Instance, var: Var) -> list[Node]:
        """The nodes of a variable, as a list that does not change while it is walked."""
        return list(instance.vars.get(var, ()))

    def add(self, instance: Instance, var: Var, nodes: NodeSet) -> None:
        old = instance.vars.get(var)
        if old is None:
            if nodes:
                instance.vars[var] = set(nodes)
                self.changed = True
        elif not nodes <= old:
            old |= nodes
            self.changed = True
            if len(old) > _MANY:
                self.widen(old)

    def widen(self, nodes: NodeSet) -> None:
        """Keep a variable that may be very many objects small: those of one class become one object."""
        by_class: dict[type | None, list[Node]] = {}
        for node in nodes:
            if node.kind is Kind.SITE and node.type is not Mixture and node is not self.nodes.outside:
                by_class.setdefault(node.type, []).append(node)
        for alike in by_class.values():
            if len(alike) > _ALIKE:
                self.unite(alike)
                nodes.difference_update(alike)
                nodes.add(self.canonical(alike[0]))

    def put(self, holder: Node, nodes: Iterable[Node]) -> None:
        """Remember that an object may hold others."""
        if holder.kind is Kind.STATE and holder.name == DICT:
            self.put_top(None, nodes)
            return
        if holder.kind not in (Kind.STATE, Kind.SITE, Kind.KNOWN) or holder is self.nodes.outside:
            return
        if self.closed and holder.kind is Kind.STATE:
            return
        nodes = {self.general(node) for node in nodes if node is not holder}
        if holder.kind is not Kind.SITE:
            nodes = self.lasting(nodes) if holder.kind is Kind.KNOWN else set(map(self.kept, nodes))
        self.spend(len(nodes))
        self.merge([holder, *nodes, *self.contents.get(holder, ())])
        nodes.discard(holder)
        old = self.contents.setdefault(holder, set())
        if not nodes <= old:
            old |= nodes
            self.changed = True

    def merge(self, nodes: Iterable[Node]) -> None:
        """Objects of unknown type that are held together, or one by the other, are one object from now on.

        Aliasing is transitive, so that no two attributes become aliases by it; what is lost is only what each of
        them holds. Without it everything that unknown code mixes up would be told apart at great cost.
        """
        self.unite(
            node
            for node in nodes
            if node.kind is Kind.SITE and node.type is None and node is not self.nodes.outside
        )

    def unite(self, nodes: Iterable[Node]) -> None:
        """Make objects of one class one object, which holds what any of them does."""
        one: Node | None = None
        for node in nodes:
            two = self.canonical(node)
            if one is None or one is two:
                one = two
                continue
            held = self.contents.setdefault(one, set())
            held |= self.contents.get(two, set())
            group = self.groups.setdefault(one, [one]) + self.groups.pop(two, [two])
            self.groups[one] = group
            for member in group:
                self.contents[member] = held
            one.elements = two.elements = None
            one.unknown = one.unknown or two.unknown
            one.hinted = one.hinted or two.hinted
            two.merged = one
            self.changed = self.merges = True

    @staticmethod
    def canonical(node: Node) -> Node:
        while node.merged is not None:
            node = node.merged
        return node

    def tidy(self) -> None:
        """Replace merged objects everywhere by the one that stands for them."""
        self.merges = False
        tables: list[dict[Any, NodeSet]] = [self.contents, self.tops, self.globals]
        for table in [*tables, *(instance.vars for instance in self.instances.values())]:
            for nodes in table.values():
                self.tidy_set(nodes)
        for instance in self.instances.values():
            self.tidy_set(instance.result)
        for given, results, _ in self.callbacks.values():
            self.tidy_set(given)
            self.tidy_set(results)
        for node in self.nodes.cache.values():
            for column in node.elements or ():
                self.tidy_set(column)

    def tidy_set(self, nodes: NodeSet) -> None:
        for node in [node for node in nodes if node.merged is not None]:
            nodes.discard(node)
            nodes.add(self.canonical(node))
        for node in [
            node for node in nodes if node.receiver is not None and node.receiver.merged is not None
        ]:
            assert node.receiver is not None
            receiver = self.canonical(node.receiver)
            if node.kind is Kind.METH:
                nodes.discard(node)
                nodes.add(self.nodes.method(node.name, receiver))
            elif node.kind is Kind.BOUND:
                nodes.discard(node)
                nodes.add(self.nodes.bound(node.obj, receiver))

    def put_top(self, name: str | None, nodes: Iterable[Node]) -> None:
        """Remember that an attribute may be one of these."""
        if self.closed:
            return
        nodes = {self.kept(self.general(node)) for node in nodes}
        self.merge([*nodes, *self.tops.get(name, ())])
        old = self.tops.setdefault(name, set())
        if not nodes <= old:
            old |= nodes
            self.changed = True

    def kept(self, node: Node) -> Node:
        """Something as another call finds it: what was an argument of this one may then be anything."""
        if node.type is Plain or (node.receiver is not None and node.receiver.type is Plain):
            return self.nodes.outside
        return node

    def lasting(self, nodes: Iterable[Node]) -> NodeSet:
        """As :meth:`kept`, for what another call finds elsewhere than in the receiver; so for all that is in it."""
        if not self.closed:
            return set(nodes)
        out = set(map(self.kept, nodes))
        seen: NodeSet = set()
        todo = list(out)
        while todo:
            node = todo.pop()
            if node in seen or node.kind not in (Kind.SITE, Kind.KNOWN):
                continue
            seen.add(node)
            inner = self.contents.get(node, set())
            if any(self.kept(held) is not held for held in inner):
                self.put(node, {self.nodes.outside})
            todo += inner
        return out

    def general(self, node: Node) -> Node:
        """A text loses which text it is when it is stored."""
        return self.nodes.scalar(str) if node.kind is Kind.SCALAR and node.name is not None else node

    def shapes(self, state: Node) -> NodeSet:
        """What the value of an attribute may be: its type, in effect. Empty as long as nothing was stored.

        As of the start of the round: whatever is stored during it makes another one follow.
        """
        found = self.shape_cache.get(state)
        if found is None:
            self.seen_states[state] = None
            found = self.shape_cache[state] = self.find_shapes(state)
        return found

    def find_shapes(self, state: Node) -> NodeSet:
        unknown = self.nodes.site(("unknown", state), None)
        if self.closed:
            return {unknown, *(self.nodes.site(("held", cls), cls) for cls in self.held_classes)}
        if state.name is None:
            return {unknown}
        if state.name == DICT:
            return {unknown} if state.deep else {self.nodes.site(DICT, dict)}
        if state.deep:
            return {unknown} if state in self.filled else self.inside(state)
        return self.values(state.name) | ({unknown} if state in self.filled else set())

    def values(self, name: str | None) -> NodeSet:
        """What an attribute may be, other attributes replaced by what these may be."""
        out: NodeSet = set()
        seen: NodeSet = set()
        todo = [self.nodes.state(name)]
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.kind is not Kind.STATE:
                out.add(self.kept(node))
            elif node.deep or node.name in (None, DICT):
                out |= self.shapes(node)
            else:
                if node in self.filled:
                    out.add(self.nodes.site(("unknown", node), None))
                todo += self.tops.get(node.name, ())
                todo += self.tops.get(None, ())
        return out

    def inside(self, *roots: Node) -> NodeSet:
        """Everything in some objects, at any depth; attributes replaced by what these may be."""
        out: NodeSet = set()
        seen: set[tuple[bool, Node]] = set()
        todo: list[tuple[bool, Node]] = [(False, root) for root in roots]
        while todo:
            item = todo.pop()
            if item in seen:
                continue
            seen.add(item)
            is_inside, node = item
            if node.kind is not Kind.STATE:
                if is_inside:
                    out.add(self.kept(node))
                todo += [(True, inner) for inner in self.held(node)]
                continue
            top, deep = self.nodes.state(node.name), self.nodes.state(node.name, True)
            for state in (top, deep):
                todo += [(True, inner) for inner in self.unmixed(self.contents.get(state, set()))]
                if state in self.filled and (is_inside or state is deep):
                    out.add(self.nodes.site(("unknown", state), None))
            if node.name in (None, DICT):
                out.add(self.nodes.site(("unknown", node), None))
            into = is_inside and not node.deep
            for value in self.tops.get(node.name, set()) | self.tops.get(None, set()):
                todo.append((into, value))
                todo.append((False, value))
        return out

    def held(self, node: Node) -> NodeSet:
        """What is directly in an object, what was never seen being put there included."""
        if node.kind is Kind.SITE:
            inner = self.unmixed(self.contents.get(node, set()))
            if node.unknown:
                inner.add(self.part(node))
            return inner
        if node.kind is Kind.SCALAR:
            return (
                set()
                if node.type in _WITHOUT_PARTS
                else {self.nodes.scalar(str if node.type is str else None)}
            )
        if node.kind is Kind.KNOWN:
            more = () if not self.elsewhere or is_code(node.obj) else (self.nodes.outside,)
            return {*self.unmixed(self.contents.get(node, set())), self.part(node), *more}
        return self.unmixed(self.contents.get(node, set()))

    def unmixed(self, nodes: NodeSet) -> NodeSet:
        """A copy in which mixtures are replaced by what is in them."""
        out = set(nodes)
        seen: NodeSet = set()
        while mixed := out & self.mixtures:
            seen |= mixed
            for mixture in mixed:
                out |= self.contents.get(mixture, set())
            out -= seen
        return out

    def part(self, node: Node) -> Node:
        """Stands for the unseen things in an object; of an object of unknown type it is that object itself."""
        if node.kind is Kind.SITE and (node.type is None or node.type is Plain):
            return node
        if node.kind is Kind.SITE:
            return self.nodes.site(("part", node.type), None)
        if node.part is None:
            # A table of the module: what is in it now tells what will be in it.
            plain = self.closed and are_plain((node.obj,), None)
            node.part = self.nodes.site(("part", node), Plain if plain else None)
        return self.canonical(node.part)

    def value_of(self, state: Node) -> NodeSet:
        """The nodes that loading an attribute, or something in it, gives."""
        found = self.value_cache.get(state)
        if found is None:
            found = self.value_cache[state] = self.find_value(state)
        return found

    def find_value(self, state: Node) -> NodeSet:
        out: NodeSet = set()
        if state.name == DICT:
            return {self.nodes.state(None) if state.deep else state}
        for node in self.shapes(state):
            if node.kind in _CODE_LIKE or (node.kind is Kind.KNOWN and is_code(node.obj)):
                out.add(node)
            else:
                out.add(state)
        if state.name is not None and state not in self.filled:
            if state.deep:
                zero = self.nodes.state(state.name)
                stored = self.unmixed(self.contents.get(zero, set()) | self.contents.get(state, set()))
            else:
                stored = self.tops.get(state.name, set())
            out |= {node for node in stored if node.kind is Kind.STATE and self.is_mutable(node)}
        return out

    def is_mutable(self, node: Node) -> bool:
        """Whether anything about an object can change."""
        found = self.mutable_cache.get(node)
        if found is None:
            found = self.mutable_cache[node] = self.find_mutable(node)
        return found

    def find_mutable(self, start: Node) -> bool:
        seen: NodeSet = set()
        todo = [start]
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            match node.kind:
                case Kind.STATE:
                    todo += self.shapes(node)
                case Kind.SITE if node.type in (tuple, frozenset):
                    todo += self.held(node)
                case Kind.SITE:
                    if node.type is None or not (is_immutable_type(node.type) or is_neutral_type(node.type)):
                        return True
                case Kind.KNOWN:
                    if not is_code(node.obj) and not is_neutral_type(type(node.obj)):
                        return True
                case Kind.SELF | Kind.FUNC | Kind.BOUND | Kind.METH | Kind.SUPER:
                    return True
        return False

    def scalars(self, node: Node) -> NodeSet | None:
        """The immutable values that a node may be; None if it may be anything else."""
        if node.kind in (Kind.SCALAR, Kind.NONE):
            return {node}
        if node.kind is Kind.STATE:
            shapes = self.shapes(node)
            if shapes and all(shape.kind in (Kind.SCALAR, Kind.NONE) for shape in shapes):
                return shapes
        return None

    def carries(self, nodes: Iterable[Node]) -> bool:
        """Whether state of the receiver can be reached through one of these.

        As of some moment of the round: whatever is stored during it makes another one follow.
        """
        cache = self.carry_cache
        for node in nodes:
            found = cache.get(node)
            if found is None:
                found = node.kind in _CARRYING or self.find_carrying(node)
            if found:
                return True
        return False

    def find_carrying(self, start: Node) -> bool:
        cache = self.carry_cache
        seen = {start}
        todo = [start]
        found = False
        while todo and not found:
            node = todo.pop()
            inner: Iterable[Node] = ()
            if node.kind in (Kind.SITE, Kind.KNOWN):
                inner = self.contents.get(node, ())
            elif node.kind in (Kind.BOUND, Kind.METH) and node.receiver is not None:
                inner = (node.receiver,)
            for each in inner:
                if each.kind in _CARRYING or cache.get(each):
                    found = True
                    break
                if each not in seen and each not in cache:
                    seen.add(each)
                    todo.append(each)
        self.spend(len(seen))
        if found:
            cache[start] = True
        else:
            cache.update(dict.fromkeys(seen, False))
        return found

    # Effects

    def reason(self, instance: Instance, effect: str, text: str) -> Reason:
        """Why: the source line if there is one, else what was done there; and what about it, if not plain."""
        source = (
            linecache.getline(instance.body.file, instance.line).strip() if instance.body.from_source else ""
        )
        if source:
            text = source if text.startswith((".", "del ")) else f"{source}  ({text})"
        return Reason(effect, text, instance.body.file, instance.line)

    def read(self, instance: Instance, name: str | None, text: str = "") -> None:
        name = None if name == DICT else name
        if self.closed and name not in instance.assumed:
            self.write(instance, name, text, plain_would_not=True)
            instance.assumed.add(name)
        if name not in instance.reads:
            instance.reads[name] = self.reason(instance, f"reads {name or 'anything'}", text)

    def write(self, instance: Instance, name: str | None, text: str, plain_would_not: bool = False) -> None:
        name = None if name == DICT else name
        into = instance.doubtful if plain_would_not else instance.writes
        if name not in into:
            into[name] = self.reason(instance, f"writes {name or 'anything'}", text)

    def doubt(self, instance: Instance, node: Node, text: str) -> None:
        """An object of unknown type is read in a way that changes it, unless it is plain; see ``_plain``."""
        if node.kind is not Kind.STATE:
            touches = instance.touches
            self.mutate(instance, node, text)
            instance.touches = touches
        elif self.closed and node.deep:
            return  # what was read of it is assumed to be plain already
        elif self.is_mutable(node):
            self.write(instance, node.name, text, plain_would_not=True)
            instance.assumed.add(None if node.name == DICT else node.name)

    def mutate(
        self,
        instance: Instance,
        node: Node,
        text: str,
        definite: bool = False,
        surely: bool = False,
        own: bool = False,
        seen: bool = False,
    ) -> None:
        """An object changes: the attribute that it is part of is written.

        :arg definite: the change is known to happen, not just possible; for class state.
        :arg surely: it changes even if nothing that can change was seen being stored there, so what was seen is
            not all: other code may store things too.
        :arg own: a method of the object's class does it, looked up on the object itself.
        :arg seen: so it is, or syntax does it: what records changes sees it.
        """
        match node.kind:
            case Kind.STATE:
                if surely or self.is_mutable(node):
                    self.write(instance, node.name, text)
                    instance.surely = instance.surely or (definite and own)
                    if not own and not seen:
                        instance.unseen.add(None if node.name == DICT else node.name)
                    elif node.name == DICT:
                        instance.unseen.add(DICT)  # nothing sees what is stored there
            case Kind.SITE:
                instance.touches = instance.touches or is_given(node)
                instance.unseen_given = instance.unseen_given or not (own or seen)
            case Kind.SELF:
                self.write(instance, None, text)
                if not own and not seen and instance.function is not None:
                    instance.unseen.add(None)
            case Kind.KNOWN:
                if is_neutral_type(type(node.obj)):
                    return
                ours = isinstance(node.obj, type) and node.obj in self.cls.__mro__
                if definite and (ours or id(node.obj) in self.class_owned):
                    self.class_write(instance, text)
                else:
                    instance.outside.setdefault(text, self.reason(instance, "changes outside state", text))
                for name, tops in self.tops.items():
                    if node in tops:
                        self.write(instance, name, text)
                        if not own and not seen:
                            instance.unseen.add(name)

    def class_write(self, instance: Instance, text: str) -> None:
        if all(reason.line != instance.line for reason in instance.class_writes):
            instance.class_writes.append(self.reason(instance, "writes class state", text))

    def escape(self, instance: Instance, nodes: Iterable[Node], text: str) -> NodeSet:
        """Objects are given to code that nothing is known about: it may change, call and return them."""
        given = set(nodes)
        kept = {
            node for node in given if node.kind in (Kind.SELF, Kind.STATE, Kind.SITE, Kind.FUNC, Kind.BOUND)
        }
        place = (instance, instance.line)
        done = self.escaped.setdefault(place, set())
        if given <= done:
            return {self.nodes.outside} if self.closed else kept
        done |= given
        seen: NodeSet = set()
        todo = list(given)
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            match node.kind:
                case Kind.SELF:
                    self.read(instance, None, text)
                    self.write(instance, None, text)
                    instance.unseen.add(None)
                case Kind.STATE:
                    self.mutate(instance, node, text)
                    if node.name is not None and self.nodes.receiver in self.graph(node.name):
                        todo.append(self.nodes.receiver)
                case Kind.SITE:
                    instance.touches = instance.touches or is_given(node)
                    instance.unseen_given = True
                    todo += self.contents.get(node, ())
                case Kind.FUNC | Kind.BOUND | Kind.METH:
                    self.callback(instance, node, {self.nodes.outside})
                case Kind.SUPER:
                    todo.append(self.nodes.receiver)
        self.spend(len(seen))
        if self.closed and instance.writes:
            return set()
        if self.closed:
            return {self.nodes.outside}
        if len(kept) > 1 and self.carries(kept):
            self.mix(place, kept)
        return kept

    def mix(self, place: Any, kept: NodeSet) -> None:
        """Unknown code may put each of these into any other: each then holds the mixture of all."""
        mixture = self.nodes.site(("mixture", place), Mixture, unknown=False)
        self.mixtures.add(mixture)
        self.put(mixture, kept)
        for node in kept:
            if node.kind is Kind.SITE or (node.kind is Kind.STATE and self.is_mutable(node)):
                self.put(node, {mixture})

    def callback(self, instance: Instance, node: Node, given: NodeSet) -> NodeSet:
        """A function is called by foreign code, with any of these as arguments: once a round, with all of them.

        Gives what is known by now of its results.
        """
        entry = self.callbacks.get((instance, node))
        if entry is None:
            entry = self.callbacks[instance, node] = (set(), set(), instance.line)
            self.changed = True
        if not given <= entry[0]:
            entry[0].update(given)
            self.changed = True
        return entry[1]

    def keeps_elsewhere(self) -> bool:
        """Whether something was put into objects of the module."""
        return any(node.kind is Kind.KNOWN and not is_code(node.obj) for node in self.contents)

    def state_names(self) -> list[str]:
        """The attributes into which something was stored, directly or deeper."""
        names = {node.name for node in self.contents if node.kind is Kind.STATE} | set(self.tops)
        return sorted(name for name in names if name is not None and name != DICT)

    def classes_seen(self, name: str) -> tuple[set[type], set[type]]:
        """The classes of what was stored in an attribute, and of what was stored deeper."""
        top, inner = (
            {node.type for node in nodes if node.kind is Kind.SITE and node.type is not None}
            for nodes in (self.values(name), self.inside(self.nodes.state(name)))
        )
        return top, inner

    def seen_in_attributes(self) -> dict[str, tuple[set[type], set[type]]]:
        """:meth:`classes_seen` of every attribute; of no more of them than can be looked at."""
        found: dict[str, tuple[set[type], set[type]]] = {}
        self.allowed = self.work + 2000
        try:
            for name in self.state_names():
                found[name] = self.classes_seen(name)
                self.spend(100)
        except (TooComplexError, RecursionError):
            pass
        return found

    def classes_held(self) -> frozenset[type]:
        """The classes written in Python of which objects were seen stored in attributes, at any depth."""
        found: set[type] = set()
        for name in self.state_names():
            for node in self.values(name) | self.inside(self.nodes.state(name)):
                if node.kind in (Kind.SITE, Kind.KNOWN):
                    found.add(type(node.obj) if node.type is None else node.type)
        for base in self.cls.__mro__:  # defaults, of the class and of its functions
            for value in vars(base).values():
                found.add(type(value))
                if isinstance(value, FunctionType):
                    found.update(map(type, value.__defaults__ or ()))
                    found.update(map(type, (value.__kwdefaults__ or {}).values()))
        return frozenset(cls for cls in found if is_open(cls) and not hasattr(cls, "__get__"))

    def graph(self, name: str) -> NodeSet:
        """Everything that an attribute may be or hold."""
        return self.shapes(self.nodes.state(name)) | self.shapes(self.nodes.state(name, True))

    # Parts of operations

    def closure_value(self, root: Instance, name: str) -> NodeSet:
        """The content of a cell of a function that exists."""
        function = root.function
        if function is not None and name in function.__code__.co_freevars:
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
            try:
                return {self.nodes.known(cell.cell_contents)}
            except ValueError:
                pass
        return {self.nodes.site(("outer", name), None)}

    def spread_defaults(self, inner: Instance, holders: list[Node]) -> None:
        """Defaults that come in one tuple or dict may be that of any parameter."""
        for holder in holders:
            for name in [*inner.body.params, *inner.body.kwonly]:
                self.add(inner, name, self.held(holder))

    def zero_super(self, instance: Instance) -> NodeSet:
        """``super()`` without arguments."""
        first = instance.body.params[0] if instance.body.params else None
        receivers = self.get(instance, first) if first is not None else []
        return self.super_of(instance, list(self.closure_value(instance.root(), "__class__")), receivers)

    def super_of(self, instance: Instance, classes: list[Node], receivers: list[Node]) -> NodeSet:
        """``super(cls, receiver)``."""
        out: NodeSet = set()
        for cls in classes:
            for receiver in receivers:
                if cls.kind is Kind.KNOWN and isinstance(cls.obj, type):
                    out.add(self.nodes.super(cls.obj, receiver))
                else:
                    out |= self.escape(instance, [receiver], "super() of an unknown class")
        return out

    def returned(self, instance: Instance, nodes: NodeSet) -> None:
        if not nodes <= instance.result:
            instance.result |= nodes
            self.changed = True

    def generator_site(self, instance: Instance) -> Node:
        """What a generator function gives: it holds what is yielded, and what is sent."""
        return self.nodes.site(("generator", instance), GeneratorType, unknown=False)


def is_code(value: Any) -> bool:
    """Functions, classes, modules: things that are not state, wherever they are stored."""
    return isinstance(value, type | FunctionType | ModuleType | CodeType) or (
        callable(value) and type(value).__module__ in ("builtins", "functools", "operator")
    )
