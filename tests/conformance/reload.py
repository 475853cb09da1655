"""What changes while sessions are open: the rules, and who is trusted. For targets that take up changes."""

from plcsim import read_registers
from certificates import is_refused
from target import UNIT, SecureClient

READ = read_registers(0, 1)
DENIED = bytes([0x83, 0x01])
LEFT_OUT = "(left out: this target reads its files once)"
RULES_WITHOUT_READERS = """
rules:
  - {name: all, roles: [operator], units: [all], access: read-write, addresses: [all]}
"""


def r_27_r_31_new_rules_hold_for_sessions_that_are_open(target):
    if not hasattr(target, "use_rules"):
        return LEFT_OUT
    with target.connect("reader") as reader, target.connect("operator") as operator:
        assert reader.ask(UNIT, READ)[0] == 3
        with target.use_rules(RULES_WITHOUT_READERS):
            assert reader.ask(UNIT, READ) == DENIED
            assert operator.ask(UNIT, READ)[0] == 3
        assert reader.ask(UNIT, READ)[0] == 3
    return None


def r_47_an_intermediate_that_is_revoked_takes_its_sessions_along(target):
    if not hasattr(target, "use_revocations"):
        return LEFT_OUT
    chained = target.pki.chained()
    with SecureClient(target, chained) as client, target.connect() as operator:
        assert client.ask(UNIT, READ) == DENIED  # it has no role, but it is in
        with target.use_revocations("revoked"):
            assert client.ends()
            assert is_refused(target, chained, None)
            assert operator.ask(UNIT, READ)[0] == 3
    return None


def r_47_with_a_revocation_list_that_has_expired_nobody_gets_in(target):
    if not hasattr(target, "use_revocations"):
        return LEFT_OUT
    with target.use_revocations("expired"):
        assert is_refused(target, target.pair("operator"), None)
    with target.connect() as operator:
        assert operator.ask(UNIT, READ)[0] == 3
    return None


TESTS = [
    r_27_r_31_new_rules_hold_for_sessions_that_are_open,
    r_47_an_intermediate_that_is_revoked_takes_its_sessions_along,
    r_47_with_a_revocation_list_that_has_expired_nobody_gets_in,
]
