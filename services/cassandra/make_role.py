"""Makes the secure lane's user in a new Cassandra: make_role.py PORT SECRETS_FOLDER USER.

Cassandra begins with a superuser of a well-known password, which it makes some moments after it
listens. This logs in as that one, makes USER with the lane's password a superuser, and gives the
first one a password that nobody knows. Four frames of CQL's protocol v4 are all that it takes.
"""

import secrets
import socket
import ssl
import struct
import sys
import time

STARTUP, QUERY, AUTH_RESPONSE = 0x01, 0x07, 0x0F
ERROR, AUTHENTICATE, AUTH_SUCCESS, RESULT = 0x00, 0x03, 0x10, 0x08
GIVE_UP_SECONDS = 60


class Refused(Exception):
    pass


class Connection:
    def __init__(self, port, authority):
        context = ssl.create_default_context(cafile=authority)
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.stream = context.wrap_socket(plain, server_hostname="127.0.0.1").makefile("rwb")

    def ask(self, opcode, body, expected):
        self.stream.write(struct.pack(">BBhBI", 4, 0, 0, opcode, len(body)) + body)
        self.stream.flush()
        _, _, _, got, size = struct.unpack(">BBhBI", self.stream.read(9))
        answer = self.stream.read(size)
        if got == ERROR:
            raise Refused(answer[6:].decode(errors="replace"))
        if got != expected:
            raise Refused(f"answer {got} instead of {expected}")

    def log_in(self, user, password):
        self.ask(STARTUP, struct.pack(">H", 1) + short("CQL_VERSION") + short("3.0.0"),
                 AUTHENTICATE)
        token = f"\0{user}\0{password}".encode()
        self.ask(AUTH_RESPONSE, struct.pack(">i", len(token)) + token, AUTH_SUCCESS)

    def query(self, text):
        quorum = 4
        body = struct.pack(">I", len(text)) + text.encode() + struct.pack(">HB", quorum, 0)
        self.ask(QUERY, body, RESULT)


def short(text):
    return struct.pack(">H", len(text)) + text.encode()


def first_login(port, authority):
    """As the superuser of a new Cassandra, as soon as there is one."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            connection = Connection(port, authority)
            connection.log_in("cassandra", "cassandra")
            return connection
        except (Refused, OSError, struct.error) as error:
            if time.monotonic() > deadline:
                sys.exit(f"nobody could log in to the new Cassandra: {error}")
            time.sleep(0.1)


def main():
    port, folder, user = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with open(f"{folder}/password", encoding="ascii") as file:
        password = file.read().strip()
    connection = first_login(port, f"{folder}/ca.pem")
    connection.query(f"CREATE ROLE IF NOT EXISTS {user} "
                     f"WITH SUPERUSER = true AND LOGIN = true AND PASSWORD = '{password}'")
    connection.query(f"ALTER ROLE cassandra WITH PASSWORD = '{secrets.token_hex(16)}'")


main()
