# SPDX-License-Identifier: ISC
"""AUTH as clients send it (RFC 4954), and what a login may send."""
import pytest
from smtp_client import Smtp, b64, message, plain, received

USER = "alice@example.test"


@pytest.fixture
def c(server):
    with Smtp(server, "submissions") as client:
        yield client


def test_plain_with_and_without_initial_response(server):
    secret = plain(USER, server.password(USER))
    for lines in ((b"AUTH PLAIN " + secret,), (b"AUTH PLAIN  " + secret,), (b"auth plain " + secret,),
                  (b"AUTH PLAIN", secret)):
        with Smtp(server, "submissions") as c:
            for line in lines[:-1]:
                assert c.ask(line) == (334, "334 ")
            code, text = c.ask(lines[-1])
            assert code == 235 and "2.7.0" in text


def test_login_prompts(server, c):
    assert c.ask(b"AUTH LOGIN") == (334, "334 VXNlcm5hbWU6")
    assert c.ask(b64(USER)) == (334, "334 UGFzc3dvcmQ6")
    assert c.ask(b64(server.password(USER)))[0] == 235


def test_login_with_initial_response(server, c):
    assert c.ask(b"AUTH LOGIN " + b64(USER)) == (334, "334 UGFzc3dvcmQ6")
    assert c.ask(b64(server.password(USER)))[0] == 235


def test_login_with_empty_initial_response(server, c):
    assert c.ask(b"AUTH LOGIN =") == (334, "334 VXNlcm5hbWU6")
    assert c.ask(b64(USER)) == (334, "334 UGFzc3dvcmQ6")
    assert c.ask(b64(server.password(USER)))[0] == 235


def test_user_name_any_case_with_blanks(server, c):
    assert c.ask(b"AUTH LOGIN " + b64("  Alice@Example.TEST "))[0] == 334
    assert c.ask(b64(server.password(USER)))[0] == 235


def test_cancel_and_nonsense(server, c):
    for line in (b"AUTH LOGIN", b"AUTH PLAIN"):
        assert c.ask(line)[0] == 334
        code, text = c.ask(b"*")
        assert code == 501 and "5.7.0" in text
    assert c.ask(b"AUTH PLAIN =")[0] == 501
    assert c.ask(b"AUTH PLAIN !!!")[0] == 501
    assert c.ask(b"AUTH PLAIN " + b64("no separators"))[0] == 501
    assert c.ask(b"AUTH CRAM-MD5")[0] == 504
    assert c.login()[0] == 235
    assert c.login()[0] == 503


def test_wrong_password(server, c):
    code, text = c.login(USER, "wrong")
    assert code == 535 and "5.7.8" in text
    code, text = c.ask(b"MAIL FROM:<" + USER.encode() + b">")
    assert code == 530 and "5.7.0" in text
    assert c.login("nobody-here@example.test", "wrong")[0] == 535


def test_no_login(server, c):
    code, text = c.ask(b"MAIL FROM:<" + USER.encode() + b">")
    assert code == 530 and "5.7.0" in text


def test_clear_text_is_refused(make_server):
    server = make_server(accounts=2, clear=False)
    with Smtp(server, "submission") as c:
        assert "AUTH" not in c.hello[1]
        code, text = c.login()
        assert code == 538 and "5.7.11" in text
        code, text = c.ask(b"MAIL FROM:<" + USER.encode() + b">")
        assert code == 530 and "STARTTLS" in text
        c.starttls()
        assert c.login()[0] == 235


def test_port_25_names_the_right_ports(server):
    with Smtp(server) as c:
        c.starttls()
        code, text = c.login()
        assert code == 502 and "587" in text and "465" in text


def test_sender_must_be_the_login(server, c):
    assert c.login()[0] == 235
    code, text = c.ask(b"MAIL FROM:<bob@example.test>")
    assert code == 550 and "5.7.1" in text and "bob@example.test" in text
    assert c.ask(b"MAIL FROM:<someone@elsewhere.test>")[0] == 550
    assert c.ask(b"MAIL FROM:<alice@example.test>")[0] == 250


def test_remote_recipient_is_refused(server, c):
    assert c.login()[0] == 235
    assert c.ask(b"MAIL FROM:<alice@example.test>")[0] == 250
    code, text = c.ask(b"RCPT TO:<someone@elsewhere.test>")
    assert code == 550 and "5.4.4" in text


def test_recipient_limit_of_submission(make_server):
    server = make_server("--set", "submission_recipients_max=3", accounts=5)
    with Smtp(server, "submissions") as c:
        c.login()
        c.envelope(USER, "user1@example.test", "user2@example.test", "user3@example.test")
        code, text = c.ask(b"RCPT TO:<user4@example.test>")
        assert code == 452 and "4.5.3" in text


def test_bcc_is_stripped_and_fields_are_added(server, c):
    assert c.login()[0] == 235
    c.envelope(USER, "user1@example.test", "user2@example.test")
    marker, _ = message()
    text = (b"From: alice@example.test\r\nBcc: user2@example.test,\r\n hidden@example.test\r\nSubject: " +
            marker.encode() + b"\r\n\r\nBody\r\n")
    assert c.data(text)[0] == 250
    for address in ("user1@example.test", "user2@example.test"):
        got = received(server, address, marker)
        assert len(got) == 1
        head = got[0].split(b"\r\n\r\n")[0].lower()
        assert b"bcc" not in head and b"hidden@" not in head
        assert b"\r\ndate: " in head and b"\r\nmessage-id: <" in head
        assert b" with esmtpsa id " in head and got[0].endswith(b"\r\n\r\nBody\r\n")
