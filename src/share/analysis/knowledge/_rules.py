"""Classes of large packages, of which a list says what analysis would take too long to find out.

What is listed only reads: it was read, and a test calls each and looks at the object before and after. What else such
a class has is looked at method by method; of pandas not at all, and so is a command that waits for its result.
"""

import sys
from typing import NamedTuple

__all__ = ["Rule", "rule_of"]


class Rule(NamedTuple):
    """What is known of a class."""

    #: Methods and properties that only read.
    readers: frozenset[str]
    #: Whether a closer look at one of its other methods is worth the time.
    closer: bool


_OPERATORS = "add sub mul truediv floordiv mod pow"
_PANDAS = f"""
    abs add add_prefix add_suffix all any astype corr count cov cummax cummin cumprod cumsum describe diff div divide
    dot duplicated eq equals explode floordiv ge gt head idxmax idxmin isin isna isnull item join keys kurt kurtosis le
    lt max mean median melt memory_usage merge min mod mode mul multiply ne nlargest notna notnull nsmallest nunique
    pct_change pivot pow prod product quantile radd rank rdiv rfloordiv rmod rmul round rpow rsub rtruediv sem shift
    skew std sub subtract sum tail take to_csv to_dict to_frame to_html to_json to_list to_numpy to_parquet to_pickle
    to_string tolist transpose truediv unique unstack value_counts var
    shape size ndim empty columns index dtypes dtype values T axes name nbytes is_unique hasnans
    __len__ __getitem__ __contains__ __iter__ __repr__ __str__ __abs__ __neg__ __invert__
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__ __xor__
    {" ".join(f"__{name}__ __r{name}__" for name in _OPERATORS.split())}
"""
_COMPARED = "__eq__ __ne__ __lt__ __le__ __gt__ __ge__"
#: Without `get_payload`, which notes what is wrong with what it decodes.
_MESSAGE = """
    __len__ __contains__ __getitem__ __iter__ keys values items get get_all raw_items get_content_type
    get_content_maintype get_content_subtype get_content_disposition get_default_type get_params get_param get_filename
    get_boundary get_content_charset get_charset get_charsets is_multipart get_unixfrom walk _get_params_preserve
"""
_PART = f"{_MESSAGE} is_attachment get_body iter_parts iter_attachments"
_CONFIG = """
    __len__ __contains__ __getitem__ __iter__ __eq__ keys values items sections options defaults has_section has_option
    get getint getfloat getboolean
"""
#: Without what looks for a position, for which a large list makes an index of itself.
_SORTED_LIST = f"""
    __len__ __contains__ __iter__ __reversed__ __repr__ __add__ __radd__ __mul__ __rmul__ __copy__ copy {_COMPARED}
"""
_SORTED_DICT = "__iter__ __reversed__ __repr__ __or__ __ror__ __copy__ copy keys values items"
_SORTED_SET = f"""
    __len__ __contains__ __iter__ __reversed__ __repr__ __and__ __rand__ __or__ __ror__ __sub__ __rsub__ __xor__
    __rxor__ __copy__ copy count difference intersection symmetric_difference union {_COMPARED}
"""
#: Without what is kept when it is first asked for: `adj`, `degree`, `nodes` and what uses these.
_GRAPH = """
    __len__ __contains__ __iter__ copy to_directed to_undirected has_node has_edge number_of_nodes order neighbors
    get_edge_data is_directed is_multigraph
"""
_RULES = {
    f"{package}:{name}": Rule(frozenset(readers.split()), closer)
    for package, names, readers, closer in (
        ("pandas", "DataFrame Series Index RangeIndex", _PANDAS, False),
        ("email", "Message", _MESSAGE, True),
        ("email", "MIMEPart EmailMessage", _PART, True),
        ("configparser", "RawConfigParser ConfigParser", _CONFIG, True),
        ("sortedcontainers", "SortedList SortedKeyList", _SORTED_LIST, True),
        ("sortedcontainers", "SortedDict", _SORTED_DICT, True),
        ("sortedcontainers", "SortedSet", _SORTED_SET, True),
        ("networkx", "Graph DiGraph MultiGraph MultiDiGraph", _GRAPH, True),
    )
    for name in names.split()
}
_UNKNOWN = Rule(frozenset(), closer=False)


def rule_of(cls: type) -> Rule | None:
    """What is known of a class; None: what analysis finds. A class derived from one is another class."""
    package = cls.__module__.partition(".")[0]
    found = _RULES.get(f"{package}:{cls.__qualname__}")
    if found is not None and getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls:
        return found
    return _UNKNOWN if package == "pandas" else None
