"""Damaged shared memory is reported. Nobody crashes, hangs, takes absurd amounts of memory, or executes what is in it.

A share with state of every kind and with queued commands is copied while its coordinator is stopped. Each example
damages a copy of that copy, and a forked child uses it: as a client, or as the successor of the coordinator, which
takes over, executes what is queued and closes.
"""

import collections
import contextlib
import fractions
import mmap
import os
import resource
import secrets
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from share import CorruptDataError, DeletedObjectError, SegmentError, Share, ShareError
from share._control import Control
from share._process import this_process
from share._runtime import share_of
from share.coordinator.main import _serve
from share.primitives import SPSCRing
from share.testing._ledger import TRAIL, Ledger, Scratch, Words, fork

FOLDER = Path("/dev/shm")
HANG = 60  # seconds
MEMORY = 1 << 30  # bytes that a child may map besides what it has

# Offsets of _layout.pxd.
BOOT, OWNER, CELLS, CONFIG_SIZE, ROLE, COMMIT, SEGMENTS = 24, 40, 48, 56, 256, 384, 1152
# Copies are shares without a living process, which `gc` removes.
pytestmark = pytest.mark.usefixtures("not_beside_gc")

DIRECTORY, SEGMENT_TABLE, PROCESS_TABLE, CONFIG, RING = 1280, 4096, 69632, 135168, 200704
RING_CELLS = 64
TAIL, HEAD, STAMPS, BODIES = RING, RING + 128, RING + 256, RING + 256 + 512
RESCUER = 1 << 16
DEAD = 1 << 22 | (1 << 22) - 1  # a process word of nobody


class Image:
    """The bytes of every segment of a share, by what follows its name."""

    def __init__(self, segments: dict[str, bytearray], role: int) -> None:
        self.segments, self.role = segments, role

    def __repr__(self) -> str:
        return f"<Image of {', '.join(sorted(self.segments))}>"

    def words(self, suffix: str) -> list[int]:
        """The offsets of the words of a segment that are in use: where damage does most."""
        data = self.segments[suffix]
        return [at for at in range(0, len(data) - 7, 8) if data[at : at + 8] != bytes(8)] or [0]

    def word(self, suffix: str, at: int) -> int:
        return int(struct.unpack_from("Q", self.segments[suffix], at)[0])

    @contextlib.contextmanager
    def copied(self, damage: list[tuple[str, int, bytes]]) -> Iterator[str]:
        """Makes segments with some bytes replaced; gives the share's name."""
        name = f"share_{secrets.token_hex(8)}"
        try:
            for suffix, data in self.segments.items():
                copy = bytearray(data)
                for where, at, new in damage:
                    if where == suffix:
                        copy[at : at + len(new)] = new
                path = FOLDER / (name + suffix)
                path.write_bytes(copy)
                path.chmod(0o600)
                os.truncate(path, data.size if isinstance(data, Arena) else len(data))
            yield name
        finally:
            for path in FOLDER.glob(f"{name}*"):
                path.unlink(missing_ok=True)


def killed_caller(share: Share, ledger: Any) -> None:
    """A process that has queued a call with an answer and does not live to take it; leaves its spill, too."""
    begun = Words(1)

    def call() -> None:
        ledger.note(9, 1, bytes(600))
        begun[0] = 1
        ledger.ask.call(9, 2, 10)

    tail = share.session_of().control.tail()
    pid = fork(call)
    while not begun[0] or share.session_of().control.tail() < tail + 2:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


class Arena(bytearray):
    """What is in use of an arena: the rest has no memory, and would take most of the time."""

    size: int  # of the whole


def bytes_of(name: str) -> dict[str, bytearray]:
    found: dict[str, bytearray] = {}
    for path in FOLDER.glob(f"{name}*"):
        suffix, data = path.name[len(name) :], path.read_bytes()
        if suffix[:2] in ("_c", "_l"):
            found[suffix] = arena = Arena(data.rstrip(b"\0").ljust(4096, b"\0"))
            arena.size = len(data)
        else:
            found[suffix] = bytearray(data)
    return found


@pytest.fixture(scope="module")
def images() -> tuple[Image, Image]:
    """A share in which nothing is queued and whose coordinator is dead, and the same share with queued commands."""
    with Share(ring=RING_CELLS) as share:
        share.ledger, share.scratch = Ledger(), Scratch(300)
        share.trail, share.table = TRAIL, {f"key {i}": i for i in range(60)}
        share.tags, share.queue = set(range(100)), collections.deque(range(100), 200)
        share.small, share.text, share.blob = 5, "x" * 30, bytes(range(256)) * 20
        share.third, share.nested = fractions.Fraction(1, 3), {"a": [1, 2, {"b": [3.5]}], "c": (None, True)}
        share.alias = share.scratch
        share.flush()  # so that what follows is in logs, wherever groups end
        for i in range(20):
            share.trail.append((1, i))
            share.table[f"new {i}"] = i
            share.tags.add(1000 + i)
            share.queue.append(i)
        share.ledger.note(1, 1, b"some bytes" * 9)
        share.ledger.ask(1, 2, 3000)
        share.ledger.note("nobody", 1, 5)  # fails when it is executed
        with contextlib.suppress(TypeError):
            share.flush()
        share.flush()
        assert list(share.trail) and share.health().backlog == 0
        control, ledger, trail = share.session_of().control, share.ledger, share.trail
        os.kill(control.coordinator_pid(), signal.SIGSTOP)
        try:
            quiet = Image(bytes_of(share.session_of().name), 0)
            ledger.note(1, 3, b"queued")
            ledger.note(1, 4, bytes(3000))  # in a spill segment
            trail.append((1, 20))
            share.other = {"queued": [1] * 9}
            share.made = Scratch(10)
            del share.text
            killed_caller(share, ledger)
            segments = bytes_of(share.session_of().name)
        finally:
            os.kill(control.coordinator_pid(), signal.SIGCONT)
        role = (control.role >> 32) + 1 << 32 | RESCUER  # entry 0: this process, which lives
    # Closed, so that who takes over ends when it has executed everything.
    image = Image(segments, role)
    struct.pack_into("Q", image.segments[""], ROLE, role)
    with image.copied([]) as name:
        Control.attach(name).close_ring()
        image.segments = bytes_of(name)
    # A process that lives may do what is waited for, however the damage has come to name it; so here all are dead.
    for each in (quiet, image):
        for at in range(PROCESS_TABLE, PROCESS_TABLE + 64 * 1024, 64):
            if each.word("", at):
                struct.pack_into("Q", each.segments[""], at, DEAD)
    # Its coordinator ends for want of an owner, too, if the damage has opened the ring again.
    struct.pack_into("Q", image.segments[""], OWNER, DEAD)
    return quiet, image


@pytest.fixture(scope="module")
def quiet(images: tuple[Image, Image]) -> Image:
    return images[0]


@pytest.fixture(scope="module")
def queued(images: tuple[Image, Image]) -> Image:
    return images[1]


# -- users of a copy --------------------------------------------------------------------------------------


def opened(name: str) -> Any:
    share = share_of(name)
    share.session_of().control.rescuer = None  # the copy has no coordinator, and shall get none
    return share


def use(name: str) -> None:
    """Everything that a client does without waiting for the coordinator. Errors of single steps are left to them."""

    def attempt(step: Callable[[], object]) -> None:
        # Plain data has no checksum: a damaged value is another value, on which an operation may raise anything.
        try:
            step()
        except MemoryError as error:
            if not isinstance(error, ShareError):
                raise
        except SystemError:
            raise
        except Exception:
            return

    share = opened(name)
    names = ["ledger", "trail", "table", "tags", "queue", "small", "text", "blob", "third", "nested", "alias"]
    attempt(lambda: names.extend(list(share)))
    for each in dict.fromkeys(names):
        attempt(lambda each=each: share[each])
        for step in (repr, len, list, lambda value: value.counts, lambda value: value["c"], share.snapshot):
            attempt(lambda each=each, step=step: step(share[each]))
    for step in (
        lambda: share.ledger.whole(), lambda: share.errors, lambda: share.health(),
        lambda: share.session_of().control.segments(), lambda: share.session_of().control.stale(),
        lambda: share.ledger.apply.send(), lambda: share.ledger.note(1, 1, bytes(3000)),
        lambda: setattr(share, "fresh", 1),
    ):  # fmt: skip
        attempt(step)


def take_over(role: int) -> Callable[[str], None]:
    return lambda name: _serve(name, role)  # what `main` logs, and ends with status 1 for, is looked at here


def sanitized() -> bool:
    return "libasan" in Path("/proc/self/maps").read_text()


def outcome(user: Callable[[str], object], name: str, allowed: type[BaseException]) -> str:
    """Runs a user of a copy in a child. Its complaint; "" if it ended well. Raises AssertionError if it did not."""
    text = mmap.mmap(-1, 1 << 16)

    def body() -> None:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        log = os.memfd_create("stderr")
        os.dup2(log, 2)
        signal.alarm(HANG)
        if not sanitized():  # whose shadow memory has terabytes
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        try:
            user(name)
        except allowed as error:
            if isinstance(error, (MemoryError, SystemError)) and not isinstance(error, ShareError):
                raise
            complaint = f"{type(error).__name__}: {error}".encode()[: 1 << 14]
            text[: len(complaint)] = complaint
        finally:
            sys.stderr.flush()
            said = os.pread(log, 1 << 15, max(0, os.fstat(log).st_size - (1 << 15)))
            text[1 << 15 : (1 << 15) + len(said)] = said

    status = os.waitstatus_to_exitcode(os.waitpid(fork(body), 0)[1])
    said = text[1 << 15 :].rstrip(b"\0").decode(errors="replace")
    assert status == 0, f"ended with {status} ({'hung' if status == -signal.SIGALRM else 'crashed'})\n{said}"
    return text[: 1 << 15].rstrip(b"\0").decode()


# -- random damage ----------------------------------------------------------------------------------------

BOUNDARIES = [
    0,
    1,
    7,
    63,
    64,
    1 << 16,
    (1 << 31) - 1,
    1 << 32,
    1 << 40,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
]
changes = st.one_of(
    st.sampled_from(BOUNDARIES).map(lambda value: ("put", value)),
    st.integers(0, (1 << 64) - 1).map(lambda value: ("put", value)),
    st.integers(-300, 300).map(lambda value: ("add", value)),
    st.integers(0, 63).map(lambda bit: ("add", 1 << bit)),
)
#: (which segment, which of its words, what happens to it), as fractions, so that examples shrink well
damages = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 1 << 16), changes), min_size=1, max_size=6
)


def damage_of(image: Image, drawn: list[tuple[int, int, tuple[str, int]]]) -> list[tuple[str, int, bytes]]:
    found = []
    suffixes = sorted(image.segments)
    for which, word, (how, value) in drawn:
        # Half of all damage hits the control segment.
        suffix = "" if which % 2 else suffixes[which // 2 % len(suffixes)]
        places = image.words(suffix)
        at = places[word % len(places)]
        new = value if how == "put" else image.word(suffix, at) + value
        found.append((suffix, at, struct.pack("Q", new % (1 << 64))))
    return found


# A change is judged by the same damage as the one before it; the long search (CONTRIBUTING.md) looks for other.
fuzzed = settings(
    derandomize=os.environ.get("HYPOTHESIS_PROFILE") != "long",
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "50")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("commit", [None, 0])
@pytest.mark.parametrize("role", [0, 1 << 16, 1 << 32 | 2 << 16, (1 << 64) - 1])
def test_waiting_ends_where_nobody_can_have_the_role(
    images: tuple[Image, Image], role: int, commit: int | None
) -> None:
    """Also where the process of the entry that such a role names is alive."""
    image = Image({**images[0].segments, "": bytearray(images[0].segments[""])}, 0)
    for entry in range(2):
        struct.pack_into("Q", image.segments[""], PROCESS_TABLE + 64 * entry, this_process())
    damage = [("", ROLE, struct.pack("Q", role))]
    if commit is not None:
        damage.append(("", COMMIT, struct.pack("Q", commit)))
    with image.copied(damage) as name:
        outcome(use, name, ShareError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("value", [0, (1 << 64) - 1])
def test_a_coordinator_survives_each_word_of_the_control_segment(queued: Image, value: int) -> None:
    for at in queued.words(""):
        with queued.copied([("", at, struct.pack("Q", value))]) as name:
            outcome(take_over(queued.role), name, Exception)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("value", [0, (1 << 64) - 1])
def test_a_client_survives_each_word_of_the_control_segment(quiet: Image, value: int) -> None:
    for at in quiet.words(""):
        with quiet.copied([("", at, struct.pack("Q", value))]) as name:
            outcome(use, name, ShareError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@fuzzed
@given(drawn=damages)
def test_a_client_survives_damage_anywhere(quiet: Image, drawn: Any) -> None:
    with quiet.copied(damage_of(quiet, drawn)) as name:
        outcome(use, name, ShareError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@fuzzed
@given(drawn=damages)
def test_a_coordinator_survives_damage_anywhere(queued: Image, drawn: Any) -> None:
    # What it cannot go on with ends it, with its message in the log.
    with queued.copied(damage_of(queued, drawn)) as name:
        outcome(take_over(queued.role), name, Exception)


def test_the_copies_are_good(quiet: Image, queued: Image) -> None:
    """Else the tests above would show nothing: undamaged copies are read, taken over and closed."""
    with quiet.copied([]) as name:
        assert outcome(use, name, ()) == ""  # type: ignore[arg-type]

    def read(name: str) -> None:
        share = opened(name)
        assert list(share.trail)[len(TRAIL) :] == [(1, i) for i in range(20)]
        assert share.third == fractions.Fraction(1, 3) and share.table["new 19"] == 19
        assert share.ledger.counts == {1: 2, "nobody": 1} and len(share.errors) == 1

    with quiet.copied([]) as name:
        assert outcome(read, name, ()) == ""  # type: ignore[arg-type]
    with queued.copied([]) as name:
        assert outcome(take_over(queued.role), name, ()) == ""  # type: ignore[arg-type]
        assert not list(FOLDER.glob(f"{name}*"))


# -- each decoder, and the error it answers with ----------------------------------------------------------


def word(value: int) -> bytes:
    return struct.pack("Q", value % (1 << 64))


def attach(name: str) -> None:
    Control.attach(name)


def send(name: str) -> None:
    opened(name).ledger.apply.send()


def read_name(name: str) -> None:
    list(opened(name))


def list_segments(name: str) -> None:
    Control.attach(name).segments()


@pytest.mark.parametrize(
    ("at", "value", "user", "error"),
    [
        (CELLS, 1 << 40, attach, SegmentError),
        (CELLS, 65, attach, SegmentError),
        (BOOT, 1, attach, SegmentError),
        (8, 77, attach, SegmentError),
        (SEGMENTS, (1 << 64) - 1, list_segments, CorruptDataError),
        (SEGMENTS, 0, read_name, CorruptDataError),
        (TAIL, 1 << 50, send, CorruptDataError),
        (HEAD, 1 << 50, send, CorruptDataError),
        (528, 1 << 50, read_name, CorruptDataError),  # a flag that nobody can have raised
        (DIRECTORY, 1 << 62, read_name, CorruptDataError),  # its tag
    ],
)
def test_the_control_segment(quiet: Image, at: int, value: int, user: Any, error: type[Exception]) -> None:
    damage = [("", at, word(value))]
    if at == DIRECTORY:
        damage.append(("", at + 56, word(1 << 62)))
        damage.append(("", PROCESS_TABLE + 64 * (quiet.word("", ROLE) & 0xFFFF), word(this_process())))
    with quiet.copied(damage) as name:
        assert outcome(user, name, error).startswith(error.__name__)


@pytest.mark.parametrize("user", [use, lambda name: Control.attach(name).coordinator_pid()])
def test_a_role_that_names_no_entry(quiet: Image, user: Any) -> None:
    with quiet.copied([("", ROLE, word(7 << 32 | 0xFFFF))]) as name:
        outcome(user, name, ShareError)


def test_a_configuration_that_is_longer_than_its_place(queued: Image) -> None:
    with queued.copied([("", CONFIG_SIZE, word(1 << 62))]) as name:
        complaint = outcome(take_over(queued.role), name, ShareError)
        assert complaint == "" or complaint.startswith("CorruptDataError")


@pytest.mark.parametrize("number", range(12))
def test_stamps(queued: Image, number: int) -> None:
    """Of queued commands: whoever takes over says so and ends."""
    commit = queued.word("", COMMIT)
    at = STAMPS + 8 * ((commit + number) % RING_CELLS)
    for stamp in (0xFFFFFFFFFFFFFFFF, queued.word("", at) ^ 0x7FFF8000, 2):
        with queued.copied([("", at, word(stamp))]) as name:
            complaint = outcome(take_over(queued.role), name, ShareError)
            assert complaint == "" or complaint.startswith("CorruptDataError")


@pytest.mark.parametrize(
    ("at", "value"),
    [(TAIL, 1 << 50), (TAIL, 0), (HEAD, 1 << 50), (HEAD, 0), (COMMIT, 1 << 50), (COMMIT, 0)],
)
def test_positions(queued: Image, at: int, value: int) -> None:
    # More than a lap must have gone by, or 0 would not be impossible.
    assert queued.word("", COMMIT) > RING_CELLS
    with queued.copied([("", at, word(value))]) as name:
        assert outcome(take_over(queued.role), name, ShareError).startswith("CorruptDataError")


@pytest.mark.parametrize("field", range(2))
def test_commands(queued: Image, field: int) -> None:
    """Any queued command that is damaged is refused, and what is behind it is executed."""
    commit = queued.word("", COMMIT)
    for number in range(3):
        at = BODIES + 64 * ((commit + number) % RING_CELLS) + 8 * field
        for value in (0, (1 << 64) - 1, queued.word("", at) ^ 0xFF00, queued.word("", at) ^ 0xFF00000000):
            with queued.copied([("", at, word(value))]) as name:
                assert outcome(take_over(queued.role), name, ()) == ""  # type: ignore[arg-type]


def slots(image: Image) -> Iterator[tuple[str, int, int, int, int]]:
    """(segment, offset, kind, length, first word of the payload) of every version that is in use."""
    commit = image.word("", COMMIT)
    for suffix in image.segments:
        kind_of_segment = None
        if suffix.startswith("_m"):
            index = int(suffix[2:], 16)  # noqa: FURB166
            kind_of_segment = image.word("", SEGMENT_TABLE + 16 * index)
        if kind_of_segment != 2:
            continue
        for slot in range(64, len(image.segments[suffix]) - 127, 128):
            for at in (slot, slot + 56):
                tag, head, first = struct.unpack_from("3Q", image.segments[suffix], at)
                if tag <= commit and image.word(suffix, slot + 112) and head & 0xFFFFFFFF:
                    yield suffix, at, head & 0xFFFFFFFF, head >> 32, first


INLINE, BLOCK, REFERENCE, NODE, NODES = 1, 2, 3, 5, 6


def read_all(name: str) -> None:
    """Reads names until one complains."""
    share = opened(name)
    for each in list(share):
        value = share[each]
        with contextlib.suppress(TypeError, AttributeError, DeletedObjectError):
            list(value)
        with contextlib.suppress(AttributeError):
            (value.counts, value.blob, value.left)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        (INLINE, {8: INLINE | 41 << 32}),
        (INLINE, {8: 99}),
        (BLOCK, {16: 1 << 62}),  # where
        (BLOCK, {16: 4095 << 40 | 64}),
        (BLOCK, {24: 1 << 62}),  # length
        (BLOCK, {24: (1 << 18) + 1}),
        (BLOCK, {32: 999_999}),  # generation
        (NODE, {24: 0xFFFFFFFF}),  # cell
        (NODE, {24: 1 << 62}),
        (NODES, {16: 1 << 62}),  # where the base is
        (NODES, {24: 1 << 62}),  # its length
        (NODES, {32: 999_999}),  # its generation
        (NODES, {8: NODES | 0xFFFFFFF0 << 32, 40: 4095 << 40 | 64}),  # length of the log
        (NODES, {40: 1 << 62, 8: NODES | 64 << 32}),  # where it is
        (REFERENCE, {48: 1 << 57}),  # cells
        (REFERENCE, {24: 1 << 62}),  # flags
        (REFERENCE, {32: 1 << 62}),  # slots
        (REFERENCE, {40: 1 << 62}),  # shape
    ],
)
def test_slots(quiet: Image, queued: Image, kind: int, damage: dict[int, int]) -> None:
    """All versions of a kind at once."""
    # A reader finds its coordinator alive, and so waits neither for it nor for a successor.
    entry = PROCESS_TABLE + 64 * (quiet.word("", ROLE) & 0xFFFF)
    for image, user in ((quiet, read_all), (queued, take_over(queued.role))):
        found = [(suffix, at) for suffix, at, is_kind, _, _ in slots(image) if is_kind == kind]
        assert found
        bytes_ = [
            (suffix, at + offset, word(value)) for suffix, at in found for offset, value in damage.items()
        ]
        if image is quiet:
            bytes_.append(("", entry, word(this_process())))
        with image.copied(bytes_) as name:
            complaint = outcome(user, name, ShareError if image is quiet else Exception)
            assert image is queued or complaint.startswith("CorruptDataError")


def test_each_word_of_a_slot_that_holds_a_node(queued: Image) -> None:
    """What is published in it may be anything but a node then: of a container, too. The rest of the share goes on."""
    starts = {(suffix, at - (at - 64) % 128) for suffix, at, kind, _, _ in slots(queued) if kind == NODE}
    assert len(starts) > 5  # the containers at top level, at least
    for suffix, start in starts:
        for at in range(start, start + 128, 8):
            with queued.copied([(suffix, at, word(98))]) as name:
                assert outcome(take_over(queued.role), name, ()) == ""  # type: ignore[arg-type]


def test_ranges_of_a_large_array() -> None:
    """What the slot, and the list behind the array, say of what has changed since a reader has read it."""
    numpy = pytest.importorskip("numpy")
    with Share(ring=RING_CELLS) as share:
        share.a = numpy.zeros(100_001, "u1")
        images = []
        for i in range(3):
            share.a[i * 1000], share.a[100_000] = 1, i
            share.flush()
            images.append(Image(bytes_of(share.session_of().name), 0))
    for image in images:
        for at in range(PROCESS_TABLE, PROCESS_TABLE + 64 * 1024, 64):
            if image.word("", at):
                struct.pack_into("Q", image.segments[""], at, DEAD)
    versions = [
        (image.word(suffix, at), suffix, at)
        for image in images
        for suffix, at, kind, _, _ in slots(image)
        if kind == BLOCK and image.word(suffix, at + 40)
    ]
    _, suffix, at = max(versions)
    segment, block = block_of(images[2], images[2].word(suffix, at + 16))
    assert (
        images[2].word(segment, block + (64 + 100_001 + 7) // 8 * 8 + 16) == 64
    )  # the length of the first range
    ranges = block + (64 + 100_001 + 7) // 8 * 8  # behind the head and the numbers
    read = Words(1)

    def follow(name: str) -> None:
        share = opened(name)
        first = share.a[0]
        for which, data in images[2].segments.items():
            with open(FOLDER / (name + which), "r+b") as file:
                file.write(data)
        for where, offset, new in damage:
            with open(FOLDER / (name + where), "r+b") as file:
                file.seek(offset)
                file.write(new)
        read[0] = int(first == 1 and share.a[2000] == 1 and share.a[100_000] == 2)

    damage: list[tuple[str, int, bytes]] = []
    with images[1].copied([]) as name:
        assert outcome(follow, name, ShareError) == ""
    assert read[0] == 1
    for where, offset in [
        *((suffix, at + 8 * i) for i in range(2, 7)),
        *((segment, ranges + 8 * i) for i in range(12)),
    ]:
        for value in BOUNDARIES:
            damage[:] = [(where, offset, word(value))]
            with images[1].copied([]) as name:
                outcome(follow, name, ShareError)


def test_changes_of_nodes(quiet: Image) -> None:
    """Logs that say of their changes what cannot be."""
    heads = [
        (suffix, at + 8)  # behind the number of the commit from which on the log is
        for suffix, at, kind, length, _ in slots(quiet)
        if kind == NODES and length
        for suffix, at in [block_of(quiet, quiet.word(suffix, at + 40))]
    ]
    assert len(heads) >= 4
    for value in (0, 8 | 1 << 32, 0xFFFFFFFF, 64 | 0xFFFF << 32, 1 << 20):
        with quiet.copied([(suffix, at, word(value)) for suffix, at in heads]) as name:
            assert outcome(read_all, name, ShareError).startswith("CorruptDataError")


def block_of(image: Image, locator: int) -> tuple[str, int]:
    """(segment, offset of its first byte) of a block."""
    return f"_m{locator >> 40:x}", (locator & (1 << 40) - 1) + 16


def test_nothing_is_executed_whose_checksum_is_wrong(quiet: Image) -> None:
    """Every byte of the pickle of a slot's value damaged, one after the other."""
    went_off = Words(1)
    real = fractions.Fraction.__new__

    def counted(cls: Any, *args: Any) -> Any:
        went_off[0] += 1
        return real(cls, *args)

    def read(name: str) -> None:
        share = opened(name)
        list(share)
        went_off[0] = 0
        fractions.Fraction.__new__ = counted  # type: ignore[assignment]
        share.third

    with quiet.copied([]) as name:
        assert outcome(read, name, ()) == "" and went_off[0]  # type: ignore[arg-type]
    places = [
        (suffix, at, length)
        for where, version, kind, _, first in slots(quiet)
        if kind == BLOCK
        for suffix, at in [block_of(quiet, first)]
        for length in [quiet.word(where, version + 24)]
        if b"fractions" in quiet.segments[suffix][at : at + length]
    ]
    assert places
    suffix, at, length = places[0]
    for position in range(length):
        damaged = bytes([quiet.segments[suffix][at + position] ^ 1 << position % 8])
        with quiet.copied([(suffix, at + position, damaged)]) as name:
            complaint = outcome(read, name, ShareError)
            assert complaint.startswith("CorruptDataError"), f"byte {position}: {complaint!r}"
            assert not went_off[0]


def test_an_arena_that_is_missing_or_too_short(queued: Image) -> None:
    arenas = [suffix for suffix, data in queued.segments.items() if isinstance(data, Arena)]
    assert len(arenas) >= 1
    for size in (0, 8, 2999):
        with queued.copied([]) as name:
            for suffix in arenas:
                os.truncate(FOLDER / (name + suffix), size)
            assert outcome(take_over(queued.role), name, ()) == ""  # type: ignore[arg-type]
    with queued.copied([]) as name:
        for suffix in arenas:
            (FOLDER / (name + suffix)).unlink()
        assert outcome(take_over(queued.role), name, ()) == ""  # type: ignore[arg-type]


@given(st.binary(max_size=60), st.integers(-1, 9))
@settings(max_examples=300, deadline=None)
def test_responses(unwrapping: Any, data: bytes, kind: int) -> None:
    with contextlib.suppress(ShareError):
        unwrapping.unwrap(1, kind % 256, data)


@pytest.fixture(scope="module")
def unwrapping(quiet: Image) -> Iterator[Any]:
    with quiet.copied([]) as name:
        share = opened(name)
        yield share.session_of()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, (1 << 64) - 1)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_response_rings(places: list[tuple[int, int]]) -> None:
    """The ring of responses as a plain ring: a damaged one is empty, or says that it is damaged."""
    memory = mmap.mmap(-1, SPSCRing.size_for(1024))
    ring = SPSCRing(memory, 1024, create=True)
    for number in range(5):
        ring.put(bytes([number]) * 30 * number)
    for at, value in places:
        struct.pack_into("Q", memory, 128 + 8 * at, value)
    for _ in range(8):
        try:
            record = ring.try_get()
        except ShareError:
            break
        assert record is None or len(record) <= 1024
