"""An object that is met in its own state is the shared object, there as here."""

import os
import signal
from typing import Any

import pytest
from itself_classes import Game, Key, Lamp, Listener, play

from share import NotShareableError, Share


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


def test_parts_that_know_their_whole(shared: Share) -> None:
    shared.game = Game()
    shared.game.round()
    assert shared.game.score == 2 and [player.points for player in shared.game.players] == [9, 9]
    assert shared.game.players[0].game is shared.game
    shared.game.players[1].hit()
    assert shared.game.score == 3 and shared.game.players[1].game.score == 3
    assert shared.errors == []


def test_callables_in_attributes_are_called_on_the_shared_object(shared: Share) -> None:
    shared.lamp, plain = Lamp(), Lamp()
    for lamp in (shared.lamp, plain):
        assert (lamp.flip(), lamp.on) == (1, True)
        assert (lamp.toggle(), lamp.on) == (2, False)
        assert (lamp.handlers["switch"](), lamp.handlers["all"][0]()) == (3, 4)
        assert lamp.flip_twice() == 6 and lamp.times == 6 and lamp.on is False
    shared.listener, mine = Listener(), Listener()
    for listener in (shared.listener, mine):
        listener.tell("a")
        listener.callbacks.append(listener.hear)
        listener.tell("b")
        assert list(listener.heard) == ["a", "b", "b"]
    assert shared.errors == []


def test_in_other_processes_and_after_a_take_over(shared: Share, context: Any) -> None:
    shared.game, shared.lamp = Game(), Lamp()
    results = context.SimpleQueue()
    for expected in ((2, 3, True, True), (4, 6, False, True)):
        child = context.Process(target=play, args=(shared, results))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert results.get() == expected
        os.kill(shared.health().coordinator, signal.SIGKILL)
    shared.game.round()
    assert shared.game.score == 6 and shared.lamp.flip() == 7 and shared.game.players[0].game is shared.game


def test_a_key_in_its_own_state_is_refused(shared: Share) -> None:
    with pytest.raises(NotShareableError, match="Key is in a set or a key in its own state"):
        shared.key = Key()
    assert "key" not in shared


def test_what_nobody_names_is_deleted_though_it_refers_to_itself(shared: Share) -> None:
    shared.game = Game()
    game = shared.game
    assert game.score == 0
    del shared.game
    shared.flush()
    with pytest.raises(Exception, match="deleted"):
        game.score
