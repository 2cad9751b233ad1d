"""What a predicate reads, noted while it runs."""

cimport cython
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc

from .._atomic cimport load_acq
from .._control cimport change_class, Control, DIED
from .._layout cimport CLOSED_BIT, Slot
from .._process cimport proven_dead
from .._slots cimport slot_find

from .. import _runtime

cdef extern from "pythread.h":
    unsigned long PyThread_get_thread_ident() noexcept

cdef int noting = 0
cdef dict watches = {}              # thread -> Watch


@cython.binding(False)
cdef class Watch:
    """The slots that a predicate has read."""

    def __cinit__(self, Control control not None):
        self.control = control
        self.seen, self.processes = set(), []
        self.since = control.committed()

    def __dealloc__(self):
        free(self.slots)

    cdef int add(self, const Slot* slot, uint64_t owner) except -1:
        address = <size_t>slot
        if address in self.seen:
            return 0
        cdef void* more
        if self.count == self.room:
            more = realloc(self.slots, (self.room * 2 + 8) * sizeof(void*))
            if more == NULL:
                raise MemoryError
            self.slots, self.room = <const Slot**>more, self.room * 2 + 8
        self.seen.add(address)
        self.slots[self.count] = slot
        self.count += 1
        self.classes |= change_class(owner)
        return 0

    cdef bint published(self) noexcept nogil:
        """Whether a commit has published one of the slots since the predicate began."""
        cdef uint64_t tag = 0, c = load_acq(self.control.commit)       # pairs with the release of C
        cdef Py_ssize_t i
        if c == self.since:
            return False
        if c & CLOSED_BIT:
            return True
        for i in range(self.count):
            # No whole version: it is being written again, so it has been written.
            if slot_find(self.slots[i], c, &tag) < 0 or tag > self.since:
                return True
        return False

    cdef bint changed(self) noexcept:
        """The same, or a process has died that was alive then."""
        if self.published():
            return True
        for word in self.processes:
            if proven_dead(word):
                return True
        return False


cdef void note(Control control, const Slot* slot, uint64_t owner) noexcept:
    cdef Watch watch
    try:
        watch = watches.get(PyThread_get_thread_ident())
        if watch is None:
            return
        if watch.control is not control:
            raise ValueError(f"the predicate reads share {control.name}, but waits on share {watch.control.name}: a "
                             "predicate reads one share, the one whose method it is given to")
        watch.add(slot, owner)
    except BaseException as error:
        watch.error = error


cdef int refuse_in_predicate() except -1:
    if PyThread_get_thread_ident() in watches:
        raise RuntimeError("a predicate only reads, and this sends a command to the coordinator: let the predicate "
                           "look at attributes, properties and methods that read, and change the state when it has "
                           "come true")
    return 0


def note_process(uint64_t word):
    """The predicate that runs in this thread, if any, has found that this process is alive."""
    cdef Watch watch
    if noting:
        watch = watches.get(PyThread_get_thread_ident())
        if watch is not None:
            watch.processes.append(word)
            watch.classes |= DIED


_runtime.note_process = note_process


def noted(Control control not None, predicate):
    """(what the predicate gives, the Watch of what it has read)."""
    global noting
    cdef Watch watch = Watch(control)
    thread = PyThread_get_thread_ident()
    refuse_in_predicate()
    watches[thread] = watch
    noting += 1
    try:
        value = predicate()
    finally:
        noting -= 1
        del watches[thread]
    if watch.error is not None:
        raise watch.error
    return value, watch
