/* A disk that is watched, and that fails when it is told to.
 *
 * Loaded before the C library (LD_PRELOAD) into a process that writes below WATCH_DIR. Every call that changes a file
 * there, or promises that a change is on disk, is written to WATCH_TRACE, in the order in which it took effect. With
 * WATCH_FAIL=class:n:errno the n-th call of a class (write, sync, truncate, read) fails and does nothing.
 *
 * A record: kind (1 byte), file (4), offset (8), length (4), then so many bytes; numbers are little-endian.
 *   O path      the file is opened and was there     C path   it is new           Z          it is emptied
 *   W bytes     written at the offset                T        cut to the offset   S          synced
 *   D path      names in the folder are synced       U path   unlinked            R from\0to renamed
 *   M path      folder made                          X class  the call that was told to failed
 *   N           at the end: so many calls of the class were made (in the place of the offset)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_FD 4096
#define MAX_INODES 65536

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static size_t dir_len;
static int trace = -1;
static char fail_class[16];
static long fail_at = -1, fail_errno, calls;
static uint32_t files;
static struct { uint32_t file; char *folder; } open_fds[MAX_FD];
static struct { ino_t ino; uint32_t file; } inodes[MAX_INODES];
static uint32_t known;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, close, int);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(ssize_t, read, int, void *, size_t);
REAL(ssize_t, pread, int, void *, size_t, off_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, ftruncate, int, off_t);
REAL(int, unlink, const char *);
REAL(int, rename, const char *, const char *);
REAL(int, mkdir, const char *, mode_t);

__attribute__((constructor)) static void begin(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name)
    FIND(open); FIND(close); FIND(write); FIND(pwrite); FIND(read); FIND(pread); FIND(fsync); FIND(fdatasync);
    FIND(ftruncate); FIND(unlink); FIND(rename); FIND(mkdir);
    const char *path = getenv("WATCH_TRACE"), *fail = getenv("WATCH_FAIL");
    dir = getenv("WATCH_DIR");
    if (!dir || !path) { dir = NULL; return; }
    dir_len = strlen(dir);
    trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail) sscanf(fail, "%15[a-z]:%ld:%ld", fail_class, &fail_at, &fail_errno);
}

static void record(char kind, uint32_t file, uint64_t offset, const void *bytes, uint32_t length);

__attribute__((destructor)) static void end(void) {
    if (*fail_class) record('N', 0, (uint64_t)calls, "", 0);
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        long done = syscall(SYS_write, trace, at, length);
        if (done <= 0) abort();
        at += done;
        length -= (size_t)done;
    }
}

static void record(char kind, uint32_t file, uint64_t offset, const void *bytes, uint32_t length) {
    char head[17];
    head[0] = kind;
    memcpy(head + 1, &file, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &length, 4);
    put(head, sizeof head);
    put(bytes, length);
}

/* The path below the watched folder; NULL for any other, and for shared memory, which a crash takes anyway. */
static const char *watched(const char *path) {
    if (!dir || !path || strncmp(path, dir, dir_len)) return NULL;
    if (!path[dir_len]) return path + dir_len;
    if (path[dir_len] != '/') return NULL;
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, "-shm")) return NULL;
    return path + dir_len + 1;
}

static uint32_t file_of(int fd) { return fd >= 0 && fd < MAX_FD ? open_fds[fd].file : 0; }

/* Whether this call is the one that has to fail. */
static int fails(const char *class, uint32_t file) {
    if (!*fail_class || strcmp(class, fail_class) || calls++ != fail_at) return 0;
    record('X', file, 0, class, (uint32_t)strlen(class));
    errno = (int)fail_errno;
    return 1;
}

static uint32_t number_of(ino_t ino, int is_new) {
    for (uint32_t i = 0; i < known; i++)
        if (inodes[i].ino == ino) {
            if (is_new) inodes[i].file = ++files;
            return inodes[i].file;
        }
    if (known == MAX_INODES) abort();
    inodes[known].ino = ino;
    inodes[known].file = ++files;
    return inodes[known++].file;
}

static int open_watched(const char *path, int flags, mode_t mode) {
    const char *name = watched(path);
    if (!name) return real_open(path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat before, now;
    int was_there = stat(path, &before) == 0;
    int fd = real_open(path, flags, mode), error = errno;
    if (fd >= 0 && fd < MAX_FD && fstat(fd, &now) == 0) {
        if (S_ISDIR(now.st_mode)) {
            open_fds[fd].folder = strdup(name);
        } else {
            uint32_t file = number_of(now.st_ino, !was_there);
            open_fds[fd].file = file;
            record(was_there ? 'O' : 'C', file, 0, name, (uint32_t)strlen(name));
            if (was_there && (flags & O_TRUNC) && before.st_size > 0) record('Z', file, 0, "", 0);
        }
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        return open_watched(path, flags, mode);                                                                        \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (fd >= 0 && fd < MAX_FD) {
        free(open_fds[fd].folder);
        open_fds[fd].folder = NULL;
        open_fds[fd].file = 0;
    }
    int done = real_close(fd), error = errno;
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset, int placed) {
    pthread_mutex_lock(&turn);
    uint32_t file = file_of(fd);
    if (file && fails("write", file)) {
        pthread_mutex_unlock(&turn);
        return -1;
    }
    if (file && !placed) {
        struct stat now;
        offset = fcntl(fd, F_GETFL) & O_APPEND ? (fstat(fd, &now), now.st_size) : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t done = placed ? real_pwrite(fd, bytes, length, offset) : real_write(fd, bytes, length);
    int error = errno;
    if (file && done > 0) record('W', file, (uint64_t)offset, bytes, (uint32_t)done);
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!file_of(fd)) return real_write(fd, bytes, length);
    return write_at(fd, bytes, length, 0, 0);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return write_at(fd, bytes, length, offset, 1);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    return write_at(fd, bytes, length, offset, 1);
}

static int read_fails(int fd) {
    if (!file_of(fd)) return 0;
    pthread_mutex_lock(&turn);
    int failed = fails("read", file_of(fd)), error = errno;
    pthread_mutex_unlock(&turn);
    errno = error;
    return failed;
}
ssize_t read(int fd, void *bytes, size_t length) { return read_fails(fd) ? -1 : real_read(fd, bytes, length); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
    return read_fails(fd) ? -1 : real_pread(fd, bytes, length, offset);
}
ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) { return pread(fd, bytes, length, offset); }

/* The watched disk is made of memory here: what was handed to the kernel counts as written when the call says so. */
static int sync_watched(int fd) {
    pthread_mutex_lock(&turn);
    uint32_t file = file_of(fd);
    const char *folder = fd >= 0 && fd < MAX_FD ? open_fds[fd].folder : NULL;
    int failed = (file || folder) && fails("sync", file), error = errno;
    if (!failed && folder) record('D', 0, 0, folder, (uint32_t)strlen(folder));
    if (!failed && file) record('S', file, 0, "", 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return failed ? -1 : file || folder ? 0 : real_fsync(fd);
}
int fsync(int fd) { return sync_watched(fd); }
int fdatasync(int fd) { return sync_watched(fd); }

int ftruncate(int fd, off_t length) {
    pthread_mutex_lock(&turn);
    uint32_t file = file_of(fd);
    int failed = file && fails("truncate", file);
    int done = failed ? -1 : real_ftruncate(fd, length), error = errno;
    if (file && done == 0) record('T', file, (uint64_t)length, "", 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int unlink(const char *path) {
    const char *name = watched(path);
    pthread_mutex_lock(&turn);
    int done = real_unlink(path), error = errno;
    if (name && done == 0) record('U', 0, 0, name, (uint32_t)strlen(name));
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

int rename(const char *from, const char *to) {
    const char *old = watched(from), *new = watched(to);
    pthread_mutex_lock(&turn);
    int done = real_rename(from, to), error = errno;
    if (old && new && done == 0) {
        char both[8192];
        int length = snprintf(both, sizeof both, "%s%c%s", old, 0, new);
        record('R', 0, 0, both, (uint32_t)length);
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

int mkdir(const char *path, mode_t mode) {
    const char *name = watched(path);
    pthread_mutex_lock(&turn);
    int done = real_mkdir(path, mode), error = errno;
    if (name && done == 0) record('M', 0, 0, name, (uint32_t)strlen(name));
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}
