import datetime as dt
from dataclasses import asdict, astuple, dataclass, field, fields, replace

from compared import attempt, both


@dataclass
class Session:
    user: str
    expires: dt.datetime
    data: dict = field(default_factory=dict)
    roles: frozenset = frozenset()
    hits: int = 0

    def touch(self, now, ttl):
        self.expires = now + ttl
        self.hits += 1

    def __setitem__(self, k, v):
        self.data[k] = v

    def __getitem__(self, k):
        return self.data[k]

    def __delitem__(self, k):
        del self.data[k]

    def __contains__(self, k):
        return k in self.data


class Sessions:
    def __init__(self, ttl=60):
        self.ttl = dt.timedelta(seconds=ttl)
        self.by_id = {}
        self.by_user = {}
        self.now = dt.datetime(2026, 1, 1)
        self.n = 0

    def login(self, user, **data):
        self.n += 1
        sid = f"s{self.n}"
        s = Session(user, self.now + self.ttl, data)
        self.by_id[sid] = s
        self.by_user.setdefault(user, []).append(s)
        return sid

    def get(self, sid):
        s = self.by_id.get(sid)
        if s is None or s.expires < self.now:
            return None
        s.touch(self.now, self.ttl)
        return s

    def advance(self, seconds):
        self.now += dt.timedelta(seconds=seconds)

    def sweep(self):
        dead = [k for k, s in self.by_id.items() if s.expires < self.now]
        for k in dead:
            s = self.by_id.pop(k)
            self.by_user[s.user].remove(s)
            if not self.by_user[s.user]:
                del self.by_user[s.user]
        return dead

    def active(self):
        yield from (k for k, s in self.by_id.items() if s.expires >= self.now)

    def logout_all(self, user):
        for s in self.by_user.pop(user, ()):
            for k in [k for k, v in self.by_id.items() if v is s]:
                del self.by_id[k]
            yield s.user, s.hits


def scenario(S):
    a = S.login("ann", theme="dark")
    b = S.login("bob")
    c = S.login("ann", n=[1])
    s = S.get(a)
    yield s.user
    s["x"] = [1]
    s["x"].append(2)
    yield s["x"]
    yield S.by_user["ann"][0].data
    yield s is S.by_id[a]
    yield "x" in s
    del s["x"]
    yield "x" in s

    def missing():
        return s["nope"]

    yield attempt(missing)

    def dmissing():
        del s["nope"]

    yield attempt(dmissing)
    S.advance(30)
    yield S.get(b).hits
    S.advance(40)
    yield S.get(a)
    yield list(S.active())
    yield S.sweep()
    yield S.by_user
    yield S.get(b).expires - S.now
    yield s.expires if False else 0
    yield asdict(S.by_id[b])
    yield astuple(S.by_id[b])
    yield [f.name for f in fields(S.by_id[b])]
    r = replace(S.by_id[b], user="carl")
    yield r
    S.by_id["r"] = r
    yield S.by_id["r"] == r
    S.by_id["r"].hits += 4
    yield S.by_id["r"].hits
    yield list(S.logout_all("bob"))
    yield sorted(S.by_id)
    yield list(S.logout_all("zed"))
    d = S.login("dora", k={"deep": {"er": 1}})
    S.get(d)["k"]["deep"]["er"] += 1
    yield S.by_id[d]["k"]
    S.by_id[d].data["k"]["deep"].update(a=1)
    yield S.by_id[d].data
    match S.by_id[d]:
        case Session(user=u, data={"k": {"deep": deep}}):
            yield u
            yield deep
        case _:
            yield "no match"
    match S.by_id[d].data:
        case {"k": {"deep": {"er": er}}, **rest}:
            yield er, rest
        case _:
            yield "no match"
    yield dict(vars(S.by_id[d]))
    yield S.by_id[d].__dict__["hits"]
    S.by_id[d].__dict__["extra"] = 5
    yield S.by_id[d].extra
    S.ttl *= 2
    yield S.ttl
    yield S.now.isoformat()


both(Sessions, scenario, "sessions")
