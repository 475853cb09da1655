/*
 * io_machine: the states of one connection, and what an event does in each. Inside lib/net only; io.c starts
 * connections and serves their owners, this moves them on.
 */
#ifndef BOURDON_NET_IO_MACHINE_H
#define BOURDON_NET_IO_MACHINE_H

#include "net/connector.h"
#include "net/io.h"
#include "net/socket.h"
#include "net/stream.h"

/*
 *   CONNECTING ─▶ HANDSHAKING ─▶ OPEN ─▶ FINISHING ─▶ LINGERING ─▶ CLOSED      every state may go to CLOSED
 *                      └──────────┴──────────────────────▲
 *
 * HANDSHAKING is bounded by handshake_ms since the start. A plain connection only waits there for its first
 * event, because opened() comes from the loop.
 *
 * FINISHING sends what is queued and the goodbye; bounded by linger_ms.
 *
 * LINGERING has said the last word and reads until the peer closes, so that the word is not lost in a reset;
 * bounded by linger_ms, after a failure by ALERT_LINGER_MS and ALERT_LINGER_BYTES.
 */
enum io_state { IO_CONNECTING, IO_HANDSHAKING, IO_OPEN, IO_FINISHING, IO_LINGERING, IO_CLOSED, IO_STATES };

struct io {
    struct loop *loop;
    struct tls_context *tls;
    char *server_name; /* "" on a server */
    const struct io_events *events;
    void *owner;
    char address[SOCKET_ADDRESS_MAX];
    enum io_state state;

    struct connector *connector; /* while connecting */
    struct stream stream;        /* after that */
    struct loop_watch *watch;
    struct loop_timer *timer; /* bounds the state; while OPEN it brings drained() and what is unread */
    int64_t deadline_us;      /* of the handshake, monotonic */

    struct buffer out;
    bool tell_drained; /* something was written since drained() was last called */
    bool paused;
    bool unread;     /* the stream may hold bytes that the socket does not show */
    unsigned misses; /* reads in a row that gave nothing though it held bytes */
    bool read_wants_write;
    bool write_wants_read;

    bool busy; /* inside an event of the loop: callbacks may run */
    bool dead; /* freed there, or while working */

    bool apart;                   /* another thread computes the handshake … */
    struct loop_job *working;     /* … and does now: the stream is its own until handshake_done() */
    enum stream_status handshake; /* what it came to */

    size_t linger_bytes; /* that may still be read and thrown away */
    enum err ending;     /* what closed() will say after lingering */
    struct err_text *ending_why;
};

/* The only writer of the state. */
void io_machine_move(struct io *io, enum io_state state);

/* An event of the loop: callbacks may run, and may free the io. */
void io_machine_ready(struct io *io, unsigned events);
void io_machine_expired(struct io *io);

/* What stands around other events of the loop. Between the two, callbacks may run. */
void io_machine_enter(struct io *io);
void io_machine_leave(struct io *io);

/* Gives back everything but the io itself, and tells the owner. Between enter and leave only. */
void io_machine_end(struct io *io, enum err code, const char *reason);

/* Gives back everything but the io itself, and is CLOSED. */
void io_machine_let_go(struct io *io);
/* Closes the stream, or sees to it that handshake_done() does. */
void io_machine_drop_stream(struct io *io);
void io_machine_release(struct io *io);

/* While OPEN, outside of events: sends what can be sent, and waits for what the connection needs now. */
void io_machine_settle(struct io *io);

#endif
