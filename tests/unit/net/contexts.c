#include "contexts.h"

#include "base/array.h"

#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

struct certificates plant;

void contexts_make_plant(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "bridge", "cell-4 --role '" CONTEXTS_ROLE "'");
    certificates_run(&plant, "bridge", "rsa --rsa");
    certificates_run(&plant, "server", "localhost --ip 127.0.0.1");
    certificates_run(&plant, "bad-set", "");
}

struct wish server_wish(void)
{
    return (struct wish){.side = TLS_SERVER, .pair = "server/control", .crl = "crl.pem", .alpn = "bourdon/1"};
}

struct wish client_wish(void)
{
    return (struct wish){.side = TLS_CLIENT, .pair = "bridge/cell-3", .crl = "crl.pem", .alpn = "bourdon/1"};
}

const char *file(const char *name, const char *end)
{
    static char paths[8][TEMPORARY_PATH_MAX];
    static size_t next;
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", name, end);
    return certificates_path(&plant, whole, paths[next++ % ARRAY_LENGTH(paths)]);
}

enum err try_context(const struct wish *wish, struct tls_context **context, struct err_text *why)
{
    const struct tls_options options = {
        .side = wish->side,
        .ca = wish->ca && wish->ca[0] == '\0' ? "" : file(wish->ca ? wish->ca : "ca.pem", ""),
        .certificate = file(wish->pair, ".pem"),
        .key = file(wish->pair, ".key"),
        .crl = wish->crl ? file(wish->crl, "") : "",
        .alpn = wish->alpn,
        .allow_tls12 = wish->tls12,
        .profile = wish->profile,
        .second = {.certificate = wish->second ? file(wish->second, ".pem") : "",
                   .key = wish->second ? file(wish->second, ".key") : ""},
        .pin = wish->pin,
        .ciphers = wish->ciphers,
        .fragment_512 = wish->fragment_512,
    };
    return tls_context_new(&options, context, why);
}

struct tls_context *context_of(const struct wish *wish)
{
    struct tls_context *context;
    struct err_text why;
    ck_assert_msg(try_context(wish, &context, &why) == ERR_OK, "%s", why.text);
    return context;
}

void copy_file(const char *from, const char *to, const char *flags)
{
    FILE *in = fopen(from, "re");
    FILE *out = fopen(to, flags);
    char content[16 * 1024];
    size_t size = fread(content, 1, sizeof content, in);
    ck_assert_uint_eq(fwrite(content, 1, size, out), size);
    fclose(in);
    fclose(out);
}

void write_file(const char *path, const char *content)
{
    FILE *made = fopen(path, "we");
    ck_assert_ptr_nonnull(made);
    fputs(content, made);
    fclose(made);
    ck_assert_int_eq(chmod(path, 0600), 0);
}
