#ifndef MARTLET_DISK_H
#define MARTLET_DISK_H

#include <stddef.h>
#include <stdint.h>

/// open(2) with O_DIRECT besides, on a file system that carries out such writes by itself, and syncs them when the file
/// is open with O_DSYNC: ext4 and XFS do. Others refuse O_DIRECT, or write while the caller waits (btrfs, tmpfs), or
/// do not sync what has ended later (FUSE). Returns -1 there, as for an error.
int martlet_open_direct(const char *path, int flags);

// Linux's asynchronous I/O (io_setup(2), io_submit(2), io_getevents(2)), for which the C library has no functions, and
// for Swift `syscall` is none. io_uring would do as well; many containers forbid it.

/// A write that has ended.
typedef struct {
    /// What it was begun with.
    uint64_t number;
    /// Bytes written, or a negative error number.
    int64_t result;
} martlet_write_ended;

/// Makes a context for so many writes at a time, and an eventfd that can be read when one has ended. Returns 0, or the
/// error number.
int martlet_writes_open(unsigned depth, uint64_t *context, int *signal);

/// Begins to write `count` bytes, which stay as they are until it has ended. Returns 0, or the error number. Of a file
/// that `martlet_open_direct` opened; else the write is over before this returns.
int martlet_write_begin(
    uint64_t context, int file, const void *bytes, size_t count, int64_t offset, uint64_t number, int signal);

/// Puts at most `max` writes that have ended into `ended`; returns how many, or a negative error number.
int martlet_writes_ended(uint64_t context, martlet_write_ended *ended, int max);

/// Returns when every write has ended, and gives back what `martlet_writes_open` made.
void martlet_writes_close(uint64_t context, int signal);

/// Has the system begin to bring these bytes of a file to the disk: sync_file_range(2). How that went, fdatasync says.
void martlet_sync_begin(int file, int64_t offset, size_t count);

#endif
