#include "base/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The service manager's socket; a leading '@' names one in Linux's abstract namespace. */
static bool manager_address(struct sockaddr_un *address, socklen_t *size)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address->sun_path || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    if (path[0] == '@') {
        address->sun_path[0] = '\0';
    }
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

void notify_send(const char *state)
{
    struct sockaddr_un address;
    socklen_t size;
    if (!manager_address(&address, &size)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    ssize_t sent;
    do {
        sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    } while (sent < 0 && errno == EINTR);
    close(fd); /* what the manager did not get, its own time-outs notice */
}

static bool read_positive(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = text ? strtoll(text, &end, 10) : 0;
    return *value > 0 && errno == 0 && *end == '\0';
}

int64_t notify_watchdog_us(void)
{
    int64_t interval;
    int64_t pid;
    if (!read_positive(getenv("WATCHDOG_USEC"), &interval)) {
        return 0;
    }
    const char *meant_for = getenv("WATCHDOG_PID");
    if (meant_for && (!read_positive(meant_for, &pid) || pid != getpid())) {
        return 0;
    }
    return interval / 2;
}
