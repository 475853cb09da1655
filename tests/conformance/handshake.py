"""The TLS of a target, seen by openssl s_client. Names bear the requirements of MODBUS/TCP Security v36."""

import os
import re
import ssl

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ANY = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


def agreed(output):
    return "Cipher is (NONE)" not in output and "Cipher is " in output


def r_01_r_32_r_33_speaks_tls_1_2(target):
    assert "Protocol  : TLSv1.2" in target.s_client("-tls1_2") or "TLSv1.2, Cipher is ECDHE" in target.s_client("-tls1_2")


def r_01_speaks_tls_1_3_too(target):
    assert "TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256" in target.s_client("-tls1_3")


def r_34_refuses_tls_1_1_and_1_0(target):
    for version in ("-tls1_1", "-tls1"):
        output = target.s_client(version, "-cipher", ANY)
        assert "alert protocol version" in output or "alert number 70" in output, output


def r_07_asks_for_a_certificate(target):
    assert "Acceptable client certificate CA names" in target.s_client("-tls1_2")


def r_10_r_44_ends_with_a_fatal_alert_without_a_certificate(target):
    output = target.s_client("-tls1_2", pair=None)
    assert "alert number 40" in output or "handshake failure" in output, output
    output = target.s_client("-tls1_3", "-ign_eof", pair=None)
    assert "alert number 116" in output or "certificate required" in output, output


def r_14_r_39_r_52_has_the_mandatory_rsa_suite(target):
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    assert f"Cipher is {suite}" in target.s_client("-tls1_2", "-cipher", suite)


def r_40_r_61_r_62_has_the_mandatory_ecc_suite_with_p_256(target):
    suite = "ECDHE-ECDSA-AES128-GCM-SHA256"
    output = target.s_client("-tls1_2", "-cipher", suite, "-curves", "P-256")
    assert f"Cipher is {suite}" in output and "prime256v1" in output, output


def r_36_prefers_a_counter_mode(target):
    assert "GCM" in target.s_client("-tls1_2").split("Cipher is ")[1].split()[0]


def r_13_r_37_r_48_r_50_r_51_r_53_agrees_on_nothing_weak(target):
    for suites in (
        "NULL-SHA256:NULL-SHA:NULL-MD5:ECDHE-ECDSA-NULL-SHA:ECDHE-RSA-NULL-SHA",
        "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:AES128-SHA:AES256-SHA",
        "ADH-AES128-SHA256:AECDH-AES128-SHA",
        "PSK-AES128-GCM-SHA256",
        "AES128-GCM-SHA256:AES128-SHA256",
    ):
        output = target.s_client("-tls1_2", "-cipher", suites + ":@SECLEVEL=0")
        assert not agreed(output), (suites, output)


def r_46_sends_the_chain_down_to_the_root(target):
    output = target.s_client("-tls1_2", "-showcerts")
    chain = re.findall(r"^ *\d+ s:(.*)\n +i:(.*)$", output, re.MULTILINE)
    assert len(chain) >= 2 and chain[-1][0] == chain[-1][1], output


def r_57_r_58_negotiates_fragments_of_512_bytes(target):
    for version in ("-tls1_2", "-tls1_3"):
        output = target.s_client(version, "-maxfraglen", "512", "-tlsextdebug")
        assert 'TLS server extension "max fragment length"' in output, output


def r_59_never_compresses(target):
    assert "Compression: NONE" in target.s_client("-tls1_2", "-comp")


def r_60_indicates_renegotiation_and_refuses_it(target):
    output = target.s_client("-tls1_2", send=b"R\n")
    assert "Secure Renegotiation IS supported" in output, output
    assert "no renegotiation" in output, output


def r_11_r_42_resumes_nothing(target):
    for version in ("-tls1_2", "-tls1_3"):
        path = target.pki.path("session.pem")
        target.s_client(version, "-sess_out", path)
        if os.path.exists(path):  # else there is nothing that could be taken up again
            output = target.s_client(version, "-sess_in", path)
            assert "New, " in output and "Reused, " not in output, output


def r_63_r_64_works_with_the_groups_and_point_formats_of_a_tls_1_2_hello(target):
    assert agreed(target.s_client("-tls1_2", "-groups", "P-256", "-no_ticket"))


TESTS = [
    r_01_r_32_r_33_speaks_tls_1_2,
    r_01_speaks_tls_1_3_too,
    r_34_refuses_tls_1_1_and_1_0,
    r_07_asks_for_a_certificate,
    r_10_r_44_ends_with_a_fatal_alert_without_a_certificate,
    r_14_r_39_r_52_has_the_mandatory_rsa_suite,
    r_40_r_61_r_62_has_the_mandatory_ecc_suite_with_p_256,
    r_36_prefers_a_counter_mode,
    r_13_r_37_r_48_r_50_r_51_r_53_agrees_on_nothing_weak,
    r_46_sends_the_chain_down_to_the_root,
    r_57_r_58_negotiates_fragments_of_512_bytes,
    r_59_never_compresses,
    r_60_indicates_renegotiation_and_refuses_it,
    r_11_r_42_resumes_nothing,
    r_63_r_64_works_with_the_groups_and_point_formats_of_a_tls_1_2_hello,
]
