#include "base/array.h"
#include "front/admission.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static struct server_metrics metrics;

static struct sockaddr_storage from(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&storage, &v4, sizeof v4);
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof v6);
    }
    return storage;
}

static enum admission_result enter(struct admission *admission, const char *text,
                                   struct admission_address **address)
{
    struct sockaddr_storage storage = from(text);
    return admission_enter(admission, &storage, true, address);
}

START_TEST(each_limit_holds_and_gives_way_when_somebody_leaves)
{
    const struct admission_limits limits = {.connections = 3, .per_address = 2};
    struct admission *admission = admission_new(&limits, &metrics);
    struct admission_address *a1;
    struct admission_address *a2;
    struct admission_address *b1;
    struct admission_address *none;
    ck_assert_int_eq(enter(admission, "192.0.2.1", &a1), ADMISSION_GRANTED);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &a2), ADMISSION_GRANTED);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &none), ADMISSION_TOO_MANY_OF_ADDRESS);
    ck_assert_ptr_null(none);
    struct sockaddr_storage other = from("192.0.2.2");
    ck_assert_int_eq(admission_enter(admission, &other, false, &none), ADMISSION_TOO_MANY_HANDSHAKES);
    admission_handshake_done(admission, a1);
    ck_assert_int_eq(enter(admission, "192.0.2.2", &b1), ADMISSION_GRANTED);
    admission_handshake_done(admission, a2);
    ck_assert_int_eq(enter(admission, "192.0.2.3", &none), ADMISSION_TOO_MANY);
    admission_handshake_done(admission, b1);
    admission_leave(admission, a1);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &a1), ADMISSION_GRANTED);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_CONNECTIONS]), 3);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_HANDSHAKES]), 1);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_ACCEPTED]), 4);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_TURNED_AWAY_TOTAL]), 1);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_TURNED_AWAY_ADDRESS]), 1);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_TURNED_AWAY_HANDSHAKES]), 1);
    admission_handshake_done(admission, a1);
    admission_leave(admission, a1);
    admission_leave(admission, a2);
    admission_leave(admission, b1);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_CONNECTIONS]), 0);
    admission_free(admission);
}
END_TEST

START_TEST(addresses_are_told_apart_by_what_one_owner_has)
{
    static const struct {
        const char *name;
        const char *first, *second;
        bool same;
    } rows[] = {
        {"one IPv4 address", "192.0.2.1", "192.0.2.1", true},
        {"two IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
        {"IPv4 and the same mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
        {"two mapped ones", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"one IPv6 network", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"two IPv6 networks", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct admission_limits limits = {.connections = 9, .per_address = 1};
        struct admission *admission = admission_new(&limits, &metrics);
        struct admission_address *first;
        struct admission_address *second;
        ck_assert_int_eq(enter(admission, rows[i].first, &first), ADMISSION_GRANTED);
        enum admission_result result = enter(admission, rows[i].second, &second);
        ck_assert_msg((result == ADMISSION_TOO_MANY_OF_ADDRESS) == rows[i].same, "%s", rows[i].name);
        if (second) {
            admission_handshake_done(admission, second);
            admission_leave(admission, second);
        }
        admission_handshake_done(admission, first);
        admission_leave(admission, first);
        admission_free(admission);
    }
}
END_TEST

START_TEST(the_handshakes_of_an_address_are_known)
{
    const struct admission_limits limits = {.connections = 9, .per_address = 9};
    struct admission *admission = admission_new(&limits, &metrics);
    struct sockaddr_storage from_a = from("192.0.2.1");
    struct admission_address *a1;
    struct admission_address *a2;
    ck_assert_uint_eq(admission_handshakes_from(admission, &from_a), 0);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &a1), ADMISSION_GRANTED);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &a2), ADMISSION_GRANTED);
    ck_assert_uint_eq(admission_handshakes_from(admission, &from_a), 2);
    admission_handshake_done(admission, a1);
    ck_assert_uint_eq(admission_handshakes(admission, a2), 1);
    admission_handshake_done(admission, a2);
    admission_leave(admission, a1);
    admission_leave(admission, a2);
    ck_assert_uint_eq(admission_handshakes_from(admission, &from_a), 0);
    admission_free(admission);
}
END_TEST

START_TEST(the_most_handshakes_of_any_address_are_known)
{
    enum { CROWD = ADMISSION_CROWD + 1 };
    static struct admission_address *crowd[CROWD];
    const struct admission_limits limits = {.connections = CROWD + 1, .per_address = CROWD};
    struct admission *admission = admission_new(&limits, &metrics);
    struct admission_address *other;
    ck_assert_uint_eq(admission_most_handshakes(admission), 0);
    ck_assert_int_eq(enter(admission, "192.0.2.2", &other), ADMISSION_GRANTED);
    for (size_t i = 0; i < CROWD; i++) {
        ck_assert_int_eq(enter(admission, "192.0.2.1", &crowd[i]), ADMISSION_GRANTED);
        size_t most = i + 1 < ADMISSION_CROWD ? i + 1 : ADMISSION_CROWD;
        ck_assert_uint_eq(admission_most_handshakes(admission), most);
    }
    for (size_t i = CROWD; i > 0; i--) {
        admission_handshake_done(admission, crowd[i - 1]);
        size_t most = i - 1 < ADMISSION_CROWD ? i - 1 : ADMISSION_CROWD;
        ck_assert_uint_eq(admission_most_handshakes(admission), most > 1 ? most : 1); /* the other one's */
        admission_leave(admission, crowd[i - 1]);
    }
    admission_handshake_done(admission, other);
    ck_assert_uint_eq(admission_most_handshakes(admission), 0);
    admission_leave(admission, other);
    admission_free(admission);
}
END_TEST

START_TEST(new_limits_hold_for_who_comes_next)
{
    const struct admission_limits wide = {.connections = 9, .per_address = 9};
    const struct admission_limits narrow = {.connections = 1, .per_address = 9};
    struct admission *admission = admission_new(&wide, &metrics);
    struct admission_address *first;
    struct admission_address *second;
    ck_assert_int_eq(enter(admission, "192.0.2.1", &first), ADMISSION_GRANTED);
    admission_set_limits(admission, &narrow);
    ck_assert_int_eq(enter(admission, "192.0.2.1", &second), ADMISSION_TOO_MANY);
    admission_handshake_done(admission, first);
    admission_leave(admission, first);
    admission_free(admission);
}
END_TEST

int main(void)
{
    return suite_run("admission", (const TTest *[]){
                                      each_limit_holds_and_gives_way_when_somebody_leaves,
                                      addresses_are_told_apart_by_what_one_owner_has,
                                      the_handshakes_of_an_address_are_known,
                                      the_most_handshakes_of_any_address_are_known,
                                      new_limits_hold_for_who_comes_next,
                                      NULL,
                                  });
}
