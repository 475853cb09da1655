#include "store_await.h"

#include "base/log.h"
#include "base/notify.h"
#include "net/io.h"
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

struct await {
    const char *where;
    struct store *store;
    enum err result;        /* ERR_BUSY: not yet */
    struct err_text why;    /* of the last try */
    pthread_mutex_t lock;   /* of the reason */
    struct err_text reason; /* the same, for http; "": did not have to wait */
    struct loop *loop;
    struct loop_timer *again;
    struct loop_signal *terminate, *interrupt;
    struct http *http;
};

static void say_away(struct await *await)
{
    pthread_mutex_lock(&await->lock);
    bool changed = strcmp(await->reason.text, await->why.text) != 0;
    await->reason = await->why;
    pthread_mutex_unlock(&await->lock);
    if (changed) {
        log_error("store", log_event("store_away"), log_str("reason", await->why.text),
                  log_str("consequence", "no bridge is served until it is there; it is tried again"));
    }
}

static void try_again(void *owner)
{
    struct await *await = owner;
    notify_send("WATCHDOG=1");
    await->result = store_open(await->where, &await->store, &await->why);
    if (await->result != ERR_BUSY) {
        loop_stop(await->loop);
        return;
    }
    say_away(await);
    loop_timer_start_ms(await->again, STORE_AWAIT_TRY_MS);
}

static void stop(void *owner)
{
    struct await *await = owner;
    loop_stop(await->loop);
}

/* ---- http's thread ---- */

static enum err health(void *owner, struct err_text *why)
{
    struct await *await = owner;
    pthread_mutex_lock(&await->lock);
    *why = await->reason;
    pthread_mutex_unlock(&await->lock);
    return ERR_BUSY;
}

static enum err metrics(void *owner, struct buffer *out)
{
    (void)owner;
    (void)out;
    return ERR_OK;
}

/* ---- waiting ---- */

static enum err start(struct await *await, const char *http, struct err_text *why)
{
    const struct http_source source = {.owner = await, .health = health, .metrics = metrics};
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    await->loop = loop_new();
    if (!await->loop) {
        return err_set(why, ERR_NO_MEMORY, "cannot make an event loop");
    }
    await->again = loop_timer_new(await->loop, try_again, await);
    await->terminate = loop_signal_new(await->loop, SIGTERM, stop, await);
    await->interrupt = loop_signal_new(await->loop, SIGINT, stop, await);
    if (!await->again || !await->terminate || !await->interrupt) {
        return err_set(why, ERR_NO_MEMORY, "cannot make signals and timers");
    }
    loop_timer_start_ms(await->again, STORE_AWAIT_TRY_MS);
    if (!io_split_address(http, host, port)) {
        return ERR_OK;
    }
    enum err result = http_start(host, port, &source, &await->http, why);
    if (result == ERR_OK) {
        log_info("server", log_event("http_listening"), log_str("address", http),
                 log_u64("port", http_port(await->http)));
    }
    return result;
}

static void finish(struct await *await)
{
    http_stop(await->http);
    loop_timer_free(await->again);
    loop_signal_free(await->terminate);
    loop_signal_free(await->interrupt);
    loop_free(await->loop);
    pthread_mutex_destroy(&await->lock);
}

static enum err wait_for_store(struct await *await, const char *http, struct err_text *why)
{
    pthread_mutex_init(&await->lock, NULL);
    say_away(await);
    enum err result = start(await, http, why);
    if (result == ERR_OK) {
        notify_send("READY=1\nSTATUS=waiting for the store");
        loop_run(await->loop);
        result = await->result;
        *why = await->why;
    }
    if (result == ERR_BUSY) {
        result = err_set(why, ERR_CLOSED, "stopped while the store was away");
    }
    finish(await);
    return result;
}

enum err store_await(const char *where, const char *http, struct store **store, struct err_text *why)
{
    struct await await = {.where = where};
    await.result = store_open(where, &await.store, &await.why);
    *why = await.why;
    bool remote = strstr(where, "://") != NULL;
    enum err result = await.result == ERR_BUSY && remote ? wait_for_store(&await, http, why) : await.result;
    *store = await.store;
    if (result == ERR_OK && await.reason.text[0]) {
        log_info("store", log_event("store_works_again"));
        notify_send("STATUS=");
    }
    return result;
}
