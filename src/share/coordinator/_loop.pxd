# The coordinator's main loop.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._control cimport Control
from .._protocol cimport Command
from .._segment cimport Segment
from ._answers cimport Answers
from ._mirrors cimport Mirror
from ._store cimport Store


cdef class Loop:
    cdef Control control
    cdef readonly Store store
    cdef uint64_t entry
    cdef uint32_t owner             # entry of the process whose command runs
    cdef uint64_t position          # executed up to here; C is at most this
    cdef uint64_t given_up          # the bit that every C has from then on
    cdef uint64_t singly_until      # replay: commit after each command up to here
    cdef bint again                 # executing a group's commands once more, in the same process
    cdef object failure_log         # FailureLog
    cdef bint unsaid                # it has something to say when a second is over
    cdef object fillings            # finds out what methods change of their arguments
    cdef list reports               # of slow commands, to be added to the errors
    cdef Answers answers            # of this batch
    cdef object transactions        # runs commands that are functions
    cdef public object journal      # stores what is committed; None: nothing does
    cdef dict arenas                # entry of a process -> the segment with its large arguments
    cdef bint spilled               # this group has commands with a spill
    cdef dict leaving               # entry of a process that has gone -> up to where C must be before it is used again
    cdef list ended                 # serials of processes that have gone and left generators
    cdef int linking                # commands of this group that may make objects refer to each other
    cdef int64_t reaped_at, given_back_at
    cdef int64_t removed_until      # when removed parts that are kept now may all go; 0: there are none
    cdef int64_t linger             # nanoseconds for which a share without an owner goes on when it has been left
    cdef int64_t left_at            # when it was; 0: it has not been
    cdef uint64_t left_with         # registrations then
    cdef uint64_t registrations     # how many there were at the last look for dead processes
    cdef public object watch        # called with the process word of everybody who registers
    cdef int64_t batch_started, publish_cost

    cdef Mirror last_mirror         # of the last call, while it certainly exists
    cdef str part               # the class of the part that the command names, if it names one by its node
    cdef bytes last_name
    cdef object ran_on              # the object whose method the last call was

    cdef object go_on(self, const Command* command, result, uint32_t owner)
    cdef bint is_poison(self, uint64_t end) noexcept
    cdef bytes name_of(self, const char* text, uint32_t length)
    cdef int execute(self, uint64_t position, uint32_t n, uint32_t owner) except -1
    cdef Segment arena_of(self, uint32_t owner)
    cdef object run(self, const Command* command, bytes name, const char* data, uint64_t size)
    cdef object with_filled(self, const Command* command, result, cls, str name, tuple args, dict kwargs,
                            const char* data, Py_ssize_t size, Py_ssize_t more)
    cdef object run_at(self, const Command* command, str text, const char* data, uint64_t size)
    cdef int reach(self, object start, Mirror mirror, tuple steps, object found, str name, bint is_call) except -1
    cdef int answer(self, uint32_t owner, uint64_t end, object result) except -1
    cdef int check_idle(self) except -1
    cdef bint runs_alone(self) noexcept
    cdef bint should_commit(self, int count) except -1
    cdef int failed(self, const Command* command, bytes name, uint32_t owner, uint64_t end, error) except -1
    cdef int recover_from(self, error) except -1
    cdef int commit(self) except -1
    cdef object store_commit(self)
    cdef int store_behind(self, changes) except -1
    cdef int finish_commit(self) except -1
    cdef bint has_lingered(self) except -1
    cdef bint send_own(self, bytes name, bytes payload) except -1
    cdef bint wait_for_work(self) except -1
