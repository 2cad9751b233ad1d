/* Preloaded by test_full.py: counts reservations of shared memory in all processes and refuses some of them.
 *
 * The file that SHARE_REFUSE names begins with four words: how many there were, the first and the last that is to be
 * refused, how many were. Each reservation is a line in the file of that name with ".log": path, process,
 * bytes in use of all such memory after it, whether it was refused. A segment that has no memory yet is cut to nothing when
 * that is refused, so that whoever touches it all the same gets a SIGBUS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static uint64_t *words;
static int journal = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHARE_REFUSE");
    char name[4096];
    if (!path) return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    snprintf(name, sizeof name, "%s.log", path);
    journal = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || journal < 0 || words == MAP_FAILED) abort();
    close(file);
}

int posix_fallocate64(int file, off64_t offset, off64_t length)
{
    char link[64], line[4300];
    ssize_t n;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    n = readlink(link, line, 4096);
    if (n > 0) line[n] = 0;
    if (n <= 0 || strncmp(line, "/dev/shm/", 9)) n = 0;
    if (n && words) {
        uint64_t call = __atomic_add_fetch(&words[0], 1, __ATOMIC_SEQ_CST);
        int refused = call >= __atomic_load_n(&words[1], __ATOMIC_SEQ_CST) &&
                      call <= __atomic_load_n(&words[2], __ATOMIC_SEQ_CST);
        if (refused) {
            struct stat one;
            if (fstat(file, &one) || (!one.st_blocks && ftruncate(file, 0))) abort();
            __atomic_add_fetch(&words[3], 1, __ATOMIC_SEQ_CST);
        }
        int error = refused ? ENOSPC : fallocate(file, 0, offset, length) ? errno : 0;
        struct statfs all;
        if (fstatfs(file, &all)) abort();
        n += snprintf(line + n, 128, " %d %lld %s\n", (int)getpid(), (long long)(all.f_blocks - all.f_bfree) * all.f_bsize,
                      error ? "refused" : "reserved");
        if (write(journal, line, n) != n) abort();
        return error;
    }
    return fallocate(file, 0, offset, length) ? errno : 0;
}

int posix_fallocate(int file, off_t offset, off_t length) { return posix_fallocate64(file, offset, length); }
