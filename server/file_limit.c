#include "file_limit.h"

#include "base/log.h"

#include <sys/resource.h>

void file_limit_raise(int64_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    uint64_t needed = (uint64_t)connections + FILE_LIMIT_BESIDES_CONNECTIONS;
    if (limit.rlim_cur < needed) {
        log_warn("server", log_event("few_open_files"), log_u64("limit", limit.rlim_cur),
                 log_u64("needed", needed), log_str("do", "raise LimitNOFILE, or lower limits.connections"));
    }
}
