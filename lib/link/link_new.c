#include "link/link.h"
#include "link/link_libmodbus.h"

enum err link_new(const struct link_setup *setup, struct link **link, struct err_text *why)
{
    switch (setup->url.scheme) {
    case LINK_TCP:
    case LINK_RTU:
        return link_libmodbus_new(setup, link, why);
    }
    return err_set(why, ERR_CONFIG, "this scheme has no link");
}
