"""Runs `lamplighter load` against the server that is up, and measures that server meanwhile."""
import atexit, json, signal, subprocess, time

from harness.machine import HOST, HTTP_PORT, LAMPLIGHTER, LOAD_CORE, PORT, Failed

_running = []


@atexit.register
def _end_what_still_runs():
    for process in _running:
        if process.poll() is None:
            process.terminate()


class Load:
    """One `lamplighter load`, running. Its stderr says when that begins which is to be measured."""

    def __init__(self, *arguments, cores=LOAD_CORE):
        self.said = []
        self.command = ["lamplighter", "load", *map(str, arguments)]
        self.process = subprocess.Popen(
            ["taskset", "-c", cores, str(LAMPLIGHTER), "load", "--server", f"{HOST}:{PORT}", "--http",
             f"{HOST}:{HTTP_PORT}", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        _running.append(self.process)

    def wait_until_it_says(self, words):
        """False: it ended before."""
        for line in self.process.stderr:
            if line.startswith(words):
                return True
            self.said.append(line)
        return False

    def ended(self):
        """Ends it, and what it found out until then."""
        time.sleep(0.05)  # it may only just have begun, and must have said what is to be done with a signal
        self.process.send_signal(signal.SIGINT)
        return self.result()

    def result(self):
        """What it found out, once it has ended."""
        out, error = self.process.communicate()
        try:
            return json.loads(out)
        except ValueError:
            said = "".join(self.said) + error
            raise Failed(f"the load generator failed: {' '.join(self.command)}\n{said.strip()}") from None


def measure(server, *arguments, registers_first=True, cores=LOAD_CORE):
    """A run, with what it cost the server: registrations beforehand are not counted in."""
    load = Load(*arguments, cores=cores)
    if registers_first and not load.wait_until_it_says("registered"):
        load.result()
        raise Failed(f"{server.name}: no phone could register")
    before = server.cpu_ns()
    result = load.result()
    cpu_us = (server.cpu_ns() - before) / 1000
    done = result["done"]
    if done == 0:
        raise Failed(f"{server.name} did not do what was asked: {' '.join(load.command)}\n{json.dumps(result)}\n"
                     f"its last words: {server.last_words()}")
    lost = {name: result[name] for name in ("kernel_drops", "retransmissions", "repeats", "timeouts", "refused")}
    return {"cpu_us": cpu_us / done, "per_second": result["per_second"], "generator_cpu_us": result["own_cpu_us_each"],
            "p50_us": result["answer_us"]["p50"], "p99_us": result["answer_us"]["p99"],
            "p999_us": result["answer_us"]["p999"], "done": done, "clean": not any(lost.values()), **lost}


def register_one(*arguments):
    """A short run before the one that is measured; fails unless all went well."""
    load = Load("--quiet", *arguments)
    result = load.result()
    if result["done"] == 0 or result["refused"] + result["timeouts"] > 0:
        raise Failed(f"could not prepare: {' '.join(load.command)}: {json.dumps(result)}")
    return result
