#include "daemon_answer.h"

#include "net/control.h"
#include "status_view.h"

/* The tree is decoded in place, in a copy. */
static enum err decode(struct daemon_answer *answer, struct err_text *why)
{
    static const uint8_t end = '\0';
    struct bytes text = buffer_bytes(&answer->text);
    enum err result = buffer_append(&answer->decoded, text.data, text.size);
    if (result == ERR_OK) {
        result = buffer_append(&answer->decoded, &end, 1);
    }
    if (result != ERR_OK) {
        return err_set(why, result, "%s", err_name(result));
    }
    char *copy = (char *)answer->decoded.data + answer->decoded.start;
    result = json_tree_read(&answer->tree, copy, text.size, why);
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "the answer is not JSON");
}

enum err daemon_answer_get(const char *path, const char *request, struct daemon_answer *answer,
                           struct err_text *why)
{
    *answer = (struct daemon_answer){.tree = {0}};
    buffer_init(&answer->text, CONTROL_ANSWER_MAX);
    buffer_init(&answer->decoded, CONTROL_ANSWER_MAX + 1);
    enum err result = control_ask(path, request, &answer->text, why);
    if (result != ERR_OK) {
        return result;
    }
    result = decode(answer, why);
    if (result != ERR_OK) {
        return err_prefix(why, result, "%s", path);
    }
    const struct json_node *error = json_member(&answer->tree, answer->tree.nodes, "error");
    bool refused = error && error->kind == JSON_STRING;
    return refused ? err_set(why, ERR_REFUSED, "%s", error->text) : ERR_OK;
}

void daemon_answer_fini(struct daemon_answer *answer)
{
    json_tree_fini(&answer->tree);
    buffer_fini(&answer->text);
    buffer_fini(&answer->decoded);
}

static void copy_out(struct bytes text)
{
    fwrite(text.data, 1, text.size, stdout);
    if (text.size > 0 && text.data[text.size - 1] != '\n') {
        fputc('\n', stdout);
    }
}

bool daemon_answer_show(const char *program, const char *path, const char *request, enum output_format format)
{
    struct err_text why = {0};
    struct daemon_answer answer;
    enum err result = daemon_answer_get(path, request, &answer, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "%s: %s\n", program, why.text);
    } else if (format == OUTPUT_TABLE) {
        status_view_show(stdout, &answer.tree);
    } else {
        copy_out(buffer_bytes(&answer.text));
    }
    daemon_answer_fini(&answer);
    return result == ERR_OK && !ferror(stdout);
}
