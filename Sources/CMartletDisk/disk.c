#define _GNU_SOURCE
#include "martlet_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/magic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int martlet_open_direct(const char *path, int flags) {
    struct statfs system;
    int file = open(path, flags | O_DIRECT);
    if (file < 0) return -1;
    if (!fstatfs(file, &system) && (system.f_type == EXT4_SUPER_MAGIC || system.f_type == XFS_SUPER_MAGIC)) return file;
    close(file);
    errno = EOPNOTSUPP;
    return -1;
}

int martlet_writes_open(unsigned depth, uint64_t *context, int *signal) {
    aio_context_t made = 0;
    if (syscall(SYS_io_setup, depth, &made)) return errno;
    *context = made;
    *signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = *signal < 0 ? errno : -martlet_writes_ended(made, NULL, 0);
    if (error) martlet_writes_close(made, *signal);
    return error;
}

int martlet_write_begin(
    uint64_t context, int file, const void *bytes, size_t count, int64_t offset, uint64_t number, int signal
) {
    struct iocb write = {
        .aio_data = number,
        .aio_lio_opcode = IOCB_CMD_PWRITE,
        .aio_fildes = (uint32_t)file,
        .aio_buf = (uintptr_t)bytes,
        .aio_nbytes = count,
        .aio_offset = offset,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = (uint32_t)signal,
    };
    struct iocb *writes[] = { &write };
    return syscall(SYS_io_submit, (aio_context_t)context, 1L, writes) == 1 ? 0 : errno;
}

int martlet_writes_ended(uint64_t context, martlet_write_ended *ended, int max) {
    enum { MOST = 16 };
    struct io_event events[MOST];
    struct timespec now = { 0, 0 };
    long count;
    do count = syscall(SYS_io_getevents, (aio_context_t)context, 0L, (long)(max < MOST ? max : MOST), events, &now);
    while (count < 0 && errno == EINTR);
    if (count < 0) return -errno;
    for (long i = 0; i < count; i++)
        ended[i] = (martlet_write_ended){ .number = events[i].data, .result = events[i].res };
    return (int)count;
}

void martlet_writes_close(uint64_t context, int signal) {
    syscall(SYS_io_destroy, (aio_context_t)context);
    if (signal >= 0) close(signal);
}

void martlet_sync_begin(int file, int64_t offset, size_t count) {
    sync_file_range(file, offset, (off64_t)count, SYNC_FILE_RANGE_WRITE);
}
