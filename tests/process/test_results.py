"""What methods that only read give to their callers: the same as a plain object's."""

from dataclasses import asdict, dataclass, field

from share import Share


@dataclass(order=True)
class Point:
    x: int = 0


@dataclass
class Shape:
    at: Point = field(default_factory=Point)
    points: list[Point] = field(default_factory=lambda: [Point(2), Point(1)])

    def show(self) -> str:
        return repr(self.at)

    def both(self) -> tuple[int, str]:
        return self.at.x, f"at {self.at}"

    def exported(self) -> dict[str, object]:
        return asdict(self.at)

    def total(self) -> int:
        return sum(point.x for point in self.points)

    def in_order(self) -> list[int]:
        return [point.x for point in sorted(self.points)]

    def check(self) -> str:
        if not self.points:
            raise ValueError(f"empty: {self.points}")
        return "fine"


def test_dataclass_parts_are_shown_summed_and_sorted(shared: Share) -> None:
    shared.shape = Shape()
    for name in ("show", "both", "exported", "total", "in_order", "check"):
        assert getattr(shared.shape, name)() == getattr(Shape(), name)(), name
