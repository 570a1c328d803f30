"""What is printed, and what --write leaves in bench/results: one JSON document and a chart for each comparison."""
import json

from harness import figures
from harness.compare import COMPARISONS
from harness.machine import ROOT

FOLDER = ROOT / "bench/results"
COLORS = {"lamplighter": "#e8a317", "kamailio": "#8899aa", "kamailio-packaged": "#aab6c2", "floor": "#c9d3dc"}


def print_all(machine, results):
    print(f"{machine['date']}, {machine['cores']} cores of {machine['model']}, {machine['kernel']}, load average "
          f"{machine['load_average']} at the start; median (min to max)")
    for name, spec in COMPARISONS.items():
        if name in results:
            _print_comparison(name, spec, results[name])
    _print_table("The generator beside what it measures: at least twice as fast?",
                 ["benchmark", "generator us CPU", "server us CPU", "times", "rate, floor", "rate, server", "times", "proven"],
                 [[row["benchmark"], f"{row['generator_us']:.1f}", f"{row['server_us']:.1f}", f"{row['times_faster']:.1f}",
                   f"{row['rate_floor']:.0f}/s", f"{row['rate_server']:.0f}/s", f"{row['rate_ratio']:.1f}",
                   "yes" if row["proven"] else "NO"] for row in figures.generator_proof(results)])
    if "idle" in results:
        idle = results["idle"]
        print(f"\nidle with {idle['phones']} phones: {100 * idle['share_of_core']:.3f} % of a core")
    for name, result in results.items():
        if name.startswith("fan-out-api"):
            print(f"\n{name}: {result['phones']} phones, one write each, all confirmed after {result['seconds']:.2f} s, "
                  f"{result['lamps_per_core']:.0f} lamps/s of CPU")
        elif name.startswith("fan-out"):
            fields = result["summary"]
            press = fields.get("press_p99_us")
            lone = f"lone press p99 {press['median'] / 1000:.1f} ms" if press else "too short for lone presses"
            print(f"\n{name}: {result['phones']} phones, {result['rate']} lamps/s at most, the last told after "
                  f"{_spread(fields['seconds'], '.2f')} s, {_spread(fields['lamps_per_core'], '.0f')} lamps/s of CPU, "
                  f"{lone}{_marked(result, len(result['runs']))}")
    columns = ["figure", "bar", "reach", "measured", "verdict", "packaged"]
    _print_table("Figures (Kamailio at its best; \"packaged\": beside Kamailio as Debian's service runs it)", columns, [[row[column] for column in columns] for row in figures.table(results)])


def _print_comparison(name, spec, result):
    print(f"\n{name}: {spec.title}\n  {spec.note}")
    for peer, each in result.items():
        fields = each["summary"]
        print(f"  {peer:17} {_spread(fields['cpu_us'], '.1f'):>24} us CPU  {_spread(fields['per_second'], '.0f'):>26} /s  "
              f"p50 {fields['p50_us']['median'] / 1000:.1f}  p99 {fields['p99_us']['median'] / 1000:.1f}  "
              f"p99.9 {fields['p999_us']['median'] / 1000:.1f} ms{_marked(each, len(each['runs']))}")
    for peer in result:
        if peer != "lamplighter":
            cpu, rate = (result["lamplighter"]["summary"][field]["median"] / result[peer]["summary"][field]["median"]
                         for field in ("cpu_us", "per_second"))
            cpu_text = f"1/{1 / cpu:.1f}" if cpu < 1 else f"{cpu:.1f} times"
            print(f"  of {peer:17} {cpu_text} the CPU, {rate:.1f} times the rate")


def _spread(fields, form):
    return f"{fields['median']:{form}} ({fields['min']:{form}} to {fields['max']:{form}})"


def _marked(result, runs):
    """Says which runs lost something."""
    lost = runs - result["clean"]
    if lost == 0:
        return ""
    totals = {"sent again": ("retransmissions", "repeats"), "dropped": ("kernel_drops",), "given up": ("timeouts",)}
    counts = ", ".join(f"{sum(run.get(field, 0) for run in result['runs'] for field in fields)} {name}"
                       for name, fields in totals.items())
    return f"  * {lost} of {runs} runs with loss ({counts})" + (", left out" if result["clean"] else "")


def _print_table(title, head, rows):
    if not rows:
        return
    widths = [max(len(str(line[column])) for line in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}")
    for line in [head, ["-" * width for width in widths], *rows]:
        print("  " + " | ".join(str(text).ljust(width) for text, width in zip(line, widths)).rstrip())


def write(machine, arguments, results):
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{machine['date']}.json"
    path.write_text(json.dumps({"machine": machine, "arguments": arguments, "figures": figures.table(results),
                                "generator": figures.generator_proof(results), "results": results}, indent=1) + "\n")
    for name, spec in COMPARISONS.items():
        if name in results:
            _chart(FOLDER / f"{name}.svg", spec, {peer: each["summary"]["cpu_us"] for peer, each in results[name].items()})
    print(f"\nwritten: {path.relative_to(ROOT)} and the charts beside it")


def _chart(path, spec, rows):
    """A bar for each server: CPU per operation, less is better; a thin line from the least to the most of all runs."""
    most = max(row["max"] for row in rows.values())
    height = 100 + 44 * len(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" font-family="sans-serif" font-size="14">',
           f'<rect width="760" height="{height}" fill="white"/>', f'<text x="20" y="30" font-size="16">{spec.title}</text>']
    for index, (name, row) in enumerate(rows.items()):
        y = 52 + 44 * index
        least, width, longest = (450 * row[field] / most for field in ("min", "median", "max"))
        out.append(f'<text x="20" y="{y + 17}">{name.replace("-", ", ")}</text>')
        out.append(f'<rect x="170" y="{y}" width="{width:.0f}" height="24" fill="{COLORS[name]}"/>')
        out.append(f'<path d="M{170 + least:.0f} {y + 12}H{170 + longest:.0f}" stroke="#333"/>')
        out.append(f'<text x="{180 + longest:.0f}" y="{y + 17}">{row["median"]:.1f} µs CPU</text>')
    out.append(f'<text x="20" y="{height - 20}" fill="#555" font-size="12">{spec.note}</text></svg>')
    path.write_text("\n".join(out) + "\n")
