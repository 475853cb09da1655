/* page: the files of the page, as they were when this program was built. Made by embed.cmake. */
#ifndef BOURDON_WEB_PAGE_H
#define BOURDON_WEB_PAGE_H

#include "base/buffer.h"

struct page_file {
    const char *path; /* "/app.js"; NULL ends the table */
    const char *type;
    struct bytes content;
};

extern const struct page_file page_files[];

#endif
