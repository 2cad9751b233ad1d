"""Where a Share may be made: a script without a main guard, python -c, a REPL, exec, a thread, a module."""

import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from programs import environment, finish, run, run_script, start

BODY = """
from share import Share

class Local:
    def __init__(self):
        self.n = 0
        self.items = {}

    def add(self, k):
        self.n += k
        self.items[k] = Helper(k).double()

    def get(self):
        return self.n, dict(self.items)

class Helper:
    def __init__(self, k):
        self.k = k

    def double(self):
        return self.k * FACTOR

FACTOR = 2

shared = Share()
shared.local = Local()
shared.local.add(1)
shared.local.add(2)
print(shared.local.get(), isinstance(shared.local, Local), shared.local.__class__ is Local)
shared.made = shared.local.items
shared.x = lambda v: v + FACTOR
print(shared.x(1))
shared.close()
"""
EXPECTED = "(3, {1: 2, 2: 4}) True True\n3\n"


def test_script_without_main_guard(tmp_path: Path) -> None:
    """The coordinator is a program of its own and never imports the script."""
    assert run_script(tmp_path, BODY) == EXPECTED


def test_command_line() -> None:
    """python -c."""
    assert run("-c", BODY) == EXPECTED


def test_standard_input() -> None:
    """python -, the program comes through a pipe: there is no file of the source."""
    done = finish(start("-", stdin=subprocess.PIPE), BODY)
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, "")


def test_interactive() -> None:
    """A REPL fed line by line."""
    done = finish(start("-i", "-q", stdin=subprocess.PIPE), BODY.replace("\n\n    def", "\n    def"))
    assert done.returncode == 0
    assert done.stdout == EXPECTED
    assert not done.stderr.replace(">>> ", "").replace("... ", "").strip()


def test_code_that_is_executed(tmp_path: Path) -> None:
    """As a notebook does it: exec of one cell after the other in one namespace, with no source to look up."""
    script = f"""
cells = {[cell for cell in BODY.split(chr(10) * 2) if cell.strip()]!r}
import textwrap
code = []
for cell in cells:
    if cell.startswith("    ") and code:
        code[-1] += "\\n" + cell
    else:
        code.append(cell)
import sys, types
module = sys.modules["__main__"]
for number, cell in enumerate(code):
    exec(compile(cell, f"<cell {{number}}>", "exec"), module.__dict__)
"""
    assert run_script(tmp_path, script) == EXPECTED


def test_share_at_module_level(tmp_path: Path) -> None:
    """A module that makes a Share when it is imported: its coordinator, which imports it too, makes no other."""
    (tmp_path / "module_with_share.py").write_text(
        textwrap.dedent("""
        from share import Share

        class Thing:
            def __init__(self): self.n = 0
            def bump(self):
                self.n += 1
                return self.n

        shared = Share()
        shared.thing = Thing()
        """)
    )
    use = "from module_with_share import shared\nprint(shared.thing.bump(), shared.thing.bump())\nshared.close()\n"
    assert run_script(tmp_path, use) == "1 2\n"


def test_main_guard_and_pools_of_every_kind(method: str, tmp_path: Path) -> None:
    """The usual program: classes in the main script, workers of each start method, results back."""
    source = f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from share import Share, shareable

@shareable
class Words:
    def __init__(self):
        self.counts = {{}}

    def add(self, text):
        for word in text.split():
            self.counts[word] = self.counts.get(word, 0) + 1

    def top(self):
        return sorted(self.counts.items())

def work(task):
    shared, text = task
    shared.words.add(text)
    return type(shared.words.top()).__name__, isinstance(shared.words, Words)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with Share() as shared:
        shared.words = Words()
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            print(set(pool.map(work, [(shared, "a b a")] * 10)))
        with context.Pool(2) as pool:
            print(set(pool.map(work, [(shared, "b c")] * 10)))
        print(shared.words.top())
"""
    assert (
        run_script(tmp_path, source)
        == "{('list', True)}\n{('list', True)}\n[('a', 20), ('b', 20), ('c', 10)]\n"
    )


def test_share_in_a_thread(tmp_path: Path) -> None:
    """Made, used and closed in a thread that is not the main one."""
    source = """
import threading
from share import Share
from classes import Counter

def work():
    with Share() as shared:
        shared.counter = Counter()
        print(shared.counter.next())

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    assert run_script(tmp_path, source) == "1\n"


def test_daemon_thread_at_exit(tmp_path: Path) -> None:
    """The interpreter exits while threads still use the share: no crash, no hang, nothing left."""
    source = """
import threading
from share import Share
from classes import Counter
shared = Share()
shared.counter = Counter()

def work():
    try:
        while True:
            shared.counter.increment()
            shared.counter.n
    except ConnectionError:
        pass

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
while shared.counter.n < 1000:
    pass
print("done")
"""
    assert run_script(tmp_path, source) == "done\n"


def test_closed_standard_streams(tmp_path: Path) -> None:
    """A daemon has no standard streams; the share works all the same."""
    (tmp_path / "script.py").write_text(
        f"""
import os
for number in (0, 1, 2):
    os.close(number)
from share import Share
from classes import Counter
with Share() as shared:
    shared.counter = Counter()
    result = shared.counter.next()
open({str(tmp_path / "result")!r}, "w").write(str(result))
"""
    )
    program = subprocess.Popen(
        [os.sys.executable, str(tmp_path / "script.py")], env=environment(), stdin=subprocess.DEVNULL
    )
    assert program.wait(120) == 0
    assert (tmp_path / "result").read_text() == "1"


def test_unusual_interpreter_flags(tmp_path: Path) -> None:
    """-O, -X dev, -W error, -B, -u and -X utf8 reach the coordinator and do not confuse it."""
    (tmp_path / "script.py").write_text(BODY)
    for flags in (["-O"], ["-X", "dev"], ["-W", "error"], ["-B", "-u"], ["-X", "utf8"], ["-E"], ["-s"]):
        if flags == ["-E"]:
            continue  # hides PYTHONPATH, by which this test finds the library
        assert run(*flags, str(tmp_path / "script.py")) == EXPECTED


def test_working_directory_may_change(tmp_path: Path) -> None:
    """A module found through a relative path is still found by the coordinator after chdir."""
    (tmp_path / "beside.py").write_text(
        "class Near:\n    n = 0\n    def up(self):\n        self.n += 1\n        return self.n\n"
    )
    (tmp_path / "script.py").write_text(
        "import sys; sys.path.insert(0, '')\nimport beside, os\nfrom share import Share\n"
        "with Share() as shared:\n    os.chdir('/')\n    shared.near = beside.Near()\n    print(shared.near.up())\n"
    )
    done = finish(start("script.py", cwd=tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.parametrize("word", ["cached_property", "dataclass", "enum", "nested"])
def test_classes_of_main(word: str, tmp_path: Path) -> None:
    """What a class of the main script may use."""
    bodies = {
        "cached_property": (
            "from functools import cached_property\nclass C:\n    def __init__(self): self.n = 1\n"
            "    @cached_property\n    def twice(self): return self.n * 2\n",
            "shared.c.twice",
        ),
        "dataclass": (
            "from dataclasses import dataclass, field\n@dataclass\nclass C:\n    n: int = 2\n"
            "    items: list = field(default_factory=list)\n",
            "shared.c.n + len(shared.c.items)",
        ),
        "enum": (
            "import enum\nclass E(enum.Enum):\n    A = 2\nclass C:\n    def __init__(self): self.e = E.A\n",
            "shared.c.e.value if shared.c.e is E.A else 'another enum'",
        ),
        "nested": (
            "class C:\n    class Inner:\n        def __init__(self): self.n = 2\n"
            "    def __init__(self): self.inner = C.Inner()\n    def get(self): return self.inner.n\n",
            "shared.c.get()",
        ),
    }
    source, expression = bodies[word]
    text = f"from share import Share\n{source}with Share() as shared:\n    shared.c = C()\n    print({expression})\n"
    assert run_script(tmp_path, text) == "2\n"
