/*
 * A model of the law of durability: spool, window, session, acks and store, with crashes at both ends, connections
 * that break at any moment, and a spool that drops its oldest batch and accounts for it with a gap record.
 *
 * What is durable survives a crash; what is volatile does not. A batch is a number; `content` tells a batch from another
 * one made under the same number after a crash. Checked in every state, see `law`:
 *
 *   every reading that was taken lies in the spool, or in the store, or is accounted for by a gap record that does;
 *   a batch is trimmed only if the store has it, with the same content;
 *   nothing is in the store twice.
 *
 * The mutants must fail: -DACK_BEFORE_COMMIT, -DTRIM_BEFORE_ACK, -DSEND_BEFORE_SPOOL, -DSTORE_NOT_UNIQUE,
 * -DDROP_WITHOUT_GAP. So must -DARRIVAL, which forbids the state in which everything has arrived after every crash was
 * used: it shows that the model gets there at all.
 */
#ifndef BATCHES
#define BATCHES 3 /* sequences that may be used, gap records included */
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef CRASHES
#define CRASHES 2 /* in all, of either end, or of the connection alone */
#endif
#define SEQUENCES (BATCHES + 1) /* index 0 is not used */

/* The bridge's disk. */
byte next_sequence = 1;
bool spooled[SEQUENCES];
byte spool_content[SEQUENCES];
bool trimmed[SEQUENCES];
byte trimmed_content[SEQUENCES];
byte gap_for[SEQUENCES];   /* this batch is a gap record that accounts for that one */
bool dropped[SEQUENCES];

/* The server's disk. */
byte stored[SEQUENCES];    /* how many times */
byte store_content[SEQUENCES];

/* Memory. */
bool connected;
bool in_flight[SEQUENCES];
byte flying;
byte made;                 /* counts encodings, so that no two have the same content */
byte crashes;
#ifdef SEND_BEFORE_SPOOL
bool encoded;              /* a batch was made and sent but is not spooled yet */
byte encoded_content;
#endif

chan wire = [WINDOW] of { byte, byte };      /* sequence, content */
chan acks = [WINDOW] of { byte };            /* sequence */
chan waiting = [WINDOW] of { byte, byte, byte }; /* and the session it came in: received, not yet committed */
chan committed = [WINDOW] of { byte };       /* committed, not yet acked */

inline drain(queue) {
    do
    :: nempty(queue) -> queue ? _
    :: empty(queue) -> break
    od
}

inline drain_pair(queue) {
    do
    :: nempty(queue) -> queue ? _, _
    :: empty(queue) -> break
    od
}

inline drain_triple(queue) {
    do
    :: nempty(queue) -> queue ? _, _, _
    :: empty(queue) -> break
    od
}

/* An answer goes to the session the batch came in; if that is over, nobody hears it. */
inline answer() {
    if
    :: connected && session == crashes -> committed ! s
    :: else -> skip
    fi
}

/* The connection is gone: what travelled is lost, what was in flight is to be sent again. */
inline disconnect() {
    connected = false;
    drain_pair(wire);
    drain(acks);
    drain(committed);
    flying = 0;
    for (i : 1 .. BATCHES) {
        in_flight[i] = false
    }
}

/* The whole volatile state is kept out of the invariant: only disks count. */
inline law() {
    for (i : 1 .. BATCHES) {
        assert(stored[i] <= 1);
        assert(!trimmed[i] || (stored[i] == 1 && store_content[i] == trimmed_content[i]));
        if
        :: dropped[i] ->
            accounted = false;
            for (j : 1 .. BATCHES) {
                accounted = accounted || (gap_for[j] == i && (spooled[j] || stored[j] > 0))
            }
            assert(accounted)
        :: else -> skip
        fi
    }
    i = 0;
    j = 0;
    accounted = false
}

inline spool_append(covers) {
    spooled[next_sequence] = true;
#ifdef SEND_BEFORE_SPOOL
    spool_content[next_sequence] = encoded_content;
    encoded = false;
#else
    made++;
    spool_content[next_sequence] = made;
#endif
    gap_for[next_sequence] = covers;
    next_sequence++
}

active proctype plant() {
    byte s, c, session, i, j;
    bool accounted;

    do
    /* Bridge: a batch is made and committed to the spool. */
#ifdef SEND_BEFORE_SPOOL
    :: atomic { connected && next_sequence <= BATCHES && !encoded && flying < WINDOW && !in_flight[next_sequence] ->
           made++; encoded = true; encoded_content = made;
           wire ! next_sequence, encoded_content; in_flight[next_sequence] = true; flying++ }
    :: atomic { encoded -> spool_append(0) }
#else
    :: atomic { next_sequence <= BATCHES -> spool_append(0) }
#endif

    /* Bridge: the spool is full: the oldest batch that is not in flight goes, a gap record comes, in one transaction. */
#ifndef SEND_BEFORE_SPOOL
    :: atomic { next_sequence <= BATCHES && next_sequence > 1 ->
           s = 1;
           do
           :: s < next_sequence && (!spooled[s] || in_flight[s] || gap_for[s] > 0) -> s++
           :: else -> break
           od;
           if
           :: s < next_sequence && crashes < CRASHES ->
               spooled[s] = false; dropped[s] = true;
#ifndef DROP_WITHOUT_GAP
               spool_append(s);
#endif
               law()
           :: else -> skip
           fi;
           s = 0 }
#endif

    /* Session: connect; nothing is in flight. */
    :: atomic { !connected -> connected = true }

    /* Bridge: send a spooled batch, in any order (live first, backlog behind). */
    :: atomic { connected && flying < WINDOW ->
           select(s : 1 .. BATCHES);
           if
           :: spooled[s] && !in_flight[s] ->
               wire ! s, spool_content[s]; in_flight[s] = true; flying++;
#ifdef TRIM_BEFORE_ACK
               trimmed[s] = true; trimmed_content[s] = spool_content[s]; spooled[s] = false; law();
#endif
           :: else -> skip
           fi;
           s = 0 }

    /* Server: a batch arrives and waits for the store thread. */
    :: atomic { nempty(wire) && nfull(waiting) ->
           wire ? s, c; waiting ! s, c, crashes;
#ifdef ACK_BEFORE_COMMIT
           if
           :: nfull(committed) -> committed ! s
           :: else -> skip
           fi;
#endif
           s = 0; c = 0 }

    /* Server: commit. The same identity is stored once; other content under it is never acknowledged. */
    :: atomic { nempty(waiting) && nfull(committed) ->
           waiting ? s, c, session;
           if
#ifdef STORE_NOT_UNIQUE
           :: true -> stored[s]++; store_content[s] = c; answer()
#else
           :: stored[s] == 0 -> stored[s] = 1; store_content[s] = c;
#ifndef ACK_BEFORE_COMMIT
               answer()
#endif
           :: stored[s] > 0 && store_content[s] == c -> answer()
           :: stored[s] > 0 && store_content[s] != c -> assert(false) /* an honest bridge causes no conflict */
#endif
           fi;
           session = 0;
           s = 0; c = 0;
           law() }

    /* Server: the ack goes out; it is lost if the connection is. */
    :: atomic { nempty(committed) && nfull(acks) -> committed ? s; acks ! s; s = 0 }

    /* Bridge: an ack arrives: trim and ack log in one transaction. */
    :: atomic { nempty(acks) ->
           acks ? s;
           if
           :: in_flight[s] -> in_flight[s] = false; flying--
           :: else -> skip
           fi;
           if
           :: spooled[s] -> spooled[s] = false; trimmed[s] = true; trimmed_content[s] = spool_content[s]
           :: else -> skip
           fi;
           s = 0;
           law() }

    /* The connection breaks; the bridge is killed; the server is killed. */
    :: atomic { connected && crashes < CRASHES -> crashes++; disconnect(); i = 0 }
    :: atomic { crashes < CRASHES -> crashes++; disconnect(); i = 0;
#ifdef SEND_BEFORE_SPOOL
           encoded = false; encoded_content = 0;
#endif
           law() }
    :: atomic { crashes < CRASHES -> crashes++; drain_triple(waiting); disconnect(); i = 0; law() }

    /* Everything arrived: the only way to stop. */
    :: atomic { next_sequence > BATCHES && flying == 0 && empty(waiting) && empty(wire) && empty(acks) && empty(committed) ->
           i = 1;
           do
           :: i <= BATCHES && (trimmed[i] || dropped[i]) -> i++
           :: else -> break
           od;
           if
           :: i > BATCHES -> i = 0; law();
#ifdef ARRIVAL
               assert(crashes < CRASHES);
#endif
               break
           :: else -> i = 0
           fi }
    od
}
