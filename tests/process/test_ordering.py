"""All ways to write, mixed by 32 threads of four processes: each thread's are executed once and in its order."""

import asyncio
import os
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from forked import all_well, in_child
from ordering_classes import Journal, Refused

from share import Share

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES, THREADS = 4, 8
MANY = 2000 if "SHARE_LONG" in os.environ else 400  # writes of each thread


class Writer:
    """A thread's writes, each with the next number, and what the model says that they give."""

    def __init__(self, shared: Share, who: int, seed: int) -> None:
        self.shared, self.who, self.number = shared, who, 0
        self.chance = random.Random(seed)
        self.journal: Any = shared.journal
        self.answers: list[tuple[int, Any]] = []  # (number, how many entries there were, or a future of it)
        self.queued_failures = self.added = 0

    def mine(self) -> tuple[int, int]:
        self.number += 1
        return self.who, self.number - 1

    def answered(self, answer: Any) -> None:
        self.answers.append((self.number - 1, answer))

    def queued(self) -> None:
        self.journal.note(*self.mine())

    def sent(self) -> None:
        self.journal.noted.send(*self.mine())

    def called(self) -> None:
        self.answered(self.journal.noted(*self.mine()))

    def submitted(self) -> None:
        self.answered(self.journal.noted.submit(*self.mine()))

    def awaited(self) -> None:
        self.answered(asyncio.run(self.journal.noted.aio(*self.mine())))

    def coroutine(self) -> None:
        self.answered(asyncio.run(self.journal.note_later(*self.mine())))

    def failed(self) -> None:
        with pytest.raises(Refused) as caught:
            self.journal.fail.call(*self.mine())
        assert caught.value.args == (self.who, self.number - 1)

    def failed_later(self) -> None:
        self.journal.fail.send(*self.mine())
        self.queued_failures += 1

    def generated(self) -> None:
        for found in self.journal.steps(self.mine()[0], self.number - 1, self.mine()[1]):
            assert found > 0

    def managed(self) -> None:
        with self.journal.opened(self.mine()[0], self.number - 1, self.mine()[1]):
            assert self.journal.open > 0

    def transacted(self) -> None:
        who, number = self.mine()

        def work(journal: Any, part: Any) -> int:
            part.note(who, number)
            found: int = journal.noted(who, number)
            return found

        self.answered(self.shared.transact(work, self.journal, self.shared.part))

    def undone(self) -> None:
        def work(rest: Any) -> None:
            rest.note(-1, -1)
            raise Refused

        with pytest.raises(Refused):
            self.shared.transact(work, self.shared.rest)

    def waited(self) -> None:
        self.answered(self.shared.wait_then(self.journal.is_here, self.journal.noted, *self.mine()))

    def within_a_block(self) -> None:
        with self.shared.waiting():
            self.journal.note(*self.mine())

    def added_to(self) -> None:
        self.journal.n += 1
        self.added += 1

    def in_a_part(self) -> None:
        self.journal.part.note(self.who, self.number)

    def run(self, writes: int) -> None:
        ways: list[Callable[[], None]] = [
            self.queued, self.sent, self.called, self.submitted, self.awaited, self.coroutine, self.failed,
            self.failed_later, self.generated, self.managed, self.transacted, self.undone, self.waited,
            self.within_a_block, self.added_to, self.in_a_part,
        ]  # fmt: skip
        for _ in range(writes):
            self.chance.choice(ways)()
            if self.chance.random() < 0.3:
                assert self.journal.last_of(self.who) == self.number - 1


def work(shared: Share, process: int, writes: int) -> None:
    """One process: its threads, and then what they have been told."""
    writers = [Writer(shared, process * THREADS + i, seed=process * THREADS + i) for i in range(THREADS)]
    wrong: list[BaseException] = []

    def run(writer: Writer) -> None:
        try:
            writer.run(writes)
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    failures = sum(writer.queued_failures for writer in writers)
    try:
        shared.flush()
        told = 0
    except Refused:
        told = 1
    except BaseExceptionGroup as group:
        told = int(group.message.split()[0])
    assert told == failures
    entries = list(shared.journal.entries)
    for writer in writers:
        for number, answer in writer.answers:
            place = answer if isinstance(answer, int) else answer.result(60)
            assert entries[place - 1] == (writer.who, number)
        assert [number for who, number in entries if who == writer.who] == list(range(writer.number))
    shared.added.append(sum(writer.added for writer in writers))


def drive(shared: Share, writes: int) -> None:
    shared.journal, shared.part, shared.rest, shared.added = Journal(), Journal(), Journal(), []
    assert all_well([in_child(lambda p=p: work(shared, p, writes)) for p in range(PROCESSES)])
    entries = list(shared.journal.entries)
    assert len(entries) == len(set(entries))
    assert {who for who, _ in entries} == set(range(PROCESSES * THREADS))
    assert set(shared.part.entries) <= set(entries)
    assert shared.journal.n == sum(shared.added)
    assert shared.journal.open == 0
    assert shared.rest.entries == []


def test_in_order_and_once(shared: Share) -> None:
    drive(shared, 12)


@pytest.mark.slow
def test_in_order_and_once_for_longer(shared: Share) -> None:
    drive(shared, MANY)
