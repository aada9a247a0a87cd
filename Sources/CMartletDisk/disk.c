#define _GNU_SOURCE
#include "martlet_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int martlet_open_direct(const char *path, int flags) { return open(path, flags | O_DIRECT); }

int martlet_writes_open(unsigned depth, uint64_t *context, int *signal) {
    aio_context_t made = 0;
    if (syscall(SYS_io_setup, depth, &made)) return errno;
    *context = made;
    *signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (*signal >= 0) return 0;
    int error = errno;
    syscall(SYS_io_destroy, made);
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
    long count = syscall(SYS_io_getevents, (aio_context_t)context, 0L, (long)(max < MOST ? max : MOST), events, &now);
    if (count < 0) return -errno;
    for (long i = 0; i < count; i++)
        ended[i] = (martlet_write_ended){ .number = events[i].data, .result = events[i].res };
    return (int)count;
}

void martlet_writes_close(uint64_t context, int signal) {
    syscall(SYS_io_destroy, (aio_context_t)context);
    close(signal);
}
