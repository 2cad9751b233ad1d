"""Identity of a process (pid and start time in one word) and proof of its death.

Proof is never ``kill(pid, 0)`` (true for zombies), never a time-out, and never the state letter alone (the
leader of a thread group can be a zombie while its threads run).
"""

import os

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <poll.h>
    #include <pthread.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    #ifndef SYS_pidfd_open
    #define SYS_pidfd_open 434
    #endif

    static int sh_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

    /* Readable = the whole thread group has exited. */
    static int sh_pidfd_exited(int fd)
    {
        struct pollfd p = {fd, POLLIN, 0};
        int n;
        while ((n = poll(&p, 1, 0)) < 0 && errno == EINTR) { }
        return n == 1 && (p.revents & POLLIN);
    }

    /* Reads state (field 3), num_threads (20) and starttime (22) of /proc/<pid>/stat. The name (field 2) may
     * hold spaces and brackets, so the fields are counted after its last bracket. 0, or an errno. */
    static int sh_stat(int pid, char *state, long *threads, uint64_t *start)
    {
        char path[40], text[1024], *p;
        ssize_t n;
        int fd, field, error;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) if (errno != EINTR) return errno;
        while ((n = read(fd, text, sizeof text - 1)) < 0 && errno == EINTR) { }
        error = n < 0 ? errno : 0;
        close(fd);
        if (error) return error;
        text[n] = 0;
        if (!(p = strrchr(text, ')'))) return EINVAL;
        for (field = 2; field < 22; field++) {
            if (!(p = strchr(p, ' '))) return EINVAL;
            p++;
            if (field == 2) *state = *p;
            if (field == 19) *threads = strtol(p, NULL, 10);
            if (field == 21) *start = strtoull(p, NULL, 10);
        }
        return 0;
    }

    static uint64_t sh_pid_namespace(void)
    {
        struct stat s;
        return stat("/proc/self/ns/pid", &s) ? 0 : (uint64_t)s.st_ino;
    }

    /* A fork is noticed without a system call: the child's handler counts it. */
    static uint32_t sh_forks;
    static uint64_t sh_word;
    static void sh_forked(void) { sh_forks++; sh_word = 0; }
    static int sh_watch_forks(void) { return pthread_atfork(NULL, NULL, sh_forked); }
    """
    int sh_pidfd_open(int pid) noexcept nogil
    bint sh_pidfd_exited(int fd) noexcept nogil
    int sh_stat(int pid, char* state, long* threads, uint64_t* start) noexcept nogil
    uint64_t sh_pid_namespace() noexcept nogil
    uint32_t sh_forks
    uint64_t sh_word
    int sh_watch_forks() noexcept nogil
    int getpid() noexcept nogil
    int c_close "close"(int fd) noexcept nogil
    int errno
    const int ESRCH
    const int ENOENT
    const int EINVAL

cdef enum:
    PID_BITS = 22
    PID_MASK = (1 << PID_BITS) - 1

cdef bint no_pidfd = os.environ.get("SHARE_NO_PIDFD") == "1"
if sh_watch_forks() != 0:
    raise MemoryError("no memory to register a fork handler")


cdef uint32_t fork_count() noexcept nogil:
    return sh_forks


cdef uint64_t pid_namespace() noexcept nogil:
    return sh_pid_namespace()


cdef uint64_t process_word() noexcept nogil:
    global sh_word
    cdef char state = 0
    cdef long threads = 0
    cdef uint64_t start = 0
    if sh_word == 0:                            # two threads at once would store the same word
        sh_stat(getpid(), &state, &threads, &start)
        sh_word = start << PID_BITS | <uint64_t> getpid()
    return sh_word


cdef int open_pidfd(uint64_t word) noexcept nogil:
    cdef int pid = <int> (word & PID_MASK), fd
    cdef char state = 0
    cdef long threads = 0
    cdef uint64_t start = 0
    if no_pidfd:
        return -2
    fd = sh_pidfd_open(pid)
    if fd < 0:
        # ESRCH: nobody has the pid. EINVAL, ENOENT: it names a mere thread, so its old owner is gone.
        return -1 if errno == ESRCH or errno == EINVAL or errno == ENOENT else -2
    # Only after opening: the process that has the pid now, if it started when ours did, had it then too.
    if sh_stat(pid, &state, &threads, &start) == 0 and word >> PID_BITS != 0 and start != word >> PID_BITS:
        c_close(fd)
        return -1
    return fd                                   # no stat file: reaped since, and the pidfd will say so


cdef bint proven_dead(uint64_t word) noexcept nogil:
    cdef int pid = <int> (word & PID_MASK), fd, error
    cdef char state = 0
    cdef long threads = 0
    cdef uint64_t start = 0
    cdef bint dead
    if pid == 0:
        return word != 0        # damage: no process has ever had such a word
    fd = open_pidfd(word)
    if fd == -1:
        return True
    if fd >= 0:
        dead = sh_pidfd_exited(fd)
        c_close(fd)
        return dead
    # No pidfd (old kernel, seccomp, no descriptor left).
    error = sh_stat(pid, &state, &threads, &start)
    if error != 0:
        # No such file: gone, if /proc is there at all and shows processes.
        return (error == ENOENT or error == ESRCH) and sh_stat(getpid(), &state, &threads, &start) == 0
    if word >> PID_BITS != 0 and start != word >> PID_BITS:
        return True
    return (state == b"Z" or state == b"X") and threads <= 1


def this_process() -> int:
    """The word of the calling process.

    >>> this_process() & (2**22 - 1) == os.getpid()
    True
    """
    return process_word()


def is_proven_dead(word: int) -> bool:
    """Whether the process of that word has certainly exited, all its threads included.

    >>> is_proven_dead(this_process())
    False
    """
    return proven_dead(word)


def pidfd_of(word: int) -> int:
    """A new pidfd for exactly that process; -1 if it is gone, -2 where there are no pidfds.

    The descriptor becomes readable when the process has exited. The caller closes it.
    """
    return open_pidfd(word)


def forks_so_far() -> int:
    """How many forks lie between the process that imported this module and the caller."""
    return fork_count()


def this_pid_namespace() -> int:
    """The inode of the pid namespace: words of another one mean nothing here."""
    return pid_namespace()


def boot_identity() -> int:
    """A number for this boot of this machine: segments of another boot cannot be ours."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return int(file.read().replace("-", ""), 16) & 0x7fffffffffffffff
    except OSError:
        return 0
