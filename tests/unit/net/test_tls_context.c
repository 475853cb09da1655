#include "base/array.h"
#include "base/clock.h"
#include "contexts.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PARTS_MAX = 5 };

START_TEST(files_that_cannot_be_used_are_named_with_the_remedy)
{
    copy_file(file("bridge/cell-3", ".pem"), file("no-key", ".pem"), "we");
    copy_file(file("bridge/cell-3", ".pem"), file("other-key", ".pem"), "we");
    copy_file(file("bridge/cell-4", ".key"), file("other-key", ".key"), "we");
    ck_assert_int_eq(chmod(file("other-key", ".key"), 0600), 0);
    copy_file(file("bridge/cell-3", ".pem"), file("rubbish-key", ".pem"), "we");
    write_file(file("rubbish-key", ".key"), "not a key\n");
    write_file(file("rubbish", ".pem"), "not a certificate\n");
    write_file(file("rubbish", ".key"), "not a key\n");

    static const struct {
        const char *name;
        struct wish wish;
        const char *parts[PARTS_MAX];
    } rows[] = {
        {"no certificate", {.pair = "bridge/nobody"}, {"certificate ", "/bridge/nobody.pem", "No such file"}},
        {"rubbish as certificate", {.pair = "rubbish"}, {"certificate ", "/rubbish.pem", "in PEM form"}},
        {"no key", {.pair = "no-key"}, {"private key ", "/no-key.key", "No such file"}},
        {"another key",
         {.pair = "other-key"},
         {"private key ", "/other-key.key", "does not belong to", "/other-key.pem"}},
        {"rubbish as key", {.pair = "rubbish-key"}, {"private key ", "/rubbish-key.key"}},
        {"a weak key", {.pair = "bad/bridge/weak-key"}, {"/weak-key.pem", "its key is too weak", "P-256"}},
        {"a weak digest",
         {.pair = "bad/bridge/weak-digest"},
         {"/weak-digest.pem", "digest that is too weak"}},
        {"no authority",
         {.pair = "bridge/cell-3", .ca = "nowhere.pem"},
         {"authority (ca) ", "/nowhere.pem", "No such file"}},
        {"rubbish as authority",
         {.pair = "bridge/cell-3", .ca = "rubbish.pem"},
         {"authority (ca) ", "/rubbish.pem"}},
        {"a revocation list as authority",
         {.pair = "bridge/cell-3", .ca = "crl.pem"},
         {"authority (ca) ", "/crl.pem", "holds no certificate"}},
        {"a bridge as authority",
         {.pair = "bridge/cell-3", .ca = "bridge/cell-3.pem"},
         {"authority (ca) ", "/cell-3.pem", "none of its certificates is that of an authority"}},
        {"no revocation list",
         {.pair = "bridge/cell-3", .crl = "nowhere.pem"},
         {"revocation list (crl) ", "No such file"}},
        {"a certificate as revocation list",
         {.pair = "bridge/cell-3", .crl = "ca.pem"},
         {"revocation list (crl) ", "/ca.pem", "PEM form"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_context *context;
        struct err_text why = {0};
        ck_assert_msg(try_context(&rows[i].wish, &context, &why) == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_ptr_null(context);
        for (const char *const *parts = rows[i].parts; *parts; parts++) {
            ck_assert_msg(strstr(why.text, *parts) != NULL, "%s should say '%s': %s", rows[i].name, *parts,
                          why.text);
        }
    }
}
END_TEST

enum { TOLD_MAX = 64 };

static void note_option(void *owner, const char *option, const struct err_text *why)
{
    char *told = owner;
    size_t size = strlen(told);
    (void)why;
    snprintf(told + size, TOLD_MAX - size, "%s ", option);
}

START_TEST(every_file_that_cannot_be_used_is_told)
{
    char told[TOLD_MAX] = "";
    const struct tls_options options = {
        .ca = "none.pem", .certificate = "none.pem", .key = "none.key", .crl = "none.pem", .alpn = "x"};
    const struct tls_faults faults = {.found = note_option, .owner = told};
    struct tls_context *context;
    ck_assert_int_eq(tls_context_load(&options, &faults, &context), ERR_CONFIG);
    ck_assert_ptr_null(context);
    ck_assert_str_eq(told, "ca certificate key crl ");
}
END_TEST

START_TEST(a_key_that_others_may_use_is_refused)
{
    static const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true}, {0400, true}, {0640, false}, {0604, false}, {0620, false}, {0666, false}};
    copy_file(file("bridge/cell-3", ".pem"), file("modes", ".pem"), "we");
    copy_file(file("bridge/cell-3", ".key"), file("modes", ".key"), "we");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(chmod(file("modes", ".key"), rows[i].mode), 0);
        struct wish wish = client_wish();
        wish.pair = "modes";
        struct tls_context *context;
        struct err_text why = {0};
        enum err result = try_context(&wish, &context, &why);
        ck_assert_msg((result == ERR_OK) == rows[i].good, "%04o: %s", rows[i].mode, why.text);
        ck_assert(rows[i].good || strstr(why.text, "chmod 600"));
        tls_context_unref(context);
    }
}
END_TEST

START_TEST(a_key_with_a_passphrase_is_refused_without_asking)
{
    copy_file(file("bridge/cell-3", ".pem"), file("locked", ".pem"), "we");
    certificates_shell(&plant, "openssl pkey -aes256 -passout pass:x -in bridge/cell-3.key -out locked.key");
    ck_assert_int_eq(chmod(file("locked", ".key"), 0600), 0);
    struct wish wish = client_wish();
    wish.pair = "locked";
    struct tls_context *context;
    struct err_text why = {0};
    ck_assert_int_eq(try_context(&wish, &context, &why), ERR_CONFIG);
    ck_assert_msg(strstr(why.text, "has a passphrase") != NULL, "%s", why.text);
}
END_TEST

START_TEST(an_expired_certificate_of_our_own_does_not_stop_the_start)
{
    struct wish wish = client_wish();
    wish.pair = "bad/bridge/expired";
    struct tls_context *context = context_of(&wish);
    ck_assert_int_eq(tls_context_not_after_us(context), INT64_C(1580515200) * CLOCK_US_PER_S); // 2020-02-01
    ck_assert_str_eq(tls_context_bridge(context), "bad");
    tls_context_unref(context);
}
END_TEST

START_TEST(the_first_end_of_a_revocation_list_is_known)
{
    copy_file(file("crl", ".pem"), file("later", ".pem"), "we");
    certificates_run(&plant, "crl", "--days 2");
    copy_file(file("crl", ".pem"), file("sooner", ".pem"), "we");
    copy_file(file("later", ".pem"), file("sooner", ".pem"), "ae");
    static const struct {
        const char *list;
        int64_t days; /* 0 = no end */
    } rows[] = {{"later.pem", 3650}, {"sooner.pem", 2}, {NULL, 0}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish wish = client_wish();
        wish.crl = rows[i].list;
        struct tls_context *context = context_of(&wish);
        int64_t end = tls_context_crl_end_us(context);
        int64_t expected = rows[i].days ? clock_wall_us() + rows[i].days * 86400 * CLOCK_US_PER_S : 0;
        ck_assert_msg(llabs(end - expected) < 3600 * CLOCK_US_PER_S, "%s", rows[i].list);
        tls_context_unref(context);
    }
}
END_TEST

START_TEST(the_name_of_a_protocol_has_at_most_255_bytes)
{
    char name[257];
    memset(name, 'p', sizeof name);
    for (size_t size = 255; size <= 256; size++) {
        name[size] = '\0';
        struct wish wish = client_wish();
        wish.alpn = name;
        struct tls_context *context;
        struct err_text why = {0};
        ck_assert_int_eq(try_context(&wish, &context, &why), size == 255 ? ERR_OK : ERR_LIMIT);
        tls_context_unref(context);
        name[size] = 'p';
    }
}
END_TEST

int main(void)
{
    contexts_make_plant();
    int status = suite_run("tls_context", (const TTest *[]){
                                              files_that_cannot_be_used_are_named_with_the_remedy,
                                              every_file_that_cannot_be_used_is_told,
                                              a_key_that_others_may_use_is_refused,
                                              a_key_with_a_passphrase_is_refused_without_asking,
                                              an_expired_certificate_of_our_own_does_not_stop_the_start,
                                              the_first_end_of_a_revocation_list_is_known,
                                              the_name_of_a_protocol_has_at_most_255_bytes,
                                              NULL,
                                          });
    certificates_remove(&plant);
    return status;
}
