#include "base/array.h"
#include "base/notify.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket as the service manager has it; `name` as in $NOTIFY_SOCKET. */
static int manager_listen(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void expect_received(int fd, const char *state)
{
    char text[128] = "";
    ssize_t size = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    ck_assert_int_eq(size, (ssize_t)strlen(state));
    ck_assert_str_eq(text, state);
}

START_TEST(the_manager_receives_each_state)
{
    char folder[TEMPORARY_PATH_MAX];
    char path[TEMPORARY_PATH_MAX];
    temporary_folder(folder);
    int fd = manager_listen(temporary_path(folder, "notify", path));
    notify_send("READY=1\nSTATUS=polling 3 links");
    notify_send("STOPPING=1");
    expect_received(fd, "READY=1\nSTATUS=polling 3 links");
    expect_received(fd, "STOPPING=1");
    close(fd);
    temporary_remove(folder);
}
END_TEST

START_TEST(an_abstract_socket_is_understood)
{
    char name[64];
    snprintf(name, sizeof name, "@bourdon-test-%d", (int)getpid());
    int fd = manager_listen(name);
    notify_send("WATCHDOG=1");
    expect_received(fd, "WATCHDOG=1");
    close(fd);
}
END_TEST

START_TEST(without_a_manager_nothing_happens)
{
    static char endless[300];
    memset(endless, '/', sizeof endless - 1);
    const char *const names[] = {"", "/", "relative", "/nonexistent/notify", endless};
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_send("READY=1");
    }
}
END_TEST

START_TEST(the_watchdog_is_fed_twice_an_interval_if_it_is_ours)
{
    char own[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    const struct {
        const char *name;
        const char *interval;
        const char *pid;
        int64_t us;
    } rows[] = {
        {"none", NULL, NULL, 0},        {"for anyone", "3000000", NULL, 1500000},
        {"for us", "30", own, 15},      {"for another", "30", "1", 0},
        {"nonsense", "30s", NULL, 0},   {"negative", "-5", NULL, 0},
        {"nonsense pid", "30", "x", 0}, {"endless", "99999999999999999999", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (rows[i].interval) {
            setenv("WATCHDOG_USEC", rows[i].interval, 1);
        }
        if (rows[i].pid) {
            setenv("WATCHDOG_PID", rows[i].pid, 1);
        }
        ck_assert_msg(notify_watchdog_us() == rows[i].us, "%s", rows[i].name);
    }
}
END_TEST

int main(void)
{
    return suite_run("notify", (const TTest *[]){
                                   the_manager_receives_each_state,
                                   an_abstract_socket_is_understood,
                                   without_a_manager_nothing_happens,
                                   the_watchdog_is_fed_twice_an_interval_if_it_is_ours,
                                   NULL,
                               });
}
