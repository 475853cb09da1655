/*
 * tls_facts: sentences with holes, {in braces}, about a TLS connection, filled from what is known of it.
 * Inside lib/net only; pure, any thread.
 */
#ifndef BOURDON_NET_TLS_FACTS_H
#define BOURDON_NET_TLS_FACTS_H

#include "net/tls_explain.h"

/* `refusal` is NULL where no certificate of the peer is at fault: then only holes about the scene may be
 * used. */
struct tls_facts {
    const struct tls_scene *scene;
    const struct tls_refusal *refusal;
};

/* Writes the sentence with its holes filled into text[ERR_TEXT_MAX]. */
void tls_facts_expand(const struct tls_facts *facts, const char *sentence, char *text);

/* Copies what a peer calls itself into text[TLS_TEXT_MAX], cut so that it cannot push the rest out. */
void tls_facts_cut(char *text, const char *value);

bool tls_facts_we_serve(const struct tls_facts *facts);

#endif
