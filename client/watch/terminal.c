#include "watch/terminal.h"

#include "base/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINES_USUAL = 24, COLUMNS_USUAL = 80 };

/* Where signals leave a byte, so that waiting for keys wakes up: the only way without a race. */
static int signalled[2] = {-1, -1};

static void on_signal(int signal)
{
    (void)!write(signalled[1], &signal, 1);
}

void terminal_catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe(signalled) == 0) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
    }
}

void terminal_take(struct terminal *terminal)
{
    terminal->keyed = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
    if (terminal->keyed) {
        struct termios keys = terminal->before;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    fputs("\033[?1049h\033[?25l\033[2J", stdout); /* another screen, no cursor, nothing on it */
    fflush(stdout);
}

void terminal_give_back(struct terminal *terminal)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (terminal->keyed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
    }
}

void terminal_size(int *lines, int *columns)
{
    struct winsize size = {.ws_row = 0};
    bool said = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    *lines = said ? size.ws_row : LINES_USUAL;
    *columns = said ? size.ws_col : COLUMNS_USUAL;
}

int terminal_key(const struct terminal *terminal, int64_t until_us)
{
    struct pollfd waits[] = {
        {.fd = signalled[0], .events = POLLIN},
        {.fd = terminal->keyed ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int64_t left_us = until_us - clock_mono_us();
    int ready = poll(waits, 2, left_us > 0 ? (int)(left_us / CLOCK_US_PER_MS) + 1 : 0);
    unsigned char key;
    if (ready > 0 && waits[0].revents) {
        return TERMINAL_ENDED;
    }
    if (ready <= 0 || !waits[1].revents) {
        return TERMINAL_NO_KEY;
    }
    return read(STDIN_FILENO, &key, 1) == 1 ? key : TERMINAL_ENDED;
}
