import graphlib
import re
from collections.abc import Mapping, MutableMapping

from compared import attempt, both


class Cycle(ValueError):
    pass


class Cell:
    def __init__(self, name, sheet):
        self.name = name
        self.sheet = sheet
        self.formula = None
        self._value = None
        self.deps = set()
        self.dirty = True

    @property
    def value(self):
        if self.dirty:
            self.sheet.calc(self)
        return self._value

    @value.setter
    def value(self, v):
        self.formula = None
        self._value = v
        self.dirty = False
        self.sheet.changed(self.name)

    def __repr__(self):
        return f"<{self.name}={self._value}>"


class Sheet(MutableMapping):
    REF = re.compile(r"[A-Z]\d+")

    def __init__(self):
        self.cells = {}
        self.calcs = 0

    def cell(self, n):
        try:
            return self.cells[n]
        except KeyError:
            c = self.cells[n] = Cell(n, self)
            return c

    def __setitem__(self, n, v):
        if not self.REF.fullmatch(n):
            raise KeyError(f"bad name {n!r}")
        c = self.cell(n)
        if isinstance(v, str) and v.startswith("="):
            deps = set(self.REF.findall(v))
            if self.reaches(deps, n):
                raise Cycle(n)
            c.formula = v[1:]
            c.deps = deps
            c.dirty = True
            self.changed(n)
        else:
            c.deps = set()
            c.value = v

    def __getitem__(self, n):
        return self.cells[n].value

    def __delitem__(self, n):
        del self.cells[n]

    def __iter__(self):
        return iter(self.cells)

    def __len__(self):
        return len(self.cells)

    def reaches(self, deps, n, seen=None):
        seen = seen if seen is not None else set()
        for d in deps:
            if d == n:
                return True
            if d not in seen:
                seen.add(d)
                if d in self.cells and self.reaches(self.cells[d].deps, n, seen):
                    return True
        return False

    def calc(self, c):
        self.calcs += 1
        if c.formula is None:
            c._value = 0
        else:
            c._value = eval(c.formula, {"__builtins__": {}}, {d: self.cell(d).value for d in c.deps})
        c.dirty = False

    def changed(self, n):
        for c in self.cells.values():
            if n in c.deps and not c.dirty:
                c.dirty = True
                self.changed(c.name)

    def order(self):
        return [
            n
            for n in graphlib.TopologicalSorter(
                {n: sorted(c.deps) for n, c in self.cells.items()}
            ).static_order()
        ]


def scenario(s):
    s["A1"] = 1
    s["A2"] = 2
    s["B1"] = "=A1+A2*10"
    yield s["B1"]
    s["A2"] = 5
    yield s["B1"]
    yield s.calcs
    s["C1"] = "=B1**2"
    yield s["C1"]

    def cyc():
        s["A1"] = "=C1"

    yield attempt(cyc)
    yield s["A1"]

    def badn():
        s["oops"] = 1

    yield attempt(badn)
    yield list(s)
    yield len(s)
    yield dict(s)
    yield {**s}
    yield s.get("Z9")
    yield s.get("A1")
    yield s.setdefault("D1", 9)
    yield s.pop("D1")
    yield attempt(s.pop, "D1")
    yield "A1" in s
    yield sorted(s.items())
    yield list(s.keys())
    yield list(s.values())
    c = s.cells["A1"]
    c.value = 100
    yield s["C1"]
    c.value += 1
    yield s["B1"]
    yield c.value
    yield c.sheet is s
    yield c.sheet.cells["A2"].value
    s["D4"] = "=1/0"
    yield attempt(lambda: s["D4"])
    s["D4"] = "=1//1"
    yield s["D4"]
    s.update(E1=5, E2="=E1+E1")
    yield s["E2"]
    s["E1"] += 1
    yield s["E2"]

    def dele():
        del s["Q9"]

    yield attempt(dele)
    del s["E2"]
    yield "E2" in s
    yield s.order()
    yield isinstance(s, Mapping)
    yield s == {**s}
    yield repr(c)
    yield s.cells["B1"].deps
    yield s | {} if hasattr(s, "__or__") else 0
    yield s.popitem()[0] if False else 0
    s.clear()
    yield len(s)
    yield bool(s)


both(Sheet, scenario, "spreadsheet")
