/*
 * field_poll: what polling costs. Links to a responder in a process of its own, readings counted and dropped:
 *
 *   build/release/bin/field_poll LINKS TAGS RATE_MS SECONDS [PORT]
 *   build/release/bin/field_poll 900 300 1000 20
 *   build/release/bin/field_poll 49 30 100 20 1502
 *
 * Prints readings a second, the CPU of the polling process as a share of one core, its memory, how late polls
 * begin against their own grid, and the p99 of the time between two polls. With a PORT one more link leads to
 * the PLC there, which misbehaves (bench/field_hostile.sh); its polls are not in these figures, but the
 * number of its good and bad readings is told. The responder's CPU is not counted.
 */
#include "base/clock.h"
#include "field/field.h"
#include "modbus_responder.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_S = 3, SAMPLES_MAX = 4000000, LINKS_MAX = 2000 };

struct root {
    struct place place;
    struct field_options field;
};

static const struct option root_table[] = {
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct root, field.links),
     .table = field_link_table,
     .item_size = sizeof(struct link_options)},
    OPTIONS_END,
};

/* What the sink sees. */
static atomic_uint_fast64_t readings;
static atomic_uint_fast64_t bad;
static atomic_uint_fast64_t hostile_good; /* of the PLC beyond the others */
static atomic_uint_fast64_t hostile_bad;
static size_t healthy_tags;     /* of all others */
static _Atomic int64_t *starts; /* of the polls of each link's first tag: a row of `per_link` a link */
static atomic_size_t start_counts[LINKS_MAX];
static size_t per_link;
static size_t tags_per_link;

static bool take(void *owner, const struct reading *taken, size_t count)
{
    (void)owner;
    atomic_fetch_add(&readings, count);
    for (size_t i = 0; i < count; i++) {
        if (taken[i].tag >= healthy_tags) {
            atomic_fetch_add(quality_has_value(taken[i].quality) ? &hostile_good : &hostile_bad, 1);
        } else if (!quality_has_value(taken[i].quality)) {
            atomic_fetch_add(&bad, 1);
        } else if (taken[i].tag % tags_per_link == 0) {
            size_t link = taken[i].tag / tags_per_link;
            size_t at = atomic_fetch_add(&start_counts[link], 1);
            if (at < per_link) {
                starts[link * per_link + at] = taken[i].request_us;
            }
        }
    }
    return true;
}

static void write_template(FILE *out, size_t tags, long rate_ms)
{
    fprintf(out, "tags:\n");
    for (size_t i = 0; i < tags; i++) {
        fprintf(
            out,
            "  - {name: register-%zu, table: holding, address: %zu, type: uint16, unit: bar, rate: %ldms}\n",
            i, i, rate_ms);
    }
}

/* The last link, if there is a `hostile` port, leads there. */
static void load(struct root *root, size_t links, size_t tags, long rate_ms, uint16_t port, uint16_t hostile)
{
    char template[] = "/tmp/field-poll-XXXXXX";
    FILE *file = fdopen(mkstemp(template), "w");
    write_template(file, tags, rate_ms);
    fclose(file);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "links:\n");
    for (size_t i = 0; i < links + (hostile ? 1 : 0); i++) {
        fprintf(
            out,
            "  - {name: plc-%zu, url: 'tcp://127.0.0.1:%u', units: [{id: 1, templates: [{file: %s, prefix: "
            "plc-%zu/}]}]}\n",
            i, i < links ? port : hostile, template, i);
    }
    fclose(out);
    struct diagnostics *diagnostics = diagnostics_new();
    if (options_load_text("bench.yaml", text, size, root_table, root, diagnostics) != ERR_OK ||
        field_options_check(&root->field, "bench.yaml", diagnostics) != ERR_OK) {
        diagnostics_print(diagnostics, stderr);
        exit(EXIT_FAILURE);
    }
    diagnostics_free(diagnostics);
    unlink(template);
    free(text);
}

static int compare(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* How much later than its grid each poll began; the grid is that of the link's least late poll. */
static size_t lateness(size_t links, int64_t rate_us, int64_t *late_us)
{
    size_t count = 0;
    for (size_t i = 0; i < links; i++) {
        size_t polls = start_counts[i] < per_link ? start_counts[i] : per_link;
        size_t first = count;
        int64_t least = INT64_MAX;
        for (size_t j = 0; j < polls && count < SAMPLES_MAX; j++) {
            int64_t since = starts[i * per_link + j] - starts[i * per_link];
            int64_t off = since - (since + rate_us / 2) / rate_us * rate_us;
            least = off < least ? off : least;
            late_us[count++] = off;
        }
        for (size_t j = first; j < count; j++) {
            late_us[j] -= least;
        }
    }
    return count;
}

/* The time between two polls of a link that all but one in a hundred keep below. */
static int64_t interval_p99_us(size_t links)
{
    int64_t *intervals_us = malloc(SAMPLES_MAX * sizeof *intervals_us);
    size_t count = 0;
    for (size_t i = 0; i < links; i++) {
        size_t polls = start_counts[i] < per_link ? start_counts[i] : per_link;
        for (size_t j = 1; j < polls && count < SAMPLES_MAX; j++) {
            intervals_us[count++] = starts[i * per_link + j] - starts[i * per_link + j - 1];
        }
    }
    qsort(intervals_us, count, sizeof *intervals_us, compare);
    int64_t p99_us = count ? intervals_us[count * 99 / 100] : 0;
    free(intervals_us);
    return p99_us;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long resident_kb(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || !fgets(text, sizeof text, file)) {
        text[0] = '\0';
    }
    if (file) {
        fclose(file);
    }
    const char *resident = strchr(text, ' '); /* the second number, in pages */
    return resident ? strtol(resident, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

struct settings {
    size_t links, tags;
    long rate_ms;
    int seconds;
    uint16_t hostile; /* port of the PLC beyond the others; 0 = there is none */
};

static bool parse(int argc, char **argv, struct settings *settings)
{
    if (argc != 5 && argc != 6) {
        return false;
    }
    *settings = (struct settings){
        .links = strtoul(argv[1], NULL, 10),
        .tags = strtoul(argv[2], NULL, 10),
        .rate_ms = strtol(argv[3], NULL, 10),
        .seconds = (int)strtol(argv[4], NULL, 10),
    };
    unsigned long port = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
    settings->hostile = (uint16_t)port;
    return settings->links > 0 && settings->links < LINKS_MAX && settings->tags > 0 &&
           settings->rate_ms >= 10 && port <= UINT16_MAX && (argc == 5 || port > 0);
}

static void report(const struct settings *settings, double readings_per_s, double cpu)
{
    int64_t *late_us = malloc(SAMPLES_MAX * sizeof *late_us);
    long kb = resident_kb();
    size_t count = lateness(settings->links, settings->rate_ms * 1000, late_us);
    qsort(late_us, count, sizeof *late_us, compare);
    if (count > 0) {
        printf("%zu links x %zu tags at %ld ms: %.0f readings/s (%lu bad), %.1f %% of one core, %ld kB "
               "resident, "
               "start late by p50 %ld us p99 %ld us max %ld us, interval p99 %ld us\n",
               settings->links, settings->tags, settings->rate_ms, readings_per_s, (unsigned long)bad,
               100 * cpu, kb, (long)late_us[count / 2], (long)late_us[count * 99 / 100],
               (long)late_us[count - 1], (long)interval_p99_us(settings->links));
    }
    if (settings->hostile) {
        printf("of the PLC at port %u: %lu readings with a value, %lu without\n", settings->hostile,
               (unsigned long)hostile_good, (unsigned long)hostile_bad);
    }
    free(late_us);
}

static void measure(const struct settings *settings)
{
    struct timespec settle = {.tv_sec = SETTLE_S};
    nanosleep(&settle, NULL);
    uint64_t before = readings;
    double cpu = cpu_seconds();
    int64_t start_us = clock_mono_us();
    struct timespec run = {.tv_sec = settings->seconds};
    nanosleep(&run, NULL);
    double wall = (double)(clock_mono_us() - start_us) / 1e6;
    report(settings, (double)(readings - before) / wall, (cpu_seconds() - cpu) / wall);
}

static int poll_all(const struct settings *settings, struct root *root)
{
    struct catalog *catalog = NULL;
    struct field *field = NULL;
    struct err_text why = {.text = ""};
    const struct reading_sink sink = {.put = take};
    if (field_options_catalog(&root->field, &catalog, &why) != ERR_OK ||
        field_start(&root->field, catalog, &sink, &field, &why) != ERR_OK) {
        fprintf(stderr, "%s\n", why.text);
        catalog_free(catalog);
        return EXIT_FAILURE;
    }
    field_options_fini(&root->field);
    options_free(root_table, root);
    malloc_trim(0);
    measure(settings);
    int64_t stop_us = clock_mono_us();
    field_stop(field, 0);
    printf("stopped in %ld ms\n", (long)((clock_mono_us() - stop_us) / 1000));
    catalog_free(catalog);
    return EXIT_SUCCESS;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct settings settings;
    if (!parse(argc, argv, &settings)) {
        fprintf(stderr, "usage: field_poll LINKS TAGS RATE_MS SECONDS [PORT]\n");
        return 2;
    }
    raise_descriptor_limit();
    struct modbus_responder responder = modbus_responder_start();
    tags_per_link = settings.tags;
    healthy_tags = settings.links * settings.tags;
    per_link = (size_t)(settings.seconds + 2 * SETTLE_S) * 1000 / (size_t)settings.rate_ms + 10;
    starts = calloc((settings.links + 1) * per_link, sizeof *starts);
    struct root root = {.field.templates = NULL};
    load(&root, settings.links, settings.tags, settings.rate_ms, responder.port, settings.hostile);
    int status = poll_all(&settings, &root);
    modbus_responder_stop(&responder);
    free(starts);
    return status;
}
