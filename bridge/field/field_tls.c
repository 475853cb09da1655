#include "field/field_tls.h"

#include "link/link_url.h"
#include "net/tls_diagnose.h"

#include <stddef.h>
#include <string.h>

#define TLS(member) .offset = offsetof(struct link_tls_options, member)

const struct option field_tls_table[] = {
    {.name = "certificate",
     .kind = OPTION_STRING,
     TLS(certificate),
     .required = true,
     .placeholder = "FILE",
     .help = "This bridge's certificate for the device, then any intermediate ones, PEM. The role in it says "
             "what the device lets the bridge do."},
    {.name = "key",
     .kind = OPTION_STRING,
     TLS(key),
     .required = true,
     .placeholder = "FILE",
     .help = "Its private key, PEM, readable by nobody else."},
    {.name = "ca",
     .kind = OPTION_STRING,
     TLS(ca),
     .placeholder = "FILE",
     .help =
         "Certificates of the authorities that the device's certificate must come from, PEM. It must bear "
         "the name or address of the url. Not needed with pin."},
    {.name = "crl",
     .kind = OPTION_STRING,
     TLS(crl),
     .placeholder = "FILE",
     .help = "Certificate revocation lists, PEM. Without it nothing counts as revoked."},
    {.name = "pin",
     .kind = OPTION_STRING,
     TLS(pin),
     .placeholder = "FINGERPRINT",
     .help = "SHA-256 fingerprint of the very certificate the device must show, whoever issued it and for "
             "whatever name: for devices with self-signed certificates."},
    {.name = "ciphers",
     .kind = OPTION_STRING,
     TLS(ciphers),
     .placeholder = "LIST",
     .help = "TLS 1.2 ciphers in OpenSSL's words, for an old device that has none of the profile's: "
             "AES128-SHA256. Add @SECLEVEL=0 only for weak keys."},
    {.name = "profile",
     .kind = OPTION_CHOICE,
     TLS(profile),
     .fallback = "mbaps-v36",
     .choices = tls_profile_choices,
     .help = "Which versions and ciphers are spoken: the standard's, Secure SunSpec Modbus's, or NIST "
             "SP 800-52's."},
    {.name = "small_records",
     .kind = OPTION_BOOL,
     TLS(small_records),
     .fallback = "no",
     .help = "Ask the device for TLS records of at most 512 bytes."},
    OPTIONS_END,
};

static bool leads_to_tls(const char *text)
{
    struct link_url url;
    return link_url_parse(text, &url, NULL) == ERR_OK && url.scheme == LINK_TLS;
}

static void make_context(struct link_tls_options *tls, struct diagnostics *diagnostics)
{
    const struct tls_options options = {
        .side = TLS_CLIENT,
        .profile = (enum tls_profile)tls->profile,
        .ca = tls->ca,
        .certificate = tls->certificate,
        .key = tls->key,
        .crl = tls->crl,
        .pin = tls->pin,
        .ciphers = tls->ciphers,
        .fragment_512 = tls->small_records,
    };
    tls_diagnose(&options, tls, diagnostics, &tls->context);
}

static void load(struct link_options *link, struct diagnostics *diagnostics)
{
    struct link_tls_options *tls = &link->tls;
    bool wanted = leads_to_tls(link->url) || leads_to_tls(link->backup);
    bool given = tls->place.line > 0;
    struct place place = option_place(diagnostics, link, given ? "tls" : "url");
    if (wanted && !given) {
        diagnostics_add(diagnostics, place, "tls: {certificate: FILE, key: FILE, ca: FILE}",
                        "tls: link %s is to speak TLS and has no certificate for it", link->name);
    } else if (!wanted && given) {
        diagnostics_add(diagnostics, place, "begin the url with tls://", "tls: link %s does not speak TLS",
                        link->name);
    } else if (wanted && !*tls->ca && !*tls->pin) {
        diagnostics_add(diagnostics, place, "ca: FILE, or pin: FINGERPRINT",
                        "tls: nothing says how the device of link %s proves who it is", link->name);
    } else if (wanted) {
        make_context(tls, diagnostics);
    }
}

void field_tls_load_all(struct field_options *options, struct diagnostics *diagnostics)
{
    struct link_options *links = options->links.items;
    for (size_t i = 0; i < options->links.count; i++) {
        load(&links[i], diagnostics);
    }
}

void field_tls_free_all(struct field_options *options)
{
    struct link_options *links = options->links.items;
    for (size_t i = 0; i < options->links.count; i++) {
        tls_context_unref(links[i].tls.context);
        links[i].tls.context = NULL;
    }
}
