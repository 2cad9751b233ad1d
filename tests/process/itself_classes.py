"""Objects that refer to themselves, through their parts and through callables in their attributes."""

from functools import partial
from typing import Any


class Player:
    def __init__(self, game: "Game") -> None:
        self.game, self.points = game, 10

    def hit(self) -> None:
        self.points -= 1
        self.game.score += 1


class Game:
    def __init__(self) -> None:
        self.score = 0
        self.players = [Player(self), Player(self)]

    def round(self) -> None:
        for player in self.players:
            player.hit()


class Lamp:
    def __init__(self) -> None:
        self.on, self.times = False, 0
        self.toggle = partial(Lamp.switch, self)
        self.flip = self.switch
        self.handlers = {"switch": self.switch, "all": [self.switch]}

    def switch(self) -> int:
        self.on = not self.on
        self.times += 1
        return self.times

    def flip_twice(self) -> int:
        self.flip()
        return self.toggle()


class Listener:
    """Is told by an object that is given its bound method."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.callbacks: list[Any] = [self.hear]

    def hear(self, text: str) -> None:
        self.heard.append(text)

    def tell(self, text: str) -> None:
        for callback in self.callbacks:
            callback(text)


class Key:
    """One that cannot be loaded before it has its attributes."""

    def __init__(self) -> None:
        self.n = 1
        self.known = {self}

    def __hash__(self) -> int:
        return self.n + 1

    def __eq__(self, other: object) -> bool:
        return self is other


def play(share: Any, results: Any) -> None:
    share.game.round()
    share.lamp.flip()
    share.lamp.toggle()
    share.lamp.handlers["switch"]()
    results.put((share.game.score, share.lamp.times, share.lamp.on, share.game.players[1].game is share.game))
