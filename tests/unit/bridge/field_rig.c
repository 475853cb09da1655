#include "field_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const struct option rig_table[] = {
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct rig_options, field.links),
     .table = field_link_table,
     .item_size = sizeof(struct link_options)},
    OPTIONS_END,
};

void rig_set_up(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->plc = plc_server_start();
    reading_collector_init(&rig->collector);
    rig->sink = (struct reading_sink){.owner = &rig->collector, .put = reading_collector_put};
}

void rig_start(struct rig *rig, const char *more, const char *units)
{
    char text[4096];
    int size =
        snprintf(text, sizeof text, "links:\n  - {name: plc, url: 'tcp://127.0.0.1:%u', %s units: %s}\n",
                 plc_server_port(rig->plc), more, units);
    ck_assert_int_lt(size, (int)sizeof text);
    struct diagnostics *diagnostics = diagnostics_new();
    enum err loaded =
        options_load_text("test.yaml", text, (size_t)size, rig_table, &rig->options, diagnostics);
    enum err checked = field_options_check(&rig->options.field, "test.yaml", diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    ck_assert_int_eq(loaded, ERR_OK);
    ck_assert_int_eq(checked, ERR_OK);
    struct err_text why = {.text = ""};
    ck_assert_int_eq(field_options_catalog(&rig->options.field, &rig->catalog, &why), ERR_OK);
    ck_assert_msg(field_start(&rig->options.field, rig->catalog, &rig->sink, &rig->field, &why) == ERR_OK,
                  "%s", why.text);
}

void rig_tear_down(struct rig *rig)
{
    field_stop(rig->field, 0);
    catalog_free(rig->catalog);
    field_options_fini(&rig->options.field);
    options_free(rig_table, &rig->options);
    reading_collector_fini(&rig->collector);
    if (rig->plc) {
        plc_server_stop(rig->plc);
    }
}
