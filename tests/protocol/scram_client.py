# SPDX-License-Identifier: ISC
"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677)."""
import base64
import hashlib
import hmac
import os


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def b64(data):
    return base64.b64encode(data).decode()


class Scram:
    """binding: ("tls-server-end-point", bytes), or None; flag: "n" or "y" without one."""

    def __init__(self, user, password, binding=None, flag="n", authzid=""):
        self.password, self.nonce = password.encode(), b64(os.urandom(12))
        self.gs2 = f"p={binding[0]},{authzid}," if binding else f"{flag},{authzid},"
        self.bound = binding[1] if binding else b""
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first, nonce=None):
        self.server_first = server_first.decode()
        told = dict(part.split("=", 1) for part in self.server_first.split(","))
        assert told["r"].startswith(self.nonce) and len(told["r"]) > len(self.nonce) + 16
        self.salt, self.iterations = base64.b64decode(told["s"]), int(told["i"])
        assert self.iterations >= 4096
        salted = hashlib.pbkdf2_hmac("sha256", self.password, self.salt, self.iterations)
        without = f"c={b64(self.gs2.encode() + self.bound)},r={nonce or told['r']}"
        message = f"{self.bare},{self.server_first},{without}".encode()
        client_key = mac(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.sha256(client_key).digest(), message)))
        self.signature = mac(mac(salted, b"Server Key"), message)
        return f"{without},p={b64(proof)}".encode()

    def check(self, server_final):
        assert server_final == b"v=" + base64.b64encode(self.signature), "the server does not know the password"
