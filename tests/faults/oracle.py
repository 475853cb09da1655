"""What became of every reading, by the word of the simulated PLC.

Each value the PLC served must be stored once, or a gap record must account for it; each stored value must have been
served; each batch that was acknowledged must be stored. A reading is

  ok          stored, and served between its request and its response
  lost        served, yet neither stored nor accounted for by a gap or a reading of bad quality
  duplicated  stored again
  reordered   older than the one of the same tag before it, in the order of sequences
  corrupt     stored with another value than was served
  phantom     stored, though nothing was served at that time
  stale       stored again as stale, and the latest value: not a reading from the PLC, so it accounts for none

and a batch is `unstored` if it was acknowledged and is not in the store.
"""

import bisect
import re
import struct
from collections import defaultdict

from plant import BRIDGE, TAGS
from stores import SqliteStore

WRONG = ("lost", "duplicated", "reordered", "corrupt", "phantom", "unstored")
SHOWN = 5  # findings of a class

SIZES = {"bool": 1, "uint16": 1, "int16": 1, "float32": 2}


class Verdict:
    def __init__(self):
        self.counts = {name: 0 for name in ("ok", "accounted", "bad", "stale", "acknowledged", *WRONG)}
        self.findings = defaultdict(list)

    def add(self, kind, finding=None):
        self.counts[kind] += 1
        if finding is not None and len(self.findings[kind]) < SHOWN:
            self.findings[kind].append(finding)

    def is_clean(self, but=()):
        return not any(self.counts[kind] for kind in WRONG if kind not in but)

    def assert_clean(self, but=()):
        print(self, flush=True)
        assert self.counts["ok"] > 0, "nothing was stored: this proves nothing"
        assert self.is_clean(but), "\n".join(
            f"{kind}: {finding}" for kind in WRONG for finding in self.findings[kind]
        )

    def __str__(self):
        return "  ".join(f"{kind} {count}" for kind, count in self.counts.items())


def decode(tag, items):
    if tag.type == "bool":
        return int(items)
    data = bytes.fromhex(items)
    return struct.unpack({"uint16": ">H", "int16": ">h", "float32": ">f"}[tag.type], data)[0]


class Served:
    """What the PLC gave out of one tag, in order of time; how often each value was stored."""

    def __init__(self, tag, truth):
        self.times, self.values, self.used = [], [], []
        size = SIZES[tag.type]
        digits = 1 if tag.type == "bool" else 4
        for row in truth:
            first = (tag.address - row.address) * digits
            if first < 0 or first + size * digits > len(row.items):
                continue
            self.times.append(row.served_us)
            self.values.append(decode(tag, row.items[first : first + size * digits]))
            self.used.append(0)

    def find(self, value, from_us, to_us):
        """The class of a stored value, and marks what it is."""
        first, last = bisect.bisect_left(self.times, from_us), bisect.bisect_right(self.times, to_us)
        if first == last:
            return "phantom"
        same = [at for at in range(first, last) if self.values[at] == value]
        if not same:
            return "corrupt"
        at = next((at for at in same if not self.used[at]), same[0])
        self.used[at] += 1
        return "ok" if self.used[at] == 1 else "duplicated"

    def find_latest(self, value, since_us, time_us):
        """The class of a stale value: one served since the reading before it, that is, what the bridge knew last."""
        first, last = bisect.bisect_left(self.times, since_us), bisect.bisect_right(self.times, time_us)
        if first == last:
            return "phantom"
        return "stale" if value in self.values[first:last] else "corrupt"

    def unused(self):
        return [time_us for time_us, used in zip(self.times, self.used) if not used]


def acknowledged(*logs):
    """(epoch, sequence) of each batch that a log says is stored."""
    line = re.compile(r"event=batch_acked .*epoch=(\w+) seq=(\d+) .*result=(?:committed|duplicate)")
    found = set()
    for log in logs:
        with open(log, encoding="utf-8", errors="replace") as file:
            found.update((match[1], int(match[2])) for match in map(line.search, file) if match)
    return found


def judge_batches(run, store, verdict):
    stored = store.batches(BRIDGE)
    batches = acknowledged(run.bridge_log, run.server_log)
    verdict.counts["acknowledged"] += len(batches)
    for epoch, seq in sorted(batches - stored):
        verdict.add("unstored", f"batch {seq} of epoch {epoch}")


def judge_order(rows, verdict):
    newest = {}
    for epoch, seq, tag, request_us, *_ in rows:
        if request_us < newest.get((epoch, tag), 0):
            verdict.add("reordered", f"{tag} of {request_us} in batch {seq}")
        newest[epoch, tag] = max(request_us, newest.get((epoch, tag), 0))


def judge_values(rows, served, verdict):
    read_us = {}  # (epoch, tag) → request of the last reading that was read from the PLC
    for epoch, seq, tag, request_us, response_us, quality, value in rows:
        if quality.startswith("bad"):
            verdict.add("bad")
            continue
        if quality == "stale":
            kind = served[tag].find_latest(value, read_us.get((epoch, tag), 0), request_us)
        else:
            kind = served[tag].find(value, request_us, response_us)
            read_us[epoch, tag] = request_us
        verdict.add(kind, f"{tag} = {value} of {request_us} to {response_us} in batch {seq}")


def bad_spans(rows):
    """tag → times during which what was stored last said that there is no value."""
    spans, since = defaultdict(list), {}
    for _, _, tag, request_us, response_us, quality, _ in sorted(rows, key=lambda row: row[3]):
        if quality.startswith("bad"):
            since.setdefault(tag, request_us)
        elif tag in since:
            spans[tag].append((since.pop(tag), response_us))
    for tag, request_us in since.items():
        spans[tag].append((request_us, float("inf")))
    return spans


def unknown(reason):
    """The end of a gap without times: anything, when a spool was damaged so much that it did not even say when."""
    return float("inf") if reason == "spool_damaged" else 0


class Excuses:
    """What accounts for a value of a tag that was served and is not stored."""

    def __init__(self, store, rows):
        records = store.gaps()
        self.dropped = [(first, last or unknown(reason)) for reason, first, last in records if reason != "interrupted"]
        self.crashes = sorted((last, first) for reason, first, last in records if reason == "interrupted")
        self.bad = bad_spans(rows)
        self.stored = defaultdict(list)
        for row in rows:
            self.stored[row[2]].append(row[3])
        for times in self.stored.values():
            times.sort()

    def accounts_for(self, tag, time_us):
        spans = self.dropped + self.bad[tag]
        return any(first <= time_us <= last for first, last in spans) or self.died_with_the_bridge(tag, time_us)

    def died_with_the_bridge(self, tag, time_us):
        """A crash takes the latest readings of a tag: one that is older than a stored one of that life was lost before."""
        at = bisect.bisect_left(self.crashes, (time_us,))
        if at == len(self.crashes):
            return False
        restart_us, from_us = self.crashes[at]
        later = bisect.bisect_right(self.stored[tag], time_us)
        survived = later < len(self.stored[tag]) and self.stored[tag][later] < restart_us
        return from_us <= time_us and not survived


def judge_completeness(rows, store, served, verdict):
    excuses = Excuses(store, rows)
    for tag, values in served.items():
        for time_us in values.unused():
            if excuses.accounts_for(tag, time_us):
                verdict.add("accounted")
            else:
                verdict.add("lost", f"{tag} of {time_us}")
    for epoch, first, last in store.holes():
        verdict.add("lost", f"batches {first} to {last} of epoch {epoch}")


def judge_run(run, truth, verdict):
    by_table = defaultdict(list)
    for row in truth:
        if run.begin_us <= row.served_us <= run.end_us:
            by_table[row.table].append(row)
    served = {tag.name: Served(tag, by_table[tag.table]) for tag in TAGS}
    store = run.database or SqliteStore(run.store)
    rows = store.readings()
    judge_batches(run, store, verdict)
    judge_order(rows, verdict)
    judge_values(rows, served, verdict)
    judge_completeness(rows, store, served, verdict)


def judge(plant):
    """After Plant.end_run(): classes everything that was served and everything that was stored, in all runs."""
    verdict = Verdict()
    truth = plant.truth()
    for run in plant.runs:
        judge_run(run, truth, verdict)
    return verdict
