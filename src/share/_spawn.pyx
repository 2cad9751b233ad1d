"""Starting the coordinator's program, with nothing of the host but its standard output and error."""

import os

from libc.stdlib cimport calloc, free

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <sys/resource.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #include <sys/types.h>
    #include <sys/wait.h>
    #include <unistd.h>

    #ifndef SYS_close_range
    #define SYS_close_range 436
    #endif
    #define SH_RANGE_CLOEXEC 4

    /* A daemon that has closed its standard streams may have got something else under these numbers. */
    static int sh_is_stream(int fd)
    {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (fcntl(fd, F_GETFD) < 0) return 0;
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens;
    }

    /* What the new process does before its program: only system calls, as it uses the memory of its parent. */
    static void sh_become(const char *path, char *const argv[], char *const envp[], int report)
    {
        struct sigaction action;
        struct rlimit limit;
        sigset_t first;
        int number, fd, null;
        for (number = 1; number < NSIG; number++)       /* a handler must not run in here */
            if (!sigaction(number, 0, &action) && action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL) {
                action.sa_handler = SIG_DFL;
                action.sa_flags = 0;
                sigaction(number, &action, 0);
            }
        null = open("/dev/null", O_RDWR);
        if (null < 0) goto failed;
        for (fd = 0; fd < 3; fd++)
            if (fd == null) fcntl(fd, F_SETFD, 0);
            else if (fd == 0 || !sh_is_stream(fd)) {    /* reading a terminal is the owner's business */
                if (dup2(null, fd) < 0) goto failed;
            }
            else fcntl(fd, F_SETFD, 0);
        if (syscall(SYS_close_range, 3u, ~0u, SH_RANGE_CLOEXEC)) {
            getrlimit(RLIMIT_NOFILE, &limit);
            for (fd = 3; (rlim_t)fd < limit.rlim_cur && fd < 1 << 16; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
        /* Out of the owner's process group: if all of that is killed (by a notebook's server, say), somebody is left to
         * remove the memory. It may write to the terminal although it is in the background of it. */
        setpgid(0, 0);
        action.sa_handler = SIG_IGN;
        action.sa_flags = 0;
        sigemptyset(&action.sa_mask);
        sigaction(SIGTTOU, &action, 0);
        sigemptyset(&first);
        sigaddset(&first, SIGINT);      /* Ctrl-C before it has said that it ignores it must not end it either */
        sigaddset(&first, SIGHUP);
        sigprocmask(SIG_SETMASK, &first, 0);
        execve(path, argv, envp);
    failed:
        number = -errno;
        if (write(report, &number, sizeof number) < 0) _exit(126);
        _exit(127);
    }

    /* Moves a descriptor that would be in the way of the program's standard streams. */
    static int sh_above_streams(int fd)
    {
        int moved;
        if (fd > 2) return fd;
        moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        close(fd);
        return moved;
    }

    static void sh_await(pid_t pid)
    {
        while (waitpid(pid, 0, 0) < 0 && errno == EINTR) { }
    }

    /* The vfork of a sanitizer remembers one return address only, and so cannot be called again in the child. */
    #if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    #define sh_fork fork
    #else
    #define sh_fork vfork
    #endif

    /* Returns the pid of the program, or minus an errno. vfork returns once the program runs, or has failed to.
     * detached: it must be nobody's child. The process in the middle ends at once, so that it becomes a child of init
     * (or of the nearest subreaper). What comes first through the pipe is minus an errno, or the pid of such a one. */
    static int sh_spawn(const char *path, char *const argv[], char *const envp[], int detached)
    {
        int ends[2], said = 0;
        pid_t pid, program;
        sigset_t all, before;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -errno;
        ends[0] = sh_above_streams(ends[0]);
        ends[1] = sh_above_streams(ends[1]);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        pid = detached ? sh_fork() : vfork();
        if (pid == 0) {
            program = detached ? vfork() : 0;
            if (program == 0) sh_become(path, argv, envp, ends[1]);
            if (program < 0) program = -errno;
            _exit(write(ends[1], &program, sizeof program) < 0);
        }
        if (pid < 0) said = -errno;
        sigprocmask(SIG_SETMASK, &before, 0);
        if (pid > 0 && detached) sh_await(pid);         /* then it has written */
        if (pid > 0 && read(ends[0], &said, sizeof said) < 0 && detached) said = -EAGAIN;
        close(ends[0]);
        close(ends[1]);
        if (pid > 0 && !detached && said < 0) sh_await(pid);
        return said ? said : pid;
    }
    """
    int sh_spawn(const char* path, char** argv, char** envp, bint detached) nogil


cdef char** pointers(list strings) except NULL:
    cdef char** result = <char**>calloc(len(strings) + 1, sizeof(char*))
    cdef Py_ssize_t i
    if result == NULL:
        raise MemoryError
    for i in range(len(strings)):
        result[i] = <bytes>strings[i]
    return result


def spawn(list arguments, environment, bint detached=False) -> int:
    """Starts a program: standard input /dev/null, output and error ours, no other descriptor. Returns its pid.

    detached: it is not this process's child, which need not wait for it then.
    Raises OSError if it could not be started.
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
            pid = sh_spawn(path, argv, envp, detached)
    finally:
        free(argv)
        free(envp)
    if pid < 0:
        raise OSError(-pid, f"cannot start the coordinator, {arguments[0]}: {os.strerror(-pid)}")
    return pid
