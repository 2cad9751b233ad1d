"""Classes of which too much code is reached to plan all methods at once: each is looked at when it is first called."""

from typing import Any

import pytest
from first_call_classes import Book, use_book

from share import Share
from share.analysis import _closer, _planner, explain, writes
from share.errors import AnalysisError


@pytest.fixture
def book(shared: Share, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(_planner, "WORK", 10)
    monkeypatch.setattr(_planner, "_drafts", type(_planner._drafts)())
    monkeypatch.setattr(_closer, "_found", type(_closer._found)())
    shared.book = Book()
    return shared.book


def test_a_first_call_reads_and_writes_as_it_should(book: Any) -> None:
    plan = type(book)._share_plan_
    assert not plan.together and plan.entangled
    assert plan.methods["total"].pending and plan.methods["total"].writes is None
    mine = Book()
    for each in (book, mine):
        each.add("a", 3)
        assert each.total() == 3
        each.add("b", 4)
        assert each.total() == 7 and each.names() == ["a", "b"] and each.size == 2
        each.size = 1
        assert each.names() == ["a"] and each.size == 1
        assert each.pop("a") == 3 and each.total() == 0
    assert book.total.plan.plain and book.names.plan.plain  # read here, as long as it holds numbers and texts
    assert book.add.plan.writes is None and not book.add.plan.returns


def test_another_process_looks_for_itself(shared: Share, book: Any, context: Any) -> None:
    results = context.SimpleQueue()
    child = context.Process(target=use_book, args=(shared, results))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert results.get() == [(0, 0), *((n, n * (n + 1) // 2) for n in range(1, 20))]
    assert book.total() == 190


def test_class_state_is_refused_at_the_call(book: Any) -> None:
    book.add("a", 1)
    for call in (book.count_all, book.count_all.send, book.count_all.call, book.count_all.submit):
        with pytest.raises(AnalysisError, match="writes class state"):
            call()
    assert book.total() == 1 and Book.made == 0


class Counted:
    def __init__(self) -> None:
        self.shown = 0

    def __str__(self) -> str:
        self.shown += 1
        return "counted"

    @writes()
    def label(self) -> str:
        return "%s" % self  # noqa: UP031


def test_explain_says_what_was_learned(shared: Share) -> None:
    shared.c = Counted()
    before = {row.member: row for row in explain(shared.c).rows}
    assert before["label"].runs == "local"
    assert (shared.c.label(), shared.c.shown) == ("counted", 1)
    after = {row.member: row for row in explain(shared.c).rows}
    assert (after["label"].runs, after["label"].writes) == ("waits", "anything")
    assert "seen to write" in after["label"].why
    assert after["__str__"] == before["__str__"]
    assert {row.member: row for row in explain(Counted).rows} == before


def test_explain_says_where_the_steps_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_planner, "WORK", 10)

    class Long:
        def __init__(self) -> None:
            self.entries: dict[str, int] = {}

        def total(self) -> int:
            return sum(self.entries.values()) + len(self.entries) + sum(self.entries.values())

    steps = len(Long.total.__code__.co_code) // 2 + 1  # to translate it, and no more
    monkeypatch.setattr(_closer, "WORK", steps)
    monkeypatch.setattr(_closer, "WORK_OPEN", steps)
    row = next(row for row in explain(Long).rows if row.member == "total")
    assert row.runs == "waits" and "too much code" in row.why and "the last was total" in row.why
