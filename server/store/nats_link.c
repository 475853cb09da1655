#include "store/nats_link.h"

#include "base/clock.h"
#include "store/nats_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 3000,
    RECONNECT_MS = 100,
    PING_MS = 5000,
    DRAIN_MS = 3000,
    BUFFER_BYTES = 64 * 1024 * 1024,
};
#define NS_PER_US 1000

enum err nats_failed(struct err_text *why, enum err class, const char *what, natsStatus status)
{
    return err_set(why, class, "NATS: %s: %s", what, natsStatus_GetText(status));
}

/* ---- the connection ---- */

static natsStatus set_security(natsOptions *options, const struct jetstream_place *place)
{
    natsStatus status = NATS_OK;
    if (place->credentials[0]) {
        status = natsOptions_SetUserCredentialsFromFiles(options, place->credentials, NULL);
    }
    if (status == NATS_OK && place->ca[0]) {
        status = natsOptions_SetSecure(options, true);
    }
    if (status == NATS_OK && place->ca[0]) {
        status = natsOptions_LoadCATrustedCertificates(options, place->ca);
    }
    if (status == NATS_OK && place->certificate[0]) {
        status = natsOptions_LoadCertificatesChain(options, place->certificate, place->key);
    }
    return status;
}

static void ignore_error(natsConnection *connection, natsSubscription *subscription, natsStatus status,
                         void *owner)
{
    (void)connection;
    (void)subscription;
    (void)status;
    (void)owner;
}

static natsStatus set_options(natsOptions *options, const struct jetstream_place *place)
{
    const char *servers[JETSTREAM_SERVERS_MAX];
    for (int i = 0; i < place->server_count; i++) {
        servers[i] = place->servers[i];
    }
    natsStatus status = natsOptions_SetServers(options, servers, place->server_count);
    const natsStatus more[] = {
        natsOptions_SetName(options, "bourdon-server"),
        natsOptions_SetTimeout(options, CONNECT_MS),
        natsOptions_SetMaxReconnect(options, -1),
        natsOptions_SetReconnectWait(options, RECONNECT_MS),
        natsOptions_SetPingInterval(options, PING_MS),
        natsOptions_SetReconnectBufSize(options, BUFFER_BYTES),
        natsOptions_SetErrorHandler(options, ignore_error, NULL), // else it writes to stderr
        set_security(options, place),
    };
    for (size_t i = 0; status == NATS_OK && i < sizeof more / sizeof more[0]; i++) {
        status = more[i];
    }
    return status;
}

static natsStatus connect_to(struct nats_link *link, const struct jetstream_place *place)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) {
        status = set_options(options, place);
    }
    if (status == NATS_OK) {
        status = natsConnection_Connect(&link->connection, options);
    }
    natsOptions_Destroy(options);
    jsOptions js;
    jsOptions_Init(&js);
    js.Wait = NATS_ANSWER_MS;
    js.PublishAsync.AckHandler = nats_post_answered;
    js.PublishAsync.AckHandlerClosure = link;
    return status == NATS_OK ? natsConnection_JetStream(&link->js, link->connection, &js) : status;
}

enum err nats_link_open(const struct jetstream_place *place, struct nats_link **out, struct err_text *why)
{
    *out = NULL;
    struct nats_link *link = calloc(1, sizeof *link);
    if (!link) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&link->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    link->posts = memo_new(0, NULL);
    natsStatus status = link->posts ? connect_to(link, place) : NATS_NO_MEMORY;
    if (status != NATS_OK) {
        nats_link_close(link);
        return nats_failed(why, ERR_BUSY, "cannot connect", status);
    }
    *out = link;
    return ERR_OK;
}

void nats_link_close(struct nats_link *link)
{
    if (!link) {
        return;
    }
    if (link->js) {
        jsPubOptions wait;
        jsPubOptions_Init(&wait);
        wait.MaxWait = DRAIN_MS;
        (void)js_PublishAsyncComplete(link->js, &wait);
    }
    jsCtx_Destroy(link->js);
    natsConnection_Destroy(link->connection);
    memo_free(link->posts);
    pthread_cond_destroy(&link->answered);
    pthread_mutex_destroy(&link->lock);
    free(link);
}

size_t nats_link_payload_max(const struct nats_link *link)
{
    int64_t most = natsConnection_GetMaxPayload(link->connection);
    return most > NATS_HEADERS_MAX ? (size_t)most - NATS_HEADERS_MAX : 0;
}

enum err nats_link_flush(struct nats_link *link, struct err_text *why)
{
    natsStatus status = natsConnection_FlushTimeout(link->connection, NATS_ANSWER_MS);
    return status == NATS_OK ? ERR_OK : nats_failed(why, ERR_BUSY, "flush", status);
}

/* ---- streams ---- */

static natsStatus make_or_update(struct nats_link *link, jsStreamConfig *config, jsErrCode *code)
{
    jsStreamInfo *info = NULL;
    *code = 0;
    natsStatus status = js_AddStream(&info, link->js, config, NULL, code);
    if (status != NATS_OK && *code == JSStreamNameExistErr) {
        status = js_UpdateStream(&info, link->js, config, NULL, code);
    }
    jsStreamInfo_Destroy(info);
    return status;
}

enum err nats_link_make_stream(struct nats_link *link, const struct nats_stream *stream, struct err_text *why)
{
    jsStreamConfig config;
    jsErrCode code = 0;
    const char *subjects[] = {stream->subjects};
    jsStreamConfig_Init(&config);
    config.Name = stream->name;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = stream->replicas;
    config.Discard = stream->one_each ? js_DiscardOld : js_DiscardNew;
    config.MaxMsgsPerSubject = stream->one_each ? 1 : 0;
    config.MaxBytes = stream->max_bytes > 0 ? stream->max_bytes : -1;
    config.MaxAge = stream->max_age_us * NS_PER_US;
    config.Duplicates = stream->duplicates_us * NS_PER_US;
    /* A cluster that has just started, or lost its leader, has nobody to ask for a moment. */
    int64_t deadline_us = clock_mono_us() + NATS_POST_MS * CLOCK_US_PER_MS;
    natsStatus status = make_or_update(link, &config, &code);
    while (status != NATS_OK && clock_mono_us() < deadline_us) {
        nats_Sleep(NATS_RETRY_MS);
        status = make_or_update(link, &config, &code);
    }
    return status == NATS_OK ? ERR_OK
                             : err_set(why, ERR_BUSY, "NATS: stream %s cannot be made: %s (JetStream %d)",
                                       stream->name, natsStatus_GetText(status), (int)code);
}

enum err nats_link_purge(struct nats_link *link, const char *stream, uint64_t before, struct err_text *why)
{
    jsOptions options;
    jsOptions_Init(&options);
    options.Stream.Purge.Sequence = before;
    natsStatus status = js_PurgeStream(link->js, stream, &options, NULL);
    return status == NATS_OK ? ERR_OK : nats_failed(why, ERR_BUSY, "purge", status);
}

/* ---- messages ---- */

static natsMsg *own(struct nats_message *message)
{
    return (natsMsg *)message;
}

static const natsMsg *look(const struct nats_message *message)
{
    return (const natsMsg *)message;
}

enum err nats_link_last(struct nats_link *link, const char *stream, const char *subject,
                        struct nats_message **message, struct err_text *why)
{
    natsMsg *found = NULL;
    jsErrCode code = 0;
    natsStatus status = js_GetLastMsg(&found, link->js, stream, subject, NULL, &code);
    *message = (struct nats_message *)found;
    if (status == NATS_NOT_FOUND && code == JSNoMessageFoundErr) {
        return err_set(why, ERR_NOT_FOUND, "NATS: %s: no message", subject);
    }
    return status == NATS_OK ? ERR_OK : nats_failed(why, ERR_BUSY, subject, status);
}

struct bytes nats_message_data(const struct nats_message *message)
{
    return (struct bytes){.data = (const uint8_t *)natsMsg_GetData(look(message)),
                          .size = (size_t)natsMsg_GetDataLength(look(message))};
}

const char *nats_message_header(struct nats_message *message, const char *name)
{
    const char *value = NULL;
    return natsMsgHeader_Get(own(message), name, &value) == NATS_OK ? value : NULL;
}

const char *nats_message_subject(const struct nats_message *message)
{
    return natsMsg_GetSubject(look(message));
}

uint64_t nats_message_sequence(struct nats_message *message)
{
    jsMsgMetaData *meta = NULL;
    uint64_t sequence = natsMsg_GetSequence(own(message));
    if (sequence == 0 && natsMsg_GetMetaData(&meta, own(message)) == NATS_OK) {
        sequence = meta->Sequence.Stream;
        jsMsgMetaData_Destroy(meta);
    }
    return sequence;
}

void nats_message_free(struct nats_message *message)
{
    natsMsg_Destroy(own(message));
}

enum err nats_message_ack(struct nats_message *message, struct err_text *why)
{
    natsStatus status = natsMsg_Ack(own(message), NULL);
    return status == NATS_OK ? ERR_OK : nats_failed(why, ERR_BUSY, "acknowledging", status);
}

/* ---- consuming ---- */

enum err nats_consumer_open(struct nats_link *link, const char *stream, const char *subjects,
                            const char *durable, struct nats_consumer **consumer, struct err_text *why)
{
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    jsErrCode code = 0;
    jsSubOptions_Init(&options);
    options.Stream = stream;
    options.Config.AckWait = 10 * INT64_C(1000000000);
    options.Config.MaxAckPending = 2 * NATS_WINDOW;
    natsStatus status = js_PullSubscribe(&subscription, link->js, subjects, durable, NULL, &options, &code);
    *consumer = (struct nats_consumer *)subscription;
    return status == NATS_OK ? ERR_OK : nats_failed(why, ERR_BUSY, "consumer", status);
}

void nats_consumer_close(struct nats_consumer *consumer)
{
    natsSubscription_Destroy((natsSubscription *)consumer);
}

enum err nats_consumer_fetch(struct nats_consumer *consumer, struct nats_message **messages, size_t count,
                             int wait_ms, size_t *fetched, struct err_text *why)
{
    natsMsgList list = {0};
    jsErrCode code = 0;
    natsStatus status =
        natsSubscription_Fetch(&list, (natsSubscription *)consumer, (int)count, wait_ms, &code);
    *fetched = 0;
    for (int i = 0; i < list.Count && *fetched < count; i++) {
        messages[(*fetched)++] = (struct nats_message *)list.Msgs[i];
        list.Msgs[i] = NULL;
    }
    natsMsgList_Destroy(&list);
    return status == NATS_OK || status == NATS_TIMEOUT || *fetched > 0
               ? ERR_OK
               : nats_failed(why, ERR_BUSY, "fetch", status);
}

enum err nats_consumer_progress(struct nats_link *link, const char *stream, const char *durable,
                                struct nats_progress *progress, struct err_text *why)
{
    jsConsumerInfo *info = NULL;
    *progress = (struct nats_progress){0};
    natsStatus status = js_GetConsumerInfo(&info, link->js, stream, durable, NULL, NULL);
    if (status != NATS_OK) {
        return nats_failed(why, ERR_BUSY, "consumer", status);
    }
    progress->floor = info->AckFloor.Stream;
    progress->left = info->NumPending + (uint64_t)info->NumAckPending;
    jsConsumerInfo_Destroy(info);
    return ERR_OK;
}
