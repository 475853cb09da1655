#include "alarm/alarm_notify.h"

#include "base/array.h"
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

enum { FAILURES_LOGGED_A_MINUTE = 5 };

/* Whom to tell, copied from the configuration, which may be replaced while somebody is being told. */
struct alarm_target {
    char *command[ALARM_COMMAND_MAX + 1]; /* ends with NULL; empty = none */
    char *webhook;                        /* NULL = none */
    int64_t timeout_us;
};

struct line {
    struct line *next;
    size_t size;
    char text[];
};

struct alarm_notify {
    struct server_metrics *metrics;
    struct log_limit limit;
    struct alarm_target *target; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int stop; /* an eventfd: readable = stop */
    /* under the lock */
    struct alarm_target *next; /* NULL = as before */
    bool wanted;               /* there is somebody to tell */
    struct line *first, *last;
    size_t count;
    bool stopping;
};

/* ---- whom to tell ---- */

void alarm_target_free(struct alarm_target *target)
{
    if (target) {
        for (size_t i = 0; i < ALARM_COMMAND_MAX; i++) {
            free(target->command[i]);
        }
        free(target->webhook);
        free(target);
    }
}

static bool copy_words(const struct option_list *words, char **copies)
{
    char *const *items = words->items;
    bool copied = words->count <= ALARM_COMMAND_MAX;
    for (size_t i = 0; copied && i < words->count; i++) {
        copies[i] = strdup(items[i]);
        copied = copies[i] != NULL;
    }
    return copied;
}

struct alarm_target *alarm_target_new(const struct alarm_options *options)
{
    struct alarm_target *target = calloc(1, sizeof *target);
    bool copied = target && copy_words(&options->command, target->command);
    if (copied && options->webhook[0] != '\0') {
        target->webhook = strdup(options->webhook);
        copied = target->webhook != NULL;
    }
    if (!copied) {
        alarm_target_free(target);
        return NULL;
    }
    target->timeout_us = options->timeout_us;
    return target;
}

void alarm_notify_use(struct alarm_notify *notify, struct alarm_target *target)
{
    pthread_mutex_lock(&notify->lock);
    alarm_target_free(notify->next);
    notify->next = target;
    notify->wanted = target->command[0] || target->webhook;
    pthread_mutex_unlock(&notify->lock);
}

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
    int64_t until_us = clock_mono_us() + notify->target->timeout_us;
    int ready;
    int status = -1;
    do { // a signal for the process may arrive in this thread
        int64_t left_us = until_us - clock_mono_us();
        ready = poll(polled, 2, left_us > 0 ? (int)(left_us / CLOCK_US_PER_MS) : 0);
    } while (ready < 0 && errno == EINTR);
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

/* No file of the user's says otherwise, and a redirection is a failure: what follows one would be a GET. */
static char *const curl_words[] = {
    "curl",          "--disable",    "-fsS", "--proto",  "=http,https",
    "--location",    "--max-redirs", "0",    "--header", "Content-Type: application/json",
    "--data-binary", "@-",           "--url"};

static void tell(struct alarm_notify *notify, const struct line *line)
{
    const struct alarm_target *target = notify->target;
    if (target->command[0]) {
        run_command(notify, target->command, line);
    }
    if (target->webhook) {
        char *webhook[ARRAY_LENGTH(curl_words) + 2] = {0};
        memcpy(webhook, curl_words, sizeof curl_words);
        webhook[ARRAY_LENGTH(curl_words)] = target->webhook;
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
    if (notify->next) {
        alarm_target_free(notify->target);
        notify->target = notify->next;
        notify->next = NULL;
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

static struct line *make_line(struct bytes text)
{
    struct line *line = text.size <= ALARM_NOTIFY_LINE_MAX ? malloc(sizeof *line + text.size + 1) : NULL;
    if (line) {
        line->next = NULL;
        line->size = text.size + 1;
        memcpy(line->text, text.data, text.size);
        line->text[text.size] = '\n';
    }
    return line;
}

/* With the lock held. */
static void append(struct alarm_notify *notify, struct line *line)
{
    if (notify->first) {
        notify->last->next = line;
    } else {
        notify->first = line;
    }
    notify->last = line;
    notify->count++;
    pthread_cond_signal(&notify->news);
}

void alarm_notify_line(struct alarm_notify *notify, struct bytes text)
{
    struct line *line = NULL;
    pthread_mutex_lock(&notify->lock);
    bool wanted = notify->wanted;
    if (wanted && notify->count < ALARM_NOTIFY_QUEUE_MAX && (line = make_line(text))) {
        append(notify, line);
    }
    pthread_mutex_unlock(&notify->lock);
    server_count(notify->metrics, SERVER_ALARM_COMMANDS_DROPPED, wanted && !line);
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
    alarm_target_free(notify->target);
    alarm_target_free(notify->next);
    pthread_cond_destroy(&notify->news);
    pthread_mutex_destroy(&notify->lock);
    free(notify);
}

enum err alarm_notify_start(struct server_metrics *metrics, struct alarm_notify **out, struct err_text *why)
{
    *out = NULL;
    struct alarm_notify *notify = calloc(1, sizeof *notify);
    if (!notify) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
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
