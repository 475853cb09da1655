#include "support/failing_vfs.h"

#include <sqlite3.h>
#include <string.h>

static struct {
    unsigned nth;
    unsigned count;
    bool for_ever;
    bool struck;
    int code;
} plans[FAILING_OPERATIONS];

struct failing_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this structure, in the memory SQLite gave */
};

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct failing_file *)file)->real;
}

static int strike(enum failing_operation operation)
{
    unsigned count = ++plans[operation].count;
    unsigned nth = plans[operation].nth;
    if (nth == 0 || count < nth || (count > nth && !plans[operation].for_ever)) {
        return SQLITE_OK;
    }
    plans[operation].struck = true;
    return plans[operation].code;
}

static int file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}
static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), data, size, at);
}
static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    int code = strike(FAILING_WRITE);
    return code == SQLITE_OK ? real(file)->pMethods->xWrite(real(file), data, size, at) : code;
}
static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real(file)->pMethods->xTruncate(real(file), size);
}
static int file_sync(sqlite3_file *file, int flags)
{
    int code = strike(FAILING_SYNC);
    return code == SQLITE_OK ? real(file)->pMethods->xSync(real(file), flags) : code;
}
static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}
static int file_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}
static int file_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}
static int file_check_lock(sqlite3_file *file, int *locked)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), locked);
}
static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
static int file_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}
static int file_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}
static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct failing_file *failing = (struct failing_file *)file;
    sqlite3_vfs *below = vfs->pAppData;
    failing->real = (sqlite3_file *)(failing + 1);
    int code = below->xOpen(below, name, failing->real, flags, out_flags);
    failing->base.pMethods = failing->real->pMethods ? &methods : NULL;
    return code;
}

void failing_vfs_install(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *below = sqlite3_vfs_find("unix");
    sqlite3_vfs_unregister(&vfs); /* in case a test sets up twice */
    vfs = *below;
    vfs.zName = "failing";
    vfs.pAppData = below;
    vfs.szOsFile = below->szOsFile + (int)sizeof(struct failing_file);
    vfs.xOpen = vfs_open;
    memset(plans, 0, sizeof plans);
    sqlite3_vfs_register(&vfs, 1);
}

void failing_vfs_arm(enum failing_operation operation, unsigned nth, bool for_ever, int code)
{
    plans[operation].nth = nth;
    plans[operation].count = 0;
    plans[operation].for_ever = for_ever;
    plans[operation].struck = false;
    plans[operation].code = code;
}

bool failing_vfs_struck(enum failing_operation operation)
{
    return plans[operation].struck;
}

unsigned failing_vfs_count(enum failing_operation operation)
{
    return plans[operation].count;
}
