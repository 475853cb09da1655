"""Bits flipped and ends cut off, at places drawn by chance, of a spool and of a store.

The spool: the bridge starts, or refuses and says what to do; nothing corrupt is stored or acknowledged; what is lost is
in gap records. The store: the server starts, or refuses and says what to do; what it acknowledges from then on is
stored; nothing that it gives back is untrue. What lies on damaged pages of a store is lost: only a copy would have it.
"""

import os
import re
import sqlite3

from damage import Damage, copy_database
from oracle import TAGS, Served, Verdict, acknowledged, judge_run, judge_values
from plant import BRIDGE, Plant, amount, control, eventually, run_tests, seeded
from stores import read_only

PLACES = 12  # in each of the two files
BATCHES = 60
LIVES = 4  # a damage that shows only later ends the daemon, and the service manager starts it again
ADVICE = r"move it away|name another file|use the program that made it|repair|\.recover|backup"
DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)  # what Python makes of it; even its message may be damaged


def with_batches(plant, server=False):
    """A run with some batches, which ended by a kill; then the PLC falls silent."""
    plant.start_plc()
    if server:
        plant.server.start().wait_for("event=started")
    plant.bridge.start().wait_for("event=ready")
    plant.wait_for_batches(BATCHES)
    if server:
        plant.server.kill()
        plant.wait_for_batches(BATCHES // 4)
    plant.bridge.kill()
    control(plant.path("plc.sock"), "fault add silence")
    return plant.run


def close_database(path):
    """As a daemon leaves it that had the time: all in one file."""
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    database.close()


class Case:
    """One place, and the run that is to live with it."""

    def __init__(self, plant, base, number):
        plant.begin_run()
        self.plant, self.run, self.base = plant, plant.run, base
        self.run.begin_us, self.run.end_us = base.begin_us, float("inf")
        copy_database(base.spool, self.run.spool)
        if number % 2:
            close_database(self.run.spool)

    def live(self, victim):
        """Until all is delivered. False: the victim refuses to go on; it said what to do."""
        plant = self.plant
        if not plant.server.is_running():
            plant.server.start()
        plant.bridge.start()
        for life in range(LIVES):
            if life > 0:
                victim.start()
            eventually(lambda: not victim.is_running() or self.is_delivered(), f"delivery: {plant.why()}")
            if victim.is_running():
                return True
            assert victim.process.returncode in (1, 2), f"exit status {victim.process.returncode}: {victim.tail()}"
        assert re.search(ADVICE, victim.text()), f"it refuses without a word of advice: {victim.tail()}"
        return False

    def is_delivered(self):
        status = self.plant.status()
        return status is not None and status["spool"]["batches"] == 0 and status["spool"]["next_seq"] > 1

    def end(self):
        for daemon in (self.plant.bridge, self.plant.server):
            if daemon.is_running():
                assert daemon.stop() in (0, 1), daemon.tail()


def add(total, verdict):
    for kind, count in verdict.counts.items():
        total.counts[kind] += count


# ---- the spool ----


def judge_spool(case, truth, damage, total):
    verdict = Verdict()
    judge_run(case.run, truth, verdict)
    add(total, verdict)
    assert verdict.is_clean(), f"{damage}: {verdict}: {dict(verdict.findings)}"


def a_damaged_spool_loses_what_it_says_and_no_more():
    chance = seeded()
    total, refused = Verdict(), []
    with Plant(seed=chance.randrange(1 << 32)) as plant:
        base = with_batches(plant)
        cases = []
        for number in range(amount(PLACES)):
            case = Case(plant, base, number)
            damage = Damage.draw(chance, case.run.spool)
            damage.do(case.run.spool)
            print(f"{number}: {damage}", flush=True)
            if case.live(plant.bridge):
                cases.append((case, damage))
            else:
                refused.append(damage)
            case.end()
        truth = plant.truth()
        for case, damage in cases:
            judge_spool(case, truth, damage, total)
    print(total, f" refused {len(refused)}", flush=True)
    assert all(damage.kind == "header" or damage.at < 100 for damage in refused), refused
    assert 2 * total.counts["ok"] > total.counts["accounted"] > 0


# ---- the store ----


def readable_rows(path):
    """Batch by batch, for a damaged one ends the query. Returns rows, and what could be read whole."""
    rows, whole = [], set()
    try:
        with read_only(path) as store:
            store.enable_load_extension(True)
            store.load_extension(os.path.join(os.environ["BOURDON_BIN"], "libbourdon_reading.so"))
            batches = store.execute("SELECT lower(hex(epoch)), seq FROM batch JOIN stream ON stream.id = stream").fetchall()
            query = """SELECT epoch, seq, tag, request_us, response_us, quality, value FROM reading
                       WHERE bridge = ? AND epoch = ? AND seq = ?"""
            for epoch, seq in batches:
                try:
                    rows += store.execute(query, (BRIDGE, epoch, seq)).fetchall()
                    whole.add((epoch, seq))
                except DAMAGED:
                    pass
    except DAMAGED:
        pass
    return rows, whole


def judge_store(case, truth, damage, goes_on, total):
    verdict = Verdict()
    rows, whole = readable_rows(case.run.store)
    of_table = {tag.table: [row for row in truth if row.table == tag.table] for tag in TAGS}
    judge_values(rows, {tag.name: Served(tag, of_table[tag.table]) for tag in TAGS}, verdict)
    add(total, verdict)
    assert verdict.is_clean(), f"{damage}: {verdict}: {dict(verdict.findings)}"
    if goes_on:
        acked = acknowledged(case.run.bridge_log, case.run.server_log)
        total.counts["acknowledged"] += len(acked)
        lost = acked - whole
        assert not lost, f"{damage}: acknowledged to this store, and not in it: {sorted(lost)}"


def a_damaged_store_gives_nothing_untrue():
    chance = seeded()
    total, refused = Verdict(), 0
    with Plant(seed=chance.randrange(1 << 32)) as plant:
        base = with_batches(plant, server=True)
        cases = []
        for number in range(amount(PLACES)):
            case = Case(plant, base, number)
            copy_database(base.store, case.run.store)
            if number % 2:
                close_database(case.run.store)
            damage = Damage.draw(chance, case.run.store)
            damage.do(case.run.store)
            print(f"{number}: {damage}", flush=True)
            goes_on = case.live(plant.server)
            refused += not goes_on
            case.end()
            cases.append((case, damage, goes_on))
        truth = plant.truth()
        for case, damage, goes_on in cases:
            judge_store(case, truth, damage, goes_on, total)
    print(total, f" refused {refused}", flush=True)
    assert total.counts["ok"] > 0 and total.counts["acknowledged"] > 0 and refused < len(cases)


run_tests([a_damaged_spool_loses_what_it_says_and_no_more, a_damaged_store_gives_nothing_untrue])
