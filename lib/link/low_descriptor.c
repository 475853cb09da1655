#include "link/low_descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST = 3 };

enum err low_descriptor_reserve(int *slot, struct err_text *why)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(why, errno, "open /dev/null");
    }
    /* Lower ones may have become free in the meantime only in other threads: the lowest is what open() gave.
     */
    if (fd < LOWEST) {
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
        close(fd);
        fd = moved;
    }
    if (fd < 0) {
        return err_errno(why, errno, "duplicate a descriptor");
    }
    if (fd >= FD_SETSIZE) {
        close(fd);
        return err_set(why, ERR_LIMIT, "no descriptor below %d is left: there are too many links",
                       FD_SETSIZE);
    }
    *slot = fd;
    return ERR_OK;
}

enum err low_descriptor_fill(int slot, int fd, struct err_text *why)
{
    int result = dup3(fd, slot, O_CLOEXEC);
    int reason = errno;
    close(fd);
    return result < 0 ? err_errno(why, reason, "duplicate a descriptor") : ERR_OK;
}

void low_descriptor_empty(int slot)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup3(fd, slot, O_CLOEXEC) < 0) {
        /* Out of descriptors: what is open keeps the number, but nobody may speak through it any more. */
        shutdown(slot, SHUT_RDWR);
    }
    if (fd >= 0) {
        close(fd);
    }
}

void low_descriptor_release(int slot)
{
    if (slot >= 0) {
        close(slot);
    }
}
