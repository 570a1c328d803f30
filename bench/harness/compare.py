"""Benchmarks with a peer: Lamplighter, Kamailio and the floor in turn, A B C A B C. Kamailio at its best is what counts;
`kamailio-packaged` is the same as Debian's service starts it (see bench/peers/README.md)."""
import dataclasses, pathlib, shutil, statistics, sys, tempfile

from harness import servers, store
from harness.generator import measure

FIELDS = ("cpu_us", "per_second", "generator_cpu_us", "p50_us", "p99_us", "p999_us")
FIRST_USER = 1000  # of `lamplighter load`


@dataclasses.dataclass(frozen=True)
class Comparison:
    title: str
    mode: str
    config: str  # of Kamailio
    note: str
    phones: int = 200
    digest: bool = False
    once: bool = False  # each phone does it once, and the run ends then
    floor: bool = True

    def arguments(self, seconds, phones, sockets=4):
        # Few sockets: the generator sends more with one system call. The server has one socket in any case.
        out = ["--mode", self.mode, "--phones", phones, "--sockets", sockets]
        if self.once:
            out += ["--count", phones]
        else:
            out += ["--duration", f"{seconds}s"]
        return out + (["--password", "secret"] if self.digest else [])


STORED = "Lamplighter commits each registration to SQLite before its 200; Kamailio keeps it in memory"
COMPARISONS = {
    "press": Comparison("A key press: INVITE 431, 404, ACK, MESSAGE, 200", "press", "press.cfg",
                        "Lamplighter stores every press before the lamp is lit; Kamailio keeps nothing"),
    "press-digest": Comparison("A key press with a password", "press", "press.cfg",
                               "as press, and the digest of each INVITE is verified", digest=True, floor=False),
    "register": Comparison("REGISTER, refreshed", "register", "registrar.cfg", STORED, phones=1000),
    "register-new": Comparison("REGISTER of a new phone", "register", "registrar.cfg", STORED, phones=100_000, once=True),
    "register-digest": Comparison("REGISTER with a password, refreshed", "register", "registrar.cfg", STORED, phones=1000,
                                  digest=True, floor=False),
    "register-new-digest": Comparison("REGISTER of a new phone with a password: 401, then 200", "register",
                                      "registrar.cfg", STORED, phones=100_000, digest=True, once=True, floor=False),
    "call": Comparison("A relayed call: INVITE, 180, 200, ACK, BYE, 200", "call", "relay.cfg",
                       "both stay in the path with Record-Route"),
}


def compare(name, rounds, seconds, once_phones=None, packaged=True):
    """{server: {"runs": […], "summary": {field: {median, min, max}}, "clean": n}}"""
    spec = COMPARISONS[name]
    phones = once_phones if spec.once and once_phones else spec.phones
    peers = ["lamplighter", "kamailio"] + ["kamailio-packaged"] * packaged + ["floor"] * spec.floor
    runs = {peer: [] for peer in peers}
    for number in range(1, rounds + 1):
        for peer in peers:
            run = _run(spec, peer, seconds, phones)
            runs[peer].append(run)
            print(f"  {name} {number}/{rounds} {peer:17} {run['per_second']:9.0f}/s {run['cpu_us']:7.1f} us CPU"
                  f"{'' if run['clean'] else ' *'}", file=sys.stderr, flush=True)
    return {peer: summarized(each) for peer, each in runs.items()}


def _run(spec, peer, seconds, phones):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lamplighter-bench-"))
    try:
        with _started(spec, peer, folder, phones) as server:
            return measure(server, *spec.arguments(seconds, phones), registers_first=spec.mode != "register")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(spec, peer, folder, phones):
    if peer == "floor":
        return servers.floor(folder)
    if peer.startswith("kamailio"):
        return servers.kamailio(folder, spec.config, spec.digest, packaged=peer == "kamailio-packaged")
    if not spec.digest:
        return servers.lamplighter(folder)
    store.make_with_users(folder, FIRST_USER, phones)
    return servers.lamplighter(folder, "auth.trusted=[]")


def summarized(runs):
    """Runs in which something was lost, or sent again, are left out, unless there is none without."""
    clean = [run for run in runs if run["clean"]]
    return {"runs": runs, "clean": len(clean),
            "summary": {field: spread([run[field] for run in clean or runs]) for field in FIELDS}}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
