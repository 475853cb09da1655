#include "store/jetstream_marks.h"

#include "store/jetstream_names.h"
#include "store/memo.h"
#include "store/sequence_set.h"

#include <stdlib.h>
#include <string.h>

enum {
    MARKS_MAX = 200000, /* kept in memory */
    ROUNDS_MAX = 64,    /* of writing marks that others write, too */
};

struct mark {
    char subject[JETSTREAM_SUBJECT_MAX];
    struct sequence_set set;
    uint64_t revision; /* of what the stream has, as far as we know */
    bool changed;      /* to be written */
    struct mark *next_changed;
};

struct jetstream_marks {
    struct nats_link *link;
    const char *name, *stream;
    struct memo *known; /* subject → struct mark */
    struct mark *changed;
    struct gap *gaps; /* room for those of one batch */
};

static void forget(void *value)
{
    struct mark *mark = value;
    sequence_set_free(&mark->set);
    free(mark);
}

struct jetstream_marks *jetstream_marks_new(struct nats_link *link, const char *name, const char *stream)
{
    struct jetstream_marks *marks = calloc(1, sizeof *marks);
    if (!marks) {
        return NULL;
    }
    *marks = (struct jetstream_marks){.link = link, .name = name, .stream = stream};
    marks->known = memo_new(MARKS_MAX, forget);
    marks->gaps = malloc(BATCH_GAPS_MAX * sizeof *marks->gaps);
    if (!marks->known || !marks->gaps) {
        jetstream_marks_free(marks);
        return NULL;
    }
    return marks;
}

void jetstream_marks_free(struct jetstream_marks *marks)
{
    if (marks) {
        memo_free(marks->known);
        free(marks->gaps);
        free(marks);
    }
}

void jetstream_marks_settle(struct jetstream_marks *marks)
{
    if (memo_is_over(marks->known) && !marks->changed) {
        memo_clear(marks->known);
    }
}

/* ---- reading ---- */

/* Unites the mark with what the stream has. */
static enum err refresh(struct jetstream_marks *marks, struct mark *mark, struct err_text *why)
{
    struct nats_message *message = NULL;
    struct sequence_set stored = {0};
    enum err result = nats_link_last(marks->link, marks->stream, mark->subject, &message, why);
    if (result == ERR_NOT_FOUND) {
        mark->revision = 0;
        return ERR_OK;
    }
    if (result == ERR_OK && sequence_set_decode(&stored, nats_message_data(message)) != ERR_OK) {
        result = err_set(why, ERR_CORRUPT, "NATS: %s: is not a mark of this version", mark->subject);
    }
    if (result == ERR_OK) {
        mark->revision = nats_message_sequence(message);
        result = sequence_set_unite(&mark->set, &stored);
        result = result == ERR_OK ? ERR_OK : err_set(why, result, "out of memory");
    }
    sequence_set_free(&stored);
    nats_message_free(message);
    return result;
}

static struct bytes key_of(const struct mark *mark)
{
    return (struct bytes){(const uint8_t *)mark->subject, strlen(mark->subject)};
}

static enum err claim(struct jetstream_marks *marks, const char *bridge, const uint8_t *epoch,
                      struct mark **mark, struct err_text *why)
{
    struct mark *made = calloc(1, sizeof *made);
    *mark = NULL;
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    jetstream_mark_subject(marks->name, bridge, epoch, made->subject);
    *mark = memo_find(marks->known, key_of(made));
    if (*mark) {
        free(made);
        return ERR_OK;
    }
    enum err result = refresh(marks, made, why);
    if (result == ERR_OK) {
        result = memo_keep(marks->known, key_of(made), made, 1 + made->set.count);
    }
    if (result != ERR_OK) {
        forget(made);
        return result == ERR_NO_MEMORY ? err_set(why, result, "out of memory") : result;
    }
    *mark = made;
    return ERR_OK;
}

/* A set that is incomplete does not know what is missing. */
static void list_missing(const struct sequence_set *set, struct store_watermarks *watermarks)
{
    uint64_t reached = 0;
    for (size_t i = 0; i < set->count && !set->incomplete && reached < set->highest &&
                       watermarks->missing_count < FRAME_MISSING_MAX;
         i++) {
        if (set->ranges[i].first > reached + 1 && set->ranges[i].first <= set->highest) {
            watermarks->missing[watermarks->missing_count++] =
                (struct frame_range){reached + 1, set->ranges[i].first - 1};
        }
        reached = set->ranges[i].last;
    }
}

enum err jetstream_marks_look_up(struct jetstream_marks *marks, const char *bridge, const uint8_t *epoch,
                                 struct store_watermarks *watermarks, struct err_text *why)
{
    struct mark *mark;
    enum err result = claim(marks, bridge, epoch, &mark, why);
    if (result == ERR_OK && mark) {
        result = refresh(marks, mark, why);
    }
    if (result == ERR_OK && mark) {
        *watermarks = (struct store_watermarks){.contiguous = sequence_set_contiguous(&mark->set),
                                                .more = mark->set.incomplete,
                                                .highest = mark->set.highest};
        list_missing(&mark->set, watermarks);
    }
    return result;
}

/* ---- noting ---- */

static void change(struct jetstream_marks *marks, struct mark *mark)
{
    if (!mark->changed) {
        mark->changed = true;
        mark->next_changed = marks->changed;
        marks->changed = mark;
    }
}

static enum err add_gaps(struct jetstream_marks *marks, struct mark *mark, const struct batch_view *view,
                         struct err_text *why)
{
    size_t count;
    enum err result = batch_decode_gaps(view, marks->gaps, BATCH_GAPS_MAX, &count, why);
    for (size_t i = 0; i < count && result == ERR_OK; i++) {
        const struct gap *gap = &marks->gaps[i];
        if (gap->last_sequence > 0) {
            result = sequence_set_add(&mark->set, gap->first_sequence, gap->last_sequence);
        }
    }
    return result;
}

enum err jetstream_marks_note(struct jetstream_marks *marks, const char *bridge,
                              const struct batch_view *view, struct err_text *why)
{
    struct mark *mark;
    uint64_t sequence = view->identity.sequence;
    enum err result = claim(marks, bridge, view->identity.epoch, &mark, why);
    if (result != ERR_OK || !mark) {
        return result;
    }
    if (sequence_set_has(&mark->set, sequence)) {
        // A gap record may have announced it, which is no reason to forget how high the sequences go.
        if (sequence > mark->set.highest) {
            mark->set.highest = sequence;
            change(marks, mark);
        }
        return ERR_OK;
    }
    change(marks, mark);
    mark->set.highest = sequence > mark->set.highest ? sequence : mark->set.highest;
    result = view->kind == BATCH_GAPS ? add_gaps(marks, mark, view, why) : ERR_OK;
    if (result == ERR_OK) {
        result = sequence_set_add(&mark->set, sequence, sequence);
    }
    return result == ERR_NO_MEMORY ? err_set(why, result, "out of memory") : result;
}

/* ---- writing ---- */

struct writing {
    struct mark **marks;
    struct nats_post *posts;
    struct buffer *bytes;
    size_t count;
};

static void writing_free(struct writing *writing)
{
    for (size_t i = 0; writing->bytes && i < writing->count; i++) {
        buffer_fini(&writing->bytes[i]);
    }
    free(writing->bytes);
    free(writing->posts);
    free(writing->marks);
}

static enum err writing_make(struct writing *writing, struct mark *changed)
{
    *writing = (struct writing){0};
    for (struct mark *mark = changed; mark; mark = mark->next_changed) {
        writing->count++;
    }
    writing->marks = calloc(writing->count, sizeof(struct mark *));
    writing->posts = calloc(writing->count, sizeof *writing->posts);
    writing->bytes = calloc(writing->count, sizeof *writing->bytes);
    if (!writing->marks || !writing->posts || !writing->bytes) {
        return ERR_NO_MEMORY;
    }
    enum err result = ERR_OK;
    size_t i = 0;
    for (struct mark *mark = changed; mark && result == ERR_OK; mark = mark->next_changed, i++) {
        buffer_init(&writing->bytes[i], SEQUENCE_SET_BYTES_MAX);
        result = sequence_set_encode(&mark->set, &writing->bytes[i]);
        writing->marks[i] = mark;
        writing->posts[i] = (struct nats_post){.subject = mark->subject,
                                               .data = buffer_bytes(&writing->bytes[i]),
                                               .expects = true,
                                               .expected = mark->revision};
    }
    return result;
}

/* Those that were written are done with; those that another one has written meanwhile are read again. */
static enum err settle(struct jetstream_marks *marks, const struct writing *writing, struct err_text *why)
{
    enum err result = ERR_OK;
    marks->changed = NULL;
    for (size_t i = 0; i < writing->count; i++) {
        struct mark *mark = writing->marks[i];
        mark->changed = false;
        if (writing->posts[i].outcome == NATS_STORED) {
            mark->revision = writing->posts[i].sequence;
            continue;
        }
        change(marks, mark);
        if (writing->posts[i].outcome == NATS_TAKEN && result == ERR_OK) {
            result = refresh(marks, mark, why);
        }
    }
    return result;
}

static enum err write_round(struct jetstream_marks *marks, struct err_text *why)
{
    struct writing writing;
    enum err result = writing_make(&writing, marks->changed);
    if (result != ERR_OK) {
        writing_free(&writing);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    result = nats_link_post(marks->link, writing.posts, writing.count, why);
    enum err settled = settle(marks, &writing, result == ERR_OK ? why : NULL);
    writing_free(&writing);
    return result == ERR_OK ? settled : result;
}

enum err jetstream_marks_write(struct jetstream_marks *marks, struct err_text *why)
{
    enum err result = ERR_OK;
    for (int round = 0; marks->changed && result == ERR_OK; round++) {
        result = round < ROUNDS_MAX ? write_round(marks, why)
                                    : err_set(why, ERR_BUSY, "NATS: other servers write the same marks");
    }
    return result;
}
