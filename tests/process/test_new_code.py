"""New code: a process whose class has other code than the one that was shared is told so, and runs none of the old."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import LIMIT, SOURCE, run_script, wait_for

from share import ClassChangedError, Share, maintenance

OLD = """
STEP = 1

def tax(n):
    return n + 1

class Row:
    def __init__(self):
        self.n = 0
    def add(self):
        self.n += 1

class Counter:
    def __init__(self):
        self.n, self.row = 0, Row()
    def add(self):
        self.n += STEP
    def taxed(self):
        return tax(self.n)
"""

USER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from share import Share, ClassChangedError
import counted
shared = Share.open(sys.argv[1])
def failure(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print("open", flush=True)
for line in sys.stdin:
    try:
        print(repr(eval(line)), flush=True)
    except ClassChangedError as error:
        print(type(error).__name__, error, flush=True)
"""


class User:
    """A program that has loaded the module as it is now, and evaluates what it is told."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-B", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": SOURCE},
        )  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def says(self, expression: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> None:
        """It ends with its input."""
        try:
            self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def name():
    name = f"new_code_{os.getpid()}"
    yield name
    wait_for(lambda: all(info.name != name for info in maintenance.shares()))


@pytest.fixture
def start(name):
    """Starts programs that use the share; however the test ends, they end with it."""
    users = []

    def start(folder, program=USER):
        users.append(User("-c", program, name, folder) if folder else User(program, name, ""))
        assert users[-1].line() == "open"
        return users[-1]

    yield start
    for user in users:
        user.end()


@pytest.fixture
def first(start, tmp_path):
    (tmp_path / "counted.py").write_text(OLD)
    user = start(tmp_path)
    assert user.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    return user


CHANGED = {
    "method": (OLD.replace("+= STEP", "+= 2 * STEP"), "Counter.add"),
    "new method": (OLD + "    def reset(self):\n        self.n = 0\n", "Counter.reset"),
    "function": (OLD.replace("return n + 1", "return n + 2"), "tax"),
    "part": (OLD.replace("self.n += 1", "self.n += 3"), "Row.add"),
    "base": (OLD.replace("class Counter:", "class B:\n    def size(self): return 1\nclass Counter(B):"), "B.size"),
}  # fmt: skip


@pytest.mark.parametrize("which", CHANGED)
def test_a_process_with_other_code_is_told_so(start, tmp_path, first, which):
    text, part = CHANGED[which]
    (tmp_path / "counted.py").write_text(text)
    second = start(tmp_path)
    file = tmp_path / "counted.py"
    said = second.says("shared.c")
    assert said.startswith(f"ClassChangedError counted.Counter is not the same everywhere ({part}")
    assert said.count(str(file)) == 2
    # The coordinator has the old class too: what would make a new object of it is refused where it stands.
    said = second.says("shared.__setattr__('d', counted.Counter())")
    assert "and the coordinator has loaded that of" in said
    assert second.says("'d' in shared, shared.errors") == "(False, [])"
    assert first.says("shared.c.add(), shared.c.n") == "(None, 2)"


def test_both_files_are_named(start, tmp_path, first):
    other = tmp_path / "release 2"
    other.mkdir()
    (other / "counted.py").write_text(OLD.replace("+= STEP", "-= STEP"))
    second = start(other)
    said = second.says("shared.c.add()")
    assert f"code of {tmp_path / 'counted.py'}," in said
    assert f"that of {other / 'counted.py'}." in said


def test_the_same_code_elsewhere_and_what_is_no_code_is_the_same(start, tmp_path, first):
    other = tmp_path / "copy"
    other.mkdir()
    (other / "counted.py").write_text(f'"""A comment."""\n\n\n{OLD}\n\ndef unrelated():\n    pass\n')
    second = start(other)
    assert second.says("shared.c.add(), shared.c.n") == "(None, 2)"


PATCHES = {
    "function": "mock.patch('counted.tax')",
    "method": "mock.patch.object(counted.Counter, 'taxed', return_value=5)",
    "property": "mock.patch.object(counted.Counter, 'n', mock.PropertyMock(return_value=5), create=True)",
    "method of another module": "mock.patch.object(counted.Counter, 'more', len, create=True)",
    "class": "mock.patch('counted.Row')",
}


@pytest.mark.parametrize("what", PATCHES)
def test_what_others_put_into_a_module_is_no_change_of_its_file(start, tmp_path, first, what):
    """Mocks and plugins; nor when they are gone again, and for as long as the process lives."""
    second = start(tmp_path, USER.replace("import counted", "import counted\nfrom unittest import mock"))
    second.says(f"setattr(sys, 'patch', {PATCHES[what]}), sys.patch.start()")
    assert second.says("shared.c.add()") == "None"
    assert second.says("sys.patch.stop() or shared.__setattr__('d', counted.Counter())") == "None"
    assert second.says("shared.d.add(), shared.d.n, shared.errors") == "(None, 1, [])"


def test_a_module_loaded_anew_in_the_owner(tmp_path, monkeypatch):
    """Of what the coordinator has loaded before."""
    import importlib

    file = tmp_path / "counted_again.py"
    file.write_text(OLD)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("counted_again")
    with Share() as shared:
        shared.old = module.Counter()
        shared.old.add()
        assert shared.old.n == 1
        file.write_text(OLD.replace("+= STEP", "+= 10"))
        importlib.invalidate_caches()
        importlib.reload(module)
        with pytest.raises(ClassChangedError, match=r"Counter\.add.*the coordinator has loaded"):
            shared.new = module.Counter()
        assert "new" not in shared
        shared.old.add()
        assert shared.old.n == 2  # as in plain Python: what was made before has the class of before


CLASS = """
class Counter:
    def __init__(self):
        self.n = 0
    def add(self):
        self.n += 1
"""
MAIN = USER.replace("import counted\n", CLASS)


def test_a_program_that_was_changed_between_two_starts(start, tmp_path):
    """Its classes travel with their definition: the second program has one of its own in their place."""
    program = tmp_path / "program.py"
    users = []
    for change in ("+= 1", "+= 1", "+= 10"):
        program.write_text(MAIN.replace("+= 1", change))
        users.append(start(None, program))
        said = users[-1].says("shared.setdefault('c', Counter()).add(), shared.c.__class__ is Counter")
        if change == "+= 1":
            assert said == "(None, True)"
        else:
            assert said.startswith(f"ClassChangedError Counter of {program} is not the same")
    assert users[0].says("shared.c.n") == "2"


def test_what_copy_and_annotations_leave_in_a_class_is_no_other_code(tmp_path):
    """They do so when they first look at it; here in a forked child, before its parent."""
    program = """
import copy, os
from share import Share

class Box:
    def __init__(self):
        self.n = 1

if __name__ == "__main__":
    with Share() as shared:
        pid = os.fork()
        if pid == 0:
            copy.deepcopy(Box()), Box.__annotations__
            shared.box = Box()
            shared.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        print(shared.box.n)
"""
    assert run_script(tmp_path, program) == "1\n"


def test_a_coordinator_that_is_replaced_after_the_file_was_changed_does_not_run_the_new_code(
    name, tmp_path, first
):
    """Its plan is that of the old code. What is published can still be read."""
    (tmp_path / "counted.py").write_text(OLD.replace("self.n += STEP", "self.n += 10"))
    killed = first.says("__import__('os').kill(shared.health().coordinator, 9) or shared.c.n")
    assert killed == "1"
    assert "ClassChangedError" in first.says("failure(shared.c.add.call)")
    assert first.says("shared.c.n") == "1"
    # As it was before, it is what it was.
    (tmp_path / "counted.py").write_text(OLD)
    first.says("__import__('os').kill(shared.health().coordinator, 9)")
    assert first.says("shared.c.add(), shared.c.n") == "(None, 2)"


def test_who_only_looks_sees_all_the_rest(name, tmp_path, first):
    first.says("shared.__setattr__('n', 7)")
    (tmp_path / "counted.py").write_text(OLD.replace("+= STEP", "+= 2 * STEP"))
    assert first.says("shared.n") == "7"

    def look(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "share", "get", name, *arguments],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": f"{SOURCE}:{tmp_path}"},
        )  # fmt: skip

    (line, other) = look().stdout.splitlines()
    assert line.startswith("c: <cannot be read here: ClassChangedError: counted.Counter is not the same")
    assert other == "n: 7" and look("n").stdout == "7\n"
    assert "Error: c cannot be read here: ClassChangedError: counted.Counter is not" in look("c").stderr


UPGRADING = USER.replace("Share.open(sys.argv[1])", "Share.open(sys.argv[1], on_new_code='upgrade')")
NEW = (
    OLD.replace("self.n += STEP", "self.n += 10 * STEP; self.calls = getattr(self, 'calls', 0) + 1")
    + """
    def reset(self):
        self.n, self.row = 0, Row()
        return self
    def __share_upgrade__(self, old):
        self.calls = old["n"]
        self.was = type(self.row) is Row, sorted(old)
"""
)


def test_a_share_moves_on_to_new_code(start, tmp_path):
    (tmp_path / "counted.py").write_text(OLD)
    old = start(tmp_path, UPGRADING)
    assert old.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    assert (
        old.says("shared.__setattr__('rows', [shared.c, counted.Row()]), shared.rows[1].add()")
        == "(None, None)"
    )
    (tmp_path / "counted.py").write_text(NEW)
    new = start(tmp_path, UPGRADING)
    assert new.says("shared.c.n, shared.c.calls, shared.c.was") == "(1, 1, (True, ['n', 'row']))"
    assert new.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 11, 2)"
    assert new.says("shared.rows[0] is shared.c, shared.rows[1].n, shared.c.row.n") == "(True, 1, 0)"
    # Who has the old code has it until it is restarted; what it has changed is changed by the new code.
    assert old.says("shared.c.add(), shared.c.n, shared.c.calls, shared.c.taxed()") == "(None, 21, 3, 22)"
    assert new.says("shared.c.reset().n, shared.c.calls, shared.errors") == "(0, 3, [])"
    third = start(tmp_path, UPGRADING)
    assert third.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 10, 4)"
    assert old.says("shared.c.n, shared.rows[1].add(), shared.rows[1].n") == "(10, None, 2)"
    # The successor of a coordinator that is killed has the new code, and upgrades nothing once more.
    third.says("__import__('os').kill(shared.health().coordinator, 9)")
    assert third.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 20, 5)"


def test_a_new_object_moves_the_share_on_too(start, tmp_path):
    (tmp_path / "counted.py").write_text(OLD)
    old = start(tmp_path, UPGRADING)
    assert old.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    (tmp_path / "counted.py").write_text(OLD.replace("+= STEP", "+= 10"))
    new = start(tmp_path, UPGRADING)
    assert (
        new.says("shared.__setattr__('d', counted.Counter()), shared.d.add(), shared.d.n")
        == "(None, None, 10)"
    )
    assert new.says("shared.c.add(), shared.c.n") == "(None, 11)"


def test_a_share_does_not_move_back(start, tmp_path):
    """A process with the old code that meets the class only now is told so, and the coordinator goes on."""
    (tmp_path / "counted.py").write_text(OLD)
    first, late = start(tmp_path, UPGRADING), start(tmp_path, UPGRADING)
    assert first.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    (tmp_path / "counted.py").write_text(NEW)
    new = start(tmp_path, UPGRADING)
    assert new.says("shared.c.add(), shared.c.n") == "(None, 11)"
    coordinator = new.says("shared.health().coordinator")
    assert late.says("shared.c").startswith("ClassChangedError counted.Counter is not the same everywhere")
    assert late.says("shared.__setattr__('d', counted.Counter())").startswith("ClassChangedError")
    assert new.says("shared.health().coordinator, shared.c.n") == f"({coordinator}, 11)"


def test_a_release_in_another_folder(start, tmp_path):
    folders = [tmp_path / f"release{n}" for n in range(4)]
    for folder in folders:
        folder.mkdir()

    def release(n, text):
        (folders[n] / "counted.py").write_text(text)
        return start(folders[n], UPGRADING)

    first, late = release(0, OLD), start(folders[0], UPGRADING)
    assert first.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    second = release(1, NEW)
    assert second.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 11, 2)"
    assert first.says("shared.c.add(), shared.c.n") == "(None, 21)"
    # The share does not move back, and successors find the new folder.
    assert late.says("shared.c").startswith("ClassChangedError counted.Counter is not the same everywhere")
    second.says("__import__('os').kill(shared.health().coordinator, 9)")
    assert second.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 31, 4)"
    for n in (2, 3):  # the place of what successors are told changes each time
        step = NEW.replace("+= 10", f"+= {10**n}").replace("__share_upgrade__", "_upgrade_")
        user = release(n, step)
        before = int(user.says("shared.c.n"))
        assert user.says("shared.c.add(), shared.c.n") == f"(None, {before + 10**n})"
    assert user.says("shared.errors") == "[]"


def test_a_release_that_was_there_before_the_coordinator(start, tmp_path):
    """One with the old code may be started between the copying of a release and the restart of the programs."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir(), after.mkdir()
    (before / "counted.py").write_text(OLD)
    first, late = start(before, UPGRADING), start(before, UPGRADING)
    assert first.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    (after / "counted.py").write_text(NEW)
    first.says("__import__('os').kill(shared.health().coordinator, 9)")
    assert first.says("shared.c.add(), shared.c.n") == "(None, 2)"
    second = start(after, UPGRADING)
    assert second.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 12, 3)"
    coordinator = second.says("shared.health().coordinator")
    assert late.says("shared.c").startswith("ClassChangedError counted.Counter is not the same everywhere")
    assert second.says("shared.health().coordinator, shared.errors") == f"({coordinator}, [])"


def test_a_release_in_another_folder_when_the_old_file_was_touched(start, tmp_path):
    """What the coordinator has loaded seems newer than it, too: its successor looks elsewhere all the same."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "counted.py").write_text(OLD)
    first = start(before, UPGRADING)
    assert first.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    (before / "counted.py").touch()
    after.mkdir()
    (after / "counted.py").write_text(NEW)
    second = start(after, UPGRADING)
    assert second.says("shared.c.add(), shared.c.n, shared.c.calls") == "(None, 11, 2)"
    assert second.says("shared.errors") == "[]"


def test_an_upgrade_that_raises_is_in_the_errors(start, tmp_path):
    (tmp_path / "counted.py").write_text(OLD)
    first = start(tmp_path, UPGRADING)
    assert first.says("shared.setdefault('c', counted.Counter()).add(), shared.c.n") == "(None, 1)"
    (tmp_path / "counted.py").write_text(NEW.replace("self.was =", "self.was = 1 // 0,"))
    new = start(tmp_path, UPGRADING)
    assert new.says("shared.c.n, shared.c.calls, hasattr(shared.c, 'was')") == "(1, 1, False)"
    assert "ZeroDivisionError" in new.says("[str(failed) for failed in shared.errors]")


SLOTTED = """
class Pair:
    __slots__ = ("n", "items")
    def __init__(self):
        self.n, self.items = 7, [1]
"""
RENAMED = """
import os
class Pair:
    __slots__ = ("number", "items")
    def __share_upgrade__(self, old):
        path = __file__ + ".killed"
        self.items.append(2)
        if not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), 9)
        self.number = old["n"]
        self.items.append(sorted(old))
"""


def test_an_upgrade_to_other_slots_by_a_coordinator_that_is_killed_in_it(start, tmp_path):
    (tmp_path / "counted.py").write_text(SLOTTED)
    old = start(tmp_path, UPGRADING)
    assert old.says("shared.setdefault('pair', counted.Pair()).n") == "7"
    (tmp_path / "counted.py").write_text(RENAMED)
    new = start(tmp_path, UPGRADING)
    assert new.says("shared.pair.number, shared.pair.items[:]") == "(7, [1, 2, ['items', 'n']])"
    assert new.says("shared.errors") == "[]"


def test_on_new_code_takes_one_of_two_words():
    with pytest.raises(ValueError, match="on_new_code"):
        Share(on_new_code="ask")


def test_a_hash_that_attrs_makes_is_the_same_code_everywhere():
    program = (
        "import library_classes as l; from share.cerial._digests import code_of; print(code_of(l.Position))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent, check=True, capture_output=True, text=True,
        ).stdout
        for seed in "123"
    }  # fmt: skip
    assert len(found) == 1
