"""The descriptors of generated proxy classes: attributes, methods and properties of users' classes."""

cimport cython
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from .._atomic cimport fence_acq, load_acq, load_rlx
from .._internal cimport make_internal
from .._fillable cimport FILLED, may_be_filled
from .._layout cimport CLOSED_BIT
from .._protocol cimport CALL, DELETE, GET, NO_ARGUMENTS, RESPOND, SET
from .._slots cimport slot_find
from .._wait cimport deadline_of, now_ns
from ..cerial._codec cimport Encoder
from ._noted cimport note, noting
from ._proxy cimport class_attribute, delete_attribute, encode_arguments, Local, \
    mark_of, plain_operand, Proxy, set_attribute
from ._replica cimport are_harmless, Cell, Tables
from ._session cimport Session

from contextlib import asynccontextmanager

from .._protocol import Filled, Finished
from ..cerial._travelling import travelling
from collections import deque

from .._kinds import is_value
from ..errors import ShareClosedError
from ._assignments import IN_PLACE, may_raise, surely_fits
from ._instances import slots_of
from ._proxy import MISSING


cdef enum:
    MOST_FLAGS = 64
    MOST_DEPTH = 4              # to which containers of the caller's are searched for parts
    SURELY_LOOKED_AT = 4        # of the first runs of a method; then less and less often, if its plan is proved
    MOST_ITEMS = 1000           # in a container that is looked at though the plan is proved

cdef frozenset SIZED = frozenset((list, dict, set, bytearray, deque))


cdef inline Proxy proxy_of(instance, owner):
    """The instance as what a descriptor expects; only who calls a descriptor itself can give it another one."""
    if <PyObject*>Py_TYPE(instance) != <PyObject*>owner:
        raise TypeError(f"descriptor of {getattr(owner, '__name__', 'a shared object')!r} applied to a "
                        f"{type(instance).__name__!r}")
    return <Proxy>instance


@cython.binding(False)
@cython.final
cdef class Attribute:
    """Data descriptor of one attribute."""

    cdef object owner               # the generated class
    cdef readonly uint32_t index    # of its cell
    cdef readonly str name

    def __cinit__(self, uint32_t index, str name):
        self.index = index
        self.name = name

    def __set_name__(self, owner, name):
        self.owner = owner

    def __get__(self, instance, owner):
        cdef Proxy proxy
        cdef uint64_t position, flag, c, tag = 0
        cdef uint32_t index = self.index
        cdef PyObject* value
        if instance is None:
            return getattr(owner._share_class_, self.name)
        proxy = proxy_of(instance, self.owner)
        if noting:
            note(proxy.session.control, proxy.slots + index, proxy.id)
        # The barrier: what was queued before this read began. acquire fence: pairs with the seq_cst operation
        # that ends every call; whoever told us of a write has raised its flag before.
        fence_acq()
        position = load_rlx(proxy.flags)
        flag = load_rlx(proxy.flags + index)
        if flag > position:
            position = flag
        flag = load_rlx(proxy.wide)
        if flag > position:
            position = flag
        # acquire: pairs with the release of C; the slots are as new as C
        c = load_acq(proxy.commit)
        # One comparison for "C < position" and for the closed bit.
        if c - position < CLOSED_BIT and slot_find(proxy.slots + index, c, &tag) >= 0 and tag == proxy.tags[self.index]:
            value = PyList_GET_ITEM(proxy.values, self.index)
            if value != <PyObject*>MISSING:
                return <object>value
        found = proxy.read(index)
        if found is MISSING:
            return class_attribute(proxy, self.name)
        return found

    def __set__(self, instance, value):
        set_attribute(proxy_of(instance, self.owner), self.name, value, self.index)

    def __delete__(self, instance):
        delete_attribute(proxy_of(instance, self.owner), self.name, self.index)

    def __repr__(self):
        return f"<shared attribute {self.name!r}>"


cdef object is_plain = None         # of share.analysis, once a plan needs them
cdef object are_plain = None
cdef object ARGUMENTS = None
cdef object TYPES = None
cdef object WHOLE = "*"            # of `plain`: all the state


cdef int find_is_plain() except -1:
    global is_plain, are_plain, ARGUMENTS, TYPES
    if is_plain is None:
        from ..analysis.knowledge import _plain

        is_plain, are_plain, ARGUMENTS = _plain.is_plain, _plain.are_plain, _plain.ARGUMENTS
        TYPES = _plain.TYPES
    return 0


@cython.binding(False)
cdef object held_by(Local local):
    """What of the state a run can change: the attributes that are decoded, or an object that is part of a replica."""
    if not local.own:
        return local.instance
    held = {name: found for name, found in local.attributes.items() if type(name) is str} \
        if local.attributes is not None else {}
    if local.offsets is not None:
        held.update(slots_of(local.instance))
    return {name: found for name, found in held.items() if not is_value(found)}


cdef bytes encoded(Proxy proxy, held):
    cdef Encoder encoder = proxy.session.borrow()
    try:
        encoder.encode(held, "state")
        return encoder.data[:encoder.size]
    finally:
        proxy.session.give_back(encoder)


cdef bint is_large(Local local, held) except -1:
    parts = [*held.values()] if local.own else [held, *(local.attributes or {}).values()]
    return any([type(found) in SIZED and len(found) > MOST_ITEMS for found in parts])


@cython.binding(False)
cdef class Effects:
    """The part of a MethodPlan that a call needs, as cell indices. It learns when a local run shows the plan wrong."""

    cdef uint32_t* reads            # cell 0 always: what has no cell may be there or not
    cdef int read_count             # -1: all
    cdef int number                 # of this set of cells; 0: all
    cdef uint32_t* writes
    cdef int write_count            # the wildcard is index 0
    cdef readonly bint read_only
    cdef readonly bint returns
    cdef readonly bint returns_alias
    cdef readonly bint returns_self
    cdef bint touches               # it may change what it is given
    cdef bint compares              # it asks whether something is the object itself: a top-level one is that there only
    cdef readonly bint assumes      # a reader as long as what follows is so
    cdef readonly bint learned      # it has been seen to write, against its plan: it may write anything
    cdef str guessed                # why it is not proved that it only reads; None: it is
    cdef unsigned int runs          # in this process
    cdef bint pending               # it may be a reader: the method was not looked at closely yet
    cdef bint arguments             # the arguments are plain
    cdef frozenset plain            # these attributes are plain; None: not needed
    cdef frozenset opened           # or hold objects of these classes

    def __cinit__(self, plan, tuple origin, bint late):
        cdef dict index_of = origin[2], numbers = origin[3]
        reads = plan.reads
        if plan.plain and not plan.read_only and reads is not None:
            reads = None if WHOLE in plan.plain else reads | plan.plain     # what is looked at first
        reads = self._indices(reads, index_of)
        if reads is not None:
            reads = sorted({0, *reads})
            if late and tuple(reads) not in numbers:
                reads = None        # proxies have room for those that were known when their class was made
        self.number = 0 if reads is None else numbers.setdefault(tuple(reads), len(numbers) + 1)
        self.read_count = -1 if reads is None else len(reads)
        self.reads = <uint32_t*>calloc(len(reads or ()) + 1, sizeof(uint32_t))
        for i, index in enumerate(reads or ()):
            self.reads[<int>i] = index
        writes = self._indices(plan.writes, index_of)
        if writes is None:
            writes = [0]
        self.write_count = len(writes)
        self.writes = <uint32_t*>calloc(len(writes) + 1, sizeof(uint32_t))
        for i, index in enumerate(writes):
            self.writes[<int>i] = index
        self.read_only = plan.read_only
        self.returns = plan.returns
        self.returns_alias = plan.returns_alias
        self.returns_self = plan.returns_self
        self.assumes = bool(plan.plain) and not plan.read_only     # who never writes needs no assumption
        self.pending = plan.pending
        self.compares = plan.compares
        self.touches = plan.touches
        self.guessed = plan.guessed or None
        if self.guessed is not None:
            find_is_plain()
        if self.assumes:
            find_is_plain()
            self.arguments = ARGUMENTS in plan.plain
            self.plain = plan.plain - {ARGUMENTS} or None
            self.opened = plan.opened

    def __dealloc__(self):
        free(self.reads)
        free(self.writes)

    cdef int flags_of(self, Proxy proxy, uint64_t** raised) noexcept:
        """The flags that a call raises; more than MOST_FLAGS are one, the wildcard."""
        cdef int i
        if self.write_count > MOST_FLAGS:
            raised[0] = proxy.flags
            return 1
        for i in range(self.write_count):
            raised[i] = proxy.flags + self.writes[i]
        return self.write_count

    cdef bint fits(self, Proxy proxy, Local local) except -1:
        """Whether a call may run locally: the plan may depend on what is in the state."""
        if self.plain is None:
            return True
        if proxy.is_nested:
            return is_plain(local.instance, self.plain, self.opened)    # it may change in place
        if local.plain is None:
            local.plain = {}
        found = local.plain.get((self.plain, self.opened))
        if found is None:
            found = is_plain(local.instance, self.plain, self.opened)
            local.plain[self.plain, self.opened] = found
        return found

    cdef object run_locally(self, Proxy proxy, str name, tuple args, dict kwargs, bint special):
        """The result of a method, or of a getter (`args` are None), run here; MISSING: it must run as a command.

        What the plan did not name is decoded when it is touched, as it was when the run began; if it has changed since
        then, the run begins anew.
        """
        cdef Local local
        cdef tuple given = args
        cdef dict given_kwargs = kwargs
        cdef int _
        if self.compares and not proxy.is_nested:
            return MISSING
        for _ in range(3):
            args, kwargs = given, given_kwargs
            local = proxy.take_local(self.reads, self.read_count, self.number)
            local.begin(proxy)
            try:
                if not self.fits(proxy, local):
                    return MISSING
                if args:
                    args = own_parts(proxy, local, args, special)
                if kwargs:
                    kwargs = dict(zip(kwargs, own_parts(proxy, local, tuple(kwargs.values()), special)))
                parts = parts_of(local, args, kwargs, given, given_kwargs)
                if parts and local.tables is not proxy.reader.tables:
                    continue            # another replica was begun: what was given is of that
                before = self.seen_before(proxy, local, args, kwargs, parts)
                if not local.own:
                    local.mark = mark_of(local)
                try:
                    result = getattr(local.instance, name)
                    if args is not None:
                        result = result(*args) if kwargs is None else result(*args, **kwargs)
                except BaseException as error:
                    if before is not None:
                        look_again(proxy, local, parts, before)
                    if args or kwargs is not None:
                        take_back(proxy, local, args, kwargs, given, given_kwargs)
                    if self.learns(proxy, local):
                        if self.read_only or self.assumes:
                            continue
                        return MISSING
                    proxy.let_out(error, local)
                    raise
                if before is not None:
                    look_again(proxy, local, parts, before)
                aliases = self.returns_alias
                if args or kwargs is not None:
                    result, is_own = take_back(proxy, local, args, kwargs, given, given_kwargs, result)
                    aliases = aliases or is_own
                args, kwargs = given, given_kwargs      # they may have held the instance
                if local.is_clean() or result is local.instance and not self.learns(proxy, local):
                    return proxy.hand_out(local, result) if aliases else result
                if not self.learns(proxy, local):
                    proxy.drop(local)
                    local.complete(proxy)           # somebody holds the instance
                    if not local.failed:
                        result = proxy.hand_out(local, result)
                        proxy.forget_snapshot()
                        return result
                    self.read_all()
                if not self.read_only and not self.assumes:
                    return MISSING
            finally:
                local.end()
        return MISSING

    cdef bytes seen_before(self, Proxy proxy, Local local, tuple args, dict kwargs, list parts):
        """What a run is compared with at its end; None: it is not, as there is a proof and it is not its turn."""
        cdef bint is_looked_at, is_turn
        cdef uint64_t at
        self.runs += 1
        is_turn = self.runs <= SURELY_LOOKED_AT or not self.runs & (self.runs - 1)
        if not is_turn and (self.guessed is None or self.guessed == TYPES and is_proved(proxy, local, args, kwargs)) \
                and (not parts or all([is_harmless_part(proxy, local.tables, part) for part in parts])):
            return None
        at = versions_of(local.cells)
        if local.seen is None or local.seen_at != at:
            local.seen, local.seen_at = b"", at
            held = held_by(local)
            if self.guessed is None:
                is_looked_at = not is_large(local, held)
            else:
                is_looked_at = self.guessed != TYPES or not are_plain((held,), None) and not (
                    is_large(local, held) and is_proved(proxy, local, args, kwargs))
            if is_looked_at and (not local.own or held):       # an object of a user's class is not asked
                try:
                    local.seen = encoded(proxy, held)
                except Exception:
                    pass        # what is there cannot be encoded
        if not parts:
            return local.seen or None
        try:
            if not local.seen:
                held = held_by(local)
                return encoded(proxy, held) + encoded(proxy, parts) if local.own and not held else None
            return local.seen + encoded(proxy, parts)
        except Exception:
            return local.seen or None

    cdef bint learns(self, Proxy proxy, Local local) except -1:
        """Learns from what a run has done that the plan did not say. True: the run is void."""
        if local.has_written():
            proxy.forget_snapshot()
            self.read_only = self.assumes = False
            self.learned = True
            return True
        if local.touched:
            proxy.drop(local)
            self.read_all()
        return local.failed

    cdef int read_all(self) noexcept:
        self.read_count, self.number = -1, 0
        return 0

    @staticmethod
    def _indices(names, dict index_of):
        # A name without a cell is in the extras, which are cell 0.
        return None if names is None else sorted({index_of.get(name, 0) for name in names})


cdef bint is_proved(Proxy proxy, Local local, tuple args, dict kwargs) except -1:
    """Whether a guess about operators and attributes of unknown objects is true of all that a run can meet."""
    if local.cells is None:
        return False
    if local.own:
        if local.attributes is not None:
            for name, value in local.attributes.items():
                if type(name) is str and not is_known(local.tables, value):
                    return False
        if local.offsets is not None:
            for value in slots_of(local.instance).values():
                if not is_known(local.tables, value):
                    return False
    elif not local.tables.id_of(local.instance):
        return False
    for value in args or ():
        if not is_known(local.tables, value) and not are_plain((value,), None):
            return False
        if not is_harmless_part(proxy, local.tables, value):
            return False
    return (kwargs is None or are_plain((), kwargs)) and are_harmless(local.cells)


cdef bint is_harmless_part(Proxy proxy, Tables tables, value) except -1:
    """Whether an argument is no part of the state, or one that holds nothing whose class may write."""
    cdef uint64_t id = tables.id_of(value)
    cdef Cell cell
    if not id:
        return True
    cell = proxy.reader.cell(tables.home_of(id))
    return cell.closure is not None and cell.links == proxy.reader.links and are_harmless(cell.closure)


cdef inline bint is_known(Tables tables, value) except -1:
    cls = type(value)
    return cls is int or cls is str or value is None or cls is float or cls is bool or tables.id_of(value) \
        or cls is tuple or is_value(value) or isinstance(value, Proxy)


cdef uint64_t versions_of(list cells) noexcept:
    """A number that is another one when one of these cells has been moved."""
    cdef uint64_t mark = 0
    cdef Cell cell
    if cells is not None:
        for cell in cells:
            mark = mark * 31 + cell.tag
    return mark


cdef list parts_of(Local local, tuple args, dict kwargs, tuple given, dict given_kwargs):
    """What a run has been given in place of proxies, or None: it can change these parts of the state, too."""
    if args is given and kwargs is given_kwargs:
        return None
    if kwargs is not None:
        args, given = (*args, *kwargs.values()), (*given, *given_kwargs.values())
    parts = [arg for arg, proxy in zip(args, given) if arg is not proxy and arg is not local.instance]
    for arg in list(parts):
        if not local.tables.id_of(arg):
            parts += parts_in(local, arg, [])       # a container of the caller's with parts in it
    return parts


cdef int look_again(Proxy proxy, Local local, list parts, bytes before) except -1:
    """Finds writes that no assignment to an attribute shows: in containers, and in parts."""
    if local.touched or local.has_written():
        return 0                # that is known already; or it runs again
    try:
        now = encoded(proxy, held_by(local))
        if now == before:
            return 0
        if parts and now + encoded(proxy, parts) == before:
            return 0
    except Exception:
        pass
    local.written = True
    return 0


cdef bint are_of_others(Proxy proxy, tuple args, dict kwargs) except -1:
    """Whether a call is given an object of another share, whose reads do not wait for what is queued in this one."""
    if kwargs and are_of_others(proxy, tuple(kwargs.values()), None):
        return True
    for arg in args:
        if isinstance(arg, Proxy) and (<Proxy>arg).session is not proxy.session:
            return True
    return False


cdef bint are_parts(tuple args, dict kwargs) except -1:
    """Whether a call is given parts, which a run on a copy must not change."""
    return bool(args) and holds_parts(args, 0) or kwargs is not None and holds_parts(kwargs, 0)


cdef list parts_in(Local local, value, list found):
    """The parts that a copy of a caller's container holds."""
    cls = type(value)
    if local.tables.id_of(value):
        found.append(value)
    elif cls is list or cls is tuple or cls is set or cls is frozenset:
        for item in value:
            parts_in(local, item, found)
    elif cls is dict:
        for item in (*value.keys(), *value.values()):
            parts_in(local, item, found)
    return found


cdef tuple take_back(Proxy proxy, Local local, tuple args, dict kwargs, tuple given, dict given_kwargs, result=None):
    """Parts that a run has stored in what it was given become proxies, in the caller's containers too.

    (The result, the caller's own container if it is that; whether the run had copies of such.)
    """
    cdef bint is_own = False
    if kwargs is not None:
        args, given = (*args, *kwargs.values()), (*given, *given_kwargs.values())
    proxy.take_back(args, local)
    for now, mine in zip(args, given):
        cls = type(mine)
        if now is mine or type(now) is not cls or now is local.instance:
            continue
        is_own = True
        if cls is list and not same_content(mine, now):
            (<list>mine)[:] = now
        elif cls is dict and not (same_content(mine, now) and same_content(mine.values(), now.values())):
            (<dict>mine).clear()
            (<dict>mine).update(now)
        elif cls is set and mine != now:
            (<set>mine).clear()
            (<set>mine).update(now)
        if result is now:
            result = mine
    return result, is_own


cdef bint same_content(one, other):
    return len(one) == len(other) and all([a is b for a, b in zip(one, other)])


cdef tuple own_parts(Proxy proxy, Local local, tuple args, bint special):
    """Arguments for a local run: parts of the same share are what they are in the replica. C code of built-in types
    (`special`) looks at the concrete types of its operands, and of what these hold."""
    if special:
        return tuple([plain_operand(arg) for arg in args])
    for arg in args:
        if arg is proxy or isinstance(arg, Proxy) or is_container(type(arg)):
            return tuple([own_part(proxy, local, arg, 0) for arg in args])
    return args


cdef inline bint is_container(cls) noexcept:
    return cls is list or cls is tuple or cls is dict or cls is set or cls is frozenset


cdef object own_part(Proxy proxy, Local local, arg, int depth):
    """What an argument, or something in it, is in the replica."""
    cls = type(arg)
    if cls is int or cls is str or cls is float:
        return arg
    if arg is proxy:
        return local.instance
    if isinstance(arg, Proxy):
        return (<Proxy>arg).current() if (<Proxy>arg).is_nested and (<Proxy>arg).session is proxy.session else arg
    if depth == MOST_DEPTH or not is_container(cls) or not holds_parts(arg, depth):
        return arg
    if cls is dict:
        return {own_part(proxy, local, key, depth + 1): own_part(proxy, local, item, depth + 1)
                for key, item in (<dict>arg).items()}
    return cls([own_part(proxy, local, item, depth + 1) for item in arg])


cdef bint holds_parts(container, int depth) except -1:
    """Whether there are parts in a container of the caller's."""
    items = container
    if type(container) is dict:
        items = (*container, *container.values())
    for item in items:
        cls = type(item)
        if cls is int or cls is str or cls is float:
            continue
        if isinstance(item, Proxy) and (<Proxy>item).is_nested:
            return True
        if depth < MOST_DEPTH and is_container(cls) and holds_parts(item, depth + 1):
            return True
    return False


cdef object closer(tuple origin, plan):
    from ..analysis import closer

    return closer(origin[0], origin[1], plan)


cdef uint64_t send_call(Proxy proxy, int kind, Effects effects, bytes name, tuple args, dict kwargs,
                        bint respond) except 0:
    cdef Session session = proxy.session
    cdef Encoder encoder
    cdef uint64_t* raised[MOST_FLAGS]
    cdef int count, flags = RESPOND if respond else 0
    if effects.learned:
        return proxy.send_to_all(kind, name, args, kwargs, respond)
    if proxy.is_nested:
        return proxy.send_at(kind, name, args, kwargs, respond)
    count = effects.flags_of(proxy, raised)
    if not args and not kwargs:
        return session.send(kind, flags | NO_ARGUMENTS, proxy.id, name, None, raised, count)
    encoder = session.borrow()
    try:
        flags |= encode_arguments(encoder, args, kwargs)
        return session.send(kind, flags, proxy.id, name, encoder, raised, count)
    finally:
        session.give_back(encoder)


cdef object manager_code = asynccontextmanager(abs).__code__


cdef int streams_of(function, code):
    """Whether a call gives an asynchronous generator (1), or a context manager made of one (2)."""
    if code is manager_code:
        return 2
    return code is not None and code.co_flags & 0x200 != 0          # CO_ASYNC_GENERATOR


@cython.binding(False)
@cython.final
cdef class Method:
    """Descriptor of one method of the user's class."""

    cdef readonly str name
    cdef bytes encoded
    cdef Effects effects
    cdef readonly object function   # of the user's class
    cdef int least, most            # positional arguments that certainly fit; -1: ask inspect
    cdef bint special
    cdef object signature           # None: not yet asked for; False: there is none
    cdef frozenset unnamed          # positional-only parameters, where keywords of any name may be given
    cdef object found               # its MethodPlan
    cdef object owner               # the generated class
    cdef tuple origin               # class, its plan, its cells by name, and the sets of cells that methods read
    cdef bint assigns               # an item, or in place, in a way that may raise, so that it waits
    cdef bint stores                # an item, and does nothing else: it may raise for some keys
    cdef bint awaits                # an async def: a call gives an awaitable
    cdef int streams                # 1: an asynchronous generator, 2: a context manager made of one
    cdef bint enters                # `with` calls it: it waits, and an exception of its caller reaches it in some form

    def __cinit__(self, str name, plan, function, tuple origin):
        self.name = name
        self.encoded = name.encode()
        self.found = plan
        self.origin = origin
        self.effects = Effects(plan, origin, False)
        self.function = function
        self.special = origin[1].kind == "opaque" and type(function).__name__ != "function"
        self.least, self.most = -1, -1
        if (name in ("__setitem__", "__delitem__") or name in IN_PLACE) and type(function).__name__ == "function":
            self.assigns = may_raise(function)
            self.stores = name == "__setitem__" and not self.assigns
        self.enters = name in ("__enter__", "__exit__", "__aenter__", "__aexit__")
        code = getattr(function, "__code__", None)
        self.awaits = code is not None and code.co_flags & 0x80 != 0          # CO_COROUTINE
        self.streams = streams_of(function, code)
        if code is not None and type(function).__name__ == "function" and not hasattr(function, "__wrapped__"):
            required = code.co_argcount - len(function.__defaults__ or ()) - 1
            keywords = set(code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount])
            if required >= 0 and keywords <= set(function.__kwdefaults__ or ()):
                self.least = required
                self.most = 1 << 30 if code.co_flags & 4 else code.co_argcount - 1

    @property
    def learned(self):
        """Whether a call in this process has written, against its plan."""
        return self.effects.learned

    @property
    def plan(self):
        """The MethodPlan."""
        if self.effects.pending:
            self.look_closer()
        return self.found

    def __set_name__(self, owner, name):
        self.owner = owner

    def __get__(self, instance, owner):
        cdef BoundMethod bound
        if instance is None:
            return self.function
        bound = BoundMethod.__new__(BoundMethod)
        bound.method = self
        bound.proxy = proxy_of(instance, self.owner)
        return bound

    cdef int look_closer(self) except -1:
        """Before its first call in this process: whether it writes at all. Raises AnalysisError for class state."""
        self.found = closer(self.origin, self.found)
        self.effects = Effects(self.found, self.origin, True)
        return 0

    cdef int check(self, tuple args, dict kwargs) except -1:
        if self.effects.pending:
            self.look_closer()
        # A wrong argument count is the caller's mistake and is raised at the call, not later by a flush.
        if not kwargs and self.least <= len(args) <= self.most:
            return 0
        if self.signature is None:
            self.find_signature()
        if self.signature is False or not kwargs and self.least <= len(args) <= self.most:
            return 0
        if kwargs and self.unnamed:             # inspect takes them for these parameters; they go to **kwargs
            kwargs = {name: value for name, value in kwargs.items() if name not in self.unnamed}
        try:
            self.signature.bind(None, *args, **(kwargs or {}))
        except TypeError as error:
            raise TypeError(f"{self.function.__qualname__}(): {error}") from None
        return 0

    cdef int find_signature(self) except -1:
        """Asks inspect, once: it takes far longer than a call."""
        import inspect

        try:
            self.signature = inspect.signature(self.function)
        except (ValueError, TypeError):
            self.signature = False          # built-in functions need not have one
            return 0
        kinds = [parameter.kind for parameter in self.signature.parameters.values()]
        if inspect.Parameter.VAR_KEYWORD in kinds:
            self.unnamed = frozenset([name for name, parameter in self.signature.parameters.items()
                                      if parameter.kind is inspect.Parameter.POSITIONAL_ONLY])
        if self.least < 0 and all(kind is inspect.Parameter.POSITIONAL_ONLY for kind in kinds):
            required = [p for p in self.signature.parameters.values() if p.default is inspect.Parameter.empty]
            self.least, self.most = len(required) - 1, len(kinds) - 1
        return 0

    cdef object call(self, Proxy proxy, tuple args, dict kwargs):
        cdef Effects effects = self.effects
        cdef uint64_t position
        cdef bint wait
        if effects.pending:
            self.look_closer()
            effects = self.effects
        if (effects.read_only or effects.assumes and (not effects.arguments or are_plain(args, kwargs))) \
                and not (effects.touches and are_parts(args, kwargs)):
            try:
                result = effects.run_locally(proxy, self.name, args, kwargs, self.special)
            except ShareClosedError:
                if self.name != "__repr__":
                    raise
                # An exception that names the object is printed after the end of the share.
                return type(proxy).__base__.__repr__(proxy)
            if result is not MISSING:
                return result
        self.check(args, kwargs)
        if self.enters:
            args = tuple([travelling(arg) if isinstance(arg, BaseException) else arg for arg in args])
        if self.awaits:
            return self.__get__(proxy, None).aio(*args, **(kwargs or {}))
        if self.streams:
            return streamed(self.__get__(proxy, None), args, kwargs, self.streams == 2)
        if self.enters:
            wait = True
        elif effects.returns_self:
            wait = proxy.session.must_wait() or self.assigns and not proxy.session.assignments_queue
        else:
            wait = effects.returns or effects.read_only or proxy.session.must_wait() or \
                not proxy.session.assignments_queue and (
                    self.assigns or self.stores and not (args and surely_fits(args[0])) or effects.touches and (
                        may_be_filled(args, kwargs) & FILLED or are_of_others(proxy, args, kwargs)))
        position = send_call(proxy, CALL, effects, self.encoded, args, kwargs, wait)
        if wait:
            result = proxy.session.await_response(position, None)
            if type(result) is Filled:
                result = filled(result, args, kwargs)
            if type(result) is Finished:
                from ._generators import given

                return given(result.value)
            return result
        return proxy if effects.returns_self else None


cdef object streamed(bound, tuple args, dict kwargs, bint is_async):
    """A generator that runs in the coordinator. (Here, as a function with a lambda takes longer to call.)"""
    from ._generators import later

    return later(lambda: bound.aio(*args, **(kwargs or {})), is_async)


cdef object finished(result, tuple args, dict kwargs):
    """What was awaited for in the coordinator, for who asks for the result itself, and filled among the arguments."""
    if type(result) is Filled:
        result = filled(result, args, kwargs)
    return result.value if type(result) is Finished else result


cdef object filled(result, tuple args, dict kwargs):
    from ._filled import fill

    return fill(args, kwargs, result)


@cython.binding(False)
cdef class BoundMethod:
    """A method of a shared object. Calling it does what the class's plan says is fastest and right.

    ``send(...)`` never waits, ``call(...)`` always runs in the coordinator and waits for the result,
    ``submit(...)`` gives a :class:`concurrent.futures.Future`, ``aio(...)`` an awaitable.
    """

    cdef Method method
    cdef Proxy proxy

    def __call__(self, *args, **kwargs):
        return self.method.call(self.proxy, args, kwargs if kwargs else None)

    def send(self, *args, **kwargs):
        """Queues the call and returns None at once; an exception shows in ``errors`` and at ``flush()``."""
        self.method.check(args, kwargs)
        send_call(self.proxy, CALL, self.method.effects, self.method.encoded, args, kwargs, False)

    def call(self, *args, timeout=None, **kwargs):
        """Has the coordinator run the call and returns its result or raises its exception.

        Raises ShareTimeoutError after ``timeout`` seconds; the command stays queued.
        """
        cdef Session session = self.proxy.session
        self.method.check(args, kwargs)
        if timeout is None:
            position = send_call(self.proxy, CALL, self.method.effects, self.method.encoded, args, kwargs, True)
            return finished(session.await_response(position, None), args, kwargs)
        # The wait for room in the ring is a part of it.
        deadline = deadline_of(timeout)
        session.limited(max(1, deadline))
        try:
            position = send_call(self.proxy, CALL, self.method.effects, self.method.encoded, args, kwargs, True)
        finally:
            session.limited(None)
        return finished(session.await_response(position, max(0, deadline - now_ns()) / 1e9), args, kwargs)

    def submit(self, *args, **kwargs):
        """Queues the call; returns a ``concurrent.futures.Future`` for its result."""
        from ._futures import future_of

        self.method.check(args, kwargs)
        position = send_call(self.proxy, CALL, self.method.effects, self.method.encoded, args, kwargs, True)
        return future_of(self.proxy.session, position)

    async def aio(self, *args, **kwargs):
        """Queues the call; awaiting it gives its result without blocking the event loop."""
        from ._futures import call_in_loop

        self.method.check(args, kwargs)
        return finished(await call_in_loop(self.proxy.session, lambda: send_call(
            self.proxy, CALL, self.method.effects, self.method.encoded, args, kwargs, True)), args, kwargs)

    @property
    def plan(self):
        """The :class:`~share.analysis.MethodPlan` that decides how a call runs."""
        return self.method.plan

    @property
    def __name__(self):
        return self.method.name

    @property
    def __doc__(self):
        return self.method.function.__doc__

    @property
    def __wrapped__(self):
        return self.method.function.__get__(self.proxy)

    @property
    def __self__(self):
        return self.proxy

    @property
    def __func__(self):
        return self.method.function

    def __reduce__(self):
        return getattr, (self.proxy, self.method.name)

    def __eq__(self, other):
        return isinstance(other, BoundMethod) and (<BoundMethod>other).proxy is self.proxy \
            and (<BoundMethod>other).method is self.method

    def __hash__(self):
        return hash((id(self.proxy), self.method.name))

    def __repr__(self):
        return f"<shared method {self.method.function.__qualname__} of {self.proxy!r}>"


make_internal(<PyTypeObject*>BoundMethod)


@cython.binding(False)
@cython.final
cdef class Property:
    """Data descriptor of a property (or another descriptor) of the user's class."""

    cdef readonly str name
    cdef Effects getter, setter, deleter
    cdef object owner               # the user's class
    cdef object generated           # the generated class
    cdef tuple origin               # as that of a Method
    cdef bint may_raise             # so that assignments wait

    def __set_name__(self, owner, name):
        self.generated = owner

    def __cinit__(self, str name, owner, getter, setter, deleter, tuple origin):
        self.name = name
        self.owner = owner
        raw = next((vars(base)[name] for base in owner.__mro__ if name in vars(base)), None)
        self.may_raise = type(raw) is not property or may_raise(raw.fset) or deleter is not None and may_raise(raw.fdel)
        self.origin = origin
        if setter is None and deleter is None and not hasattr(type(raw), "__set__") and owner.__dictoffset__:
            # As functools.cached_property: what is assigned is in the object's own __dict__.
            from dataclasses import replace

            setter = deleter = replace(getter, writes=None)
        self.getter = Effects(getter, origin, False) if getter is not None else None
        self.setter = Effects(setter, origin, False) if setter is not None else None
        self.deleter = Effects(deleter, origin, False) if deleter is not None else None

    @property
    def learned(self):
        """Whether evaluating it in this process has written, against its plan."""
        return self.getter is not None and self.getter.learned

    def __get__(self, instance, owner):
        cdef Proxy proxy
        if instance is None:
            return getattr(self.owner, self.name)
        if self.getter is None:
            raise AttributeError(f"property {self.name!r} of {self.owner.__name__!r} object has no getter")
        if self.getter.pending:
            self.getter = Effects(closer(self.origin, self.origin[1].getters[self.name]), self.origin, True)
        proxy = proxy_of(instance, self.generated)
        if self.getter.read_only or self.getter.assumes:
            result = self.getter.run_locally(proxy, self.name, None, None, False)
            if result is not MISSING:
                return result
        position = send_call(proxy, GET, self.getter, self.name.encode(), (), None, True)
        return proxy.session.await_response(position, None)

    def __set__(self, instance, value):
        if self.setter is None:
            raise AttributeError(f"property {self.name!r} of {self.owner.__name__!r} object has no setter")
        self.write(instance, SET, self.setter, (value,))

    def __delete__(self, instance):
        if self.deleter is None:
            raise AttributeError(f"property {self.name!r} of {self.owner.__name__!r} object has no deleter")
        self.write(instance, DELETE, self.deleter, ())

    cdef int write(self, instance, int kind, Effects effects, tuple values) except -1:
        cdef Proxy proxy = proxy_of(instance, self.generated)
        cdef Encoder encoder
        cdef uint64_t* raised[MOST_FLAGS]
        cdef int count
        cdef bint wait = proxy.session.must_wait() or self.may_raise and not proxy.session.assignments_queue
        if proxy.is_nested:
            position = proxy.send_at(kind, self.name.encode(), values, None, wait)
            if wait:
                proxy.session.await_response(position, None)
            return 0
        count = effects.flags_of(proxy, raised)
        encoder = proxy.session.borrow()
        try:
            for value in values:
                encoder.encode(value, f"property {self.name}")
            position = proxy.session.send(kind, RESPOND if wait else 0, proxy.id, self.name.encode(), encoder,
                                          raised, count)
        finally:
            proxy.session.give_back(encoder)
        if proxy.session.over.under_way:
            proxy.session.over.note_call(raised, count)
        if wait:
            proxy.session.await_response(position, None)
        return 0
