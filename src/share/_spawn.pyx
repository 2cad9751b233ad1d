"""Starting a program that is nobody's child: whoever starts it need not wait for it, and leaves no zombie."""

import os

from libc.stdlib cimport calloc, free

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <sys/types.h>
    #include <sys/wait.h>
    #include <unistd.h>

    /* The process in the middle ends at once, so that the program becomes a child of init (or of the nearest
     * subreaper). Between fork and exec only what is safe in a forked child of a process with threads.
     * Returns the pid of the program, or minus an errno. If exec fails the program ends with status 127. */
    static int sh_spawn_detached(const char *path, char *const argv[], char *const envp[])
    {
        int ends[2], pid = 0, n, null;
        pid_t middle;
        sigset_t first;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -errno;
        middle = fork();
        if (middle < 0) {
            pid = -errno;
            close(ends[0]);
            close(ends[1]);
            return pid;
        }
        if (middle == 0) {
            pid = fork();
            if (pid == 0) {
                null = open("/dev/null", O_RDONLY);     /* reading a terminal is the user's business */
                if (null >= 0) dup2(null, 0);
                sigemptyset(&first);
                sigaddset(&first, SIGINT);              /* as for a coordinator that the owner starts */
                sigaddset(&first, SIGHUP);
                sigprocmask(SIG_SETMASK, &first, 0);
                execve(path, argv, envp);
                _exit(127);
            }
            if (pid < 0) pid = -errno;
            n = write(ends[1], &pid, sizeof pid);
            _exit(n != sizeof pid);
        }
        while (waitpid(middle, 0, 0) < 0 && errno == EINTR) { }
        n = read(ends[0], &pid, sizeof pid);
        close(ends[0]);
        close(ends[1]);
        return n == sizeof pid ? pid : -EAGAIN;
    }
    """
    int sh_spawn_detached(const char* path, char** argv, char** envp) nogil


cdef char** pointers(list strings) except NULL:
    cdef char** result = <char**>calloc(len(strings) + 1, sizeof(char*))
    cdef Py_ssize_t i
    if result == NULL:
        raise MemoryError
    for i in range(len(strings)):
        result[i] = <bytes>strings[i]
    return result


def spawn_detached(list arguments, environment) -> int:
    """Starts a program, its standard input /dev/null, as a process that is not this one's child. Returns its pid.

    Raises OSError if no process could be started.
    """
    cdef list encoded = [os.fsencode(argument) for argument in arguments]
    cdef list variables = [os.fsencode(key) + b"=" + os.fsencode(value) for key, value in environment.items()]
    cdef bytes program = encoded[0]
    cdef const char* path = program
    cdef char** argv = pointers(encoded)
    cdef char** envp = NULL
    cdef int pid
    try:
        envp = pointers(variables)
        with nogil:
            pid = sh_spawn_detached(path, argv, envp)
    finally:
        free(argv)
        free(envp)
    if pid < 0:
        raise OSError(-pid, f"cannot start the coordinator: {os.strerror(-pid)}")
    return pid
