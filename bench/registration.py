"""40 classes that nobody here wrote, and how long the draft of a class's plan takes.

`python -m bench.registration` prints the table of docs/performance.md.
"""

import contextlib
import importlib
import time

from share.analysis._planner import WORK, Planner
from share.analysis.frontend import _body
from share.analysis.knowledge._rules import rule_of

__all__ = ["CLASSES", "classes", "planned"]

CLASSES = """
argparse:ArgumentParser argparse:HelpFormatter argparse:Namespace boltons.cacheutils:LRU boltons.dictutils:OneToOne
boltons.listutils:BarrelList boltons.setutils:IndexedSet cachetools:LRUCache cachetools:TTLCache calendar:TextCalendar
cmd:Cmd collections:ChainMap collections:Counter collections:UserDict collections:UserList configparser:ConfigParser
csv:DictReader difflib:SequenceMatcher email.message:EmailMessage fractions:Fraction graphlib:TopologicalSorter
html.parser:HTMLParser http.cookiejar:CookieJar http.cookies:SimpleCookie logging:Logger mimetypes:MimeTypes
networkx:DiGraph networkx:Graph optparse:OptionParser pandas:DataFrame pandas:Series pprint:PrettyPrinter queue:Queue
random:Random sched:scheduler shlex:shlex sortedcontainers:SortedDict statistics:NormalDist string:Template
textwrap:TextWrapper unittest.mock:Mock
""".split()


def classes() -> list[type]:
    """Those whose packages are installed; all of them with the extra `test`."""
    found = []
    for target in CLASSES:
        module, _, name = target.partition(":")
        with contextlib.suppress(ModuleNotFoundError):
            found.append(getattr(importlib.import_module(module), name))
    return found


def planned(cls: type, cold: bool) -> float:
    """The seconds of processor time for the draft; cold: nothing of its source was read before."""
    if cold:
        _body._bodies.clear()
    start = time.process_time()
    Planner(cls, WORK).draft()
    return time.process_time() - start


def table() -> list[str]:
    """A line for each class: processor time, and whether its methods were looked at together."""
    rows = []
    for cls in classes():
        cold, warm = planned(cls, cold=True), min(planned(cls, cold=False) for _ in range(3))
        together = "by rule" if rule_of(cls) else "yes" if Planner(cls, WORK).draft().together else "too much"
        rows.append(
            (
                warm,
                f"| {cls.__module__}.{cls.__qualname__} | {cold * 1e3:.1f} | {warm * 1e3:.1f} | {together} |",
            )
        )
    return [
        "| class | cold, ms | warm, ms | together |",
        "|---|---|---|---|",
        *(row for _, row in sorted(rows)),
    ]


if __name__ == "__main__":
    print("\n".join(table()))
