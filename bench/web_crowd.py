#!/usr/bin/env python3
"""One row of web_flood.sh: a crowd at the page, and what the server's acks take meanwhile.

web_crowd.py quiet|asked|deaf|killed PAGE_PORT METRICS_PORT SECONDS SERVER_PID WEB_PID
  asked: 100 clients ask one question after the other; deaf: 1000 streams of events are opened and never read;
  killed: somebody else kills bourdon-web all the time.
"""
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

ASKERS, STREAMS = 100, 1000
PATHS = ["bridges", "alarms", "tags", "readings?from=0&limit=10000", "readings?every=1s", "server", "acks?limit=10000"]


def answer_times(port):
    """Sum and count of the histogram of answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as text:
        values = dict(line.rsplit(" ", 1) for line in text.read().decode().splitlines() if line[0] != "#")
    return [float(values[f"bourdon_server_answer_seconds_{part}"]) for part in ("sum", "count")]


def resident_mb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return f"{int(next(line for line in status if line.startswith('VmRSS')).split()[1]) // 1024} MB"
    except OSError:
        return "gone"


def ask_until(stop, port, path, answered):
    while not stop.is_set():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=30) as answer:
                answer.read()
                answered.append(path)
        except (OSError, urllib.error.URLError, ValueError):
            stop.wait(0.05)


def open_stream(port):
    stream = socket.create_connection(("127.0.0.1", port), timeout=10)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return stream


def main():
    kind, (port, metrics, seconds, server, web) = sys.argv[1], map(int, sys.argv[2:])
    stop, answered, streams, threads = threading.Event(), [], [], []
    if kind == "asked":
        threads = [threading.Thread(target=ask_until, args=(stop, port, PATHS[i % len(PATHS)], answered), daemon=True)
                   for i in range(ASKERS)]
    if kind == "deaf":
        streams = [open_stream(port) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    before = answer_times(metrics)
    time.sleep(seconds)
    after = answer_times(metrics)
    acks = after[1] - before[1]
    print(f"| {kind} | {1000 * (after[0] - before[0]) / acks:.2f} ms | {acks / seconds:.1f} | {len(answered) / seconds:.0f} |"
          f" {resident_mb(server)} | {resident_mb(web)} |", flush=True)
    stop.set()
    for thread in threads:
        thread.join(40)
    for stream in streams:
        stream.close()


if __name__ == "__main__":
    main()
