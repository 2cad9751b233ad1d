"""A class that cannot be imported keeps one identity, whichever processes it passes through."""

import multiprocessing
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import share

METHODS = [m for m in ("fork", "spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]

# What the coordinator is like: another program, with another __main__. It keeps every object that it gets,
# says how many classes they have and whether isinstance holds, and returns one of them.
OTHER_PROGRAM = """
import sys
from share import cerial

kept = []
for line in sys.stdin:
    kept.append(cerial.loads(bytes.fromhex(line)))
    first = kept[0]
    print(len({type(x) for x in kept}), all(isinstance(x, type(first)) for x in kept), cerial.dumps(kept[-1]).hex())
    sys.stdout.flush()
"""

COMMON = """
import multiprocessing, subprocess, sys
from share import cerial

class Other:
    def __init__(self, *commands):
        self.process = subprocess.Popen([sys.executable, *commands], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, data):
        self.process.stdin.write(data.hex().encode() + b"\\n")
        self.process.stdin.flush()
        classes, all_instances, back = self.process.stdout.readline().split()
        return int(classes), all_instances == b"True", bytes.fromhex(back.decode())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program made of COMMON and a text, with arguments; its last line must be "fine"."""

    def run(text, *arguments, as_file=True):
        source = COMMON + textwrap.dedent(text)
        path = tmp_path / "program.py"
        path.write_text(source)
        other = tmp_path / "other.py"
        other.write_text(OTHER_PROGRAM)
        source_root = str(pathlib.Path(share.__file__).parent.parent)
        result = subprocess.run(
            [sys.executable, "-W", "error", *([str(path)] if as_file else ["-c", source]), str(other), *arguments],
            check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": source_root},
        )  # fmt: skip
        assert result.stdout.splitlines()[-1:] == ["fine"], result.stderr
        assert result.stderr == ""

    return run


@pytest.mark.parametrize("method", METHODS)
def test_main_classes_across_start_methods_and_another_program(run, method):
    run(
        """
        import dataclasses, enum

        class Base:
            limit = 10
            def twice(self):
                return 2 * self.x

        class Word(Base):
            count = 0                               # counted up in one process only
            def __init__(self, x):
                super().__init__()
                self.x = x
                Word.count += 1
            def partner(self):
                return Pair(self.x, Colour.RED)     # Word and Pair mention each other

        @dataclasses.dataclass
        class Pair:
            a: object
            b: object
            def word(self):
                return Word(self.a)

        class Colour(enum.Enum):
            RED = 1
            def next(self):
                return Colour.RED

        def work(data):
            word, pair, colour = cerial.loads(data)
            assert type(word) is Word and type(pair) is Pair and colour is Colour.RED
            assert word.twice() == 42
            return cerial.dumps([Word(1), Pair(1, 2), Colour.RED]), cerial.dumps(Word(5)), cerial.dumps(Pair(5, 6))

        if __name__ == "__main__":
            method = sys.argv[2]
            other = Other(sys.argv[1])
            pairs = Other(sys.argv[1])
            Word(1), Word(2)
            sent = cerial.dumps([Word(21), Pair(1, 2), Colour.RED])
            with multiprocessing.get_context(method).Pool(2) as pool:
                results = pool.map(work, [sent] * 4)
            for values, word, pair in results:
                a, b, c = cerial.loads(values)
                assert type(a) is Word and type(b) is Pair and c is Colour.RED
                for data in (word, cerial.dumps(Word(7))):
                    classes, instances, back = other.ask(data)
                    assert (classes, instances) == (1, True)
                    assert type(cerial.loads(back)) is Word
                classes, instances, back = pairs.ask(pair)
                assert (classes, instances) == (1, True) and type(cerial.loads(back)) is Pair
            other.close(), pairs.close()
            print("fine")
        """,
        method,
    )


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "python -c"])
def test_a_redefined_class_is_another_class(run, as_file):
    run(
        """
        def define(text):
            scope = {"__name__": "__main__"}
            exec(text, globals())
            return globals()["Cell"]

        texts = ["class Cell:\\n    def get(self): return 1", "class Cell:\\n    def get(self): return 2"]
        one = define(texts[0])
        a = one()
        other = Other(sys.argv[1] if not sys.argv[0] == "-c" else sys.argv[1])
        assert other.ask(cerial.dumps(a))[:2] == (1, True)
        two = define(texts[1])
        three = define(texts[1])                    # the same text again: a new class all the same
        assert two is not three
        b, c = two(), three()
        assert other.ask(cerial.dumps(b))[:2] == (2, False)
        classes, _, back = other.ask(cerial.dumps(c))
        assert classes == 3
        assert type(cerial.loads(back)) is three
        assert type(cerial.loads(cerial.dumps(b))) is two and cerial.loads(cerial.dumps(b)).get() == 2
        assert type(cerial.loads(other.ask(cerial.dumps(a))[2])) is one
        other.close()
        print("fine")
        """,
        as_file=as_file,
    )


def test_the_same_program_started_twice_means_the_same_class(run):
    run(
        """
        class Word:
            def __init__(self, x):
                self.x = x

        if sys.argv[2:] == ["second"]:
            print(cerial.dumps(Word(2)).hex())
        else:
            other = Other(sys.argv[1])
            assert other.ask(cerial.dumps(Word(1)))[:2] == (1, True)
            second = subprocess.run([sys.executable, sys.argv[0], sys.argv[1], "second"], capture_output=True)
            data = bytes.fromhex(second.stdout.decode())
            assert other.ask(data)[:2] == (1, True)
            assert type(cerial.loads(data)) is Word
            other.close()
            print("fine")
        """
    )


def test_local_classes_by_what_they_close_over(run):
    run(
        """
        def make(step):
            class Local:
                def next(self, x):
                    return x + step
            return Local

        one, same, two = make(1), make(1), make(2)
        for cls in (one, same, two):
            assert type(cerial.loads(cerial.dumps(cls()))) is cls
        other = Other(sys.argv[1])
        assert other.ask(cerial.dumps(one()))[0] == 1
        assert other.ask(cerial.dumps(two()))[0] == 2
        back = cerial.loads(other.ask(cerial.dumps(two()))[2])
        assert type(back) is two and back.next(1) == 3
        other.close()
        print("fine")
        """
    )


def test_functions_of_main_travel_by_value(run):
    run(
        """
        FACTOR = 3

        def scale(x):
            return FACTOR * x

        def twice(x):
            return scale(scale(x))

        values = [twice, scale, lambda x: scale(x)]
        program = '''if True:
            import sys
            from share import cerial
            twice, scale, third = cerial.loads(bytes.fromhex(sys.argv[1]))
            assert (twice(2), scale(2), third(2)) == (18, 6, 6)
            assert twice.__globals__["scale"] is scale
            again = cerial.loads(bytes.fromhex(sys.argv[2]))
            assert again[0] is twice and again[1] is scale
            assert (twice(2), scale(2)) == (50, 10)                 # FACTOR as it was at the latest arrival
            print(cerial.dumps([twice, scale]).hex())
        '''
        arguments = [cerial.dumps(values).hex()]
        FACTOR = 5
        arguments.append(cerial.dumps(values).hex())
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *arguments], check=True, stdout=subprocess.PIPE
        )
        back = cerial.loads(bytes.fromhex(result.stdout.decode()))
        assert back[0] is twice and back[1] is scale
        old = cerial.dumps(scale)

        def scale(x):
            return FACTOR + x

        assert cerial.loads(cerial.dumps(scale)) is scale
        assert cerial.loads(old) is not scale and cerial.loads(old)(2) == 10
        print("fine")
        """
    )


def test_tracebacks_name_the_file_of_the_main_program(run):
    run(
        """
        from share import Share

        class Failing:
            def __init__(self):
                self.n = 0
            def fail(self, callback):
                self.n += 1
                callback()

        with Share() as shared:
            shared.failing = Failing()
            try:
                shared.failing.fail.call(lambda: 1 / 0)
            except ZeroDivisionError as error:
                text = str(error.__cause__)
        assert text.count(f'File "{__file__}"') == 2, text
        assert "    callback()" in text and "shared.failing.fail.call(lambda: 1 / 0)" in text, text
        print("fine")
        """
    )


def test_a_context_variable_in_a_method(run):
    run(
        """
        import contextvars
        from share import NotShareableError, Share

        user = contextvars.ContextVar("user")

        class Orders:
            def add(self):
                self.last = user.get()

        with Share() as shared:
            try:
                shared.orders = Orders()
            except NotShareableError as error:
                assert "global user of Orders.add" in str(error) and "pass its value" in str(error), error
                print("fine")
        """
    )
