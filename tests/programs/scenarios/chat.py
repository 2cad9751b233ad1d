import asyncio
import collections
import multiprocessing as mp
import re
from concurrent.futures import ProcessPoolExecutor

from compared import Share, attempt, both

from share import aio


class Room:
    def __init__(self, name):
        self.name = name
        self.members = set()
        self.log = collections.deque(maxlen=50)
        self.topic = ""

    def post(self, who, text):
        if who not in self.members:
            raise PermissionError(who)
        self.log.append((len(self.log), who, text))
        return len(self.log)

    def __iter__(self):
        return iter(self.log)

    async def __aiter__(self):
        for m in self.log:
            yield m

    async def since(self, n):
        return [m for m in self.log if m[0] >= n]

    async def post_async(self, who, text):
        await asyncio.sleep(0)
        return self.post(who, text)

    def mentions(self, who):
        return [t for _, _, t in self.log if re.search(rf"@{who}\b", t)]


class Chat:
    def __init__(self):
        self.rooms = {}
        self.users = collections.defaultdict(set)

    def room(self, n):
        return self.rooms.setdefault(n, Room(n))

    def join(self, u, *rooms):
        for r in rooms:
            self.room(r).members.add(u)
            self.users[u].add(r)
        return sorted(self.users[u])

    def leave(self, u, r):
        self.rooms[r].members.remove(u)
        self.users[u].remove(r)

    def broadcast(self, u, t):
        return {r: self.rooms[r].post(u, t) for r in sorted(self.users[u])}

    async def __aenter__(self):
        self.room("lobby")
        return self

    async def __aexit__(self, *a):
        self.rooms["lobby"].topic = "closed"
        return False

    def __getattr__(self, n):
        if n.startswith("room_"):
            return self.rooms[n[5:]]
        raise AttributeError(n)


def s(c):
    yield c.join("ann", "a", "b")
    yield c.join("bob", "b")
    yield c.broadcast("ann", "hi @bob")
    yield c.rooms["b"].log
    r = c.room("b")
    yield r.post("bob", "yes")
    yield attempt(r.post, "zed", "x")
    yield r.mentions("bob")
    yield list(r)
    c.leave("bob", "b")
    yield attempt(c.leave, "bob", "b")
    yield r.members
    yield c.room_b.name
    yield attempt(lambda: c.room_x)
    yield attempt(lambda: c.other)
    yield c.users

    async def go():
        out = []
        out.append(await r.since(1))
        out.append([m async for m in r])
        out.append(await r.post_async("ann", "async"))
        try:
            await r.post_async("zed", "no")
        except PermissionError as e:
            out.append(e)
        async with c as k:
            out.append(k is c)
            out.append(list(k.rooms))
        out.append(c.rooms["lobby"].topic)
        out.append(await asyncio.gather(*(r.post_async("ann", str(i)) for i in range(3))))
        return out

    yield from asyncio.run(go())
    r.topic = "new"
    yield c.rooms["b"].topic
    r.log.clear()
    yield list(r)
    c.rooms["z"] = r
    yield c.rooms["z"] is r
    del c.rooms["b"]
    yield r.name
    yield list(c.rooms)


both(Chat, s, "chat")


def talk(a):
    chat, u, n = a

    async def main():
        chat.join(u, "all")
        await asyncio.gather(*(aio(chat.room("all").post, u, f"{u}{i}") for i in range(n)))
        return [m async for m in chat.rooms["all"]][-1] is not None

    return asyncio.run(main())


if __name__ == "__main__":
    with Share() as sh, ProcessPoolExecutor(2, mp_context=mp.get_context("forkserver")) as p:
        sh.chat = Chat()
        sh.chat.room("all").log = collections.deque()
        r = list(p.map(talk, [(sh.chat, f"u{k}_", 20) for k in range(4)]))
        ms = list(sh.chat.room("all"))
        print(
            "OK"
            if r == [True] * 4 and [m[0] for m in ms] == list(range(80)) and len({m[2] for m in ms}) == 80
            else ("DIFF", len(ms))
        )
