#include "net/socket.h"

#include "base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

void socket_tune(int fd)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE,
        SOCKET_KEEPALIVE_IDLE_S - (int)(random_u32() % (SOCKET_KEEPALIVE_SPREAD_S + 1)));
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, SOCKET_KEEPALIVE_EVERY_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, SOCKET_KEEPALIVE_COUNT);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SOCKET_USER_TIMEOUT_MS);
}

int64_t socket_waited_ms(int fd)
{
    int unread = 0;
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (ioctl(fd, FIONREAD, &unread) != 0 || unread > SOCKET_SCRAP ||
        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return 0;
    }
    return info.tcpi_last_data_sent;
}

void socket_address_text(const struct sockaddr_storage *address, char *text)
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (address->ss_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        snprintf(text, SOCKET_ADDRESS_MAX, "%s:%u", host, ntohs(v4.sin_port));
        return;
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], host, sizeof host);
            snprintf(text, SOCKET_ADDRESS_MAX, "%s:%u", host, ntohs(v6.sin6_port));
            return;
        }
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        snprintf(text, SOCKET_ADDRESS_MAX, "[%s]:%u", host, ntohs(v6.sin6_port));
        return;
    default:
        snprintf(text, SOCKET_ADDRESS_MAX, "local");
    }
}

enum err socket_explain(int error_number, struct err_text *why)
{
    switch (error_number) {
    case 0:
        return err_set(why, ERR_CLOSED, "the peer closed the connection");
    case ECONNRESET:
    case EPIPE:
        return err_set(why, ERR_CLOSED, "the peer reset the connection");
    case ECONNREFUSED: /* not ERR_REFUSED, which is a peer's judgement: waiting may help */
        return err_set(why, ERR_CLOSED, "connection refused: nothing listens there");
    case ETIMEDOUT:
        return err_set(why, ERR_TIMEOUT, "the peer no longer answers");
    default:
        return err_errno(why, error_number, "the connection failed");
    }
}
