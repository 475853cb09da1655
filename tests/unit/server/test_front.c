#include "base/array.h"
#include "front/handshakes.h"
#include "server_fixture.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct remote_bridge bridge;

/* ---- who may ---- */

START_TEST(a_bridge_that_is_not_on_the_list_is_told_so)
{
    server_fixture_start("", NULL);
    remote_bridge_open(&bridge, server_fixture_plant(), "bridge/cell-4", server_fixture_port(), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert(!bridge.ready);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(bridge.bye_text, "cell-4 is not among the allowed"));
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_certificate_without_a_bridges_name_is_told_so)
{
    server_fixture_start("", NULL);
    remote_bridge_open(&bridge, server_fixture_plant(), "operator/anna", server_fixture_port(), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(bridge.bye_text, "names no bridge"));
    remote_bridge_close(&bridge);
}
END_TEST

static bool is_over(const struct remote_bridge *remote)
{
    return remote->session_over;
}

/* The silent one's loop does not run, so it answers no TEST. */
START_TEST(a_session_ends_when_a_test_has_no_answer_and_stays_when_it_has)
{
    static struct remote_bridge answering;
    server_fixture_start("timers: {t1: 500ms, t2: 100ms, t3: 500ms}\n", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    server_fixture_connect(&answering, 2, 1, 1);
    while (!server_fixture_said("no answer to TEST within t1")) {
        loop_run(answering.loop);
    }
    ck_assert(!answering.session_over);
    remote_bridge_send(&answering, 1, 7);
    remote_bridge_await_acks(&answering, 1);
    remote_bridge_close(&answering);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(sessions_are_told_a_longer_t3_when_there_are_many_of_them)
{
    static struct remote_bridge sessions[7]; /* of 500 ms, five make POLICY_TESTS_PER_S */
    server_fixture_start("timers: {t3: 500ms, t3_max: 1s}\n", NULL);
    for (uint8_t i = 0; i < ARRAY_LENGTH(sessions); i++) {
        server_fixture_connect(&sessions[i], (uint8_t)(i + 1), 1, 1);
    }
    ck_assert_uint_eq(sessions[0].hello.t3_ms, 500);
    ck_assert_uint_eq(sessions[4].hello.t3_ms, 500);
    ck_assert_uint_eq(sessions[5].hello.t3_ms, 720);
    ck_assert_uint_eq(sessions[6].hello.t3_ms, 980);
    for (size_t i = 0; i < ARRAY_LENGTH(sessions); i++) {
        remote_bridge_close(&sessions[i]);
    }
}
END_TEST

/* The older one's loop does not run meanwhile, so it answers no more than a lost connection. */
START_TEST(the_same_bridge_and_epoch_connecting_anew_supersedes_one_that_does_not_answer)
{
    static struct remote_bridge newer;
    static struct remote_bridge other;
    server_fixture_start("timers: {t1: 1500ms, t2: 1s}\n", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    server_fixture_connect(&other, 2, 1, 1);
    server_fixture_connect(&newer, 1, 1, 1);
    remote_bridge_await(&bridge, is_over);
    ck_assert_int_eq(bridge.bye, BYE_SUPERSEDED);
    remote_bridge_send(&newer, 1, 7);
    remote_bridge_await_acks(&newer, 1);
    remote_bridge_send(&other, 1, 7);
    remote_bridge_await_acks(&other, 1);
    ck_assert(!other.session_over);
    remote_bridge_close(&bridge);
    remote_bridge_close(&newer);
    remote_bridge_close(&other);
}
END_TEST

START_TEST(a_clone_of_a_bridge_that_is_there_is_refused_and_let_in_once_that_is_gone)
{
    static struct remote_bridge clone;
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_open(&clone, server_fixture_plant(), "bridge/cell-3", server_fixture_port(), 1, 1, 1);
    while (!clone.session_over) {
        loop_run(clone.loop);
        loop_run(bridge.loop);
    }
    ck_assert(!clone.ready);
    ck_assert_int_eq(clone.bye, BYE_FENCED);
    ck_assert(server_fixture_said("event=clone_refused"));
    ck_assert(!bridge.session_over);
    remote_bridge_close(&clone);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    remote_bridge_close(&bridge);
    server_fixture_connect(&clone, 1, 1, 1);
    ck_assert_uint_eq(clone.welcome.highest, 1);
    remote_bridge_close(&clone);
}
END_TEST

static bool has_an_answer_or_is_over(const struct remote_bridge *remote)
{
    return remote->ack_count > 0 || remote->session_over;
}

/* As it happens when each has a server of its own before one store. */
START_TEST(a_number_that_a_clone_used_meanwhile_ends_the_session_and_a_number_used_before_is_rejected)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    remote_bridge_send(&bridge, 1, 8);
    remote_bridge_await(&bridge, is_over);
    ck_assert_int_eq(bridge.bye, BYE_FENCED);
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 1, 1, 2);
    remote_bridge_send(&bridge, 1, 8);
    remote_bridge_await(&bridge, has_an_answer_or_is_over);
    ck_assert_uint_eq(bridge.ack_count, 1);
    ck_assert_int_eq(bridge.acks[1].result, ACK_REJECTED);
    ck_assert_int_eq(server_fixture_stored("SELECT count(*) FROM batch"), 1);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_name_that_opens_epoch_after_epoch_loses_its_oldest_session)
{
    static struct remote_bridge sessions[ROSTER_SESSIONS_MAX + 1];
    server_fixture_start("", NULL);
    for (uint8_t i = 0; i < ROSTER_SESSIONS_MAX; i++) {
        server_fixture_connect(&sessions[i], (uint8_t)(i + 1), 1, 1);
    }
    ck_assert(!sessions[0].session_over);
    server_fixture_connect(&sessions[ROSTER_SESSIONS_MAX], ROSTER_SESSIONS_MAX + 1, 1, 1);
    remote_bridge_await(&sessions[0], is_over);
    ck_assert_int_eq(sessions[0].bye, BYE_SUPERSEDED);
    ck_assert_ptr_nonnull(strstr(sessions[0].bye_text, "too many sessions"));
    remote_bridge_send(&sessions[1], 1, 7);
    remote_bridge_await_acks(&sessions[1], 1);
    for (size_t i = 0; i <= ROSTER_SESSIONS_MAX; i++) {
        remote_bridge_close(&sessions[i]);
    }
}
END_TEST

START_TEST(each_listener_has_its_share_of_the_handshakes)
{
    static const struct {
        size_t places, listeners, share;
    } rows[] = {{512, 2, 256}, {5, 2, 2}, {2, 2, 1}, {1, 2, 1}, {1, 1, 1}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_uint_eq(handshakes_share(rows[i].places, rows[i].listeners), rows[i].share);
    }
}
END_TEST

START_TEST(connections_beyond_the_limit_are_turned_away_and_come_in_later)
{
    static struct remote_bridge second;
    server_fixture_start("limits: {connections: 1}\n", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_open(&second, server_fixture_plant(), "bridge/cell-3", server_fixture_port(), 2, 1, 1);
    remote_bridge_await(&second, remote_bridge_is_gone);
    ck_assert(!second.ready);
    remote_bridge_close(&second);
    remote_bridge_close(&bridge);
    /* The server hears of the end a moment later. */
    do {
        remote_bridge_open(&second, server_fixture_plant(), "bridge/cell-3", server_fixture_port(), 2, 1, 1);
        while (!second.ready && !second.gone) {
            loop_run(second.loop);
        }
        bool came_in = second.ready;
        remote_bridge_close(&second);
        if (came_in) {
            break;
        }
    } while (true);
}
END_TEST

/* From any address of 127.0.0.0/8. */
static int connect_and_say_nothing(const char *from)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_fixture_port())};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(inet_pton(AF_INET, from, &here.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(silent_handshakes_keep_no_bridge_out)
{
    enum { SILENT = 4 };
    int silent[SILENT];
    server_fixture_start("threads: 1\nlimits: {handshakes: 4, handshake_time: 300s}\n", NULL);
    for (size_t i = 0; i < SILENT; i++) {
        silent[i] = connect_and_say_nothing("127.0.0.1");
    }
    do {
        remote_bridge_open(&bridge, server_fixture_plant(), "bridge/cell-3", server_fixture_port(), 1, 1, 1);
        while (!bridge.ready && !bridge.gone) {
            loop_run(bridge.loop);
        }
        if (!bridge.ready) {
            remote_bridge_close(&bridge);
        }
    } while (!bridge.ready);
    ck_assert(server_fixture_said("event=handshake_dropped"));
    remote_bridge_close(&bridge);
    for (size_t i = 0; i < SILENT; i++) {
        close(silent[i]);
    }
}
END_TEST

START_TEST(a_crowd_from_one_address_keeps_no_other_out)
{
    enum { CROWD = 32 };
    int crowd[CROWD];
    server_fixture_start("threads: 1\nlimits: {handshakes: 4, handshake_time: 300s}\n", NULL);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connect_and_say_nothing("127.0.0.2");
    }
    server_fixture_connect(&bridge, 1, 1, 1);
    ck_assert(server_fixture_said("event=turned_away"));
    remote_bridge_close(&bridge);
    for (size_t i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
}
END_TEST

/* ---- what does not fit together ---- */

START_TEST(a_spool_older_than_the_store_is_said_loudly)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await_acks(&bridge, 2);
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 1, 3, 3);
    ck_assert(!server_fixture_said("event=spool_behind"));
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 1, 2, 2);
    ck_assert(server_fixture_said("event=spool_behind"));
    ck_assert(!server_fixture_said("event=store_behind"));
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_store_that_lacks_what_a_bridge_has_trimmed_is_said_loudly)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 5, 9);
    ck_assert(server_fixture_said("event=store_behind"));
    ck_assert(server_fixture_said("from_seq=1 to_seq=4"));
    ck_assert(!server_fixture_said("event=spool_behind"));
    remote_bridge_close(&bridge);
}
END_TEST

/* ---- reloading ---- */

START_TEST(a_reload_drops_who_is_no_longer_allowed)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    server_fixture_configure("[cell-4]", "");
    server_fixture_reload();
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    remote_bridge_close(&bridge);
    remote_bridge_open(&bridge, server_fixture_plant(), "bridge/cell-4", server_fixture_port(), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_ready);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_reload_drops_who_was_revoked_and_nobody_else)
{
    static struct remote_bridge other;
    server_fixture_start("", NULL);
    server_fixture_configure("\"*\"", "");
    server_fixture_reload();
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_open(&other, server_fixture_plant(), "bridge/cell-5", server_fixture_port(), 1, 1, 1);
    remote_bridge_await(&other, remote_bridge_is_ready);
    certificates_run(server_fixture_plant(), "revoke", "bridge/cell-5");
    server_fixture_reload();
    remote_bridge_await(&other, remote_bridge_is_gone);
    ck_assert_int_eq(other.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(other.bye_text, "revoked"));
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    remote_bridge_close(&bridge);
    remote_bridge_close(&other);
}
END_TEST

START_TEST(a_reload_that_is_wrong_changes_nothing)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    server_fixture_configure("[cell-4]", "limits: {connections: 0}\n");
    server_fixture_reload();
    ck_assert_int_eq(unlink(server_fixture_config()), 0);
    server_fixture_reload();
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    ck_assert(!bridge.session_over);
    remote_bridge_close(&bridge);
}
END_TEST

int main(void)
{
    server_fixture_make_plant();
    int status = suite_run_with(
        "front", server_fixture_setup, server_fixture_teardown,
        (const TTest *[]){
            a_bridge_that_is_not_on_the_list_is_told_so,
            a_certificate_without_a_bridges_name_is_told_so,
            a_session_ends_when_a_test_has_no_answer_and_stays_when_it_has,
            sessions_are_told_a_longer_t3_when_there_are_many_of_them,
            the_same_bridge_and_epoch_connecting_anew_supersedes_one_that_does_not_answer,
            a_clone_of_a_bridge_that_is_there_is_refused_and_let_in_once_that_is_gone,
            a_number_that_a_clone_used_meanwhile_ends_the_session_and_a_number_used_before_is_rejected,
            a_name_that_opens_epoch_after_epoch_loses_its_oldest_session,
            each_listener_has_its_share_of_the_handshakes,
            connections_beyond_the_limit_are_turned_away_and_come_in_later,
            silent_handshakes_keep_no_bridge_out,
            a_crowd_from_one_address_keeps_no_other_out,
            a_spool_older_than_the_store_is_said_loudly,
            a_store_that_lacks_what_a_bridge_has_trimmed_is_said_loudly,
            a_reload_drops_who_is_no_longer_allowed,
            a_reload_drops_who_was_revoked_and_nobody_else,
            a_reload_that_is_wrong_changes_nothing,
            NULL,
        });
    server_fixture_remove_plant();
    return status;
}
