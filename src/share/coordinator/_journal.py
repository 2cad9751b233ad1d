"""The log of a share, as its coordinator keeps it: what is committed goes into it, and comes back from it."""

import errno
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from share import cerial
from share._control import Control
from share._names import bury
from share.engine import Engine, restore
from share.engine._commits import LEAST, Restored, base_name
from share.engine._images import META, folded, meta_entry, meta_of
from share.engine._places import await_lease, is_file, open_place, shown_place
from share.engine._records import EPOCH, SLOTS, SLOTS_BASE, encoded
from share.errors import EngineError, EngineLostError, FencedError, SegmentError

from ._images import all_slots, collected, layout_version, memory_of, next_id_of, put_back
from ._lease import Lease
from ._store import Store

__all__ = ["Journal"]

log = logging.getLogger("share.coordinator")

PATIENCE = 10.0  # seconds for which a successor waits for the file of the dead coordinator
RETRY = 0.5  # seconds until commits that could not be stored are tried again, if nobody asks for it
MOST_KEPT = 1 << 26  # bytes of commits that are kept for that; beyond it all state is stored instead
_Changes = dict[int, bytes]


class Journal:
    """The file of one share, or what an engine has of it.

    What a group has changed is either stored before C, so that nobody ever sees what could be lost with the machine,
    or (``is_behind``) after it. D, in the control segment, says how far it has come.

    Where it is not certain that the log goes on from what it holds (a coordinator has died, a write has failed with an
    unknown outcome), what is stored next is all state as it is at C: so nothing is there twice.

    ``replaced`` ends the share, and this process: another home goes on with it.
    """

    def __init__(
        self, control: Control, store: Store, options: dict[str, Any], replaced: Callable[[str], None]
    ) -> None:
        self.is_behind: bool = options["durable"] == "local"
        self._control, self._store = control, store
        self._where: str = options["where"]
        self._share: str = options["share"]
        self._holder: str = options["holder"]
        self._what = shown_place(self._where, self._share)
        self._expected: int = options["number"]
        self._replaced = replaced
        self._lease: Lease | None = None
        self._engine: Engine | None = None
        self._found = Restored()
        self._number = self._epoch = self._size = self._base_size = 0
        self._stored_position = 0  # of the last record
        self._former = ""  # the share that has written last, if it is another one
        self._meta = b""  # as the log has it
        self._has_begun = False  # the log has our epoch
        self._is_whole = False  # it goes on from the state at C, less what is kept
        self._kept: list[_Changes] = []  # committed, and not stored
        self._kept_bytes = 0
        self._failed_at = 0.0  # when the last attempt to store what is kept has failed
        self._lost: EngineLostError | None = None  # of the last attempt to reach the engine
        self._lost_at = 0.0
        self._snapshot_above = 0
        self._planner = _planner()

    # -- beginning ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Takes the file, or the lease.

        Raises:
            EngineError: it is in use, or cannot be opened, or holds something else.
            EngineLostError: the engine does not answer.
            FencedError: another share has used it since this one did.
            CorruptDataError: it is damaged.
        """
        self._engine = engine = open_place(self._where, self._share, create=False, patience=PATIENCE)
        if not is_file(self._where):
            await_lease(engine, self._holder, self._what)
        self._found = found = restore(engine)
        if not found.is_of_slots and not found.is_empty:
            raise EngineError(errno.EINVAL, f"{self._what} holds the state of no share")
        self._number, self._epoch = found.number, found.epoch
        self._size, self._base_size = found.size, found.base_size
        self._stored_position = found.position
        self._has_begun = self._is_whole = False
        home = self._home()
        if home != self._control.name and (self._control.is_restored() or found.number != self._expected):
            error = FencedError(f"{self._what} has been used by another share meanwhile")
            if self._control.is_restored():
                self._replaced(str(error))
            raise error
        self._former = "" if home == self._control.name else home
        if not is_file(self._where) and self._lease is None:
            self._lease = Lease(self._where, self._share, self._holder, self._replaced)

    def _home(self) -> str:
        """The share that has written last."""
        if self._found.home:
            return self._found.home
        meta = meta_of(self._found.bases, self._found.changes)
        return str(cerial.loads(meta)[0]) if meta else ""

    def put_back(self) -> None:
        """Puts what the file holds into the share's memory, where nothing is yet."""
        found = self._found
        meta = meta_of(found.bases, found.changes)
        if meta:
            images = folded(found.bases, found.changes)
            _, planner, layout, refers, pages, segments = cerial.loads(meta)
            if layout != layout_version():
                raise EngineError(
                    errno.EINVAL,
                    f"{self._what} is of memory of layout {layout}, this library's is "
                    f"{layout_version()}: use the version of share-state that has written it",
                )
            self._store.plans_anew = planner != self._planner
            put_back(self._control, images, refers, pages, [tuple(each) for each in segments], found.next_id)
        self._found = Restored()

    def begin(self) -> None:
        """Once the state is loaded: from here on this share is the one that the file belongs to."""
        engine = self._engine
        assert engine is not None
        if self._number == 0:
            engine.set_blob("identity", self._control.identity.encode())
        self._append_epoch()
        self._is_whole = True
        self._control.note_durable(self._control.position(), self._stored_position)
        self._bury_former()

    def _bury_former(self) -> None:
        """What the share has left in memory whose owner and coordinator were killed before this one went on."""
        try:
            former = Control.attach(self._former) if self._former else None
        except SegmentError:
            return  # it has ended as it should, or is of another machine
        if former is not None and former.has_journal and former.identity == self._control.identity:
            bury(former, cerial.loads(former.configuration())["name"])

    def go_on(self) -> None:
        """The same after a take-over: at C may be more, or less, than the file holds."""
        c, stored = self._control.position(), self._found.position
        self._is_whole = self._control.stored() == (c, stored)
        self._found = Restored()

    def _append_epoch(self) -> None:
        """Nobody else's records count from here on."""
        position = max(self._control.position(), self._stored_position)
        name = {0: self._control.name.encode()}
        self._append(encoded(EPOCH, self._epoch + 1, position, next_id_of(self._store), name), position)
        self._epoch += 1
        self._has_begun = True

    def distrust(self) -> None:
        """Something has been committed that is not in the log: what is stored next is everything."""
        self._kept, self._kept_bytes, self._is_whole = [], 0, False

    # -- storing -----------------------------------------------------------------------------------------------

    def changes(self) -> _Changes:
        """What the commit that is prepared will publish."""
        return collected(self._store)

    def store_before(self, position: int, changes: _Changes, asked: bool) -> None:
        """Stores a commit that is not visible yet, and what is kept before it.

        Args:
            position: the commit position that it will have.
            changes: what it publishes.
            asked: somebody waits until everything is stored, though this commit may change nothing.

        Raises:
            EngineError: it cannot be stored, the disk is full, say. It is not in the log.
            EngineLostError: it is not known whether it is. It will not count.
        """
        if changes or (asked and (self._kept or not self._is_whole)):
            self._make_whole()
            if changes or self._kept:
                self._store_changes([*self._kept, changes], position)
            self._kept, self._kept_bytes = [], 0
            self._control.note_durable(position, self._stored_position)
        elif not self._kept and self._is_whole:
            self._control.note_durable(position, self._control.stored()[1])

    def store_after(self, changes: _Changes) -> None:
        """Stores what has been committed; if that cannot be, it is kept, and tried again."""
        c = self._control.position()
        if changes:
            self._kept.append(changes)
            self._kept_bytes += sum(map(len, changes.values()))
        if not self._kept and self._is_whole:
            self._control.note_durable(c, self._control.stored()[1])
            return
        if time.monotonic() - self._failed_at < RETRY:
            self._limit_kept()
            return
        try:
            self._make_whole()
            if self._kept:
                self._store_changes(self._kept, c)
        except (EngineError, EngineLostError) as error:
            self._failed_at = time.monotonic()
            log.warning(
                "share %s: commits after position %d are not stored yet: %s",
                self._control.name,
                self._control.durable(),
                error,
            )
            self._limit_kept()
            return
        self._kept, self._kept_bytes, self._failed_at = [], 0, 0.0
        self._control.note_durable(c, self._stored_position)

    @property
    def is_late(self) -> bool:
        """Whether something is committed and not stored."""
        return bool(self._kept) or (self.is_behind and not self._is_whole)

    def _limit_kept(self) -> None:
        if self._kept_bytes > MOST_KEPT:
            self.distrust()

    def _store_changes(self, commits: list[_Changes], position: int) -> None:
        """Appends one record with all of them."""
        cells: dict[int, list[bytes]] = {}
        for changes in commits:
            for number, entries in changes.items():
                cells.setdefault(number, []).append(entries)
        joined = {number: b"".join(entries) for number, entries in cells.items()}
        meta = self._memory()
        if meta != self._meta:
            joined[META] = meta_entry(meta)
        data = encoded(SLOTS, self._epoch, position, next_id_of(self._store), joined)
        self._append(data, position)
        self._meta = meta
        self._size += len(data)

    def _memory(self) -> bytes:
        return cerial.dumps((self._control.name, self._planner, *memory_of(self._store)))

    def _append(self, data: bytes, position: int) -> None:
        assert self._engine is not None
        try:
            self._number = self._engine.append(data, self._number)
        except EngineLostError:
            self._let_go()
            raise
        except FencedError as error:
            self._replaced(str(error))
            raise
        self._stored_position = position

    def _let_go(self) -> None:
        """It is not known what the log ends with."""
        self._is_whole = False
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _make_whole(self) -> None:
        """Sees to it that the log ends with the state at C, less what is kept."""
        if self._engine is None:
            if self._lost is not None and time.monotonic() - self._lost_at < RETRY:
                raise EngineLostError(str(self._lost))  # else each command that is queued would wait as long
            try:
                self.open()
            except BaseException as error:
                self._let_go()
                if isinstance(error, EngineLostError):
                    self._lost, self._lost_at = error, time.monotonic()
                raise
            self._found, self._lost = Restored(), None
        if not self._has_begun:
            self._append_epoch()
        if not self._is_whole:
            self._append_all()
            self._kept, self._kept_bytes, self._is_whole = [], 0, True

    def _all(self) -> tuple[bytes, int, bytes]:
        """A record of all that is committed, its position, and META."""
        c, meta = self._control.position(), self._memory()
        cells = {META: meta_entry(meta), **all_slots(self._store)}
        return encoded(SLOTS_BASE, self._epoch, c, next_id_of(self._store), cells), c, meta

    def _append_all(self) -> None:
        """Stores all that is committed, as a record: so no home that has been replaced can do that."""
        data, c, self._meta = self._all()
        self._append(data, c)
        self._size, self._base_size, self._snapshot_above = 0, len(data), 0

    def _snapshot(self) -> None:
        """Puts what the records come to aside, and throws them away."""
        engine = self._engine
        assert engine is not None
        number = self._number
        data, c, meta = self._all()
        try:
            # In this order a reader finds at each moment what the first record that is left goes on from.
            engine.set_blob(base_name(number), data)
            engine.trim(number)
            for name in engine.blobs("base/"):
                if int(name.partition("/")[2]) < number:
                    engine.set_blob(name, None)
        except EngineLostError:
            self._let_go()
            raise
        self._meta, self._stored_position = meta, c
        self._size, self._base_size, self._snapshot_above = 0, len(data), 0

    def tidy(self) -> None:
        """Makes a snapshot, if the commits since the last one have become longer than that."""
        least = max(LEAST, self._base_size, self._snapshot_above)
        if self._size <= least or self._engine is None or self._kept or not self._is_whole:
            return
        try:
            self._snapshot()
        except (EngineError, EngineLostError) as error:
            self._snapshot_above = 2 * self._size
            log.warning("share %s: there is no snapshot in its journal: %s", self._control.name, error)
        else:
            self._control.note_durable(self._control.position(), self._stored_position)

    def close(self) -> None:
        """Stores what is kept, and lets go of the file."""
        self._failed_at = 0.0
        if self.is_late:
            self.store_after({})
            if self.is_late:
                log.error(
                    "share %s: what was committed after position %d is not in %s",
                    self._control.name,
                    self._control.durable(),
                    self._what,
                )
        if self._lease is not None:
            self._lease.close()
            self._lease = None
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _planner() -> str:
    """What has made the plans of the classes: another version of it may want to know more."""
    from share.analysis._plan import ClassPlan, MethodPlan

    known = [each.name for cls in (ClassPlan, MethodPlan) for each in fields(cls)]
    return " ".join((sys.modules["share"].__version__, *known))
