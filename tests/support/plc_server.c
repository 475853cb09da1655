#include "support/plc_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <modbus/modbus.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

enum { ADDRESSES = 65536, FUNCTION_AT = 7, UNIT_AT = 6 };

struct plc_server {
    modbus_t *context;
    modbus_mapping_t *mapping;
    int listener;
    int wake;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows and the mapping */
    bool stopping;
    bool dropping;
    enum table hole_table;
    uint16_t hole_first, hole_last;
    uint16_t max_read;
    uint8_t silent_unit;
    useconds_t delay_us;
    uint64_t requests;
    fd_set open;
};

static enum table table_of(uint8_t function)
{
    static const enum table tables[] = {TABLE_NONE, TABLE_COIL, TABLE_DISCRETE, TABLE_HOLDING, TABLE_INPUT};
    return function < 5 ? tables[function] : TABLE_NONE;
}

/* The exception for a read, 0 = none. */
static int judge(const struct plc_server *server, const uint8_t *request)
{
    enum table table = table_of(request[FUNCTION_AT]);
    unsigned first = (unsigned)request[8] << 8 | request[9];
    unsigned quantity = (unsigned)request[10] << 8 | request[11];
    if (table != TABLE_NONE && server->max_read && quantity > server->max_read) {
        return MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE;
    }
    bool in_hole = table == server->hole_table && server->hole_first <= server->hole_last &&
                   first <= server->hole_last && first + quantity > server->hole_first;
    return in_hole ? MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS : 0;
}

static void serve(struct plc_server *server, int fd)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(server->context, fd);
    int size = modbus_receive(server->context, request);
    if (size < 0) {
        close(fd);
        FD_CLR(fd, &server->open);
        return;
    }
    pthread_mutex_lock(&server->mutex);
    server->requests++;
    useconds_t delay_us = server->delay_us;
    pthread_mutex_unlock(&server->mutex);
    (void)usleep(delay_us);
    pthread_mutex_lock(&server->mutex);
    bool silent = server->silent_unit && request[UNIT_AT] == server->silent_unit;
    int exception = judge(server, request);
    if (!silent && exception) {
        modbus_reply_exception(server->context, request, (unsigned)exception);
    } else if (!silent) {
        modbus_reply(server->context, request, size, server->mapping);
    }
    pthread_mutex_unlock(&server->mutex);
}

static void accept_one(struct plc_server *server)
{
    int fd = accept(server->listener, NULL, NULL);
    if (fd >= 0 && fd < FD_SETSIZE) {
        FD_SET(fd, &server->open);
    }
}

static void close_all(struct plc_server *server)
{
    for (int fd = 0; fd < FD_SETSIZE; fd++) {
        if (FD_ISSET(fd, &server->open)) {
            close(fd);
        }
    }
    FD_ZERO(&server->open);
}

/* False when it is time to end. */
static bool take_orders(struct plc_server *server)
{
    eventfd_t count;
    eventfd_read(server->wake, &count);
    pthread_mutex_lock(&server->mutex);
    bool dropping = server->dropping;
    bool stopping = server->stopping;
    server->dropping = false;
    pthread_mutex_unlock(&server->mutex);
    if (dropping || stopping) {
        close_all(server);
    }
    return !stopping;
}

static void *run(void *argument)
{
    struct plc_server *server = argument;
    for (;;) {
        fd_set ready = server->open;
        FD_SET(server->listener, &ready);
        FD_SET(server->wake, &ready);
        if (select(FD_SETSIZE, &ready, NULL, NULL, NULL) < 0) {
            continue;
        }
        if (FD_ISSET(server->wake, &ready) && !take_orders(server)) {
            return NULL;
        }
        if (FD_ISSET(server->listener, &ready)) {
            accept_one(server);
        }
        for (int fd = 0; fd < FD_SETSIZE; fd++) {
            if (fd != server->listener && fd != server->wake && FD_ISSET(fd, &ready) &&
                FD_ISSET(fd, &server->open)) {
                serve(server, fd);
            }
        }
    }
}

static int listen_on_loopback(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(*port)};
    socklen_t size = sizeof address;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

struct plc_server *plc_server_start(void)
{
    return plc_server_start_at(0);
}

struct plc_server *plc_server_start_at(uint16_t port)
{
    struct plc_server *server = calloc(1, sizeof *server);
    ck_assert_ptr_nonnull(server);
    server->context = modbus_new_tcp("127.0.0.1", 0);
    server->mapping = modbus_mapping_new(ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES);
    ck_assert(server->context && server->mapping);
    server->port = port;
    server->listener = listen_on_loopback(&server->port);
    server->wake = eventfd(0, EFD_CLOEXEC);
    server->hole_first = 1;
    pthread_mutex_init(&server->mutex, NULL);
    FD_ZERO(&server->open);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void plc_server_stop(struct plc_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_mutex_unlock(&server->mutex);
    eventfd_write(server->wake, 1);
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->wake);
    modbus_mapping_free(server->mapping);
    modbus_free(server->context);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

uint16_t plc_server_port(const struct plc_server *server)
{
    return server->port;
}

void plc_server_set(struct plc_server *server, enum table table, uint16_t address, uint16_t value)
{
    pthread_mutex_lock(&server->mutex);
    if (table == TABLE_HOLDING) {
        server->mapping->tab_registers[address] = value;
    } else if (table == TABLE_INPUT) {
        server->mapping->tab_input_registers[address] = value;
    } else if (table == TABLE_COIL) {
        server->mapping->tab_bits[address] = value != 0;
    } else {
        server->mapping->tab_input_bits[address] = value != 0;
    }
    pthread_mutex_unlock(&server->mutex);
}

void plc_server_set_hole(struct plc_server *server, enum table table, uint16_t first, uint16_t last)
{
    pthread_mutex_lock(&server->mutex);
    server->hole_table = table;
    server->hole_first = first;
    server->hole_last = last;
    pthread_mutex_unlock(&server->mutex);
}

void plc_server_set_max_read(struct plc_server *server, uint16_t most)
{
    pthread_mutex_lock(&server->mutex);
    server->max_read = most;
    pthread_mutex_unlock(&server->mutex);
}

void plc_server_set_silent_unit(struct plc_server *server, uint8_t unit)
{
    pthread_mutex_lock(&server->mutex);
    server->silent_unit = unit;
    pthread_mutex_unlock(&server->mutex);
}

void plc_server_set_delay_ms(struct plc_server *server, unsigned delay_ms)
{
    pthread_mutex_lock(&server->mutex);
    server->delay_us = delay_ms * 1000;
    pthread_mutex_unlock(&server->mutex);
}

void plc_server_drop_connections(struct plc_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->dropping = true;
    pthread_mutex_unlock(&server->mutex);
    eventfd_write(server->wake, 1);
}

uint64_t plc_server_requests(struct plc_server *server)
{
    pthread_mutex_lock(&server->mutex);
    uint64_t requests = server->requests;
    pthread_mutex_unlock(&server->mutex);
    return requests;
}
