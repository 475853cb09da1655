"""The ledger of a PostgreSQL store is settled all the time, and servers and the database die in the middle of it: what was
acknowledged is in the tables, once, also when a bridge sends again what has long been settled."""

import time

from damage import copy_database
from oracle import judge
from plant import Plant, amount, eventually, run_tests, seeded
from postgresql import Postgresql
from stores import PostgresqlStore

ROUNDS = 4
LONGEST_LIFE_S = 0.4

GATE = """CREATE TABLE gate (open boolean);
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WHILE NOT EXISTS (SELECT FROM bourdon.gate) LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN NULL; END $$;
CREATE TRIGGER hold AFTER DELETE ON batch FOR EACH STATEMENT EXECUTE FUNCTION hold()"""


class SettlingPlant(Plant):
    """Everything but the newest batch is too old at once."""

    def configure(self):
        super().configure()
        with open(self.path("server.yaml"), "a", encoding="ascii") as file:
            file.write("retention: {age: 1ms}\n")

    def settled(self):
        return int(self.run.database.query("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM settled")[0][0])

    def wait_until_settled(self, count):
        eventually(lambda: self.settled() >= count, f"{count} batches settled: {self.server.tail()}")


def is_held(store):
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    return store.query(sql) != [["0"]]


def settling_that_dies_half_way_has_not_happened():
    with Postgresql() as cluster:
        store = PostgresqlStore(cluster, "plant")
        with SettlingPlant(database=store) as plant:
            plant.start()
            plant.wait_for_acks()
            plant.wait_until_settled(1)
            store.query(GATE)
            for die in (plant.server.kill, cluster.crash, plant.server.kill):
                eventually(lambda: is_held(store), f"settling: {plant.server.tail()}")
                before = plant.settled()
                die()
                if die == cluster.crash:
                    cluster.start()
                else:
                    # the database has not noticed yet that its client is gone, and must not go on
                    store.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                    plant.server.start()
                assert plant.settled() == before
            store.query("INSERT INTO gate VALUES (true)")
            plant.wait_until_settled(before + 1)
            plant.wait_for_acks()
            plant.end_run()
            judge(plant).assert_clean()


def servers_and_databases_that_die_while_settling_lose_nothing():
    chance = seeded()
    with Postgresql() as cluster, SettlingPlant(seed=chance.randrange(1 << 32), database=PostgresqlStore(cluster, "plant")) as plant:
        plant.start()
        for _ in range(amount(ROUNDS)):
            # The moment is random on purpose: in the middle of anything. A server settles first when it starts.
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            plant.server.kill()
            if chance.random() < 0.5:
                cluster.crash()
                cluster.start()
            plant.server.start()
            plant.wait_for_acks(2)
        plant.wait_until_settled(plant.acked() // 2)
        plant.end_run()
        judge(plant).assert_clean()


def what_is_settled_is_still_a_duplicate():
    """A spool that comes back from a copy holds what was delivered and settled since."""
    with Postgresql() as cluster, SettlingPlant(database=PostgresqlStore(cluster, "plant")) as plant:
        plant.start()
        plant.wait_for_acks()
        plant.server.kill()
        plant.wait_for_batches(20)
        plant.bridge.kill()
        copy_database(plant.run.spool, plant.path("old.db"))
        plant.bridge.start()
        plant.server.start()
        plant.wait_for_acks(30)
        plant.wait_until_settled(plant.acked())
        plant.bridge.kill()
        copy_database(plant.path("old.db"), plant.run.spool)
        plant.bridge.start().wait_for(r"level=error sub=uplink event=fenced .*the spool came back from an old copy")
        eventually(lambda: plant.bridge.text().count("result=duplicate") >= 20, f"duplicates: {plant.bridge.tail()}")
        plant.end_run()
        judge(plant).assert_clean()


run_tests([
    settling_that_dies_half_way_has_not_happened,
    servers_and_databases_that_die_while_settling_lose_nothing,
    what_is_settled_is_still_a_duplicate,
])
