"""A plan is made within a bounded number of steps, whatever the class, and a step is a bounded amount of work."""

import cProfile
import importlib
import random

import pytest

from share.analysis import _closer, _planner, closer, draft
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
