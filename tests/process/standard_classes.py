"""Classes on those of the standard library, with attributes that their own ``__reduce__`` leaves out."""

import abc
import array
import datetime
from collections import Counter, UserList, defaultdict
from decimal import Decimal
from fractions import Fraction


class Counts(Counter):
    pass


class Lists(defaultdict):
    pass


class Part(Fraction):
    __slots__ = ("tag",)


class Price(Decimal):
    pass


class Day(datetime.date):
    pass


class Moment(datetime.datetime):
    pass


class Shifted(array.array):
    __slots__ = ("tag",)

    def __getitem__(self, i):
        return array.array.__getitem__(self, i) + len(self.tag)


class Rows(UserList):
    def __getstate__(self):
        return {"data": self.data, "seen": True}


class Options:
    def __init__(self):
        self.given = {}

    def set(self, first=None, /, **options):
        self.given = {"first": first, **options}


class Fails:
    def __init__(self):
        self.lists = defaultdict(list)

    def change(self):
        self.lists.default_factory = int
        self.lists.__init__(set, {"b": 1})
        raise ValueError("undone")


class Command(abc.ABC):
    @abc.abstractmethod
    def cost(self): ...


class Group(Command, list):
    def cost(self):
        return sum(self)
