#include "https.h"

#include "base/array.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct https {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

static size_t take(char *data, size_t one, size_t size, void *owner)
{
    (void)one;
    return buffer_append(owner, data, size) == ERR_OK ? size : 0;
}

static CURLcode set_files(struct https *https, const struct https_files *files)
{
    CURLcode code = CURLE_OK;
    if (files->ca) {
        code = curl_easy_setopt(https->curl, CURLOPT_CAINFO, files->ca);
    }
    if (code == CURLE_OK && files->certificate) {
        code = curl_easy_setopt(https->curl, CURLOPT_SSLCERT, files->certificate);
    }
    if (code == CURLE_OK && files->key) {
        code = curl_easy_setopt(https->curl, CURLOPT_SSLKEY, files->key);
    }
    return code;
}

static CURLcode set_rules(struct https *https)
{
    CURL *curl = https->curl;
    CURLcode codes[] = {
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, https->reason),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2),
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"),
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)HTTPS_CONNECT_S),
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L),
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)HTTPS_SILENCE_S),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take),
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        code = code == CURLE_OK ? codes[i] : code;
    }
    return code;
}

enum err https_open(const struct https_files *files, struct https **out, struct err_text *why)
{
    *out = NULL;
    struct https *https = calloc(1, sizeof *https);
    if (!https || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(https);
        return err_set(why, ERR_NO_MEMORY, "cannot start libcurl");
    }
    https->curl = curl_easy_init();
    CURLcode code = https->curl ? set_rules(https) : CURLE_OUT_OF_MEMORY;
    code = code == CURLE_OK ? set_files(https, files) : code;
    if (code != CURLE_OK) {
        https_close(https);
        return err_set(why, ERR_CONFIG, "cannot set libcurl up: %s", curl_easy_strerror(code));
    }
    *out = https;
    return ERR_OK;
}

void https_close(struct https *https)
{
    if (https) {
        curl_easy_cleanup(https->curl);
        curl_global_cleanup();
        free(https);
    }
}

/* What failed, in the words of somebody who has to do something about it. */
static const struct {
    CURLcode code;
    enum err class;
    const char *what, *advice;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_NOT_FOUND, "the host is not known", "check its name"},
    {CURLE_COULDNT_CONNECT, ERR_NOT_FOUND, "cannot be reached",
     "does bourdon-web run and listen there? its \"listen\" says where"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_REFUSED, "its certificate is not accepted",
     "--ca FILE is the authority that issued it, and the URL must have a name that is in it"},
    {CURLE_SSL_CACERT_BADFILE, ERR_CONFIG, "its authority's certificates cannot be read",
     "--ca names a PEM file with them; without it this machine's own list is taken, which may not be "
     "installed"},
    {CURLE_SSL_CERTPROBLEM, ERR_CONFIG, "--certificate and --key cannot be used",
     "they are PEM files that belong together"},
    {CURLE_SSL_CONNECT_ERROR, ERR_REFUSED, "no TLS connection came about",
     "does bourdon-web have \"tls\" there, and does it accept the certificate?"},
    {CURLE_RECV_ERROR, ERR_REFUSED, "it ended the connection",
     "it may not accept the certificate: --certificate and --key are a reader's; its log says "
     "reader_refused"},
    {CURLE_GOT_NOTHING, ERR_REFUSED, "it ended the connection without an answer",
     "it may not accept the certificate, or speak TLS there: its log says"},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "no answer came in time", "try again, or ask for less time"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_REFUSED, "it does not answer by HTTP", "it is no bourdon-web"},
    {CURLE_WEIRD_SERVER_REPLY, ERR_REFUSED, "it does not answer by HTTP", "it is no bourdon-web"},
    {CURLE_WRITE_ERROR, ERR_LIMIT, "its answer is too long", "it is no bourdon-web"},
    {CURLE_PARTIAL_FILE, ERR_CLOSED, "the answer broke off", "try again"},
    {CURLE_URL_MALFORMAT, ERR_CONFIG, "this is no URL", "for example https://control.example:8088"},
};

static enum err explain(const struct https *https, CURLcode code, struct err_text *why)
{
    const char *reason = https->reason[0] != '\0' ? https->reason : curl_easy_strerror(code);
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        if (failures[i].code == code) {
            return err_set(why, failures[i].class, "%s (%s): %s", failures[i].what, reason,
                           failures[i].advice);
        }
    }
    return err_set(why, ERR_IO, "%s", reason);
}

enum err https_get(struct https *https, const char *url, struct buffer *body, long *status, bool *json,
                   struct err_text *why)
{
    buffer_clear(body);
    https->reason[0] = '\0';
    CURLcode code = curl_easy_setopt(https->curl, CURLOPT_URL, url);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(https->curl, CURLOPT_WRITEDATA, body);
    }
    if (code == CURLE_OK) {
        code = curl_easy_perform(https->curl);
    }
    if (code != CURLE_OK) {
        return explain(https, code, why);
    }
    const char *type = NULL;
    curl_easy_getinfo(https->curl, CURLINFO_RESPONSE_CODE, status);
    curl_easy_getinfo(https->curl, CURLINFO_CONTENT_TYPE, &type);
    *json = type && strncmp(type, "application/json", strlen("application/json")) == 0;
    return ERR_OK;
}

enum err https_add(struct https *https, struct buffer *url, const char *name, const char *value)
{
    if (!value) {
        return ERR_OK;
    }
    char *escaped = curl_easy_escape(https->curl, value, (int)strlen(value));
    enum err result = escaped ? buffer_format(url, "&%s=%s", name, escaped) : ERR_NO_MEMORY;
    curl_free(escaped);
    return result;
}
