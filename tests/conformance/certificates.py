"""Which certificates a target lets in, and which of them have a role."""

import ssl

from plcsim import read_registers
from target import ROLE_OID, UNIT, USAGE, SecureClient, role_der

READ = read_registers(0, 1)
DENIED = bytes([0x83, 0x01])
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def is_refused(target, pair, version):
    """With TLS 1.3 the refusal comes after a handshake that the client thinks complete."""
    try:
        with SecureClient(target, pair, version=version) as client:
            client.send(b"")
            return client.ends()
    except (ssl.SSLError, ConnectionError):
        return True


def answer(target, pair, version=None):
    with SecureClient(target, pair, version=version) as client:
        return client.ask(UNIT, READ)


def r_02_r_06_r_41_good_certificates_of_both_kinds_are_let_in(target):
    for role in ("operator", "rsa"):
        for version in VERSIONS:
            assert answer(target, target.pair(role), version)[0] == 3


def r_02_r_47_certificates_with_faults_of_chain_time_or_key_are_refused(target):
    for name in (
        "expired",
        "not-yet-valid",
        "unknown-ca",
        "missing-intermediate",
        "self-signed",
        "wrong-usage",
        "revoked",
        "weak-key",
        "weak-digest",
        "unknown-critical",
    ):
        for version in VERSIONS:
            assert is_refused(target, target.pki.path("bad", "bridge", name), version), name


def r_10_a_client_without_certificate_is_refused(target):
    for version in VERSIONS:
        assert is_refused(target, None, version)


def r_47_a_certificate_without_extended_key_usage_is_let_in(target):
    example = target.pki.issue(
        "example",
        "basicConstraints=CA:FALSE",
        "keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment",
        f"{ROLE_OID}={role_der('operator')}",
    )
    assert answer(target, example)[0] == 3


def r_21_r_22_r_30_a_critical_role_counts(target):
    critical = target.pki.issue("critical", *USAGE, f"{ROLE_OID}=critical,{role_der('operator')}")
    assert answer(target, critical)[0] == 3


def r_20_r_23_r_31_a_session_without_a_role_stays_up_and_every_request_is_exception_01(target):
    with target.connect("no-role") as client:
        for transaction in range(1, 4):
            assert client.ask(UNIT, READ, transaction) == DENIED


ILL_FORMED_ROLES = {
    "printable-string": role_der("operator", tag=0x13),
    "no-tag": "DER:" + b"operator".hex(":"),
    "truncated": "DER:0c:09:" + b"operator".hex(":"),
    "trailing": "DER:0c:08:" + (b"operator" + b"!").hex(":"),
    "empty": "DER:0c:00",
    "long": role_der("x" * 1024),
    "nul": role_der(b"oper\0ator"),
    "bad-utf8": role_der(b"operator\xff"),
    "comma": role_der("operator,reader"),
    "newline": role_der("operator\nreader"),
    "other-case": role_der("Operator"),
    "padded": role_der(" operator"),
}


def r_22_r_23_r_29_r_65_an_ill_formed_or_unknown_role_leaves_the_session_up_with_no_rights(target):
    for name, value in ILL_FORMED_ROLES.items():
        pair = target.pki.issue(name, *USAGE, f"{ROLE_OID}={value}")
        assert answer(target, pair) == DENIED, name


def r_65_two_roles_are_none(target):
    assert answer(target, target.pki.path("bad", "bridge", "two-roles")) == DENIED


def r_04_the_subject_is_no_role(target):
    pair = target.pki.issue("operator", *USAGE)
    assert answer(target, pair) == DENIED


TESTS = [
    r_02_r_06_r_41_good_certificates_of_both_kinds_are_let_in,
    r_02_r_47_certificates_with_faults_of_chain_time_or_key_are_refused,
    r_10_a_client_without_certificate_is_refused,
    r_47_a_certificate_without_extended_key_usage_is_let_in,
    r_21_r_22_r_30_a_critical_role_counts,
    r_20_r_23_r_31_a_session_without_a_role_stays_up_and_every_request_is_exception_01,
    r_22_r_23_r_29_r_65_an_ill_formed_or_unknown_role_leaves_the_session_up_with_no_rights,
    r_65_two_roles_are_none,
    r_04_the_subject_is_no_role,
]
