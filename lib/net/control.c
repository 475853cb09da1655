#include "net/control.h"

#include "net/acceptor.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_MODE = 0660 };

struct client {
    struct control *control; /* NULL = the slot is free */
    int fd;
    struct loop_watch *watch;
    struct loop_timer *deadline;
    char request[CONTROL_REQUEST_MAX];
    size_t received;
    bool follows;
    struct buffer answer;
};

struct control {
    struct loop *loop;
    struct acceptor *acceptor;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    void (*answer)(void *owner, const char *request, struct buffer *out);
    void *owner;
    struct client *asking; /* while answer() is called */
    size_t followers;
    struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_close(struct client *client)
{
    loop_watch_free(client->watch);
    loop_timer_free(client->deadline);
    buffer_fini(&client->answer);
    client->control->followers -= client->follows;
    close(client->fd);
    *client = (struct client){0};
}

static void client_expired(void *owner)
{
    client_close(owner);
}

static void client_write(struct client *client)
{
    struct bytes left = buffer_bytes(&client->answer);
    while (left.size > 0) {
        ssize_t written = send(client->fd, left.data, left.size, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            loop_watch_set(client->watch, LOOP_WRITABLE);
            return;
        }
        if (written < 0) {
            break;
        }
        buffer_consume(&client->answer, (size_t)written);
        left = buffer_bytes(&client->answer);
    }
    if (client->follows && left.size == 0) {
        loop_watch_set(client->watch, LOOP_READABLE); // its end shows so
    } else {
        client_close(client);
    }
}

static void client_answer(struct client *client, char *line_end)
{
    struct control *control = client->control;
    *line_end = '\0';
    control->asking = client;
    control->answer(control->owner, client->request, &client->answer);
    control->asking = NULL;
    if (client->follows) {
        loop_timer_stop(client->deadline);
    }
    client_write(client);
}

static void client_read(struct client *client)
{
    size_t room = sizeof client->request - client->received;
    ssize_t size = recv(client->fd, client->request + client->received, room, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        client_close(client);
        return;
    }
    char *end = memchr(client->request + client->received, '\n', (size_t)size);
    client->received += (size_t)size;
    if (end && !memchr(client->request, '\0', (size_t)(end - client->request))) {
        client_answer(client, end);
    } else if (end || client->received == sizeof client->request) {
        client_close(client);
    }
}

static void client_ready(void *owner, unsigned events)
{
    struct client *client = owner;
    bool answering = buffer_bytes(&client->answer).size > 0;
    if (answering && (events & LOOP_WRITABLE)) {
        client_write(client);
    } else if (client->follows && !answering) {
        client_close(client); // a follower has nothing more to say: this is its end
    } else if (!answering && (events & LOOP_READABLE)) {
        client_read(client);
    }
}

/* ---- followers ---- */

bool control_follow(struct control *control)
{
    if (control->followers == CONTROL_FOLLOWERS_MAX) {
        return false;
    }
    control->asking->follows = true;
    control->followers++;
    return true;
}

static void client_publish(struct client *client, struct bytes bytes)
{
    size_t waiting = buffer_bytes(&client->answer).size;
    if (waiting + bytes.size > CONTROL_FOLLOWER_BACKLOG ||
        buffer_append(&client->answer, bytes.data, bytes.size) != ERR_OK) {
        client_close(client);
    } else if (waiting == 0) {
        client_write(client);
    }
}

size_t control_publish(struct control *control, struct bytes bytes)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].follows) {
            client_publish(&control->clients[i], bytes);
        }
    }
    return control->followers;
}

/* ---- listening ---- */

static struct client *free_slot(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (!control->clients[i].control) {
            return &control->clients[i];
        }
    }
    return NULL;
}

static void client_open(void *owner, int fd)
{
    struct control *control = owner;
    struct client *client = free_slot(control);
    if (!client) {
        close(fd);
        return;
    }
    client->control = control;
    client->fd = fd;
    buffer_init(&client->answer, CONTROL_ANSWER_MAX);
    client->watch = loop_watch_new(control->loop, fd, client_ready, client);
    client->deadline = loop_timer_new(control->loop, client_expired, client);
    if (!client->watch || !client->deadline) {
        client_close(client);
        return;
    }
    loop_watch_set(client->watch, LOOP_READABLE);
    loop_timer_start_ms(client->deadline, CONTROL_TIMEOUT_MS);
}

static bool make_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address->sun_path) {
        return false;
    }
    memcpy(address->sun_path, path, size + 1);
    return true;
}

static bool someone_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool alive = result == 0 || errno == EAGAIN; /* EAGAIN: it listens, and its queue is full */
    close(fd);
    return alive;
}

/* Removes what a dead daemon left; anything that is not a dead socket stays. */
static enum err clear_path(const struct sockaddr_un *address, struct err_text *why)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0) {
        return errno == ENOENT ? ERR_OK : err_errno(why, errno, "control socket %s", address->sun_path);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return err_set(why, ERR_CONFLICT, "control socket %s: is a file of another kind; name another path",
                       address->sun_path);
    }
    if (someone_answers(address)) {
        return err_set(why, ERR_CONFLICT,
                       "control socket %s: another process listens there; stop it, or name another path",
                       address->sun_path);
    }
    if (unlink(address->sun_path) != 0 && errno != ENOENT) {
        return err_errno(why, errno, "control socket %s", address->sun_path);
    }
    return ERR_OK;
}

static enum err listen_on(const struct sockaddr_un *address, int *out, struct err_text *why)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_errno(why, errno, "control socket %s", address->sun_path);
    }
    /* On Linux the mode of the descriptor becomes the mode of the path: nobody else fits in between. */
    (void)fchmod(fd, SOCKET_MODE);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        chmod(address->sun_path, SOCKET_MODE) != 0 || listen(fd, CONTROL_CLIENTS_MAX) != 0) {
        enum err result = err_errno(why, errno, "control socket %s", address->sun_path);
        close(fd);
        return result;
    }
    *out = fd;
    return ERR_OK;
}

enum err control_start(struct loop *loop, const char *path,
                       void (*answer)(void *owner, const char *request, struct buffer *out), void *owner,
                       struct control **out, struct err_text *why)
{
    struct sockaddr_un address;
    *out = NULL;
    if (!make_address(path, &address)) {
        return err_set(why, ERR_LIMIT, "control socket %s: the path has 1 to %zu bytes", path,
                       sizeof address.sun_path - 1);
    }
    enum err result = clear_path(&address, why);
    if (result != ERR_OK) {
        return result;
    }
    struct control *control = calloc(1, sizeof *control);
    if (!control) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    control->loop = loop;
    control->answer = answer;
    control->owner = owner;
    int fd = -1;
    result = listen_on(&address, &fd, why);
    if (result != ERR_OK) {
        free(control);
        return result;
    }
    memcpy(control->path, address.sun_path, sizeof control->path);
    control->acceptor = acceptor_new(loop, fd, path, client_open, control);
    if (!control->acceptor) {
        control_stop(control);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = control;
    return ERR_OK;
}

void control_stop(struct control *control)
{
    if (!control) {
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].control) {
            client_close(&control->clients[i]);
        }
    }
    (void)unlink(control->path);
    acceptor_free(control->acceptor);
    free(control);
}

/* ---- the asking side ---- */

static enum err set_deadline(int fd)
{
    const struct timeval deadline = {.tv_sec = CONTROL_TIMEOUT_MS / 1000};
    bool set = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0 &&
               setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline) == 0;
    return set ? ERR_OK : ERR_IO;
}

static enum err send_request(int fd, const char *path, const char *request, struct err_text *why)
{
    char line[CONTROL_REQUEST_MAX + 1];
    int size = snprintf(line, sizeof line, "%s\n", request);
    if (size < 0 || size > CONTROL_REQUEST_MAX || strchr(request, '\n')) {
        return err_set(why, ERR_LIMIT, "a request is one line of at most %d bytes", CONTROL_REQUEST_MAX - 1);
    }
    if (send(fd, line, (size_t)size, MSG_NOSIGNAL) != size) {
        return err_errno(why, errno, "%s", path);
    }
    return ERR_OK;
}

static enum err receive_answer(int fd, const char *path, struct buffer *answer, struct err_text *why)
{
    uint8_t chunk[16 * 1024];
    for (;;) {
        ssize_t size = recv(fd, chunk, sizeof chunk, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return err_set(why, ERR_TIMEOUT, "%s: no answer within %d s", path, CONTROL_TIMEOUT_MS / 1000);
        }
        if (size < 0) {
            return err_errno(why, errno, "%s", path);
        }
        if (size == 0) {
            return ERR_OK;
        }
        if (buffer_append(answer, chunk, (size_t)size) != ERR_OK) {
            return err_set(why, ERR_LIMIT, "%s: the answer is too long", path);
        }
    }
}

static enum err connect_failed(const char *path, int error, struct err_text *why)
{
    if (error == EAGAIN) {
        return err_set(why, ERR_TIMEOUT, "%s: no answer within %d s", path, CONTROL_TIMEOUT_MS / 1000);
    }
    if (error == ENOENT || error == ECONNREFUSED) {
        return err_set(why, ERR_NOT_FOUND,
                       "%s: nobody listens there; is the daemon running, and with this control socket?",
                       path);
    }
    return err_errno(why, error, "%s", path);
}

enum err control_connect(const char *path, const char *request, int *out, struct err_text *why)
{
    struct sockaddr_un address;
    *out = -1;
    if (!make_address(path, &address)) {
        return err_set(why, ERR_LIMIT, "%s: not the path of a control socket", path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, errno, "%s", path);
    }
    enum err result = set_deadline(fd);
    if (result != ERR_OK || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        result = connect_failed(path, errno, why);
    } else {
        result = send_request(fd, path, request, why);
    }
    if (result != ERR_OK) {
        close(fd);
        return result;
    }
    *out = fd;
    return ERR_OK;
}

enum err control_ask(const char *path, const char *request, struct buffer *answer, struct err_text *why)
{
    int fd;
    enum err result = control_connect(path, request, &fd, why);
    if (result == ERR_OK) {
        result = receive_answer(fd, path, answer, why);
        close(fd);
    }
    return result;
}
