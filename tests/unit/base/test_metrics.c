#include "base/array.h"
#include "base/metrics.h"
#include "support/suite.h"

#include <math.h>
#include <string.h>

static struct buffer out;

static void setup(void)
{
    buffer_init(&out, 16384);
}

static void teardown(void)
{
    buffer_fini(&out);
}

static const char *written(void)
{
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    return (const char *)buffer_bytes(&out).data;
}

START_TEST(rows_of_one_name_share_their_head)
{
    static const struct metric table[] = {
        {"x_batches_total", METRIC_COUNTER, "Batches, by \\ result\nand more.", "result=\"committed\""},
        {"x_batches_total", METRIC_COUNTER, "Batches.", "result=\"duplicate\""},
        {"x_backlog", METRIC_GAUGE, "Waiting.", NULL},
        {.name = NULL},
    };
    metric_value values[3] = {0};
    metric_add(&values[0], 5);
    metric_add(&values[0], 2);
    metric_set(&values[2], -1);
    ck_assert_int_eq(metrics_write(&out, table, values), ERR_OK);
    ck_assert_str_eq(written(), "# HELP x_batches_total Batches, by \\\\ result\\nand more.\n"
                                "# TYPE x_batches_total counter\n"
                                "x_batches_total{result=\"committed\"} 7\n"
                                "x_batches_total{result=\"duplicate\"} 0\n"
                                "# HELP x_backlog Waiting.\n"
                                "# TYPE x_backlog gauge\n"
                                "x_backlog -1\n");
}
END_TEST

START_TEST(a_histogram_is_cumulative_and_in_seconds)
{
    struct histogram histogram = {0};
    const int64_t durations_us[] = {-5, 0, 100, 101, 3000, INT64_C(100) << 19, (INT64_C(100) << 19) + 1};
    for (size_t i = 0; i < ARRAY_LENGTH(durations_us); i++) {
        histogram_add(&histogram, durations_us[i]);
    }
    ck_assert_int_eq(metrics_write_histogram(&out, "x_seconds", "How long.", &histogram), ERR_OK);
    const char *text = written();
    static const char *const lines[] = {
        "# TYPE x_seconds histogram\n",           "\nx_seconds_bucket{le=\"0.0001\"} 3\n",
        "\nx_seconds_bucket{le=\"0.0002\"} 4\n",  "\nx_seconds_bucket{le=\"0.0016\"} 4\n",
        "\nx_seconds_bucket{le=\"0.0032\"} 5\n",  "\nx_seconds_bucket{le=\"26.2144\"} 5\n",
        "\nx_seconds_bucket{le=\"52.4288\"} 6\n", "\nx_seconds_bucket{le=\"+Inf\"} 7\n",
        "\nx_seconds_sum 104.860802\n",           "\nx_seconds_count 7\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no %s in %s", lines[i], text);
    }
}
END_TEST

START_TEST(a_quantile_is_the_upper_bound_of_its_bucket)
{
    struct histogram histogram = {0};
    ck_assert_int_eq(histogram_quantile_us(&histogram, 0.5), 0);
    for (int i = 0; i < 99; i++) {
        histogram_add(&histogram, 150);
    }
    histogram_add(&histogram, 3000);
    ck_assert_int_eq(histogram_quantile_us(&histogram, 0), 200);
    ck_assert_int_eq(histogram_quantile_us(&histogram, 0.5), 200);
    ck_assert_int_eq(histogram_quantile_us(&histogram, 0.99), 200);
    ck_assert_int_eq(histogram_quantile_us(&histogram, 1), 3200);
    histogram_add(&histogram, INT64_MAX / 2);
    ck_assert_int_eq(histogram_quantile_us(&histogram, 1), INT64_C(100) << 19);
}
END_TEST

START_TEST(a_label_value_cannot_forge_a_line)
{
    ck_assert_int_eq(metrics_write_head(&out, "lag", METRIC_GAUGE, "Lag."), ERR_OK);
    ck_assert_int_eq(metrics_write_sample(&out, "lag", "bridge", "a\"} 1\nb\\\xff", 0.25), ERR_OK);
    ck_assert_int_eq(metrics_write_sample(&out, "lag", NULL, NULL, NAN), ERR_OK);
    ck_assert_int_eq(metrics_write_sample(&out, "lag", NULL, NULL, -INFINITY), ERR_OK);
    ck_assert_str_eq(written(), "# HELP lag Lag.\n# TYPE lag gauge\n"
                                "lag{bridge=\"a\\\"} 1\\nb\\\\\xef\xbf\xbd\"} 0.25\nlag NaN\nlag -Inf\n");
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
    struct histogram histogram = {0};
    buffer_fini(&out);
    buffer_init(&out, 200);
    ck_assert_int_eq(metrics_write_histogram(&out, "x", "y", &histogram), ERR_LIMIT);
}
END_TEST

int main(void)
{
    return suite_run_with("metrics", setup, teardown,
                          (const TTest *[]){
                              rows_of_one_name_share_their_head,
                              a_histogram_is_cumulative_and_in_seconds,
                              a_quantile_is_the_upper_bound_of_its_bucket,
                              a_label_value_cannot_forge_a_line,
                              a_full_buffer_is_an_error,
                              NULL,
                          });
}
