"""The server is away for two hours, at full rate, and then comes the backfill: all of it arrives, flagged.

Time is compressed a hundredfold: with tags read every 10 ms instead of every second, two hours are 72 s. In CI it
is a sixth of that.
"""

import time

from oracle import judge
from plant import Plant, amount, eventually, run_tests
from stores import read_only

SECONDS = 12
HISTORICAL_S = 10  # what is older than that is flagged
PATIENCE_S = 120


def historical(store):
    with read_only(store) as database:
        return database.execute("SELECT count(*), sum(readings) FROM batch WHERE historical = 1").fetchone()


def an_outage_is_caught_up_with():
    outage_s = amount(SECONDS)
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks(5)
        plant.server.kill()
        made = plant.spool_status("batches_made")
        end = time.monotonic() + outage_s
        eventually(lambda: time.monotonic() >= end, "the end of the outage", outage_s + PATIENCE_S)
        made = plant.spool_status("batches_made") - made
        plant.server.start()
        plant.wait_for_acks(made, PATIENCE_S + outage_s)
        plant.end_run(PATIENCE_S + outage_s)
        batches, readings = historical(plant.run.store)
        print(f"outage of {outage_s} s: {made} batches; {batches} came as backlog with {readings} readings", flush=True)
        assert batches > 0 or outage_s <= HISTORICAL_S, "the backlog was not flagged"
        judge(plant).assert_clean()


run_tests([an_outage_is_caught_up_with])
