"""A network of a test's own between bridge and server: two namespaces, a cable, and what happens to its packets.

need_network()                      # this process moves into a namespace of its own, with its children
with Network() as network:
    plant = network.plant()         # its server is at the other end of the cable
    network.lose(30)                # per cent of the packets, in each direction; 100 = the cable is cut
    network.lose(0)

Needs leave to make namespaces, that is root.
"""

import ctypes
import os
import re
import subprocess

from plant import DEADLINE_S, Plant, skip

CLONE_NEWNET = 0x40000000
OURS, THEIRS = "10.77.0.1", "10.77.0.2"


def run(*command, text=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text, timeout=DEADLINE_S)


def need_network():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        skip(f"no network namespaces here: {os.strerror(ctypes.get_errno())}")
    try:
        run("ip", "link", "set", "lo", "up")
        with Network() as network:
            network.lose(30)
    except (OSError, subprocess.CalledProcessError) as error:
        skip(f"no network namespaces here: {getattr(error, 'stderr', '') or error}")


class Network:
    def __init__(self):
        self.name = f"bourdon-{os.getpid()}"

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        try:
            run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", self.name)
            for address, prefix in ((OURS, []), (THEIRS, ["ip", "netns", "exec", self.name])):
                run(*prefix, "ip", "address", "add", f"{address}/30", "dev", "cable")
                run(*prefix, "ip", "link", "set", "cable", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *trace):
        run("ip", "netns", "delete", self.name)
        subprocess.run(["ip", "link", "delete", "cable"], check=False, capture_output=True, timeout=DEADLINE_S)
        subprocess.run(["nft", "flush", "ruleset"], check=False, capture_output=True, timeout=DEADLINE_S)

    def plant(self, **arguments):
        plant = Plant(**arguments)
        plant.server_address = f"{THEIRS}:8443"
        plant.configure()
        plant.server.prefix = ["ip", "netns", "exec", self.name]
        return plant

    def lose(self, percent):
        """All at once: the old rules go in the same transaction in which the new ones come."""
        drop = f"numgen random mod 100 < {percent} counter drop" if percent < 100 else "counter drop"
        chains = "".join(
            f"chain {hook} {{ type filter hook {hook} priority 0; {name} cable {drop}; }}\n"
            for hook, name in (("input", "iifname"), ("output", "oifname"))
        )
        run("nft", "-f", "-", text="flush ruleset\n" + (f"table inet faults {{\n{chains}}}\n" if percent else ""))

    def lost(self):
        """How many packets were dropped since lose()."""
        listing = run("nft", "list", "ruleset").stdout
        return sum(int(match) for match in re.findall(r"counter packets (\d+)", listing))
