/* What only the running server knows. */
#include "api.h"

#include "live.h"
#include "net/control.h"

#include <string.h>

/* Asks and appends the answer as one member, null if the server cannot be asked. */
static enum err ask_member(struct api_call *call, const char *request, const char *key)
{
    struct buffer answer;
    buffer_init(&answer, CONTROL_ANSWER_MAX);
    enum err result = api_ask(call, request, &answer);
    struct bytes text = buffer_bytes(&answer);
    while (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.size--;
    }
    if (result == ERR_OK && text.size > 0) {
        json_raw(call->json, key, text);
    } else {
        json_null(call->json, key);
        json_string(call->json, "reason", call->why->text);
    }
    buffer_fini(&answer);
    return ERR_OK;
}

enum err api_server(struct api_call *call)
{
    json_string(call->json, "version", BOURDON_VERSION);
    json_bool(call->json, "connected", live_is_connected(call->api->live));
    return ask_member(call, "summary", "server");
}

/* The lines of an answer as an array; empty, with the reason, if the server cannot be asked. */
static enum err ask_lines(struct api_call *call, const char *request, const char *key)
{
    struct buffer answer;
    buffer_init(&answer, CONTROL_ANSWER_MAX);
    enum err result = api_ask(call, request, &answer);
    api_json_lines(call->json, key, result == ERR_OK ? buffer_bytes(&answer) : (struct bytes){0});
    json_string(call->json, "reason", result == ERR_OK ? NULL : call->why->text);
    buffer_fini(&answer);
    return ERR_OK;
}

enum err api_quarantine(struct api_call *call)
{
    return ask_lines(call, "rejected", "rejected");
}

enum err api_alarms(struct api_call *call)
{
    const char *standing = query_string_get(call->query, "standing");
    if (standing && strcmp(standing, "true") != 0 && strcmp(standing, "false") != 0) {
        return err_set(call->why, ERR_CONFIG, "standing: true or false");
    }
    bool all = !standing || strcmp(standing, "false") == 0;
    return ask_lines(call, all ? "alarms" : "alarms standing", "alarms");
}
