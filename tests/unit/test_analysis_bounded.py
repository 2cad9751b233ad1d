"""A plan is made within a bounded number of steps, whatever the class, and a step is a bounded amount of work."""

import cProfile
import importlib
import random

import pytest

from share.analysis import _closer, _planner, closer, draft
from share.analysis._members import members_of
from share.analysis._planner import Planner
from share.analysis.solver._solver import Solver

#: The classes of the corpus that take longest, and what is far larger than any budget.
CLASSES = """
argparse:ArgumentParser argparse:HelpFormatter boltons.cacheutils:LRU boltons.dictutils:ManyToMany
boltons.dictutils:OneToOne boltons.listutils:BarrelList boltons.setutils:IndexedSet boltons.statsutils:Stats
cachetools:LFUCache cachetools:TTLCache calendar:HTMLCalendar cmd:Cmd collections:ChainMap collections:Counter
collections:UserDict collections:UserList collections:UserString configparser:ConfigParser csv:Sniffer
difflib:Differ email.header:Header email.message:EmailMessage fractions:Fraction html.parser:HTMLParser
http.cookiejar:CookieJar http.cookies:SimpleCookie logging:Logger mimetypes:MimeTypes networkx:DiGraph
networkx:Graph optparse:OptionParser pandas:DataFrame pandas:Series pprint:PrettyPrinter queue:Queue random:Random
shlex:shlex sortedcontainers:SortedDict sortedcontainers:SortedSet textwrap:TextWrapper unittest.mock:Mock
weakref:WeakValueDictionary
""".split()
#: What a single instruction may add before it is seen that it is too much.
OVER = 4000
#: Calls of Python functions and of built-in ones that a step stands for, at most; it is 5 to 12.
CALLS_OF_A_STEP = 40


def load(target: str) -> type:
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, type)
    return found


def derived(target: str) -> type:
    """A new class of the same methods, of which nothing is known yet."""
    cls = load(target)
    return type(cls)(cls.__name__, (cls,), {"__module__": cls.__module__})


def test_a_draft_takes_a_bounded_number_of_steps() -> None:
    unsolved = 0
    for target in CLASSES:
        planner = Planner(load(target), _planner.WORK)
        found = planner.draft()
        assert planner.solver.work <= _planner.WORK + OVER, target
        if not planner.solved:  # then it may write anything, everywhere
            unsolved += 1
            assert found.entangled, target
            every = [*found.methods.values(), *found.getters.values(), *found.setters.values()]
            assert all(made.writes is None for made in every if made.pending), target
    assert 0 < unsolved < len(CLASSES)


@pytest.mark.parametrize(
    "target", ["collections:UserList", "networkx:Graph", "sortedcontainers:SortedDict", "unittest.mock:Mock"]
)
def test_a_step_is_a_bounded_amount_of_work(target: str) -> None:
    planner = Planner(load(target), _planner.WORK)
    profile = cProfile.Profile()
    profile.runcall(planner.draft)
    calls = sum(entry.callcount for entry in profile.getstats())
    assert calls <= CALLS_OF_A_STEP * (planner.solver.work + 1000)


@pytest.mark.parametrize(
    "target", ["configparser:ConfigParser", "sortedcontainers:SortedSet", "networkx:Graph", "shlex:shlex"]
)
def test_a_closer_look_takes_a_bounded_number_of_steps(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = derived(target)
    made = draft(cls)
    solvers = []

    class Counting(Solver):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            solvers.append(self)

    monkeypatch.setattr(_closer, "Solver", Counting)
    monkeypatch.setattr(_planner, "Solver", Counting)
    pending = [each for each in made.methods.values() if each.pending]
    for each in random.Random(target).sample(pending, 6):
        solvers.clear()
        found = closer(cls, made, each)
        assert 0 < sum(solver.work for solver in solvers) <= _closer.WORK + len(solvers) * OVER
        assert not found.pending and closer(cls, made, each) is found
        assert found.writes is None or not found.writes  # the draft says "anything"


def test_methods_are_looked_at_when_they_are_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = _closer._if_plain
    monkeypatch.setattr(
        _closer,
        "_if_plain",
        lambda cls, member, *rest: looked.append(member.name) or real(cls, member, *rest),
    )
    cls = derived("queue:PriorityQueue")
    made = draft(cls)
    assert looked == []
    names = [each.name for each in made.methods.values() if each.pending]
    closer(cls, made, made.methods[names[0]])
    assert looked == names[:1]


def test_pandas_is_known_by_rule() -> None:
    import pandas as pd

    made = draft(pd.DataFrame)
    assert made.methods["sum"].read_only and made.getters["shape"].read_only
    for name in ("insert", "update", "drop", "pipe", "__setitem__"):
        assert made.methods[name].writes is None and not made.methods[name].pending
    assert not made.getters["loc"].read_only  # it holds the frame

    class Mine(pd.DataFrame):
        def sum(self) -> None:
            self["a"] = 0

    assert not draft(Mine).methods["sum"].read_only


def test_what_the_rule_calls_a_reader_leaves_its_object_as_it_is() -> None:
    import pickle

    import pandas as pd

    makers = [
        lambda: pd.DataFrame({"a": [3, 1, 2], "b": [1.5, None, 3.0]}),
        lambda: pd.Series([3, 1, 2], name="s"),
        lambda: pd.Index([3, 1, 2], name="i"),
        lambda: pd.RangeIndex(3, name="i"),
    ]
    arguments = [(), (1,), ("a",), ([1, 2, 3],), ({"a": 2},), (lambda x: 0,)]
    tried = 0
    for make in makers:
        thing = make()
        cls = type(thing)
        made = draft(cls)
        for each in [*made.methods.values(), *made.getters.values()]:
            if not each.read_only:
                continue
            for args in arguments if each.kind == "method" and not each.name.startswith("to_") else [()]:
                before = pickle.dumps(thing)
                try:
                    found = getattr(thing, each.name)
                    tried += bool(each.kind != "method" or found(*args) is not None)
                except Exception:
                    continue
                finally:
                    assert pickle.dumps(thing) == before, (cls, each.name, args)
    assert tried > 300
    assert {member.name for member in members_of(pd.DataFrame)} >= {"sum", "loc"}
