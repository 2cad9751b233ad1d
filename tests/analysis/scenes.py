"""Calls with arguments that mean something, each on a fresh and filled object: so that what writes is seen writing."""

import argparse
import collections
import configparser
import contextlib
import copy
import email.message
import http.cookiejar
import http.cookies
import io
import optparse
import types
import urllib.request
from collections.abc import Callable
from typing import Any

__all__ = ["SCENES"]

Make = Callable[[type], Any]
Step = Callable[[Any], object]


class Point:
    """Something that can be referred to weakly."""

    def __init__(self, x: int = 0) -> None:
        self.x = x


KEPT = [Point(0), Point(1), Point(2)]


def _filled(*steps: Step, args: tuple[Any, ...] = ()) -> Make:
    def make(cls: type) -> Any:
        thing = cls(*copy.deepcopy(args))
        for step in steps:
            step(thing)
        return thing

    return make


def _tried(step: Step) -> Step:
    """A step that ends in an exception: what it wrote before is seen all the same."""

    def run(thing: Any) -> None:
        with contextlib.suppress(Exception):
            step(thing)

    return run


def _each(*steps: Step) -> list[Step]:
    return list(steps)


_INI = "[one]\na = 1\nb = 2.5\nc = yes\n[two]\na = %(b)s\nb = x\n"
_parser = _filled(lambda p: p.read_string(_INI))
_parser_steps = _each(
    lambda p: p.read_string("[three]\nz = 1\n"),
    lambda p: p.read_file(io.StringIO("[three]\nz = 1\n")),
    lambda p: p.readfp(io.StringIO("[three]\nz = 1\n")),
    lambda p: p.read_dict({"three": {"z": "1"}}),
    lambda p: p._read(io.StringIO("[three]\nz = 1\n"), "file"),
    lambda p: p.add_section("three"),
    lambda p: p.set("one", "a", "5"),
    lambda p: p.remove_option("one", "a"),
    lambda p: p.remove_section("one"),
    lambda p: p.pop("one"),
    lambda p: p.popitem(),
    lambda p: p.clear(),
    lambda p: p.__delitem__("one"),
    lambda p: p.__setitem__("one", {"q": "1"}),
    lambda p: p.update({"three": {"z": "1"}}),
    lambda p: p.setdefault("three", {"z": "1"}),
    lambda p: p._read_defaults({"z": "1"}),
    lambda p: p["one"],
    lambda p: p.get("one", "a"),
    lambda p: p.getint("one", "a"),
    lambda p: p.getfloat("one", "b"),
    lambda p: p.getboolean("one", "c"),
    lambda p: p.has_option("one", "a"),
    lambda p: p.has_section("one"),
    lambda p: p.options("one"),
    lambda p: p.items("one"),
    lambda p: p.sections(),
    lambda p: p.optionxform("A"),
    lambda p: p._unify_values("one", {"x": "1"}),
    lambda p: p.defaults(),
)


def _tree(cls: type) -> Any:
    import networkx

    graph = cls([(1, 2), (2, 3)])
    assert isinstance(graph, networkx.Graph)
    return graph


_graph_steps = _each(
    lambda g: g.add_node(9),
    lambda g: g.add_nodes_from([7, 8]),
    lambda g: g.add_edge(1, 9),
    lambda g: g.add_edges_from([(4, 5)]),
    lambda g: g.add_weighted_edges_from([(1, 9, 0.5)]),
    lambda g: g.remove_node(1),
    lambda g: g.remove_nodes_from([1, 2]),
    lambda g: g.remove_edge(1, 2),
    lambda g: g.remove_edges_from([(1, 2)]),
    lambda g: g.update(edges=[(6, 7)]),
    lambda g: g.clear(),
    lambda g: g.clear_edges(),
    lambda g: g.has_node(1),
    lambda g: g.has_edge(1, 2),
    lambda g: g[1],
    lambda g: list(g.neighbors(1)),
    lambda g: g.get_edge_data(1, 2),
    lambda g: g.number_of_edges(1, 2),
    lambda g: g.size(),
    lambda g: g.order(),
    lambda g: g.copy(),
    lambda g: g.subgraph([1, 2]),
    lambda g: g.edge_subgraph([(1, 2)]),
    lambda g: g.to_directed(),
    lambda g: g.to_undirected(),
    lambda g: list(g.nbunch_iter([1, 2])),
    lambda g: setattr(g, "name", "a"),
)


def _message(cls: type) -> Any:
    message = cls()
    message["Subject"] = "hello"
    message["To"] = "a@b.c"
    message["Content-Type"] = 'text/plain; charset="utf-8"; name="x"'
    message.set_payload("body")
    return message


def _parts(cls: type) -> Any:
    message = cls()
    message["Content-Type"] = 'multipart/mixed; boundary="b"'
    message.attach(_message(email.message.Message))
    return message


_message_steps = _each(
    lambda m: m.__delitem__("To"),
    lambda m: m.__setitem__("From", "x@y.z"),
    lambda m: m.add_header("X-A", "1"),
    lambda m: m.replace_header("To", "x@y.z"),
    lambda m: m.set_param("charset", "ascii"),
    lambda m: m.del_param("charset"),
    lambda m: m.set_type("text/html"),
    lambda m: m.set_boundary("xx"),
    lambda m: m.set_unixfrom("me"),
    lambda m: m.set_payload("other"),
    lambda m: m.set_charset("utf-8"),
    lambda m: m.set_default_type("message/rfc822"),
    lambda m: m.get_param("charset"),
    lambda m: m.get_content_charset(),
    lambda m: m.get_filename("z"),
    lambda m: m.get_boundary(),
    lambda m: m.get_payload(),
    lambda m: m.get_all("To"),
    lambda m: m["To"],
    lambda m: m.get_params(),
)
_parts_steps = _each(
    lambda m: m.attach(_message(email.message.Message)),
    lambda m: list(m.walk()),
    lambda m: m.get_payload(0),
)


def _options(cls: type) -> Any:
    found = cls() if not issubclass(cls, optparse.OptionGroup) else cls(optparse.OptionParser(), "title")
    found.add_option("-a", "--all", dest="all", default=1)
    return found


_option_steps = _each(
    lambda o: o.add_option("-b", "--both"),
    lambda o: o.add_options([optparse.make_option("-b", "--both")]),
    lambda o: o.remove_option("-a"),
    lambda o: o.set_conflict_handler("resolve"),
    lambda o: o._share_option_mappings(optparse.OptionParser()),
    lambda o: (o.set_conflict_handler("resolve"), o._check_conflict(optparse.make_option("-a"))),
    lambda o: o.get_option("-a"),
    lambda o: o.has_option("-a"),
    lambda o: o.destroy(),
)


def _cookies(cls: type) -> Any:
    jar = cls()
    jar.set_cookie(_cookie("n"))
    jar.set_cookie(_cookie("m"))
    return jar


def _cookie(name: str) -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        0, name, "v", None, False, "a.org", True, False, "/", True, False, 1, False, None, None, {}
    )


def _response() -> Any:
    headers = email.message.Message()
    headers["Set-Cookie"] = "k=v; Path=/"
    return types.SimpleNamespace(info=lambda: headers)


def _arguments(cls: type) -> Any:
    parser = cls(prog="p")
    parser.add_argument("-a", dest="a")
    return parser


def _action(parser: argparse.ArgumentParser) -> Any:
    return parser._option_string_actions["-a"]


_list_steps = _each(
    lambda s: s.add(7), lambda s: s.update([7, 8]), lambda s: s.discard(2), lambda s: s.remove(2), lambda s: s.clear(),
    lambda s: s.pop(), lambda s: s.__delitem__(0), lambda s: s._check(), lambda s: s.copy(), lambda s: s[0],
    lambda s: s.index(2), lambda s: s.count(2), lambda s: s.bisect(2), lambda s: s.bisect_left(2),
    lambda s: list(s.irange(1, 3)), lambda s: list(s.islice(0, 2)), lambda s: list(reversed(s)), lambda s: s == [1],
    lambda s: repr(s), lambda s: s._reset(4),
)  # fmt: skip
_sorted_list_steps = _each(
    lambda s: s.__iadd__([5]), lambda s: s.__imul__(2), lambda s: [*s, 1], lambda s: s * 2, lambda s: 2 * s,
    lambda s: [1, *s], lambda s: s._delete(0, 0), lambda s: s._build_index(), lambda s: s._clear(),
    lambda s: (s.update(range(5000)), s._expand(0)), lambda s: s._pos(1), lambda s: s._loc(0, 0), lambda s: s < [1],
    lambda s: s > [1], lambda s: s <= [1], lambda s: s >= [1], lambda s: s != [1], lambda s: s._getitem(0),
)  # fmt: skip
_set_steps = _each(
    lambda s: s.difference_update([1]), lambda s: s.intersection_update([1]), lambda s: s.__isub__({1}),
    lambda s: s.__iand__({1}), lambda s: s.__ior__({9}), lambda s: s.__ixor__({1}), lambda s: s | {9},
    lambda s: s & {1}, lambda s: s - {1}, lambda s: s ^ {1}, lambda s: s.union([9]), lambda s: s.difference([1]),
    lambda s: s.intersection([1]), lambda s: s.symmetric_difference([1]),
    lambda s: s.symmetric_difference_update([1]),
)  # fmt: skip
_cache = _filled(lambda c: c.update({"a": 1, "b": 2}), args=(3,))
_cache_steps = _each(
    lambda c: c["a"], lambda c: c.get("a"), lambda c: c.__setitem__("a", 4), lambda c: c.__setitem__("n", 4),
    lambda c: c.__delitem__("a"), lambda c: c.pop("a"), lambda c: c.popitem(), lambda c: c.clear(),
    lambda c: c.update({"q": 1}), lambda c: c.setdefault("q", 1), lambda c: c == {"a": 1}, lambda c: len(c),
    lambda c: (c["a"], c == {"a": 1}), lambda c: repr(c), lambda c: "a" in c, lambda c: list(c.items()),
)  # fmt: skip


def _weak(cls: type) -> Any:
    found = cls()
    if issubclass(cls, collections.abc.MutableSet):
        found.update(KEPT)
    else:
        found["a"], found["b"] = KEPT[:2]
    return found


def _pending(cls: type) -> Any:
    """What died while it was iterated is still to be removed."""
    found = _weak(cls)
    found._pending_removals.append(
        found.data.pop() if isinstance(found.data, set) else next(iter(found.data))
    )
    return found


def _long(cls: type) -> Any:
    """Many short lists inside, and no index yet."""
    found = cls(range(50))
    found._reset(4)
    return found


def _uncached(*names: str) -> Make:
    def make(cls: type) -> Any:
        graph = _tree(cls)
        for name in names:
            graph.__dict__.pop(name, None)
        return graph

    return make


def _round() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _html(cls: type) -> Any:
    parser = cls()
    parser.rawdata = "<!DOCTYPE a [<!ELEMENT b (c)>]>\n<p a='1'>text</p><!-- c -->"
    return parser


def _printed(name: str, value: Callable[[], Any]) -> Step:
    return lambda p: getattr(p, name)(value(), io.StringIO(), 0, 0, {}, 0)


_DICT_STEPS = _each(
    lambda d: d.__setitem__("z", 1), lambda d: d.__delitem__("a"), lambda d: d.pop("a"), lambda d: d.popitem(),
    lambda d: d.clear(), lambda d: d.update({"z": 1}), lambda d: d.setdefault("z", 1), lambda d: d["a"],
    lambda d: d.get("a"), lambda d: "a" in d, lambda d: list(d), lambda d: list(d.items()), lambda d: repr(d),
)  # fmt: skip

#: A way to make an object of a (traced) class, and what is called on it, each step on an object of its own.
SCENES: dict[str, list[tuple[Make, list[Step]]]] = {
    "configparser:ConfigParser": [(_parser, _parser_steps)],
    "configparser:RawConfigParser": [(_parser, _parser_steps)],
    **{
        name: [(_tree, _graph_steps), (_uncached("adj", "degree", "nodes", "edges"), [*_graph_steps, str])]
        for name in ("networkx:Graph", "networkx:DiGraph")
    },
    "email.message:Message": [(_message, _message_steps), (_parts, _parts_steps)],
    "email.message:EmailMessage": [
        (_message, _message_steps), (_parts, _parts_steps),
        (_message, _each(
            lambda m: m.clear(), lambda m: m.clear_content(), lambda m: m.make_mixed(), lambda m: m.make_related(),
            lambda m: m.make_alternative(), lambda m: m._make_multipart("mixed", (), None),
        )),
        (_filled(), _each(lambda m: m.set_content("x"), lambda m: (m.set_content("x"), m.add_attachment("y")),
                          lambda m: (m.set_content("x"), m.add_related("y")),
                          lambda m: (m.set_content("x"), m.add_alternative("y")),
                          lambda m: (m.set_content("x"), m._add_multipart("mixed", "y")))),
    ],
    "optparse:OptionParser": [(_options, [*_option_steps, *_each(
        lambda o: o.set_defaults(all=5), lambda o: o.set_default("all", 5), lambda o: o.set_usage("u"),
        lambda o: o.set_process_default_values(False), lambda o: o.disable_interspersed_args(),
        lambda o: o.add_option_group("group"), lambda o: o.get_default_values(), lambda o: o.get_usage(),
        lambda o: o.format_help(), lambda o: o.get_option_group("-a"), lambda o: o._get_all_options(),
        lambda o: o._process_args([], ["-a", "1"], optparse.Values()),
        lambda o: o._process_long_opt(["--all", "1"], optparse.Values()),
        lambda o: o._process_short_opts(["-a", "1"], optparse.Values()),
        lambda o: o._add_help_option() if not o.has_option("-h") else o.remove_option("-h"),
        lambda o: o._populate_option_list([], False),
        lambda o: (o.remove_option("-h"), o._add_help_option()),
    )])],
    "optparse:OptionGroup": [(_options, [*_option_steps, *_each(
        lambda o: o._create_option_mappings(),
    )])],
    "optparse:Values": [(_filled(args=({"a": 1},)), _each(
        lambda v: v.__init__({"b": 2}), lambda v: v._update_careful({"a": 2}), lambda v: v._update_loose({"b": 2}),
        lambda v: v._update({"b": 2}, "loose"), lambda v: v.ensure_value("z", 1),
        lambda v: v.read_module("this", "loose"), lambda v: v.read_file(__import__("this").__file__, "loose"),
    ))],
    "optparse:IndentedHelpFormatter": [(_filled(), _each(
        lambda f: f.set_short_opt_delimiter(" "), lambda f: f.set_long_opt_delimiter("="), lambda f: f.indent(),
        lambda f: f.dedent() if f.level else f.indent(), lambda f: f.set_parser(optparse.OptionParser()),
        lambda f: f.format_heading("h"), lambda f: f.format_usage("u"),
        lambda f: f.format_option_strings(optparse.make_option("-a")),
        lambda f: f.store_option_strings(optparse.OptionParser()),
    ))],
    "http.cookiejar:CookieJar": [(_cookies, _each(
        lambda j: j.clear(), lambda j: j.clear("a.org"),
        lambda j: (setattr(next(iter(j)), "discard", True), j.clear_session_cookies()),
        lambda j: j.clear_expired_cookies(), lambda j: j.set_cookie(_cookie("z")), lambda j: len(j), lambda j: list(j),
        lambda j: j.set_cookie_if_ok(_cookie("z"), urllib.request.Request("http://a.org/")),
        lambda j: j.make_cookies(_response(), urllib.request.Request("http://a.org/")),
        lambda j: j.extract_cookies(_response(), urllib.request.Request("http://a.org/")),
        lambda j: j.add_cookie_header(urllib.request.Request("http://a.org/")),
        lambda j: j.set_policy(http.cookiejar.DefaultCookiePolicy()),
    ))],
    "argparse:ArgumentParser": [(_arguments, _each(
        lambda p: p.add_argument("-b"), lambda p: p.set_defaults(a=1), lambda p: p.register("x", "y", int),
        lambda p: p._remove_action(_action(p)), lambda p: p._add_action(argparse.Action(["-z"], "z")),
        lambda p: p._handle_conflict_resolve(None, [("-a", _action(p))]), lambda p: p.add_argument_group("g"),
        lambda p: p.add_mutually_exclusive_group(), lambda p: p.add_subparsers(), lambda p: p.format_help(),
        lambda p: p.format_usage(), lambda p: p.parse_known_args(["-a", "1"]), lambda p: p.get_default("a"),
        lambda p: p._get_formatter(), lambda p: p._get_optional_actions(), lambda p: p._get_positional_actions(),
        lambda p: p._add_container_actions(argparse.ArgumentParser(add_help=False)),
        lambda p: p._parse_optional("-a"), lambda p: p._get_value(_action(p), "1"),
    ))],
    "argparse:HelpFormatter": [(_filled(args=("prog",)), _each(
        lambda f: f._indent(), lambda f: (f._indent(), f._dedent()), lambda f: f.start_section("s"),
        lambda f: f.add_text("t"), lambda f: f.add_usage("u", [], []),
        lambda f: f.add_argument(argparse.Action(["-z"], "z")),
        lambda f: f.add_arguments([argparse.Action(["-z"], "z")]),
        lambda f: (f.add_text("t"), f.format_help()),
        lambda f: f._format_action(argparse.Action(["-z"], "z", help="h")),
        lambda f: list(f._iter_indented_subactions(types.SimpleNamespace(_get_subactions=lambda: [1]))),
    ))],
    "argparse:Namespace": [(_filled(), _each(lambda n: n.__init__(a=1)))],
    "queue:Queue": [(_filled(lambda q: q.put(1), args=(5,)), _each(
        lambda q: q.task_done(), lambda q: q._get(), lambda q: q._put(2), lambda q: q._init(3),
        lambda q: q.get_nowait()))],
    "queue:LifoQueue": [(_filled(lambda q: q.put(1), args=(5,)), _each(
        lambda q: q.task_done(), lambda q: q._get(), lambda q: q._put(2), lambda q: q._init(3)))],
    "queue:PriorityQueue": [(_filled(lambda q: q.put(1), args=(5,)), _each(
        lambda q: q.task_done(), lambda q: q._get(), lambda q: q._put(2), lambda q: q._init(3)))],
    "sched:scheduler": [(_filled(lambda s: s.enter(9, 1, print)), _each(
        lambda s: s.enter(9, 1, print), lambda s: s.enterabs(9, 1, print), lambda s: s.cancel(s.queue[0]),
        lambda s: s.empty()))],
    "sortedcontainers:SortedList": [
        *((make, [*_list_steps, *_sorted_list_steps]) for make in (_filled(args=([1, 2, 3],)), _long)),
        (_filled(args=(range(5000),)), _each(
            lambda s: s._pos(3000), lambda s: (s._reset(4), s._lists[0].extend([0] * 9), s._expand(0)),
        )),
    ],
    "sortedcontainers:SortedSet": [(_filled(args=([1, 2, 3],)), [*_list_steps[:-1], *_set_steps])],
    "sortedcontainers:SortedDict": [(_filled(args=({"a": 1, "b": 2},)), [*_DICT_STEPS, *_each(
        lambda d: d.iloc, lambda d: d.peekitem(), lambda d: d._check(), lambda d: d | {"z": 1},
        lambda d: d.__ior__({"z": 1}), lambda d: d.copy(), lambda d: list(reversed(d)), lambda d: d._update({"z": 1}),
        lambda d: {"z": 1} | d,
    )])],
    "weakref:WeakSet": [(make, _each(
        lambda s: s.clear(), lambda s: s.discard(KEPT[0]), lambda s: s.pop(), lambda s: s.remove(next(iter(s))),
        lambda s: s.add(Point), lambda s: s.update([Point]), lambda s: s.__isub__({KEPT[0]}),
        lambda s: s.__iand__({KEPT[0]}), lambda s: s.__ixor__({KEPT[0]}), lambda s: s.difference_update([KEPT[0]]),
        lambda s: s.intersection_update([KEPT[0]]), lambda s: s.symmetric_difference_update([KEPT[0]]),
        lambda s: s.__ior__({Point}), lambda s: KEPT[0] in s, lambda s: s.copy(), lambda s: list(s),
        lambda s: s | {Point}, lambda s: s & {Point}, lambda s: s - {Point}, lambda s: s ^ {Point},
        lambda s: s.union([Point]), lambda s: s.difference([Point]), lambda s: s.intersection([Point]),
        lambda s: s.issuperset([Point]), lambda s: s.isdisjoint([Point]), lambda s: s >= {Point}, lambda s: s > {Point},
        lambda s: s.difference({Point}), lambda s: s._commit_removals(), lambda s: s < {Point}, lambda s: s <= {Point},
    )) for make in (_weak, _pending)],
    "weakref:WeakValueDictionary": [(make, _each(
        lambda d: d.__delitem__("a"), lambda d: d.__setitem__("c", KEPT[2]), lambda d: d.pop("a"),
        lambda d: d.popitem(), lambda d: d.setdefault("c", KEPT[2]), lambda d: d.clear(), lambda d: d.update(c=KEPT[2]),
        lambda d: d.__ior__({"c": KEPT[2]}), lambda d: d["a"], lambda d: d.get("a"), lambda d: list(d.items()),
        lambda d: d.copy(), lambda d: len(d), lambda d: list(d.values()), lambda d: d.valuerefs(),
        lambda d: "a" in d, lambda d: list(d.keys()), lambda d: list(d), lambda d: d == {},
        lambda d: d | {"c": KEPT[2]},
        lambda d: {"c": KEPT[2]} | d, lambda d: d._commit_removals(),
    )) for make in (_weak, _pending)],
    "collections:Counter": [(_filled(args=("aab",)), [*_DICT_STEPS, *_each(
        lambda c: c.__iadd__({"a": 1}) if False else c.__iadd__(collections.Counter("a")),
        lambda c: c.__isub__(collections.Counter("a")), lambda c: c.__ior__(collections.Counter("zz")),
        lambda c: c.__iand__(collections.Counter("a")), lambda c: c.subtract("a"),
        lambda c: (c.subtract("aaa"), c._keep_positive()), lambda c: c + c, lambda c: c - c, lambda c: c | c,
        lambda c: c & c, lambda c: c.most_common(), lambda c: c.copy(),
    )])],
    "collections:ChainMap": [(_filled(args=({"a": 1}, {"b": 2})), [*_DICT_STEPS, *_each(
        lambda c: c.__ior__({"z": 1}), lambda c: c | {"z": 1}, lambda c: c.new_child({"z": 1}), lambda c: c.parents,
    )])],
    "collections:UserDict": [(_filled(args=({"a": 1},)), [*_DICT_STEPS, *_each(
        lambda c: c.__ior__({"z": 1}), lambda c: c | {"z": 1}, lambda c: c.copy(), lambda c: c == {"a": 1},
    )])],
    "collections:UserList": [(_filled(args=([2, 1],)), _each(
        lambda u: u.__setitem__(0, 5), lambda u: u.__delitem__(0), lambda u: u.append(1), lambda u: u.insert(0, 1),
        lambda u: u.pop(), lambda u: u.remove(2), lambda u: u.clear(), lambda u: u.reverse(), lambda u: u.sort(),
        lambda u: u.extend([1]), lambda u: u.__iadd__([1]), lambda u: u.__imul__(2), lambda u: u[0], lambda u: [*u, 1],
        lambda u: u * 2, lambda u: u.copy(), lambda u: u == [2, 1], lambda u: u.index(1), lambda u: u[0:1],
    ))],
    "http.cookies:SimpleCookie": [(_filled(args=("a=1",)), _each(
        lambda c: c.load("b=2"), lambda c: c.load({"b": "2"}), lambda c: c._BaseCookie__parse_string("b=2"),
        lambda c: c._BaseCookie__set("b", "2", "2"), lambda c: c.output(), lambda c: c.js_output(), lambda c: str(c),
    ))],
    "http.cookies:Morsel": [(_filled(lambda m: m.set("a", "1", "1")), _each(
        lambda m: m.set("b", "2", "2"), lambda m: m.__setitem__("path", "/"), lambda m: m.setdefault("path", "/"),
        lambda m: m.update({"path": "/"}), lambda m: m.output(), lambda m: m.OutputString(), lambda m: repr(m),
    ))],
    "html.parser:HTMLParser": [(_html, _each(
        lambda h: h.feed("<b>"), lambda h: h.goahead(True), lambda h: h.close(), lambda h: h.reset(),
        lambda h: (h.set_cdata_mode("script"), h.clear_cdata_mode()), lambda h: h.parse_declaration(0),
        lambda h: h.parse_html_declaration(0), lambda h: h.updatepos(0, 40), lambda h: h.parse_starttag(32),
        lambda h: h.parse_endtag(h.rawdata.index("</p")), lambda h: h.parse_comment(h.rawdata.index("<!--")),
        lambda h: h._parse_doctype_subset(13, 0), lambda h: h._scan_name(2, 0),
    )), (_filled(lambda h: setattr(h, "rawdata", "<![CDATA[x]]><?pi\n?>")), _each(
        lambda h: h.parse_marked_section(0), lambda h: h.parse_pi(13), lambda h: h.parse_html_declaration(0),
    )), (_filled(lambda h: setattr(h, "rawdata", "<!ATTLIST a\n b CDATA #IMPLIED>")), _each(
        lambda h: h._parse_doctype_attlist(10, 0), lambda h: h._scan_name(10, 0),
    )), (_filled(lambda h: setattr(h, "rawdata", "<!ENTITY a\n 'b'>")), _each(
        lambda h: h._parse_doctype_entity(9, 0),
    )), (_filled(lambda h: setattr(h, "rawdata", "<![(\n((")), _each(
        _tried(lambda h: h.parse_html_declaration(0)), _tried(lambda h: h.parse_marked_section(0)),
        _tried(lambda h: h._parse_doctype_attlist(5, 0)), _tried(lambda h: h._parse_doctype_entity(5, 0)),
        _tried(lambda h: h._scan_name(5, 0)),
    ))],
    "cachetools:LRUCache": [(_cache, _cache_steps)],
    "cachetools:LFUCache": [(_cache, [*_cache_steps, lambda c: c._LFUCache__touch("a")])],
    "cachetools:FIFOCache": [(_cache, _cache_steps)],
    "cachetools:TTLCache": [(_filled(lambda c: c.update({"a": 1, "b": 2}), args=(3, 10)), [
        *_cache_steps, lambda c: c.expire(1e12), lambda c: c.currsize,
    ]), (_filled(lambda c: c.update({"a": 1}), args=(3, 1e-9)), _each(
        lambda c: len(c), lambda c: repr(c), lambda c: c.currsize, lambda c: c == {"a": 1}, lambda c: list(c),
    ))],
    "boltons.cacheutils:LRU": [(_filled(lambda c: c.update({"a": 1, "b": 2})), [*_DICT_STEPS, *_each(
        lambda c: c._init_ll(), lambda c: c._remove_from_ll("a"), lambda c: c._evict_last_in_ll() if False else c["b"],
        lambda c: c._get_link_and_move_to_front_of_ll("a"), lambda c: c._set_key_and_add_to_front_of_ll("q", 1),
        lambda c: c.copy(),
    )])],
    "boltons.cacheutils:ThresholdCounter": [(_filled(lambda c: c.add("a")), _each(
        lambda c: c.add("b"), lambda c: c.update(["b"]), lambda c: c["a"], lambda c: c.most_common(),
    ))],
    "boltons.dictutils:OneToOne": [(_filled(args=({"a": 1},)), [*_DICT_STEPS, lambda d: d.copy()])],
    "boltons.dictutils:ManyToMany": [(_filled(args=([("a", 1), ("b", 2)],)), _each(
        lambda m: m.__delitem__("a"), lambda m: m.remove("a", 1), lambda m: m.replace("a", "z"),
        lambda m: m.update([("z", 9)]), lambda m: m.add("z", 1), lambda m: m.__setitem__("a", [5]), lambda m: m["a"],
        lambda m: "a" in m, lambda m: list(m.iteritems()), lambda m: len(m), lambda m: repr(m), lambda m: m == m,
    ))],
    "boltons.listutils:BarrelList": [(_filled(args=(range(300),)), _each(
        lambda b: b.__delitem__(0), lambda b: b.del_slice(0, 2), lambda b: b.__delslice__(0, 2),
        lambda b: b.__setitem__(0, 9), lambda b: b.insert(0, 9), lambda b: b.append(1), lambda b: b.extend([1]),
        lambda b: b.pop(), lambda b: b.sort(), lambda b: b.reverse(),
        lambda b: (b.lists[0].extend(range(40_000)), b._balance_list(0)), lambda b: b[5], lambda b: b.index(5),
        lambda b: b.count(5), lambda b: b[1:3], lambda b: b._translate_index(5),
    )), (_filled(args=([3, 1, 2],)), _each(lambda b: b.sort()))],
    "boltons.setutils:IndexedSet": [(_filled(args=([3, 1, 2],)), [*_set_steps, *_each(
        lambda s: s.add(9), lambda s: s.remove(1), lambda s: s.discard(1), lambda s: s.clear(), lambda s: s.pop(0),
        lambda s: s.pop(), lambda s: s.reverse(), lambda s: s.sort(), lambda s: s.update([9]),
        lambda s: (s.discard(1), s._compact()), lambda s: (s.discard(2), s._cull()),
        lambda s: s.iter_difference_update([1]) if hasattr(s, "iter_difference_update") else None,
        lambda s: s[0], lambda s: s.index(1), lambda s: list(s.iter_slice(0, 2)), lambda s: s[0:2],
        lambda s: s == [3, 1, 2], lambda s: s.issubset([1, 2, 3]), lambda s: 1 in s,
    )]), (_filled(lambda s: [s.discard(n) for n in range(30, 90, 2)], args=(range(100),)), _each(
        lambda s: s._compact(), lambda s: s[40], lambda s: s.index(41), lambda s: (s.item_list.pop(), s._cull()),
        lambda s: (s.item_index_map.clear(), s._cull()), lambda s: s._bulk_discard([1]),
    ))],
    "boltons.queueutils:HeapPriorityQueue": [(_filled(lambda q: q.add("a", 1), lambda q: q.add("b", 2)), _each(
        lambda q: q.pop(), lambda q: q.remove("a"), lambda q: q.add("c", 1), lambda q: q.peek(), lambda q: len(q),
        lambda q: (q.remove("b"), q.peek()), lambda q: (q.remove("b"), q._cull()),
    ))],
    "boltons.statsutils:Stats": [(_filled(args=([5, 1, 2, 9, 3],)), _each(
        lambda s: s.mean, lambda s: s.median, lambda s: s.trim_relative(0.25), lambda s: s._get_sorted_data(),
        lambda s: s.get_quantile(0.5), lambda s: s.get_zscore(2), lambda s: s.get_histogram_counts(3),
        lambda s: s.format_histogram(), lambda s: s.describe(), lambda s: s.clear_cache(), lambda s: s.iqr,
    ))],
    "graphlib:TopologicalSorter": [(_filled(args=({"a": ["b"]},)), _each(
        lambda t: t.add("z", "y"), lambda t: t.prepare(), lambda t: (t.prepare(), t.get_ready()),
        lambda t: (t.prepare(), t.done(*t.get_ready())), lambda t: list(t.static_order()), lambda t: t._find_cycle(),
    ))],
    "difflib:SequenceMatcher": [(_filled(args=(None, "abcd", "bcde")), _each(
        lambda m: m.get_opcodes(), lambda m: m.ratio(), lambda m: m.get_matching_blocks(),
        lambda m: m.set_seqs("a", "b"),
        lambda m: m.find_longest_match(), lambda m: m.quick_ratio(), lambda m: list(m.get_grouped_opcodes()),
    ))],
    "pprint:PrettyPrinter": [(_filled(args=(1, 20, None, io.StringIO())), _each(
        lambda p: p.pformat(_round()), lambda p: p.pprint(_round()), lambda p: p.isreadable(_round()),
        lambda p: p.isrecursive(_round()), lambda p: p._repr(_round(), {}, 0), lambda p: p.pformat(Point()),
        lambda p: p._format(_round(), io.StringIO(), 0, 0, {}, 0), lambda p: p.format([1], {}, None, 0),
        _printed("_pprint_dict", lambda: {"a": Point()}), _printed("_pprint_list", lambda: [Point()] * 9),
        _printed("_pprint_tuple", lambda: (Point(),) * 9), _printed("_pprint_set", lambda: {Point(), Point()}),
        _printed("_pprint_ordered_dict", lambda: collections.OrderedDict(a=Point())),
        _printed("_pprint_counter", lambda: collections.Counter([Point()])),
        _printed("_pprint_default_dict", lambda: collections.defaultdict(list, a=Point())),
        _printed("_pprint_chain_map", lambda: collections.ChainMap({"a": Point()}, {})),
        _printed("_pprint_deque", lambda: collections.deque([Point()] * 9)),
        _printed("_pprint_user_dict", lambda: collections.UserDict(a=Point())),
        _printed("_pprint_user_list", lambda: collections.UserList([Point()] * 9)),
        _printed("_pprint_user_string", lambda: collections.UserString("abc")),
        _printed("_pprint_mappingproxy", lambda: types.MappingProxyType({"a": Point()})),
        _printed("_pprint_simplenamespace", lambda: types.SimpleNamespace(a=Point())),
        _printed("_pprint_bytes", lambda: b"abc" * 20), _printed("_pprint_str", lambda: "abc " * 20),
        lambda p: p._format_items([Point()] * 9, io.StringIO(), 0, 0, {}, 0),
        lambda p: p._format_dict_items([("a", Point())], io.StringIO(), 0, 0, {}, 0),
        lambda p: p._format_namespace_items([("a", Point())], io.StringIO(), 0, 0, {}, 0),
    ))],
    "cmd:Cmd": [(_filled(), _each(
        lambda c: c.onecmd("help"), lambda c: c.default("x"), lambda c: c.parseline("a b"), lambda c: c.emptyline(),
        lambda c: c.columnize(["a", "b"]), lambda c: c.print_topics("h", ["a"], 15, 80), lambda c: c.do_help(""),
        lambda c: (setattr(c, "lastcmd", " help x"), c.emptyline()), _tried(lambda c: c.complete("he", 0)),
    )), (lambda cls: cls(stdout=io.StringIO()), _each(
        lambda c: c.default("x"), lambda c: c.do_help("x"), lambda c: c.columnize([]),
        lambda c: c.print_topics("h", ["a"], 15, 80),
    ))],
    "codeop:Compile": [(_filled(), _each(
        lambda c: c("from __future__ import annotations\n", "f", "exec") if c.flags else None,
        lambda c: c("1", "f", "eval"),
    ))],
    "random:Random": [(_filled(args=(1,)), _each(
        lambda r: r.random(), lambda r: r.setstate(__import__("random").Random(5).getstate()), lambda r: r.seed(7),
        lambda r: r.shuffle([1, 2, 3]), lambda r: r.sample([1, 2, 3], 2), lambda r: r.choice([1, 2]),
        lambda r: r.gauss(0, 1), lambda r: r.uniform(0, 1), lambda r: r.randint(0, 9), lambda r: r.getstate(),
        lambda r: r.betavariate(1, 1), lambda r: r.expovariate(1), lambda r: r.gammavariate(1, 1),
        lambda r: r.randbytes(3), lambda r: r._randbelow(9),
        lambda r: r._randbelow_with_getrandbits(9), lambda r: r.choices([1, 2], k=2),
    ))],
    "shlex:shlex": [(_filled(args=("a 'b c' d",)), _each(
        lambda s: s.get_token(), lambda s: s.push_token("x"), lambda s: s.read_token(),
        lambda s: s.push_source("z"), lambda s: (s.push_source("z"), s.pop_source()), lambda s: s.error_leader(),
    ))],
    "zipfile:ZipInfo": [(_filled(args=("name",)), _each(
        lambda z: (setattr(z, "CRC", 1), z.FileHeader(True)), lambda z: z.is_dir(), lambda z: repr(z),
        lambda z: (setattr(z, "file_size", 0xFFFFFFFF), setattr(z, "header_offset", 0), setattr(z, "compress_size", 1),
                   setattr(z, "extra", b"\x01\0\x08\0" + b"\1" * 8), z._decodeExtra()),
    ))],
    "email.header:Header": [(_filled(args=("a",)), _each(
        lambda h: h.append("b"), lambda h: h.encode(), lambda h: str(h), lambda h: h == "a",
    ))],
    "string:Template": [(_filled(args=("$a",)), _each(
        lambda t: t.substitute(a=1), lambda t: t.safe_substitute({}), lambda t: t.get_identifiers(),
        lambda t: t.is_valid(),
    ))],
    "textwrap:TextWrapper": [(_filled(args=(20,)), _each(
        lambda t: t.wrap("hello wide world of words"), lambda t: t.fill("hello wide world of words"),
        lambda t: t._split("a b"), lambda t: t._wrap_chunks(["a", " ", "b"]),
    ))],
    "mimetypes:MimeTypes": [(_filled(), _each(
        lambda m: m.add_type("a/b", ".zz"), lambda m: m.readfp(io.StringIO("a/b zz\n")),
        lambda m: m.guess_type("a.txt"),
        lambda m: m.guess_extension("text/plain"), lambda m: m.guess_all_extensions("text/plain"),
    ))],
    "contextlib:ExitStack": [(_filled(), _each(
        lambda s: s.callback(print), lambda s: s.push(io.StringIO()), lambda s: s.pop_all(),
        lambda s: s._push_exit_callback(print), lambda s: s._push_cm_exit(io.StringIO(), io.StringIO.__exit__),
    ))],
}  # fmt: skip

#: ConfigParser shares its helpers with the classes of the standard library.
assert configparser.ConfigParser and http.cookies.Morsel
