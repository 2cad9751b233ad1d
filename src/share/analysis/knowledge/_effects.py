"""What foreign callables do to their arguments: the one table to read, check and extend.

A callable that is not listed here and whose source is not at hand may change whatever it is given. Each group
says why its members belong to it; :mod:`share.analysis.knowledge._table` turns the names into objects when asked.

What the first field of a group in ``CALLABLES`` means:

=============  ===============================================================================
``inspect``    looks at its arguments without iterating them; gives a number, text or truth
``test``       iterates its arguments; gives a number, text or truth
``fold``       iterates its arguments; gives an element of them or something made of elements
``build``      iterates its arguments; gives a new object that holds their elements
``hold``       keeps its arguments in a new object without iterating them
``copy``       reads everything in its arguments; what it gives shares nothing with them
``change``     changes its first argument; may store the others there and give an element
=============  ===============================================================================
"""

__all__ = ["BLOCKING", "CALLABLES", "IMMUTABLE", "METHODS", "NEUTRAL", "RESULTS"]

CALLABLES: list[tuple[str, str, str, str]] = [
    (
        "inspect", "builtins",
        "len id isinstance issubclass callable hash repr str ascii format bool int float complex abs round ord "
        "chr bin oct hex bytes divmod pow range slice print dir object BaseException Exception",
        "they call the special method of the same name, which must not change the object",
    ),
    (
        "test", "builtins", "any all",
        "they iterate and give a truth value",
    ),
    (
        "fold", "builtins", "sum min max",
        "they iterate and give an element, or a sum of elements",
    ),
    (
        "build", "builtins",
        "list tuple set frozenset dict sorted enumerate zip map filter reversed iter bytearray",
        "they iterate and give something new over the same elements; functions given to them are called",
    ),
    ("change", "builtins", "next", "it moves the iterator on"),
    ("inspect", "operator", "eq ne lt le gt ge not_ truth is_ is_not index length_hint",
     "operators as functions"),
    ("fold", "operator",
     "add sub mul truediv floordiv mod pow neg pos inv invert abs and_ or_ xor lshift rshift matmul concat "
     "contains countOf indexOf",
     "operators as functions; the result may be made of the operands' elements"),
    ("change", "operator",
     "setitem delitem iadd isub imul itruediv ifloordiv imod ipow iand ior ixor ilshift irshift iconcat imatmul",
     "in-place operators as functions"),
    ("inspect", "math", "*", "functions of numbers"),
    ("test", "math", "fsum prod dist sumprod hypot gcd lcm", "functions of several numbers"),
    ("inspect", "cmath", "*", "functions of numbers"),
    ("fold", "statistics",
     "mean fmean geometric_mean harmonic_mean median median_low median_high mode multimode pstdev pvariance "
     "stdev variance quantiles covariance correlation linear_regression",
     "they iterate numbers"),
    ("inspect", "_statistics", "_normal_dist_inv_cdf", "a function of numbers"),
    ("change", "_collections", "_count_elements", "it counts into its first argument"),
    ("fold", "functools", "reduce", "iterates, and calls the function given"),
    ("hold", "functools", "cmp_to_key wraps update_wrapper", "they keep a function and its arguments"),
    ("fold", "heapq", "nlargest nsmallest merge", "they iterate into a list of their own"),
    ("change", "heapq", "heappush heappop heapify heapreplace heappushpop _heappop_max _heapreplace_max "
     "_heapify_max", "they reorder the list"),
    ("test", "bisect", "bisect bisect_left bisect_right", "they compare elements"),
    ("change", "bisect", "insort insort_left insort_right", "they insert"),
    ("build", "itertools",
     "accumulate batched chain combinations combinations_with_replacement compress cycle dropwhile filterfalse "
     "groupby islice pairwise permutations product starmap takewhile tee zip_longest",
     "lazy iterators over their arguments"),
    ("hold", "itertools", "count repeat", "they keep what they are given"),
    ("build", "collections", "Counter OrderedDict ChainMap deque", "new containers over the elements given"),
    ("hold", "collections", "defaultdict", "a new container that keeps its factory"),
    ("copy", "copy", "deepcopy", "a copy that shares nothing"),
    ("hold", "copy", "copy", "a copy that shares the parts"),
    ("copy", "json", "dumps", "text out of plain data"),
    ("copy", "pickle", "dumps", "bytes out of an object"),
    ("copy", "marshal", "dumps", "bytes out of plain data"),
    ("inspect", "json", "loads", "a new object out of text"),
    ("copy", "dataclasses", "asdict astuple", "copies of all fields"),
    ("inspect", "dataclasses", "fields is_dataclass", "they look at the class"),
    ("test", "pprint", "pformat pprint saferepr isreadable", "text out of an object"),
    ("inspect", "reprlib", "repr", "text out of an object"),
    ("inspect", "textwrap", "dedent indent shorten fill wrap", "functions of text"),
    ("inspect", "string", "capwords Template", "functions of text"),
    ("inspect", "re", "compile escape findall finditer fullmatch match search split sub subn",
     "functions of text; a replacement function is called"),
    ("inspect", "datetime", "date datetime time timedelta timezone", "immutable values"),
    ("inspect", "decimal", "Decimal getcontext", "immutable values"),
    ("inspect", "fractions", "Fraction", "immutable values"),
    ("inspect", "uuid", "UUID uuid1 uuid3 uuid4 uuid5", "immutable values"),
    ("inspect", "pathlib", "Path PurePath PosixPath PurePosixPath", "immutable values"),
    ("inspect", "time",
     "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time gmtime localtime strftime "
     "strptime mktime ctime asctime sleep",
     "functions of numbers and text"),
    ("inspect", "random", "random randint randrange uniform gauss getrandbits normalvariate",
     "numbers out of the module's own generator"),
    ("fold", "random", "choice choices sample", "elements out of a sequence"),
    ("change", "random", "shuffle", "it reorders the list"),
    ("inspect", "os", "getpid urandom getenv fspath fsencode fsdecode stat listdir getcwd strerror cpu_count",
     "functions of numbers and text"),
    ("inspect", "os.path",
     "abspath basename commonprefix dirname exists expanduser expandvars getsize isabs isdir isfile join "
     "normcase normpath realpath relpath split splitext",
     "functions of text"),
    ("inspect", "warnings", "warn warn_explicit", "they format a message"),
    ("inspect", "logging", "debug info warning error exception critical log getLogger",
     "they format a message; loggers are no state"),
    ("inspect", "threading", "Lock RLock Semaphore BoundedSemaphore Event current_thread get_ident active_count "
     "Barrier local", "they make locks, which are no state"),
    ("hold", "threading", "Condition", "it keeps its lock"),
    ("inspect", "inspect", "isfunction isclass ismethod isgenerator iscoroutinefunction signature",
     "they look at functions and types"),
    ("inspect", "sys", "getsizeof intern getrefcount exc_info getrecursionlimit", "they look at an object"),
    ("inspect", "zlib", "crc32 adler32 compress decompress", "functions of bytes"),
    ("inspect", "binascii", "*", "functions of bytes"),
    ("inspect", "base64", "b64encode b64decode urlsafe_b64encode urlsafe_b64decode b16encode b16decode",
     "functions of bytes"),
    ("inspect", "struct", "pack unpack unpack_from calcsize", "functions of bytes"),
    ("inspect", "hashlib", "md5 sha1 sha224 sha256 sha384 sha512 blake2b blake2s new", "functions of bytes"),
    ("inspect", "typing", "cast", "gives its second argument; see the special case"),
    ("hold", "weakref", "ref", "calling what it gives gives the object again"),
    ("hold", "_weakref", "ref", "calling what it gives gives the object again"),
    ("inspect", "numpy",
     "arange zeros ones empty full linspace eye sum mean median std var min max argmin argmax any all dot "
     "shape ndim size array_equal allclose isclose count_nonzero linalg.norm percentile quantile",
     "they compute new arrays or numbers"),
    ("build", "numpy", "array asarray sort argsort where concatenate stack unique reshape transpose cumsum",
     "they may give a view of their argument"),
]  # fmt: skip

#: Methods that do not change their object, by type. ``=`` before a name: its result shares nothing mutable
#: with the object. Everything else that the type has is taken to change it.
METHODS: list[tuple[str, str, str]] = [
    (
        "builtins.object",
        "=__eq__ =__ne__ =__lt__ =__le__ =__gt__ =__ge__ =__hash__ =__repr__ =__str__ =__format__ =__sizeof__ "
        "=__dir__ =__init_subclass__ =__subclasshook__ __getattribute__ __reduce__ __reduce_ex__ __getstate__ "
        "=__class_getitem__ =__new__",
        "object's own methods only look",
    ),
    (
        "builtins.list",
        "=__len__ =__contains__ __getitem__ __iter__ __reversed__ __add__ __mul__ __rmul__ =count =index copy",
        "sequence reads",
    ),
    (
        "builtins.tuple",
        "=__len__ =__contains__ __getitem__ __iter__ __add__ __mul__ __rmul__ =count =index __getnewargs__",
        "immutable",
    ),
    (
        "builtins.dict",
        "=__len__ =__contains__ __getitem__ __iter__ __reversed__ __or__ __ror__ get keys values items copy "
        "=fromkeys",
        "mapping reads; __getitem__ of a subclass with __missing__ is looked at apart",
    ),
    ("collections.OrderedDict", "__iter__ __reversed__ __or__ __ror__ keys values items copy =fromkeys",
     "mapping reads; move_to_end and popitem change"),
    ("collections.defaultdict", "__or__ __ror__ copy __copy__ __reduce__",
     "__missing__ inserts, so that __getitem__ changes; get does not"),
    (
        "builtins.set",
        "=__len__ =__contains__ __iter__ __and__ __rand__ __or__ __ror__ __sub__ __rsub__ __xor__ __rxor__ copy "
        "difference intersection union symmetric_difference =isdisjoint =issubset =issuperset __reduce__",
        "set reads",
    ),
    (
        "builtins.frozenset",
        "=__len__ =__contains__ __iter__ __and__ __rand__ __or__ __ror__ __sub__ __rsub__ __xor__ __rxor__ copy "
        "difference intersection union symmetric_difference =isdisjoint =issubset =issuperset __reduce__",
        "immutable",
    ),
    (
        "collections.deque",
        "=__len__ =__contains__ __getitem__ __iter__ __reversed__ __add__ __mul__ __rmul__ =count =index copy "
        "__copy__ __reduce__",
        "sequence reads",
    ),
    (
        "builtins.bytearray",
        "=__len__ =__contains__ =__getitem__ =__iter__ =__add__ =__mul__ =__rmul__ =__mod__ =__rmod__ =__alloc__ "
        "=capitalize =center =copy =count =decode =endswith =expandtabs =find =hex =index =isalnum =isalpha "
        "=isascii =isdigit =islower =isspace =istitle =isupper =join =ljust =lower =lstrip =maketrans "
        "=partition =removeprefix =removesuffix =replace =rfind =rindex =rjust =rpartition =rsplit =rstrip "
        "=split =splitlines =startswith =strip =swapcase =title =translate =upper =zfill =__reduce__ "
        "=__reduce_ex__ =__str__ =fromhex",
        "what bytes has too; they give new objects",
    ),
    ("array.array",
     "=__len__ =__contains__ =__getitem__ =__iter__ =__add__ =__mul__ =__rmul__ =__copy__ =__deepcopy__ =count "
     "=index =tobytes =tolist =tounicode =buffer_info =__reduce_ex__",
     "sequence reads"),
    ("builtins.dict_keys", "=__len__ =__contains__ __iter__ __reversed__ __and__ __or__ __sub__ __xor__ "
     "__rand__ __ror__ __rsub__ __rxor__ =isdisjoint", "views only look"),
    ("builtins.dict_items", "=__len__ =__contains__ __iter__ __reversed__ __and__ __or__ __sub__ __xor__ "
     "__rand__ __ror__ __rsub__ __rxor__ =isdisjoint", "views only look"),
    ("builtins.dict_values", "=__len__ __iter__ __reversed__", "views only look"),
    ("builtins.mappingproxy", "=__len__ =__contains__ __getitem__ __iter__ __reversed__ __or__ __ror__ get keys "
     "values items copy", "views only look"),
    ("builtins.BaseException", "=__str__ =__repr__ __reduce__", "exceptions"),
    (
        "numpy.ndarray",
        "=__len__ =__contains__ __getitem__ __iter__ =__add__ =__radd__ =__sub__ =__rsub__ =__mul__ =__rmul__ "
        "=__truediv__ =__rtruediv__ =__floordiv__ =__mod__ =__pow__ =__matmul__ =__rmatmul__ =__neg__ =__abs__ "
        "=__and__ =__or__ =__xor__ =__invert__ =__bool__ =__int__ =__float__ =__index__ =__array__ =all =any "
        "=argmax =argmin =argsort =astype =copy =cumprod =cumsum diagonal =dot =flatten =item =max =mean =min "
        "=nonzero =prod ravel =repeat reshape =round =searchsorted squeeze =std =sum swapaxes =take =tobytes "
        "=tolist =trace transpose =var view =clip =conj =__copy__ =__deepcopy__ =__reduce__",
        "they compute new arrays; views share their memory",
    ),
    ("collections.Counter", "=total elements most_common =__missing__ copy", "multiset reads"),
]  # fmt: skip

#: Values of these types never change; of tuple and frozenset only if what they hold never does.
IMMUTABLE: list[tuple[str, str, str]] = [
    ("builtins", "int float complex bool str bytes NoneType range slice ellipsis NotImplementedType",
     "atoms of the language"),
    ("datetime", "date datetime time timedelta timezone", "documented as immutable"),
    ("decimal", "Decimal", "documented as immutable"),
    ("fractions", "Fraction", "documented as immutable"),
    ("uuid", "UUID", "documented as immutable"),
    ("pathlib", "Path PosixPath PurePath PurePosixPath", "immutable and hashable"),
    ("re", "Pattern Match", "compiled patterns and matches do not change"),
    ("ipaddress", "IPv4Address IPv6Address IPv4Network IPv6Network", "immutable and hashable"),
    ("struct", "Struct", "a compiled format"),
]  # fmt: skip

#: Locks and loggers are no state: whatever is done with them changes nothing that is shared.
NEUTRAL: list[tuple[str, str, str]] = [
    ("_thread", "LockType RLock", "a snapshot and a mirror get fresh ones"),
    ("threading", "_RLock Condition Semaphore BoundedSemaphore Barrier", "a snapshot and a mirror get fresh ones"),
    ("multiprocessing.synchronize", "Lock RLock Condition Semaphore BoundedSemaphore", "locks"),
    ("asyncio", "Lock Condition Semaphore BoundedSemaphore", "locks of an event loop"),
    ("logging", "Logger RootLogger LoggerAdapter", "loggers write to the outside"),
]  # fmt: skip

#: Functions whose result has a known class: (module, function, module of the class, class).
RESULTS: list[tuple[str, str, str, str]] = [
    ("threading", "Lock", "_thread", "LockType"),
    ("threading", "RLock", "_thread", "RLock"),
    ("_thread", "allocate_lock", "_thread", "LockType"),
    ("logging", "getLogger", "logging", "Logger"),
    ("builtins", "open", "_io", "_IOBase"),
]

#: Calls that would stall the coordinator, and with it every writer.
BLOCKING: list[tuple[str, str]] = [
    ("builtins", "input open"),
    ("time", "sleep"),
    ("os", "system popen wait waitpid read write fsync"),
    ("subprocess", "run call check_call check_output Popen getoutput getstatusoutput"),
    ("socket", "create_connection getaddrinfo gethostbyname socket"),
    ("select", "select poll"),
    ("urllib.request", "urlopen urlretrieve"),
    ("requests", "get post put delete head patch request"),
    ("shutil", "copy copy2 copyfile copytree move rmtree"),
    ("asyncio", "run"),
    ("io", "open"),
]
