/* fragment: what a scan found, as the `links` of a bridge's configuration. Pure output. */
#ifndef BOURDON_CLIENT_SCAN_FRAGMENT_H
#define BOURDON_CLIENT_SCAN_FRAGMENT_H

#include "scan/survey.h"

enum { FRAGMENT_TAGS_MAX = 2000 }; /* what is beyond is a comment: nobody names more by hand */

/* Every register as a uint16 and every bit as a bool, once a second: to be renamed, joined and thinned out.
 */
/* Something can be read. */
bool fragment_is_worthwhile(const struct survey *survey);
void fragment_write(FILE *file, const struct survey *survey);

#endif
