#include "alarm/alarm_notify.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILURES_LOGGED_A_MINUTE = 5, ARGUMENTS_MAX = 40 };

struct line {
    struct line *next;
    size_t size;
    char text[];
};

struct alarm_notify {
    const struct alarm_options *options;
    struct server_metrics *metrics;
    struct log_limit limit;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int stop; /* an eventfd: readable = stop */
    /* under the lock */
    struct line *first, *last;
    size_t count;
    bool stopping;
};

/* ---- one command ---- */

/* Standard input for the command: the line, in memory, so that nobody waits for it to read. */
static int input_of(const struct line *line)
{
    int fd = memfd_create("alarm", MFD_CLOEXEC);
    if (fd >= 0 &&
        (write(fd, line->text, line->size) != (ssize_t)line->size || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In a process group of its own, so that what it starts is killed with it. */
static int spawn(char *const *arguments, int input, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE); // which we ignore and others count on
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int code = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* True: it ended by itself within its time, with status 0. */
static bool wait_for(const struct alarm_notify *notify, pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = notify->stop, .events = POLLIN}};
    int ready = poll(polled, 2, (int)(notify->options->timeout_us / CLOCK_US_PER_MS));
    int status = -1;
    if (fd < 0 || ready <= 0 || polled[0].revents == 0) {
        kill(-pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (fd >= 0) {
        close(fd);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_command(struct alarm_notify *notify, char *const *arguments, const struct line *line)
{
    pid_t pid = 0;
    uint64_t suppressed;
    int input = input_of(line);
    int code = input < 0 ? errno : spawn(arguments, input, &pid);
    bool good = code == 0 && wait_for(notify, pid);
    if (input >= 0) {
        close(input);
    }
    server_count(notify->metrics, good ? SERVER_ALARM_COMMANDS : SERVER_ALARM_COMMANDS_FAILED, 1);
    if (!good && log_limit_allow(&notify->limit, clock_mono_us(), &suppressed)) {
        log_warn("alarm", log_event("command_failed"), log_str("program", arguments[0]),
                 log_str("reason", code != 0 ? strerrordesc_np(code) : "it failed, or took too long"),
                 log_u64("suppressed", suppressed));
    }
}

static void tell(struct alarm_notify *notify, const struct line *line)
{
    char *const *words = notify->options->command.items;
    char *command[ARGUMENTS_MAX] = {0};
    if (notify->options->command.count > 0) {
        memcpy(command, words, notify->options->command.count * sizeof *words);
        run_command(notify, command, line);
    }
    if (notify->options->webhook[0] != '\0') {
        char program[] = "curl";
        char quiet[] = "-fsS";
        char only[] = "--proto";
        char protocols[] = "=http,https";
        char header[] = "--header";
        char type[] = "Content-Type: application/json";
        char data[] = "--data-binary";
        char input[] = "@-";
        char end[] = "--url";
        char *webhook[] = {
            program, quiet, only, protocols, header, type, data, input, end, notify->options->webhook, NULL};
        run_command(notify, webhook, line);
    }
}

/* ---- the thread ---- */

/* NULL: the end. */
static struct line *take(struct alarm_notify *notify)
{
    pthread_mutex_lock(&notify->lock);
    while (!notify->first && !notify->stopping) {
        pthread_cond_wait(&notify->news, &notify->lock);
    }
    struct line *line = notify->stopping ? NULL : notify->first;
    if (line) {
        notify->first = line->next;
        notify->count--;
    }
    pthread_mutex_unlock(&notify->lock);
    return line;
}

static void *run(void *owner)
{
    struct alarm_notify *notify = owner;
    struct line *line;
    while ((line = take(notify))) {
        tell(notify, line);
        free(line);
    }
    return NULL;
}

void alarm_notify_line(struct alarm_notify *notify, struct bytes text)
{
    if (!notify) {
        return;
    }
    struct line *line = text.size <= ALARM_NOTIFY_LINE_MAX ? malloc(sizeof *line + text.size + 1) : NULL;
    if (line) {
        line->next = NULL;
        line->size = text.size + 1;
        memcpy(line->text, text.data, text.size);
        line->text[text.size] = '\n';
    }
    pthread_mutex_lock(&notify->lock);
    bool room = line && notify->count < ALARM_NOTIFY_QUEUE_MAX;
    if (room && notify->first) {
        notify->last->next = line;
    } else if (room) {
        notify->first = line;
    }
    if (room) {
        notify->last = line;
        notify->count++;
        pthread_cond_signal(&notify->news);
    }
    pthread_mutex_unlock(&notify->lock);
    if (!room) {
        free(line);
        server_count(notify->metrics, SERVER_ALARM_COMMANDS_DROPPED, 1);
    }
}

/* ---- starting and stopping ---- */

static void release(struct alarm_notify *notify)
{
    while (notify->first) {
        struct line *line = notify->first;
        notify->first = line->next;
        free(line);
    }
    if (notify->stop >= 0) {
        close(notify->stop);
    }
    pthread_cond_destroy(&notify->news);
    pthread_mutex_destroy(&notify->lock);
    free(notify);
}

enum err alarm_notify_start(const struct alarm_options *options, struct server_metrics *metrics,
                            struct alarm_notify **out, struct err_text *why)
{
    *out = NULL;
    if (options->command.count == 0 && options->webhook[0] == '\0') {
        return ERR_OK;
    }
    struct alarm_notify *notify = calloc(1, sizeof *notify);
    if (!notify) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    notify->options = options;
    notify->metrics = metrics;
    notify->limit = (struct log_limit){.burst = FAILURES_LOGGED_A_MINUTE, .interval_us = 60 * CLOCK_US_PER_S};
    pthread_mutex_init(&notify->lock, NULL);
    pthread_cond_init(&notify->news, NULL);
    notify->stop = eventfd(0, EFD_CLOEXEC);
    int code = notify->stop < 0 ? errno : pthread_create(&notify->thread, NULL, run, notify);
    if (code != 0) {
        release(notify);
        return err_errno(why, code, "cannot start the thread that tells of alarms");
    }
    *out = notify;
    return ERR_OK;
}

void alarm_notify_stop(struct alarm_notify *notify)
{
    if (!notify) {
        return;
    }
    pthread_mutex_lock(&notify->lock);
    notify->stopping = true;
    pthread_cond_signal(&notify->news);
    pthread_mutex_unlock(&notify->lock);
    (void)!eventfd_write(notify->stop, 1);
    pthread_join(notify->thread, NULL);
    release(notify);
}
