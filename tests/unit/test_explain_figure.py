"""The picture that ``explain`` draws: what it says must be what the plan says."""

import collections
import queue
from collections import Counter
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from share.analysis import explain


class Shop:
    def __init__(self):
        self.stock, self.sold, self.name = {}, 0, "<shop & co>"

    def receive(self, item, n):
        self.stock[item] = self.stock.get(item, 0) + n

    def sell(self, item):
        self.stock[item] -= 1
        self.sold += 1
        return self.sold

    def missing(self):
        return [item for item, n in self.stock.items() if n == 0]

    def income(self):
        return self.sold * 3

    @property
    def title(self):
        return self.name.title()


def drawn(cls):
    """(texts, [colour of each arrow]) of a picture."""
    root = ElementTree.fromstring(explain(cls).svg())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    arrows = [
        element.get("stroke")
        for element in root.iter("{http://www.w3.org/2000/svg}path")
        if element.get("marker-end")
    ]
    return texts, arrows


def after(texts, name):
    return texts[texts.index(name) + 1]


def test_who_waits_for_whom():
    texts, arrows = drawn(Shop)
    assert {"receive: queued", "sell: waits", "stock", "sold", "name"} <= set(texts)
    assert after(texts, "missing") == "waits for receive, sell"
    assert after(texts, "income") == "waits for sell"
    assert after(texts, "title (getter)") == "waits for nobody"
    # receive -> stock; sell -> stock, sold; stock -> missing; sold -> income; name -> title
    assert len(arrows) == 6 and len(set(arrows)) == 3
    assert "__init__" not in " ".join(texts)


def test_what_may_write_anything_is_waited_for_by_all_that_read():
    class Wild:
        def __init__(self):
            self.n, self.parts = 0, []

        def change(self, name, value):
            setattr(self, name, value)

        def size(self):
            return len(self.parts)

        def constant(self):
            return 7

    texts, _ = drawn(Wild)
    assert "any attribute" in texts
    assert after(texts, "size") == "waits for change"
    assert after(texts, "constant") == "waits for nobody"


@pytest.mark.parametrize(
    "cls", [Shop, Counter, queue.Queue, Fraction, collections.deque, type("None", (), {})]
)
def test_each_picture_is_whole(cls):
    explained = explain(cls)
    texts, arrows = drawn(cls)
    boxes = [text.partition(":")[0] for text in texts]
    rows = [row for row in explained.rows if row.member not in ("__init__", "__new__")]
    assert all(row.member in boxes for row in rows)
    made = [row.made.reads if row.runs.startswith("local") else row.made.writes for row in rows]
    assert len(arrows) == sum(1 if names is None else len(names) for names in made)
