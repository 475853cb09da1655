#include "field/field_options.h"

#include "field/field_plan.h"
#include "field/field_rules.h"
#include "field/field_template.h"
#include "field/field_tls.h"
#include "field/field_walk.h"
#include "link/link.h"
#include "tunnel/tag_words.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct option_choice byte_order_choices[] = {
    {"big", 0},
    {"little", ORDER_BYTES_SWAPPED},
    {NULL, 0},
};

#define TAG(member) .offset = offsetof(struct tag_options, member)

const struct option field_tag_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     TAG(name),
     .required = true,
     .placeholder = "NAME",
     .help = "Name of the tag, unique in the bridge: boiler-1/steam-pressure."},
    {.name = "table",
     .kind = OPTION_CHOICE,
     TAG(table),
     .fallback = "by-reference",
     .choices = tag_tables,
     .help = "Which of the four Modbus tables the tag lies in. Not needed where reference says it."},
    {.name = "address",
     .kind = OPTION_INT,
     TAG(address),
     .fallback = "-1",
     .placeholder = "NUMBER",
     .help = "Zero-based address as on the wire, 0 to 65535. Either this with table, or reference."},
    {.name = "reference",
     .kind = OPTION_STRING,
     TAG(reference),
     .placeholder = "NUMBER",
     .help =
         "Modicon reference of 5 or 6 digits, one-based: 40101 is holding register 100, 400101 the same."},
    {.name = "type",
     .kind = OPTION_CHOICE,
     TAG(type),
     .required = true,
     .choices = tag_types,
     .help = "Type of the value."},
    {.name = "word_order",
     .kind = OPTION_CHOICE,
     TAG(word_order),
     .fallback = "big",
     .choices = tag_word_orders,
     .help = "Order of the registers of a value: big = most significant first, or bytes by their letters, A "
             "being the most significant."},
    {.name = "byte_order",
     .kind = OPTION_CHOICE,
     TAG(byte_order),
     .fallback = "big",
     .choices = byte_order_choices,
     .help = "Order of the two bytes in a register. Not together with word_order in letters."},
    {.name = "bit",
     .kind = OPTION_INT,
     TAG(bit),
     .fallback = "-1",
     .min = -1,
     .max = 15,
     .help = "Bit of a register that a bool is, 0 = least significant."},
    {.name = "length",
     .kind = OPTION_INT,
     TAG(length),
     .fallback = "0",
     .min = 0,
     .max = FIELD_STRING_MAX,
     .help = "Characters of a string, two in a register."},
    {.name = "scale",
     .kind = OPTION_FLOAT,
     TAG(scale),
     .fallback = "1",
     .help = "Engineering value = raw value × scale + offset."},
    {.name = "offset",
     .kind = OPTION_FLOAT,
     TAG(offset),
     .fallback = "0",
     .help = "Engineering value = raw value × scale + offset."},
    {.name = "unit",
     .kind = OPTION_STRING,
     TAG(unit),
     .placeholder = "UCUM",
     .help = "Unit of measure of the engineering value: bar, kPa, Cel."},
    {.name = "rate",
     .kind = OPTION_DURATION,
     TAG(rate_us),
     .fallback = "1s",
     .min = (double)FIELD_RATE_MIN_US,
     .max = (double)FIELD_RATE_MAX_US,
     .help = "How often the tag is read."},
    {.name = "limits",
     .kind = OPTION_STRINGS,
     TAG(limits),
     .max_items = 2,
     .placeholder = "[LOW, HIGH]",
     .help = "Engineering values outside are marked as clamped; their span is what a deadband in percent is "
             "of."},
    {.name = "deadband",
     .kind = OPTION_STRING,
     TAG(deadband),
     .placeholder = "NUMBER[%]",
     .help =
         "Report a value only when it differs by more from the one reported last: in engineering units, "
         "or in percent of the span of limits. 0 = on every change; without it every reading is reported."},
    {.name = "max_age",
     .kind = OPTION_DURATION,
     TAG(max_age_us),
     .fallback = "0s",
     .min = 0,
     .max = (double)FIELD_RATE_MAX_US,
     .help = "With a deadband: report at least this often all the same. 0s = never."},
    {.name = "priority",
     .kind = OPTION_INT,
     TAG(priority),
     .fallback = "0",
     .min = 0,
     .max = UINT8_MAX,
     .help = "Higher is dropped later when the spool is full."},
    {.name = "overlap",
     .kind = OPTION_BOOL,
     TAG(overlap),
     .fallback = "no",
     .help = "The tag may share some of its registers with another."},
    OPTIONS_END,
};

#define TEMPLATE(member) .offset = offsetof(struct template_options, member)

const struct option field_template_table[] = {
    {.name = "file",
     .kind = OPTION_STRING,
     TEMPLATE(file),
     .required = true,
     .placeholder = "FILE",
     .help = "File with tags: (and templates:) of a kind of device, relative to this file."},
    {.name = "prefix",
     .kind = OPTION_STRING,
     TEMPLATE(prefix),
     .placeholder = "TEXT",
     .help = "Text in front of the name of each tag: boiler-1/."},
    {.name = "base",
     .kind = OPTION_INT,
     TEMPLATE(base),
     .fallback = "0",
     .min = 0,
     .max = UINT16_MAX,
     .help = "Added to the address of each tag."},
    OPTIONS_END,
};

#define UNIT(member) .offset = offsetof(struct unit_options, member)

static const struct option unit_table[] = {
    {.name = "id",
     .kind = OPTION_INT,
     UNIT(id),
     .required = true,
     .min = 0,
     .max = 255,
     .help = "Unit identifier: 1 to 247, over TCP also 0 and 255 for the device itself."},
    {.name = "max_registers",
     .kind = OPTION_INT,
     UNIT(max_registers),
     .fallback = "125",
     .min = 1,
     .max = FIELD_REGISTERS_MAX,
     .help = "Registers the device gives in one read."},
    {.name = "max_bits",
     .kind = OPTION_INT,
     UNIT(max_bits),
     .fallback = "2000",
     .min = 1,
     .max = FIELD_BITS_MAX,
     .help = "Coils or discrete inputs the device gives in one read."},
    {.name = "gap",
     .kind = OPTION_INT,
     UNIT(gap),
     .fallback = "0",
     .min = 0,
     .max = FIELD_REGISTERS_MAX - 1,
     .help = "Registers that nobody asked for which one read may span to join two tags (16 times as many "
             "bits)."},
    {.name = "pause",
     .kind = OPTION_DURATION,
     UNIT(pause_us),
     .fallback = "0s",
     .min = 0,
     .max = 60e6,
     .help = "Rest the device needs between an answer and the next request."},
    {.name = "templates",
     .kind = OPTION_LIST,
     UNIT(templates),
     .table = field_template_table,
     .item_size = sizeof(struct template_options),
     .max_items = 64,
     .help = "Lists of tags kept in files of their own."},
    {.name = "tags",
     .kind = OPTION_LIST,
     UNIT(tags),
     .table = field_tag_table,
     .item_size = sizeof(struct tag_options),
     .max_items = CATALOG_TAGS_MAX,
     .help = "What is read from the unit."},
    OPTIONS_END,
};

#define LINK(member) .offset = offsetof(struct link_options, member)

const struct option field_link_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     LINK(name),
     .required = true,
     .placeholder = "NAME",
     .help = "Name of the link in logs, metrics and the catalog."},
    {.name = "url",
     .kind = OPTION_STRING,
     LINK(url),
     .required = true,
     .placeholder = "URL",
     .help = "tcp://HOST[:PORT], tls://HOST[:PORT] for MODBUS/TCP Security (port 802 if none), or "
             "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1&data=8."},
    {.name = "backup",
     .kind = OPTION_STRING,
     LINK(backup),
     .placeholder = "URL",
     .help = "A second way to the same units, used in turn when the first does not connect."},
    {.name = "tls",
     .kind = OPTION_MAP,
     LINK(tls),
     .table = field_tls_table,
     .help = "For tls://: what this bridge shows the device, and how the device proves who it is."},
    {.name = "response_timeout",
     .kind = OPTION_DURATION,
     LINK(response_timeout_us),
     .fallback = "1s",
     .min = 10e3,
     .max = 60e6,
     .help = "How long a whole answer may take."},
    {.name = "connect_timeout",
     .kind = OPTION_DURATION,
     LINK(connect_timeout_us),
     .fallback = "3s",
     .min = 10e3,
     .max = 60e6,
     .help = "How long connecting may take."},
    {.name = "reconnect_max",
     .kind = OPTION_DURATION,
     LINK(reconnect_max_us),
     .fallback = "30s",
     .min = 100e3,
     .max = 3600e6,
     .help = "Longest wait between two attempts to connect, or to reach a unit that does not answer."},
    {.name = "latency",
     .kind = OPTION_DURATION,
     LINK(latency_us),
     .fallback = "2ms",
     .min = 0,
     .max = 60e6,
     .help = "What the device takes to answer: for the check that the schedule fits the line."},
    {.name = "cache_age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct link_options, cache_age_us),
     .fallback = "0s",
     .min = 0,
     .max = 3600e6,
     .help = "Up to this age what a poll has read answers a read through the gateway, and the PLC is not "
             "asked. 0s = it always is."},
    {.name = "outstanding",
     .kind = OPTION_INT,
     LINK(outstanding),
     .fallback = "1",
     .min = 1,
     .max = LINK_OUTSTANDING_MAX,
     .help = "Reads of the gateway's clients that may be on their way to the device at once, over tcp:// "
             "only. More than 1 needs a device that takes several requests without waiting for the answer "
             "to the first; its documentation calls that outstanding or pending transactions."},
    {.name = "align",
     .kind = OPTION_BOOL,
     LINK(align),
     .fallback = "no",
     .help = "Polls fall on multiples of the rate on the wall clock instead of being spread."},
    {.name = "units",
     .kind = OPTION_LIST,
     LINK(units),
     .required = true,
     .table = unit_table,
     .item_size = sizeof(struct unit_options),
     .max_items = FIELD_UNITS_MAX,
     .help = "The devices behind the link."},
    OPTIONS_END,
};

/* All tags with a copy of their names, as two blocks of memory however many there are. */
struct described_tags {
    struct catalog_tag *items;
    char *names; /* one behind the other */
    size_t count, names_size;
};

static enum err count_tag(void *owner, const struct field_tag *tag)
{
    struct described_tags *tags = owner;
    tags->count++;
    tags->names_size += strlen(tag->described.name) + 1;
    return ERR_OK;
}

/* Takes the tag over; its name, which the walk overwrites with the next, moves to the others. */
static enum err describe_tag(void *owner, const struct field_tag *tag)
{
    struct described_tags *tags = owner;
    size_t size = strlen(tag->described.name) + 1;
    tags->items[tags->count] = tag->described;
    tags->items[tags->count++].name = memcpy(tags->names + tags->names_size, tag->described.name, size);
    tags->names_size += size;
    return ERR_OK;
}

enum err field_options_catalog(const struct field_options *options, struct catalog **catalog,
                               struct err_text *why)
{
    struct described_tags tags = {.count = 0};
    enum err result = field_walk(options, count_tag, &tags);
    tags.items = calloc(tags.count + 1, sizeof *tags.items);
    tags.names = malloc(tags.names_size + 1);
    tags.count = 0;
    tags.names_size = 0;
    if (!tags.items || !tags.names) {
        result = err_set(why, ERR_NO_MEMORY, "make the catalog: out of memory");
    }
    if (result == ERR_OK) {
        result = field_walk(options, describe_tag, &tags);
    }
    if (result == ERR_OK) {
        result = catalog_new(tags.items, tags.count, catalog, why);
    }
    free(tags.items);
    free(tags.names);
    return result;
}

enum err field_options_check(struct field_options *options, const char *path, struct diagnostics *diagnostics)
{
    enum err result = field_template_load_all(options, path, diagnostics);
    if (result == ERR_OK) {
        field_tls_load_all(options, diagnostics);
        result = field_rules_check(options, diagnostics);
    }
    if (result == ERR_OK && diagnostics_count(diagnostics) > 0) {
        return ERR_CONFIG;
    }
    return result == ERR_OK ? field_plan_check(options, diagnostics) : result;
}

void field_options_fini(struct field_options *options)
{
    field_tls_free_all(options);
    field_template_free_all(options->templates);
    options->templates = NULL;
}
