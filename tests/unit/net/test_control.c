#include "net/control.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A daemon in a thread of its own; the asking side blocks, as the command line does. */
static char folder[TEMPORARY_PATH_MAX], path[TEMPORARY_PATH_MAX];
static struct loop *loop;
static struct control *control;
static pthread_t thread;
static size_t answer_size;

static void answer(void *owner, const char *request, struct buffer *out)
{
    (void)owner;
    if (strcmp(request, "long") == 0) {
        uint8_t *room = buffer_reserve(out, answer_size);
        ck_assert_ptr_nonnull(room);
        memset(room, 'x', answer_size);
        buffer_commit(out, answer_size);
        return;
    }
    ck_assert_int_eq(buffer_append(out, "you said: ", 10), ERR_OK);
    ck_assert_int_eq(buffer_append(out, request, strlen(request)), ERR_OK);
}

static void *run(void *unused)
{
    loop_run(loop);
    return unused;
}

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "control.sock", path);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    struct err_text why;
    ck_assert_msg(control_start(loop, path, answer, NULL, &control, &why) == ERR_OK, "%s", why.text);
    pthread_create(&thread, NULL, run, NULL);
}

static void teardown(void)
{
    loop_stop(loop);
    pthread_join(thread, NULL);
    control_stop(control);
    ck_assert_int_ne(access(path, F_OK), 0);
    loop_free(loop);
    temporary_remove(folder);
}

static int connect_raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Waits until the daemon has closed the connection; the bytes it sent before are counted. */
static size_t bytes_until_closed(int fd)
{
    char data[256];
    size_t total = 0;
    for (;;) {
        ssize_t size = recv(fd, data, sizeof data, 0);
        if (size <= 0) {
            return total;
        }
        total += (size_t)size;
    }
}

START_TEST(answers_one_line_and_closes)
{
    struct buffer got;
    buffer_init(&got, 1024);
    struct err_text why;
    ck_assert_msg(control_ask(path, "status now", &got, &why) == ERR_OK, "%s", why.text);
    ck_assert_uint_eq(got.size, strlen("you said: status now"));
    ck_assert_mem_eq(buffer_bytes(&got).data, "you said: status now", got.size);
    buffer_fini(&got);
}
END_TEST

START_TEST(sends_an_answer_larger_than_the_socket_takes_at_once)
{
    answer_size = (size_t)3 * 1024 * 1024;
    struct buffer got;
    buffer_init(&got, CONTROL_ANSWER_MAX);
    ck_assert_int_eq(control_ask(path, "long", &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.size, answer_size);
    buffer_fini(&got);
}
END_TEST

START_TEST(a_request_may_have_one_byte_less_than_the_limit)
{
    char request[CONTROL_REQUEST_MAX + 1];
    memset(request, 'a', sizeof request);
    request[CONTROL_REQUEST_MAX - 1] = '\0';
    struct buffer got;
    buffer_init(&got, (size_t)2 * CONTROL_REQUEST_MAX);
    ck_assert_int_eq(control_ask(path, request, &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.size, CONTROL_REQUEST_MAX - 1 + 10);
    request[CONTROL_REQUEST_MAX - 1] = 'a';
    request[CONTROL_REQUEST_MAX] = '\0';
    ck_assert_int_eq(control_ask(path, request, &got, NULL), ERR_LIMIT);
    buffer_fini(&got);
}
END_TEST

START_TEST(a_line_without_end_or_with_a_nul_is_cut_off)
{
    char junk[CONTROL_REQUEST_MAX];
    memset(junk, 'a', sizeof junk);
    int fd = connect_raw();
    ck_assert_int_eq(send(fd, junk, sizeof junk, MSG_NOSIGNAL), sizeof junk);
    ck_assert_uint_eq(bytes_until_closed(fd), 0);
    close(fd);

    fd = connect_raw();
    ck_assert_int_eq(send(fd, "a\0b\n", 4, MSG_NOSIGNAL), 4);
    ck_assert_uint_eq(bytes_until_closed(fd), 0);
    close(fd);
}
END_TEST

START_TEST(silent_clients_keep_nobody_out_for_long)
{
    int silent[CONTROL_CLIENTS_MAX];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        silent[i] = connect_raw();
    }
    ck_assert_uint_eq(bytes_until_closed(silent[0]), 0); /* the deadline */
    struct buffer got;
    buffer_init(&got, 1024);
    ck_assert_int_eq(control_ask(path, "hello", &got, NULL), ERR_OK);
    ck_assert_uint_gt(got.size, 0);
    buffer_fini(&got);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        close(silent[i]);
    }
}
END_TEST

START_TEST(the_socket_is_for_owner_and_group)
{
    struct stat status;
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0660);
}
END_TEST

START_TEST(refuses_the_path_of_a_living_daemon_and_replaces_a_dead_one)
{
    struct control *second;
    struct err_text why;
    ck_assert_int_eq(control_start(loop, path, answer, NULL, &second, &why), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(why.text, "another process listens"));

    char dead[TEMPORARY_PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s", temporary_path(folder, "dead.sock", dead));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    struct loop *other = loop_new();
    ck_assert_msg(control_start(other, dead, answer, NULL, &second, &why) == ERR_OK, "%s", why.text);
    control_stop(second);
    loop_free(other);
}
END_TEST

START_TEST(leaves_a_file_of_another_kind_alone)
{
    char file[TEMPORARY_PATH_MAX];
    fclose(fopen(temporary_path(folder, "precious", file), "w"));
    struct control *second;
    ck_assert_int_eq(control_start(loop, file, answer, NULL, &second, NULL), ERR_CONFLICT);
    ck_assert_int_eq(access(file, F_OK), 0);
}
END_TEST

START_TEST(says_when_nobody_listens)
{
    struct buffer got;
    buffer_init(&got, 16);
    struct err_text why;
    ck_assert_int_eq(control_ask("/nonexistent/control.sock", "status", &got, &why), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why.text, "nobody listens"));
}
END_TEST

int main(void)
{
    return suite_run_with("control", setup, teardown,
                          (const TTest *[]){
                              answers_one_line_and_closes,
                              sends_an_answer_larger_than_the_socket_takes_at_once,
                              a_request_may_have_one_byte_less_than_the_limit,
                              a_line_without_end_or_with_a_nul_is_cut_off,
                              silent_clients_keep_nobody_out_for_long,
                              the_socket_is_for_owner_and_group,
                              refuses_the_path_of_a_living_daemon_and_replaces_a_dead_one,
                              leaves_a_file_of_another_kind_alone,
                              says_when_nobody_listens,
                              NULL,
                          });
}
