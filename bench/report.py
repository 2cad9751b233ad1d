"""How measurements are written."""

__all__ = ["comparison", "duration"]


def duration(seconds: float) -> str:
    """A duration with three digits and a fitting unit.

    >>> duration(2.5e-8), duration(0.000043)
    ('25.0 ns', '43.0 µs')
    """
    if seconds < 1e-6:
        number, unit = seconds * 1e9, "ns"
    elif seconds < 1e-3:
        number, unit = seconds * 1e6, "µs"
    else:
        number, unit = seconds * 1e3, "ms"
    return f"{number:.0f} {unit}" if number >= 100 else f"{number:.1f} {unit}"


def comparison(times: float) -> str:
    """How a time that is so many times that of share reads.

    >>> comparison(30.2), comparison(0.5), comparison(1.02)
    ('30 × slower', '2.0 × faster', 'as fast')
    """
    if 0.95 < times < 1.05:
        return "as fast"
    factor, word = (times, "slower") if times >= 1 else (1 / times, "faster")
    return f"{factor:,.0f} × {word}" if factor >= 10 else f"{factor:.1f} × {word}"
