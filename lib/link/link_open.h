/*
 * link_open: the link that a url's scheme asks for. Who wants to reach a PLC calls this and needs to know
 * none of the kinds of links.
 */
#ifndef BOURDON_LINK_LINK_OPEN_H
#define BOURDON_LINK_LINK_OPEN_H

#include "link/link.h"

/* A disconnected link. ERR_LIMIT: more links than descriptors below 1024; ERR_NO_MEMORY; ERR_CONFIG. */
MUST_USE enum err link_open(const struct link_setup *setup, struct link **link, struct err_text *why);

#endif
