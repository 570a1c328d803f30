#!/usr/bin/env python3
"""Writes a store as a server with many phones leaves it, for measuring starts and memory.

  bench/make_store.py --phones 1000000 big.db                 bare phones
  bench/make_store.py --phones 100000 --keys 12 keys.db       twelve keys each, all confirmed: nothing to send
  bench/make_store.py --keys 12 --unconfirmed --phones 1000 behind.db

The phones are those of `lamplighter load`: 1000@DOMAIN, 1001@DOMAIN, ... behind --contact-ip, in the order in which
their names sort, as a store keeps them. They were registered at --listen, which must be an address of `sip.listen` of
the server that is to read the store, else the server looks for a way to each of them. The schema is the one of
src/store/schema.cpp, read from there.
"""
import argparse
import pathlib
import re
import sqlite3
import sys
import time

SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "src/store/schema.cpp"


def create(path):
    text = SCHEMA.read_text()
    steps = re.findall(r'R"sql\((.*?)\)sql"', text, re.DOTALL)
    application = int(re.search(r"kApplicationId = (0x[0-9a-f]+)", text).group(1), 16)
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = OFF")
    store.execute("PRAGMA cache_size = -262144")
    for step in steps:
        store.executescript(step)
    store.execute(f"PRAGMA application_id = {application}")
    store.execute(f"PRAGMA user_version = {len(steps)}")
    return store


class Phone:
    def __init__(self, user, index, arguments, now):
        port = 20000 + index % 16
        self.aor = f"{user}@{arguments.domain}"
        self.uri = f"sip:{user}@{arguments.contact_ip}:{port};line={index * 2654435761 % 2**32:08x}"
        self.registered = now - 60_000 - index % 3_600_000
        self.row = (self.aor, self.uri, "", 0, f"{index:08x}-{user}@{arguments.contact_ip}", 1 + index % 50,
                    arguments.user_agent, "", 1000, 0, f"{arguments.contact_ip}:{port}", arguments.listen, 0,
                    index % arguments.workers, self.registered, now, now + arguments.expires * 1000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--phones", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=0, help="of each phone [0]")
    parser.add_argument("--unconfirmed", action="store_true", help="the phones have confirmed none of their keys")
    parser.add_argument("--first-user", type=int, default=1000)
    parser.add_argument("--domain", default="localhost", help="the server's default domain [localhost]")
    parser.add_argument("--listen", default="127.0.0.1:5060", help="where they registered [127.0.0.1:5060]")
    parser.add_argument("--contact-ip", default="127.0.0.1")
    parser.add_argument("--user-agent", default="snom370/8.4.35")
    parser.add_argument("--workers", type=int, default=1, help="spread over so many [1]")
    parser.add_argument("--expires", type=int, default=7200, help="seconds from now [7200]")
    arguments = parser.parse_args()
    if pathlib.Path(arguments.file).exists():
        sys.exit(f"{arguments.file} exists already")

    now = int(time.time() * 1000)
    users = range(arguments.first_user, arguments.first_user + arguments.phones)
    phones = sorted((f"{user}@{arguments.domain}", user) for user in users)

    def each():
        for _, user in phones:
            yield Phone(user, user - arguments.first_user, arguments, now)

    store = create(arguments.file)
    store.execute("BEGIN")
    store.executemany("INSERT INTO bindings(aor, uri, instance, reg_id, call_id, cseq, user_agent, path, q, kind, "
                      "remote, local, listener, worker, registered_ms, refreshed_ms, expires_ms) "
                      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (phone.row for phone in each()))
    if arguments.keys:
        names = sorted(str(key) for key in range(1, arguments.keys + 1))
        version = now - 30_000
        store.executemany("INSERT INTO keys(aor, name, version, cleared, light, color, label, number, press) "
                          "VALUES(?, ?, ?, 0, ?, NULL, ?, '', 0)",
                          ((phone.aor, name, version + int(name), int(name) % 2, f"Line {name}")
                           for phone in each() for name in names))
        if not arguments.unconfirmed:
            store.executemany("INSERT INTO confirmations(aor, uri, name, version, registered_ms, light, color) "
                              "VALUES(?, ?, ?, ?, ?, ?, NULL)",
                              ((phone.aor, phone.uri, name, version + int(name), phone.registered, int(name) % 2)
                               for phone in each() for name in names))
    store.execute("COMMIT")
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


main()
