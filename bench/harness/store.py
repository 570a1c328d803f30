"""Stores for very many phones, made in seconds: a server registers one phone and writes what it writes; SQLite then
multiplies these rows, each with a user, an instance and a port of its own. So the rows are the server's, whatever its
schema."""
import hashlib, sqlite3, time

from harness import servers
from harness.generator import register_one
from harness.machine import HOST, Failed

FIRST_USER = 1_000_000  # all numbers as long as this one, so that rows are made in the order of their keys
FIRST_PORT, SOCKETS = 20_000, 64
PHONES = ["--first-user", FIRST_USER, "--first-port", FIRST_PORT, "--sockets", SOCKETS]
# One more that is registered, with a port of its own: it can do things while the others only listen.
LONE_PHONE = ["--phones", 1, "--first-user", 900_000, "--first-port", FIRST_PORT - 1]


def make(folder, phones, keys=0, confirmed=True):
    """lamplighter.db in `folder` with so many registered phones, each with so many lit keys, confirmed or not; and the lone
    phone."""
    database = folder / "lamplighter.db"
    with servers.lamplighter(folder):
        one = ["--phones", 1, "--first-user", FIRST_USER, "--first-port", FIRST_PORT, "--sockets", 1]
        if keys:
            register_one("--mode", "keyboards", "--keys", keys, *one)
            _wait_until(lambda: _count(database, "confirmations") == keys)
        else:
            register_one("--mode", "register", "--count", 1, *one)
        register_one("--mode", "register", "--count", 1, *LONE_PHONE)
    store = sqlite3.connect(database)
    store.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
    if not confirmed:
        store.execute("DELETE FROM confirmations")
    for table in ("bindings", "keys", "confirmations"):
        _multiply(store, table, phones)
    store.commit()
    found = _count(database, "bindings")
    if found != phones + 1:
        raise Failed(f"the store was to hold {phones + 1} phones and holds {found}: does its schema name them otherwise now?")
    store.execute("PRAGMA journal_mode = WAL")
    store.close()


def _multiply(store, table, phones):
    columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]

    def made(column):
        text = f"replace(replace(replace(one.{column}, '{FIRST_USER}', phone.user), '{FIRST_USER:08x}', phone.instance), " \
               f"':{FIRST_PORT}', phone.port)"
        return f"CASE typeof(one.{column}) WHEN 'text' THEN {text} ELSE one.{column} END"

    store.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} WHERE aor LIKE '{FIRST_USER}%'")
    store.execute(f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {phones}),
             phone AS (SELECT CAST({FIRST_USER} + i AS TEXT) AS user, printf('%08x', {FIRST_USER} + i) AS instance,
                              ':' || ({FIRST_PORT} + i % {SOCKETS}) AS port FROM n)
        INSERT INTO {table}({', '.join(columns)})
        SELECT {', '.join(made(column) for column in columns)} FROM phone CROSS JOIN one""")
    store.execute("DROP TABLE one")


def add_users(folder, first, count, password="secret", realm="lamplighter"):
    """Users with a password, in a store that a server has made; see `lamplighter user add`."""
    def ha1(algorithm, user):
        return hashlib.new(algorithm, f"{user}:{realm}:{password}".encode()).hexdigest()

    store = sqlite3.connect(folder / "lamplighter.db")
    with store:
        store.executemany("INSERT INTO credentials(user, realm, ha1_md5, ha1_sha256) VALUES(?, ?, ?, ?)",
                          ((str(user), realm, ha1("md5", str(user)), ha1("sha256", str(user)))
                           for user in range(first, first + count)))
    store.close()


def make_with_users(folder, first, count):
    with servers.lamplighter(folder):
        pass
    add_users(folder, first, count)


def last_user(phones):
    return FIRST_USER + phones - 1


def contact_of(phones):
    """Part of the last phone's Contact."""
    return f"sip:{last_user(phones)}@{HOST}:{FIRST_PORT + (phones - 1) % SOCKETS}"


def _count(database, table):
    store = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        store.close()


def _wait_until(condition, patience=10):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failed("the server did not store what its phone confirmed")
        time.sleep(0.05)
