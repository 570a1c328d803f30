"""The figures that must be shown, their bars and what is reached for; and what a set of results says of each."""
import dataclasses

TIMES = "{:.1f} x".format
REACHED, KEPT, MISSED = "reached", "kept", "MISSED"


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    bar: float
    reach: float
    value: object  # results -> number; KeyError: not measured
    least: bool = False  # more is better
    form: object = "{:.2f}".format  # number -> text
    full_size: object = lambda results: True  # results -> whether it was measured at the size the bar is for
    sources: tuple = ()  # comparisons it is taken from: all their servers need a run without loss
    note: object = lambda results: ""  # results -> what is said beside the measured figure
    packaged: object = None  # the same beside Kamailio as it is packaged, for orientation

    def row(self, results):
        sign = "≥" if self.least else "≤"
        out = {"figure": self.name, "bar": f"{sign} {self.form(self.bar)}", "reach": f"{sign} {self.form(self.reach)}",
               "measured": "-", "verdict": "not measured", "packaged": "", "number": None}
        try:
            out["number"] = self.value(results)
        except KeyError:
            return out
        out["measured"] = self.form(out["number"]) + self.note(results)
        out["verdict"] = self.verdict(out["number"], results)
        try:
            out["packaged"] = self.form(self.packaged(results)) if self.packaged else ""
        except KeyError:
            pass  # --quick leaves it out
        return out

    def verdict(self, number, results):
        if not all(peer.get("clean", 1) for name in self.sources for peer in _peers(results[name])):
            return "not judged: no run without loss"

        def good(limit):
            return number >= limit if self.least else number <= limit
        verdict = REACHED if good(self.reach) else KEPT if good(self.bar) else MISSED
        return verdict if self.full_size(results) else f"{verdict} (smaller)"


def _peers(result):
    return [result] if "summary" in result else result.values()


def one_in(share):
    return f"1/{1 / share:.1f}"


def median(results, name, server, field):
    return results[name][server]["summary"][field]["median"]


def ratio(name, field, above="lamplighter", below="kamailio"):
    return lambda results: median(results, name, above, field) / median(results, name, below, field)


def figure_of_ratio(title, name, field, bar, reach, least=False, below="kamailio", form=None):
    form = form or (TIMES if least else one_in)
    packaged = ratio(name, field, below="kamailio-packaged") if below == "kamailio" else None
    return Figure(title, bar, reach, ratio(name, field, below=below), least=least, form=form, sources=(name,),
                  packaged=packaged)


def alone(name, field):
    return lambda results: results[name]["summary"][field]["median"]


def of_size(name, phones):
    return lambda results: results[name]["phones"] >= phones


FIGURES = [
    figure_of_ratio("CPU per press, of Kamailio's", "press", "cpu_us", 1 / 8, 1 / 12),
    figure_of_ratio("CPU per press, of the bare socket loop's", "press", "cpu_us", 2.5, 1.7, below="floor",
                    form=TIMES),
    figure_of_ratio("presses/s on one core, of Kamailio's", "press", "per_second", 8, 12, least=True),
    figure_of_ratio("REGISTER refreshed/s, durable, of Kamailio's in memory", "register", "per_second", 2.5, 5, least=True),
    figure_of_ratio("REGISTER with digest/s, of Kamailio's with digest", "register-digest", "per_second", 2, 4, least=True),
    figure_of_ratio("relayed call, CPU, of Kamailio's", "call", "cpu_us", 1 / 4, 1 / 6),
    Figure("Snom INVITE parsed, all headers indexed", 400, 250, alone("parse", "ns"), form="{:.0f} ns".format),
    Figure("PSS per phone, no keys", 500, 350, lambda results: results["memory"]["bytes_each"], form="{:.0f} B".format,
           full_size=of_size("memory", 1_000_000)),
    Figure("PSS per phone, 12 keys", 1000, 700, lambda results: results["memory-keys"]["bytes_each"], form="{:.0f} B".format,
           full_size=of_size("memory-keys", 100_000)),
    Figure("fan-out, confirmed lamps/s per core", 100_000, 150_000, alone("fan-out", "lamps_per_core"), least=True,
           form="{:.0f}".format, full_size=of_size("fan-out", 100_000), sources=("fan-out",)),
    Figure("lone press p99 during the fan-out", 20, 5,
           lambda results: alone("fan-out", "press_p99_us")(results) / 1000, form="{:.1f} ms".format,
           full_size=of_size("fan-out", 100_000), sources=("fan-out",),
           note=lambda results: f" at {results['fan-out']['rate']} lamps/s"),
    Figure("start with stored phones until answering", 3, 1, alone("start", "seconds"), form="{:.2f} s".format,
           full_size=of_size("start", 1_000_000),
           note=lambda results: f", {alone('start', 'cpu_seconds')(results):.2f} s of CPU"),
    Figure("CPU per press, 2 workers, of 1 worker's", 1.15, 1.0, ratio("workers", "cpu_us", "2", "1"), form="{:.2f} x".format,
           sources=("workers",)),
]


def table(results):
    return [figure.row(results) for figure in FIGURES]


def generator_proof(results):
    """Whether `lamplighter load` is twice as fast as what it measures. Either of two proves it: it needs at most half the
    server's processor time for each; or it does twice as many against the floor. The second understates it:
    the floor too may be the limit."""
    rows = []
    for name, result in results.items():
        if "floor" not in result:
            continue
        rate = median(results, name, "floor", "per_second") / median(results, name, "lamplighter", "per_second")
        cpu = median(results, name, "lamplighter", "cpu_us") / median(results, name, "lamplighter", "generator_cpu_us")
        rows.append({"benchmark": name, "generator_us": median(results, name, "lamplighter", "generator_cpu_us"),
                     "server_us": median(results, name, "lamplighter", "cpu_us"), "times_faster": cpu,
                     "rate_floor": median(results, name, "floor", "per_second"),
                     "rate_server": median(results, name, "lamplighter", "per_second"), "rate_ratio": rate,
                     "proven": cpu >= 2 or rate >= 2})
    return rows
