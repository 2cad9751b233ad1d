"""Classes of large packages, of which a list says what analysis would take minutes to find out.

What is listed only reads: it was read, and a test calls each and looks at the object before and after. Whatever else
such a class has may write anything, and so is a command that waits for its result.
"""

from .._members import Member

__all__ = ["by_rule"]

_OPERATORS = "add sub mul truediv floordiv mod pow"
_PANDAS = frozenset(
    f"""
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
    """.split()
)
_READERS: dict[tuple[str, str], frozenset[str]] = {
    ("pandas", name): _PANDAS for name in ("DataFrame", "Series", "Index", "RangeIndex")
}


def by_rule(cls: type, member: Member) -> bool | None:
    """Whether a method only reads, for a class of a package with a rule; None: there is no rule for the class."""
    package = cls.__module__.partition(".")[0]
    if package != "pandas":
        return None
    readers = _READERS.get((package, cls.__name__), frozenset())
    return member.name in readers and member.kind in ("method", "getter")
