"""Classes whose authors say less than their methods do."""

from share.analysis import writes


class Lying:
    def __init__(self) -> None:
        self.said = 0
        self.kept: dict[str, list[int]] = {"a": []}
        self.other = 0

    @writes("said")
    def rebind(self) -> None:
        self.said += 1
        self.other += 1

    @writes("said")
    def put(self) -> None:
        self.said += 1
        part = self.kept["a"]
        list.append(part, self.said)
