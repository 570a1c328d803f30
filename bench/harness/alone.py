"""Benchmarks without a peer: what only Lamplighter does, or what is a figure by itself."""
import contextlib, json, pathlib, shutil, statistics, subprocess, sys, tempfile, time, urllib.request

from harness import servers, store
from harness.compare import COMPARISONS, spread, summarized
from harness.generator import Load, measure
from harness.machine import HOST, HTTP_PORT, PARSE_BENCH, Failed, receive_buffer_errors

# Lamps a second that are sent at most, until one is found at which nothing is lost: a server that sends faster than it
# takes confirmations overflows its receive buffer.
RATES = (200_000, 100_000, 50_000, 25_000, 12_500)


@contextlib.contextmanager
def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lamplighter-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def fan_out(phones, rounds):
    """Every phone's lamp is to change at once: phones are registered, a key of each is set, no phone has confirmed it,
    and the server starts. Lamps a second of the server's processor time, from the first lamp until all confirmations are
    stored; and what a lone phone that presses a key meanwhile waits for its lamp."""
    runs, rates = [], list(RATES)
    with scratch() as folder:
        store.make(folder, phones, keys=1, confirmed=False)
        while len(runs) < rounds:
            with scratch() as copy:
                shutil.copy(folder / "lamplighter.db", copy)
                run = _fan_out(copy, phones, rates[0])
            say(f"fan-out to {phones} phones, {rates[0]} lamps/s at most: {run['seconds']:.2f} s, "
                f"{run['lamps_per_core']:.0f} lamps/s of CPU, {run['presses']} lone presses, p99 "
                f"{run['press_p99_us'] / 1000:.1f} ms{'' if run['clean'] else ' *'}")
            if not run["clean"] and not any(each["clean"] for each in runs) and len(rates) > 1:
                rates.pop(0)
                continue
            runs.append(run)
    clean = [run for run in runs if run["clean"]]
    # In a short one there are too few presses for a p99.
    fields = ("seconds", "lamps_per_core", *(["press_p99_us"] if all(run["presses"] >= 100 for run in runs) else []))
    return {"phones": phones, "rate": rates[0], "runs": runs, "clean": len(clean),
            "summary": {field: spread([run[field] for run in clean or runs]) for field in fields}}


def _fan_out(folder, phones, rate):
    drops = receive_buffer_errors()
    listening = Load("--mode", "lamps", *store.PHONES, "--phones", phones, "--duration", "1m")
    with servers.lamplighter(folder, f"lamp.restore_rate={rate}") as server:
        listening.wait_until_it_says("the first lamp came")
        before = server.cpu_ns()
        pressing = Load("--mode", "press", "--no-register", *store.LONE_PHONE, "--pace", "2ms", "--duration", "1m")
        listening.wait_until_it_says("every phone was told")
        presses = pressing.ended()
        lamps = listening.result()
        drops = receive_buffer_errors() - drops
        clean = lamps["done"] == phones and drops + lamps["repeats"] + presses["retransmissions"] + presses["refused"] == 0
        if clean:
            _wait_until_all_confirmed()
        cpu = server.cpu_ns() - before
    return {"rate": rate, "seconds": lamps["seconds"], "lamps_per_core": lamps["done"] * 1e9 / cpu,
            "repeats": lamps["repeats"], "press_p99_us": presses["lamp_us"]["p99"], "presses": presses["done"],
            "kernel_drops": drops, "clean": clean}


def _wait_until_all_confirmed(patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with urllib.request.urlopen(f"http://{HOST}:{HTTP_PORT}/v1/phones?unconfirmed=true&limit=1", timeout=30) as page:
            if not json.load(page)["phones"]:
                return
        time.sleep(0.1)
    raise Failed("some lamps were never confirmed")


def fan_out_by_api(phones):
    """The same over the API: one write for each phone, so HTTP and a commit for each are counted in."""
    with scratch() as folder, servers.lamplighter(folder) as server:
        load = Load("--mode", "keyboards", "--keys", 1, "--phones", phones)
        load.wait_until_it_says("registered")
        before = server.cpu_ns()
        result = load.result()
        cpu = server.cpu_ns() - before
    if not result["confirmed_seconds"] or result["wrong_lamps"] > 0:
        raise Failed(f"after a write for each of {phones} phones {result['wrong_lamps']} lamps were wrong")
    say(f"fan-out by API to {phones} phones: {result['confirmed_seconds']:.2f} s, {phones * 1e9 / cpu:.0f} lamps/s of CPU")
    return {"phones": phones, "seconds": result["confirmed_seconds"], "lamps_per_core": phones * 1e9 / cpu}


def start(phones, rounds):
    """From the start of the process until it answers, with everything it had stored."""
    seconds, cpu = [], []
    with scratch() as folder:
        store.make(folder, phones)
        question = {"method": "REGISTER", "to": f"<sip:{store.last_user(phones)}@{HOST}>"}
        for number in range(1, rounds + 1):
            began = time.monotonic()
            with servers.lamplighter(folder) as server:
                seconds.append(time.monotonic() - began)
                cpu.append(server.cpu_ns() / 1e9)
                answer = servers.answers(server, 5, **question) or "nothing"
                if store.contact_of(phones) not in answer:
                    raise Failed(f"after the start the last phone was not registered; the answer was:\n{answer}")
            say(f"start {number}/{rounds} with {phones} phones: answers after {seconds[-1]:.2f} s, {cpu[-1]:.2f} s of CPU")
    return {"phones": phones, "runs": seconds, "summary": {"seconds": spread(seconds), "cpu_seconds": spread(cpu)}}


def memory(phones, keys):
    """Bytes for each phone: PSS of a server with so many, less that of one with none."""
    with scratch() as folder:
        with servers.lamplighter(folder) as server:
            time.sleep(2)
            empty = server.pss()
    with scratch() as folder:
        store.make(folder, phones, keys)
        with servers.lamplighter(folder) as server:
            time.sleep(2)  # what only the start needed is given back
            full = server.pss()
    each = (full - empty) / phones
    say(f"memory: {phones} phones with {keys} keys, {each:.0f} bytes each")
    return {"phones": phones, "keys": keys, "empty": empty, "full": full, "bytes_each": each}


def idle(phones, seconds):
    """Share of a core that is used while phones are registered and nothing happens."""
    with scratch() as folder:
        store.make(folder, phones)
        with servers.lamplighter(folder) as server:
            time.sleep(2)
            before = server.cpu_ns()
            time.sleep(seconds)
            share = (server.cpu_ns() - before) / (seconds * 1e9)
    say(f"idle with {phones} phones: {100 * share:.3f} % of a core")
    return {"phones": phones, "share_of_core": share}


def workers(rounds, seconds):
    """Presses with one worker and with two; server and generator share both cores, so the CPU of a press is compared."""
    spec = COMPARISONS["press"]
    runs = {count: [] for count in (1, 2)}
    for number in range(1, rounds + 1):
        for count, each in runs.items():
            with scratch() as folder, servers.lamplighter(folder, workers=count, cores="0,1") as server:
                each.append(measure(server, *spec.arguments(seconds, spec.phones, sockets=16), cores="0,1"))
            say(f"workers {number}/{rounds}: with {count} {each[-1]['cpu_us']:.1f} us CPU a press")
    return {str(count): summarized(each) for count, each in runs.items()}


def parse(seconds):
    """Nanoseconds for a Snom's INVITE, all headers indexed."""
    answer = subprocess.run(["taskset", "-c", "0", PARSE_BENCH, "--benchmark_format=json", "--benchmark_filter=^parse$",
                             "--benchmark_repetitions=5", f"--benchmark_min_time={seconds / 5}"],
                            capture_output=True, text=True)
    try:
        times = [run["cpu_time"] for run in json.loads(answer.stdout)["benchmarks"] if run["run_type"] == "iteration"]
    except ValueError:
        raise Failed(f"{PARSE_BENCH.name} failed: {answer.stderr.strip()}") from None
    say(f"parse: {statistics.median(times):.0f} ns")
    return {"runs": times, "summary": {"ns": spread(times)}}
