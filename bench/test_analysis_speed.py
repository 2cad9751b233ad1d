"""How long it takes to analyse a class of 50 ordinary methods, told against compiling the same source."""

import importlib.util
import itertools
import statistics
import sys
import time

from share.analysis import plan

METHODS = [
    "def m{0}(self, x):\n        self.items.append(x)\n        self.n += 1",
    "def m{0}(self, key):\n        return self.table.get(key, {0})",
    "def m{0}(self):\n        return sum(item for item in self.items if item > {0})",
    "def m{0}(self, key, value):\n        self.table[key] = value\n        return len(self.table)",
    "def m{0}(self, x):\n        for item in self.items:\n            if item == x:\n"
    "                return self.m{1}(x)",
]
#: Measured: about 20 times. Compiling is fast, so a slow analysis shows at once.
LIMIT = 100
ROUNDS = 7


def source() -> str:
    body = [METHODS[i % len(METHODS)].format(i, (i // 5) * 5) for i in range(50)]
    stores = ["self.items: list[int] = []", "self.table: dict[str, int] = {}", "self.n = 0"]
    init = "\n        ".join(["def __init__(self):", *stores])
    return "class Ordinary:\n    " + "\n\n    ".join([init, *body]) + "\n"


def test_fifty_methods(tmp_path, capsys):
    text = source()
    analysed, compiled = [], []
    for number in itertools.count():
        path = tmp_path / f"ordinary_{number}.py"  # each class is analysed once
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        start = time.perf_counter()
        compile(text, path.name, "exec")
        middle = time.perf_counter()
        plan(module.Ordinary)
        compiled.append(middle - start)
        analysed.append(time.perf_counter() - middle)
        if number >= ROUNDS:
            break
    times = statistics.median(analysed) / statistics.median(compiled)
    with capsys.disabled():
        print(
            f"\n50 methods: {statistics.median(analysed) * 1e3:.0f} ms, {times:.0f} times as long as compiling them"
        )
    assert times < LIMIT
