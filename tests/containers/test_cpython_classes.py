"""CPython's own tests of classes of its library, run on objects of a live share."""

import pytest

pytest.importorskip("test.test_array")
pytestmark = pytest.mark.slow

from factories import OnAShare, adapted, except_for  # noqa: E402

COPIES = "a pickled proxy is a reference: it loads as the same proxy, not as a second object"
TYPE = "type() of a proxy is the class of the proxy"
CLOSURE = "its class refers to the running test, which cannot travel"
DESCRIPTOR = "the methods of dict itself take no proxy, and say so"
SIZE = "the size of the proxy is not that of the object"
FREE = "not run: the shared object lives until its name is deleted, and its class's __del__ fails"
BUFFER = "the buffer of a proxy is a copy that cannot be written to"

user_dict = adapted("test.test_userdict", ("collections", "UserDict"))
user_list = adapted("test.test_userlist", ("collections", "UserList"))
user_string = adapted("test.test_userstring", ("collections", "UserString"))
collections_ = adapted("test.test_collections", ("collections", "ChainMap"), ("collections", "Counter"))
default_dict = adapted("test.test_defaultdict", ("collections", "defaultdict"))
ordered_dict = adapted("test.test_ordered_dict", ("collections", "OrderedDict"))
graph = adapted("test.test_graphlib", ("graphlib", "TopologicalSorter"))
namespace = adapted("test.test_types", ("types", "SimpleNamespace"))
differences = adapted(
    "test.test_difflib", ("difflib", "SequenceMatcher"), ("difflib", "Differ"), ("difflib", "HtmlDiff")
)
random_ = adapted("test.test_random", ("random", "Random"))
arrays = adapted("test.test_array", ("array", "array"))
memory_io = adapted("test.test_memoryio", ("io", "BytesIO"), ("io", "StringIO"))
config = adapted(
    "test.test_configparser", ("configparser", "ConfigParser"), ("configparser", "RawConfigParser")
)


@except_for({"test_fromkeys": TYPE})
class TestUserDict(OnAShare, user_dict.UserDictTest):  # type: ignore[name-defined,misc]
    """A UserDict that is a name of the share."""


@except_for(
    {
        "test_free_after_iterating": FREE,
        "test_exhausted_iterator": "a generator that only reads runs on the state in which it began",
        "test_pickle": COPIES,
        "test_userlist_copy": TYPE,
        "test_sort": "functools.cmp_to_key gives objects that cannot be pickled; keys that are functions work",
    }
)
class TestUserList(OnAShare, user_list.UserListTest):  # type: ignore[name-defined,misc]
    """A UserList that is a name of the share."""


@except_for(
    {
        "test_count": "not run: some 300,000 calls",
        "test_find": "not run: some 300,000 calls",
        "test_rfind": "not run: some 300,000 calls",
        "test_index": "not run: some 300,000 calls",
        "test_rindex": "not run: some 300,000 calls",
        "test_find_periodic_pattern": "not run: some 300,000 calls",
        "test_find_many_lengths": "not run: some 300,000 calls",
        "test_find_shift_table_overflow": "not run: some 300,000 calls",
        "test_floatformatting": "not run: 30,000 assignments",
        "test_fixtype": TYPE,
        "test_join": "str.join() takes no proxies, and says so in other words",
        "test_rmod": "makes a subclass whose methods use super(), and the factory is no such class",
    }
)
class TestUserString(OnAShare, user_string.UserStringTest):  # type: ignore[name-defined,misc]
    """A UserString that is a name of the share."""


@except_for(
    {
        "test_basics": COPIES,
        "test_new_child": "it waits for the coordinator, where the dict that it is given is another one",
        "test_union_operators": "makes a subclass whose methods use super(), and the factory is no such class",
    }
)
class TestChainMap(OnAShare, collections_.TestChainMap):  # type: ignore[name-defined,misc]
    """A ChainMap that is a name of the share."""


@except_for(
    {
        "test_basics": "asks whether the factory is a subclass of dict",
        "test_copy_subclass": TYPE,
        "test_copying": COPIES,
    }
)
class TestCounter(OnAShare, collections_.TestCounter):  # type: ignore[name-defined,misc]
    """A Counter that is a name of the share."""


@except_for(
    {
        "test_copy": TYPE,
        "test_repr": "the factory is a function of the test, which travels by value",
        "test_recursive_repr": "the factory, a method of the dict itself, is shown as that of the proxy",
    }
)
class TestDefaultDict(OnAShare, default_dict.TestDefaultDict):  # type: ignore[name-defined,misc]
    """A defaultdict that is a name of the share."""


@except_for(
    {
        "test_free_after_iterating": FREE,
        "test_ordered_dict_items_result_gc": "not run: asks whether the garbage collector tracks a tuple",
        "test_reference_loop": "not run: asks when a class is freed",
        "test_abc": "asks whether the factory is a subclass of MutableMapping",
        "test_copying": TYPE,
        "test_highly_nested_subclass": FREE,
        "test_merge_operator": TYPE,
        "test_pickle_recursive": COPIES,
        "test_reduce_not_too_fat": "the __dict__ of a proxy is a mapping that writes through, and no dict",
        "test_sizeof_exact": SIZE,
        "test_yaml_linkage": "a proxy reduces to a reference",
        "test_repr_recursive_values": "a view of a dict cannot be pickled, and so not be a part",
        "test_dict_clear": DESCRIPTOR,
        "test_dict_delitem": DESCRIPTOR,
        "test_dict_pop": DESCRIPTOR,
        "test_dict_popitem": DESCRIPTOR,
        "test_dict_setdefault": DESCRIPTOR,
        "test_dict_setitem": DESCRIPTOR,
        "test_dict_update": DESCRIPTOR,
    }
)
class TestOrderedDict(OnAShare, ordered_dict.CPythonOrderedDictTests):  # type: ignore[name-defined,misc]
    """An OrderedDict that is a name of the share."""

    OrderedDict = ordered_dict.c_coll.OrderedDict


class TestTopologicalSorter(OnAShare, graph.TestTopologicalSort):  # type: ignore[name-defined,misc]
    """A TopologicalSorter that is a name of the share."""


@except_for({"test_subclass": TYPE})
class TestSimpleNamespace(OnAShare, namespace.SimpleNamespaceTests):  # type: ignore[name-defined,misc]
    """A SimpleNamespace that is a name of the share."""


class TestAutojunk(OnAShare, differences.TestAutojunk):  # type: ignore[name-defined,misc]
    """SequenceMatchers that are names of the share."""


class TestSFBugs(OnAShare, differences.TestSFbugs):  # type: ignore[name-defined,misc]
    """The same, and Differs."""


class TestSFPatches(OnAShare, differences.TestSFpatches):  # type: ignore[name-defined,misc]
    """An HtmlDiff that is a name of the share."""


class TestFindLongest(OnAShare, differences.TestFindLongest):  # type: ignore[name-defined,misc]
    """SequenceMatchers that are names of the share."""


@except_for(
    {
        "test_randbelow_without_getrandbits": "not run: replaces a method of the class, and puts it back wrongly"
    }
)
class TestRandom(OnAShare, random_.MersenneTwister_TestBasicOps):  # type: ignore[name-defined,misc]
    """Random objects that are names of the share."""


ARRAY = {
    "test_initialize_with_unicode": "array.array() takes a proxy for any iterable",
    "test_iterator_pickle": "an iterator loads as one over a list of what is left",
    "test_reverse_iterator_picking": "an iterator loads as one over a list of what is left",
    "test_pickle": COPIES,
    "test_pickle_for_empty_array": COPIES,
    "test_reduce_ex": "a proxy reduces to a reference",
    "test_sizeof_with_buffer": SIZE,
    "test_sizeof_without_buffer": SIZE,
    "test_weakref": "the share keeps a proxy as long as the process uses the object",
    "test_assignment": "a slice is an ordinary array, which takes no proxy for an array",
    "test_buffer": BUFFER,
    "test_fromfile_ioerror": "a file that cannot be read is opened anew for reading",
    "test_free_after_iterating": FREE,
}


@except_for(ARRAY)
class TestArrayOfInts(OnAShare, arrays.ByteTest):  # type: ignore[name-defined,misc]
    """An array of signed bytes that is a name of the share."""


@except_for(
    {
        name: reason
        for name, reason in ARRAY.items()
        if name not in ("test_assignment", "test_initialize_with_unicode")
    }
)
class TestArrayOfCharacters(OnAShare, arrays.UnicodeTest):  # type: ignore[name-defined,misc]
    """An array of characters that is a name of the share."""


@except_for(
    {
        **dict.fromkeys(
            ("test_cow_setstate", "test_cow_truncate", "test_cow_write"),
            "counts references to a buffer of this process",
        ),
        **dict.fromkeys(
            ("test_getbuffer", "test_getbuffer_empty"), "getbuffer() gives what may be looked at only"
        ),
        "test_sizeof": SIZE,
        "test_pickling": CLOSURE,
        "test_subclassing": CLOSURE,
        "test_writelines_error": "a generator cannot travel",
    }
)
class TestBytesIO(OnAShare, memory_io.CBytesIOTest):  # type: ignore[name-defined,misc]
    """A BytesIO that is a name of the share."""


@except_for(
    {
        "test_newlines_property": "which line ends were seen is not in the state of a StringIO",
        "test_pickling": CLOSURE,
        "test_subclassing": CLOSURE,
        "test_writelines_error": "a generator cannot travel",
    }
)
class TestStringIO(OnAShare, memory_io.CStringIOTest):  # type: ignore[name-defined,misc]
    """A StringIO that is a name of the share."""


class TestConfigParser(OnAShare, config.StrictTestCase):  # type: ignore[name-defined,misc]
    """A ConfigParser that is a name of the share."""


class TestRawConfigParser(OnAShare, config.RawConfigParserTestCase):  # type: ignore[name-defined,misc]
    """A RawConfigParser that is a name of the share."""


class TestConverters(OnAShare, config.ConvertersTestCase):  # type: ignore[name-defined,misc]
    """A ConfigParser with converters that is a name of the share."""
