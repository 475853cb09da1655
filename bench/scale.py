#!/usr/bin/env python3
"""What happens when one server of several goes away, or all come back: a small simulation of the reconnect storm.

Every bridge that lost its server waits by the bridge's own back-off (lib/base/backoff.c: capped, doubling, uniform over
the upper half), connects to another server, and gets one handshake's worth of CPU there, in turn, beside the batches
which that server takes anyway. Who finds no place among the handshakes, or is not served within the connect time-out,
waits again. One event is one attempt; nothing is measured here, the figures of one machine come from
docs/performance.md and can be given as arguments.
"""

import argparse
import heapq
import random

# The programs' defaults: bridge_options.c and server_options.c.
RETRY_FIRST_S, RETRY_MAX_S, CONNECT_TIMEOUT_S = 0.5, 30.0, 15.0
HANDSHAKE_PLACES = 4096
T1_S = 15.0
KEEP_ALIVE_S = (30.0, 60.0)  # lib/net/socket.h: how soon an idle bridge notices


def back_off_s(attempt, draw):
    """As backoff_next_ms(): uniform in [d/2, d], d doubling from RETRY_FIRST_S to RETRY_MAX_S."""
    upper = min(RETRY_FIRST_S * 2 ** min(attempt, 30), RETRY_MAX_S)
    return draw.uniform(upper / 2, upper)


class Server:
    """A queue for the CPU of handshakes: whoever is admitted is served after those before it."""

    def __init__(self, handshakes_per_s):
        self.service_s = 1 / handshakes_per_s
        self.free_at_s = 0.0
        self.turned_away = 0

    def admit(self, now_s):
        """When the handshake that begins now is complete; None if there is no place for it."""
        begin_s = max(self.free_at_s, now_s)
        if (begin_s - now_s) / self.service_s >= HANDSHAKE_PLACES:
            self.turned_away += 1
            return None
        self.free_at_s = begin_s + self.service_s
        return self.free_at_s


def first_attempt_s(event, batch_every_s, draw):
    """A reset is seen at once; that a machine fell silent, t1 after the next batch was sent to it, or by keep-alive. After
    an outage every bridge is somewhere in the longest wait between two attempts."""
    if event == "outage":
        return draw.uniform(0, back_off_s(30, draw))
    silent_s = min(T1_S + draw.uniform(0, batch_every_s), draw.uniform(*KEEP_ALIVE_S))
    detected_s = 0.0 if event == "reset" else silent_s
    return detected_s + back_off_s(0, draw)


def storm(victims, servers, event, batch_every_s, draw):
    """Seconds after the event at which each of the victims is connected again, and the attempts that took."""
    attempts = [(first_attempt_s(event, batch_every_s, draw), bridge, 1) for bridge in range(victims)]
    heapq.heapify(attempts)
    back_s, count = [], 0
    while attempts:
        now_s, bridge, number = heapq.heappop(attempts)
        count += 1
        done_s = draw.choice(servers).admit(now_s)
        if done_s is not None and done_s - now_s <= CONNECT_TIMEOUT_S:
            back_s.append(done_s)
        else:
            again_s = now_s if done_s is None else now_s + CONNECT_TIMEOUT_S
            heapq.heappush(attempts, (again_s + back_off_s(number, draw), bridge, number + 1))
    return sorted(back_s), count


def simulate(options, event):
    draw = random.Random(options.seed)
    victims = options.bridges if event == "outage" else options.bridges // options.servers
    survivors = options.servers if event == "outage" else options.servers - 1
    batches_per_s = options.bridges / options.batch_every / survivors
    load = batches_per_s * options.batch_us / 1e6 / options.cores
    if load >= 1:
        return None
    handshakes_per_s = options.cores * (1 - load) / (options.handshake_ms / 1e3)
    servers = [Server(handshakes_per_s) for _ in range(survivors)]
    back_s, count = storm(victims, servers, event, options.batch_every, draw)
    return {
        "half": back_s[len(back_s) // 2],
        "p99": back_s[len(back_s) * 99 // 100],
        "all": back_s[-1],
        "attempts": count / victims,
        "load": load,
    }


def drain_s(options):
    """How long the backlog of an outage of all servers takes, once they are all back, beside what comes anew."""
    batches_per_s = options.bridges / options.batch_every / options.servers
    spare_per_s = options.store_batches - batches_per_s
    return batches_per_s * options.outage / spare_per_s if spare_per_s > 0 else float("inf")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    number = {"type": float, "metavar": "N"}
    parser.add_argument("--bridges", type=int, default=100_000)
    parser.add_argument("--servers", type=int, default=16, help="before one is lost")
    parser.add_argument("--cores", default=2, help="of a server", **number)
    parser.add_argument("--handshake-ms", default=1.3, help="CPU of one mutual handshake", **number)
    parser.add_argument("--batch-us", default=25, help="CPU of one batch, all threads", **number)
    parser.add_argument("--batch-every", default=10, help="seconds between two batches of a bridge", **number)
    parser.add_argument("--store-batches", default=13_000, help="batches/s that one server's store takes", **number)
    parser.add_argument("--outage", default=600, help="seconds without any server, for the drain", **number)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.servers < 2 or options.bridges < options.servers:
        parser.error("it takes two servers or more, and a bridge for each")
    return options


def main():
    options = arguments()
    print(f"{options.bridges} bridges, {options.servers} servers of {options.cores:g} cores; one is reset or falls silent, or")
    print("all come back after an outage")
    for event in ("reset", "silence", "outage"):
        result = simulate(options, event)
        if result is None:
            print(f"  {event:8} the servers cannot take the load")
            continue
        print(
            f"  {event:8} half back after {result['half']:.1f} s, 99 % {result['p99']:.1f} s, all {result['all']:.1f} s;"
            f" {result['attempts']:.2f} attempts a bridge; {100 * result['load']:.0f} % of the CPU for batches"
        )
    print(f"  after {options.outage:g} s without any server the backlog drains in {drain_s(options):.0f} s")


if __name__ == "__main__":
    main()
