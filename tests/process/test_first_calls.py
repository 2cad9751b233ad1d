"""Classes of which too much code is reached to plan all methods at once: each is looked at when it is first called."""

from typing import Any

import pytest
from first_call_classes import Book, use_book

from share import Share
from share.analysis import _closer, _planner
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
