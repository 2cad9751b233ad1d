"""Each form of write, done in one process and read at once in another: the value is there."""

import multiprocessing

import pytest
from written_forms import FORMS

from share import Share

ROUNDS = 100


def _serve(connection, shared):
    """Writes what it is told to and answers as soon as the call has returned."""
    while (job := connection.recv()) is not None:
        name, number = job
        getattr(shared, name).write(number)
        connection.send(number)


@pytest.fixture(scope="module", params=[False, True], ids=["", "check"])
def shared_and_writer(request):
    with Share(check=request.param) as shared:
        for cls in FORMS:
            setattr(shared, cls.__name__, cls())
        shared.flush()  # all segments are there before the first test looks
        ours, theirs = multiprocessing.Pipe()
        writer = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs, shared))
        writer.start()
        yield shared, ours
        ours.send(None)
        writer.join()
        assert [record for record in shared.errors if "plan does not say" in str(record.error)] == []


@pytest.mark.parametrize("cls", FORMS, ids=lambda cls: cls.__name__)
def test_the_value_is_there(cls, shared_and_writer) -> None:
    shared, writer = shared_and_writer
    proxy = getattr(shared, cls.__name__)
    for number in range(1, ROUNDS + 1):
        writer.send((cls.__name__, number))
        assert writer.recv() == number
        assert proxy.read() == number
