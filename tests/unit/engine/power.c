/* Preloaded by test_power.py: notes what a program does to files, in order, so that what a loss of power can leave of
 * them is known. A record in the file that SHARE_POWER names: what (a letter), length of the path, offset, bytes of data
 * (each 8 bytes), path, data. What goes to standard output is noted, too: it has been acknowledged by then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int notes = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHARE_POWER");
    if (path) notes = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static void note_path(uint64_t what, const char *path, uint64_t offset, const void *data, uint64_t size)
{
    uint64_t head[4] = {what, strlen(path), offset, size};
    struct iovec parts[3] = {{head, sizeof head}, {(void *)path, head[1]}, {(void *)data, size}};
    if (notes >= 0 && writev(notes, parts, 3) < 0) abort();
}

static void note(uint64_t what, int file, uint64_t offset, const void *data, uint64_t size)
{
    char link[64], path[4096];
    ssize_t length;
    struct stat found;
    if (notes < 0 || file == notes || fstat(file, &found)) return;
    if (file != 1 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    note_path(file == 1 ? 'A' : what, path, offset, data, size);
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* Noted before it is done: at worst a loss of power comes a little earlier. Flushes count once they are done. */
ssize_t pwrite(int file, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    note('W', file, at, data, size);
    return real(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at)
{
    REAL(pwrite64);
    note('W', file, at, data, size);
    return real(file, data, size, at);
}

ssize_t write(int file, const void *data, size_t size)
{
    REAL(write);
    note('W', file, lseek(file, 0, SEEK_CUR), data, size);
    return real(file, data, size);
}

int ftruncate(int file, off_t size)
{
    REAL(ftruncate);
    note('T', file, size, "", 0);
    return real(file, size);
}

int ftruncate64(int file, off64_t size)
{
    REAL(ftruncate64);
    note('T', file, size, "", 0);
    return real(file, size);
}

int fsync(int file)
{
    REAL(fsync);
    int done = real(file);
    if (!done) note('S', file, 0, "", 0);
    return done;
}

int fdatasync(int file)
{
    REAL(fdatasync);
    int done = real(file);
    if (!done) note('S', file, 0, "", 0);
    return done;
}

int unlink(const char *path)
{
    REAL(unlink);
    note_path('U', path, 0, "", 0);
    return real(path);
}
