#include "link/link.h"
#include "link/link_libmodbus.h"
#include "link/link_tls.h"

enum err link_new(const struct link_setup *setup, struct link **link, struct err_text *why)
{
    return setup->url.scheme == LINK_TLS ? link_tls_new(setup, link, why)
                                         : link_libmodbus_new(setup, link, why);
}
