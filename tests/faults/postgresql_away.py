"""A PostgreSQL that crashes, restarts and is away while batches flow, and servers that are killed beside it: what was
acknowledged is in its tables, once."""

import re
import time
import urllib.error
import urllib.request

from oracle import judge
from plant import DEADLINE_S, Plant, amount, run_tests, seeded
from postgresql import Postgresql
from stores import PostgresqlStore

ROUNDS = 2
LONGEST_LIFE_S = 0.4


def one_crash(cluster):
    cluster.crash()
    cluster.start()


def one_absence(cluster, plant):
    """Long enough to be noticed by a bridge that has something to send."""
    plant.wait_for_acks(1)
    cluster.stop()
    plant.server.wait_for("event=store_refuses")
    plant.wait_for_batches(3)
    acked = plant.acked()
    plant.wait_for_batches(3)
    assert plant.acked() == acked, f"acknowledged without a database: {plant.server.tail()}"
    cluster.start()
    plant.wait_for_acks(3)
    assert plant.server.said("event=store_works_again"), plant.server.tail()


def one_hang(cluster, plant):
    """It holds its connections and says nothing: given up after PG_ANSWER_MS, and tried again."""
    cluster.freeze()
    plant.server.wait_for("event=connection_lost.*no answer for", 3 * DEADLINE_S)
    plant.server.wait_for("event=store_refuses", 3 * DEADLINE_S)  # nor does a new connection help
    acked = plant.acked()
    plant.wait_for_batches(3)
    assert plant.acked() == acked, f"acknowledged without a database: {plant.server.tail()}"
    cluster.thaw()
    plant.wait_for_acks(3)


def one_kill(cluster, plant):
    """Server and database at once: the outcome of a commit is known to nobody but the ledger."""
    plant.server.kill()
    cluster.crash()
    cluster.start()
    plant.server.start()


def a_database_that_dies_loses_nothing_and_doubles_nothing():
    chance = seeded()
    with Postgresql() as cluster, Plant(seed=chance.randrange(1 << 32), database=PostgresqlStore(cluster, "plant")) as plant:
        plant.start()
        one_absence(cluster, plant)
        if amount(ROUNDS) > ROUNDS:
            one_hang(cluster, plant)  # takes 20 s
        for _ in range(amount(ROUNDS)):
            # The moment is random on purpose: in the middle of anything. Nothing below relies on how long it is.
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            chance.choice([lambda: one_crash(cluster), lambda: one_kill(cluster, plant)])()
            plant.wait_for_acks(2)
        plant.end_run()
        judge(plant).assert_clean()


def listen_for_http(plant):
    with open(plant.path("server.yaml"), encoding="ascii") as file:
        text = file.read()
    with open(plant.path("server.yaml"), "w", encoding="ascii") as file:
        file.write(text.replace('http: ""', "http: 127.0.0.1:0"))


def health(plant):
    """The status of /healthz, and what it says."""
    port = re.findall(r"event=http_listening.*port=(\d+)", plant.server.text())[-1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=DEADLINE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def a_server_that_starts_before_its_database_waits_for_it():
    with Postgresql() as cluster, Plant(database=PostgresqlStore(cluster, "plant")) as plant:
        cluster.stop()
        listen_for_http(plant)
        plant.start_plc()
        plant.server.start().wait_for("event=store_away")
        plant.bridge.start().wait_for("event=ready")
        plant.wait_for_batches(3)
        assert plant.server.stop() == 0, plant.server.tail()
        plant.server.start().wait_for("event=store_away")
        status, said = health(plant)
        assert status == 503 and "PostgreSQL" in said, (status, said)
        assert plant.acked() == 0, plant.why()
        cluster.start()
        plant.server.wait_for("event=started")
        plant.wait_for_acks(3)
        assert health(plant)[0] == 200
        plant.end_run()
        judge(plant).assert_clean()


run_tests([a_server_that_starts_before_its_database_waits_for_it, a_database_that_dies_loses_nothing_and_doubles_nothing])
