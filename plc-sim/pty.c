#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Bytes pass as they are, and nothing is echoed. */
static bool make_raw(int fd)
{
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0) {
        return false;
    }
    cfmakeraw(&mode);
    return tcsetattr(fd, TCSANOW, &mode) == 0;
}

static enum err open_ends(struct pty *pty, struct err_text *why)
{
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) != 0 || unlockpt(pty->master) != 0 ||
        ptsname_r(pty->master, pty->device, sizeof pty->device) != 0) {
        return err_errno(why, errno, "open a pseudo terminal");
    }
    pty->slave = open(pty->device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->slave < 0 || !make_raw(pty->slave)) {
        return err_errno(why, errno, "open %s", pty->device);
    }
    return ERR_OK;
}

/* Removes a link that leads nowhere any more. */
static void remove_dead_link(const char *link)
{
    struct stat status;
    bool is_link = lstat(link, &status) == 0 && S_ISLNK(status.st_mode);
    if (is_link && stat(link, &status) != 0) {
        (void)unlink(link);
    }
}

static enum err make_link(struct pty *pty, const char *link, struct err_text *why)
{
    if (snprintf(pty->link, sizeof pty->link, "%s", link) >= (int)sizeof pty->link) {
        pty->link[0] = '\0';
        return err_set(why, ERR_LIMIT, "%s: the path is too long", link);
    }
    remove_dead_link(link);
    if (symlink(pty->device, link) == 0) {
        return ERR_OK;
    }
    int error = errno;
    pty->link[0] = '\0';
    return error == EEXIST ? err_set(why, ERR_CONFLICT, "%s is there already", link)
                           : err_errno(why, error, "make the link %s", link);
}

enum err pty_open(struct pty *pty, const char *link, struct err_text *why)
{
    *pty = (struct pty){.master = -1, .slave = -1};
    enum err result = open_ends(pty, why);
    if (result == ERR_OK && link[0]) {
        result = make_link(pty, link, why);
    }
    if (result != ERR_OK) {
        pty_close(pty);
    }
    return result;
}

int pty_take_master(struct pty *pty)
{
    int master = pty->master;
    pty->master = -1;
    return master;
}

void pty_close(struct pty *pty)
{
    if (pty->link[0]) {
        (void)unlink(pty->link);
    }
    if (pty->slave >= 0) {
        close(pty->slave);
    }
    if (pty->master >= 0) {
        close(pty->master);
    }
    *pty = (struct pty){.master = -1, .slave = -1};
}
