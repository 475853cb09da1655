#include "net/acceptor.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ACCEPTS_AT_ONCE = 64, /* then the other connections of the loop get their turn */
    PAUSE_MS = 200,
    WARN_EVERY_S = 60,
    NAME_MAX_SIZE = 128,
};

struct acceptor {
    int fd;
    struct loop_watch *watch;
    struct loop_timer *pause;
    void (*accepted)(void *owner, int fd);
    void *owner;
    bool busy; /* inside accepted() */
    bool dead; /* freed there */
    struct log_limit warnings;
    char name[NAME_MAX_SIZE];
};

static void release(struct acceptor *acceptor)
{
    loop_watch_free(acceptor->watch);
    loop_timer_free(acceptor->pause);
    close(acceptor->fd);
    free(acceptor);
}

static void wait_for_better_times(struct acceptor *acceptor, int error_number)
{
    loop_watch_set(acceptor->watch, 0);
    loop_timer_start_ms(acceptor->pause, PAUSE_MS);
    uint64_t suppressed;
    if (log_limit_allow(&acceptor->warnings, clock_mono_us(), &suppressed)) {
        struct err_text why;
        (void)err_errno(&why, error_number, "no connection can be accepted for now");
        log_warn("listener", log_event("accept_paused"), log_str("socket", acceptor->name),
                 log_str("reason", why.text), log_u64("suppressed", suppressed));
    }
}

/* One connection. False: there is none left, or none can be taken now. */
static bool accept_one(struct acceptor *acceptor)
{
    int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        acceptor->accepted(acceptor->owner, fd);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        wait_for_better_times(acceptor, errno);
        return false;
    default:
        return true; // that connection died in the queue (accept(2), "Error handling"): on to the next
    }
}

static void ready(void *owner, unsigned events)
{
    (void)events;
    struct acceptor *acceptor = owner;
    bool more = true;
    acceptor->busy = true;
    for (int i = 0; i < ACCEPTS_AT_ONCE && more; i++) {
        more = accept_one(acceptor) && !acceptor->dead;
    }
    acceptor->busy = false;
    if (acceptor->dead) {
        release(acceptor);
    }
}

static void resume(void *owner)
{
    struct acceptor *acceptor = owner;
    loop_watch_set(acceptor->watch, LOOP_READABLE);
}

struct acceptor *acceptor_new(struct loop *loop, int fd, const char *name,
                              void (*accepted)(void *owner, int fd), void *owner)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (!acceptor) {
        close(fd);
        return NULL;
    }
    acceptor->fd = fd;
    acceptor->accepted = accepted;
    acceptor->owner = owner;
    acceptor->warnings = (struct log_limit){.burst = 1, .interval_us = WARN_EVERY_S * CLOCK_US_PER_S};
    snprintf(acceptor->name, sizeof acceptor->name, "%s", name);
    acceptor->watch = loop_watch_new(loop, fd, ready, acceptor);
    acceptor->pause = loop_timer_new(loop, resume, acceptor);
    if (!acceptor->watch || !acceptor->pause) {
        release(acceptor);
        return NULL;
    }
    loop_watch_set(acceptor->watch, LOOP_READABLE);
    return acceptor;
}

void acceptor_free(struct acceptor *acceptor)
{
    if (!acceptor) {
        return;
    }
    if (acceptor->busy) {
        acceptor->dead = true;
        return;
    }
    release(acceptor);
}
