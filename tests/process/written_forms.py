"""A class for each form of write that a scan for ``self.x = ...`` misses; importable by every process."""

import functools
import operator


class Base:
    """State in which every form leaves the number it was given."""

    def __init__(self):
        self.value = 0
        self.data = {"v": 0}
        self.items = [0]
        self.inner = Inner()

    def read(self):
        return self.value


class Inner:
    def __init__(self):
        self.value = 0


def put(holder, number):
    holder.value = number


def put_in(mapping, number):
    mapping["v"] = number


class Subscript(Base):
    def write(self, n):
        self.data["v"] = n

    def read(self):
        return self.data["v"]


class Append(Base):
    def write(self, n):
        self.items.append(n)

    def read(self):
        return self.items[-1]


class Slice(Base):
    def write(self, n):
        self.items[:] = [n]

    def read(self):
        return self.items[0]


class Nested(Base):
    def write(self, n):
        self.inner.value = n

    def read(self):
        return self.inner.value


class OtherReceiver(Base):
    def write(this, n):  # noqa: N805
        this.value = n


class Alias(Base):
    def write(self, n):
        me = self
        me.value = n


class AttributeAlias(Base):
    def write(self, n):
        data = self.data
        data["v"] = n

    def read(self):
        return self.data["v"]


class TupleAlias(Base):
    def write(self, n):
        _, (data, items) = 1, (self.data, self.items)
        items.clear()
        data.update(v=n)

    def read(self):
        return self.data["v"] if not self.items else -1


class Helper(Base):
    def write(self, n):
        self._second(n)

    def _second(self, n):
        self._third(n)

    def _third(self, n):
        self.value = n


class Super(Helper):
    def write(self, n):
        super().write(n)


class SetAttr(Base):
    def write(self, n):
        setattr(self, "value", n)


class SetAttrByName(Base):
    def write(self, n):
        for name in ("value",):
            setattr(self, name, n)


class Dict(Base):
    def write(self, n):
        self.__dict__["value"] = n


class Vars(Base):
    def write(self, n):
        vars(self).update(value=n)


class TupleTarget(Base):
    def write(self, n):
        self.value, _ = n, None


class StarTarget(Base):
    def write(self, n):
        *self.items, self.value = 1, n


class ForTarget(Base):
    def write(self, n):
        for self.value in (n,):
            pass


class WithTarget(Base):
    def write(self, n):
        with Opened(n) as self.value:
            pass


class Opened:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        return self.n

    def __exit__(self, *_):
        return None


class Augmented(Base):
    def write(self, n):
        self.value += n - self.value


class Walrus(Base):
    def write(self, n):
        if (data := self.data) is not None:
            data["v"] = n

    def read(self):
        return self.data["v"]


class Match(Base):
    def write(self, n):
        match self:
            case Base(data=data):
                data["v"] = n

    def read(self):
        return self.data["v"]


class Deleted(Base):
    def write(self, n):
        del self.value
        self.value = n


class Closure(Base):
    def write(self, n):
        def inner():
            self.value = n

        inner()


class Lambda(Base):
    def write(self, n):
        (lambda: self.data.__setitem__("v", n))()

    def read(self):
        return self.data["v"]


class Comprehension(Base):
    def write(self, n):
        [self.items.append(i) for i in (n,)]

    def read(self):
        return self.items[-1]


class Default(Base):
    def write(self, n):
        def inner(data=self.data):
            data["v"] = n

        inner()

    def read(self):
        return self.data["v"]


class Setter(Base):
    @property
    def both(self):
        return self.value

    @both.setter
    def both(self, n):
        self.value = n

    def write(self, n):
        self.both = n


class Function(Base):
    def write(self, n):
        put(self, n)


class FunctionOnAttribute(Base):
    def write(self, n):
        put_in(self.data, n)

    def read(self):
        return self.data["v"]


class Partial(Base):
    def write(self, n):
        functools.partial(put, self)(n)


class Operator(Base):
    def write(self, n):
        operator.setitem(self.data, "v", n)

    def read(self):
        return self.data["v"]


class Mapped(Base):
    def write(self, n):
        list(map(self.items.append, [n]))

    def read(self):
        return self.items[-1]


class Generator(Base):
    def write(self, n):
        for _ in self._steps(n):
            pass

    def _steps(self, n):
        yield 1
        self.value = n


class Mixin:
    def write(self, n):
        self.value = n


class Mixed(Mixin, Base):
    pass


class Dunder(Base):
    def __setitem__(self, key, n):
        self.value = n

    def write(self, n):
        self["v"] = n


class Slotted:
    __slots__ = ("value",)

    def __init__(self):
        self.value = 0

    def write(self, n):
        self.value = n

    def read(self):
        return self.value


FORMS = [
    cls for cls in list(globals().values())
    if isinstance(cls, type) and hasattr(cls, "write") and hasattr(cls, "read")
]  # fmt: skip
