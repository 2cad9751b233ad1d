"""A class whose methods fill what they are given."""

import asyncio
import io


class Filler:
    def __init__(self):
        self.n, self.kept, self.part = 0, None, None

    def fill(self, out):
        self.n += 1
        if isinstance(out, io.StringIO):
            out.write("x")
        elif isinstance(out, io.BytesIO):
            out.write(b"x")
        elif isinstance(out, dict):
            out["x"] = [self.n]
        elif isinstance(out, set):
            out.add("x")
        else:
            out.append(120)
        return self.n

    def fill_and_return_nothing(self, out):
        self.n += 1
        out.append(self.n)

    def and_say_nothing(self, *, out):
        self.fill_and_return_nothing(out)

    def keep(self, out):
        self.n += 1
        self.kept = out
        return self.n

    def fill_badly(self, out):
        self.n += 1
        out.append(lambda: asyncio.sleep(0))
        out.append(open("/dev/null"))  # noqa: SIM115 -- what cannot travel
        return self.n
