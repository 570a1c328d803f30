"""Where things are, what this machine is, and what it counts."""
import datetime, os, pathlib, subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build/release"
LAMPLIGHTER = BUILD / "lamplighter"
FLOOR = BUILD / "bench/bench_floor"
PARSE_BENCH = BUILD / "bench/parse_bench"
KAMAILIO = ROOT / "bench/peers/kamailio"

HOST = "127.0.0.1"  # nothing listens on, or is sent to, any other address
PORT = 5970
HTTP_PORT = 5971
SERVER_CORE, LOAD_CORE = "0", "1"


class Failed(Exception):
    """One line that says what failed and what to do about it."""


def prepare():
    """Installs what is missing and builds."""
    if (os.cpu_count() or 1) < 2:
        raise Failed("this machine has one core; two are needed, one for the server and one for the load generator")
    subprocess.run([ROOT / "script/setup", "--bench"], check=True)
    script = f'. "{ROOT}/script/common.sh"; CONFIGURE=-DLAMPLIGHTER_TESTS=OFF build release lamplighter bench_floor parse_bench'
    if subprocess.run(["bash", "-c", script]).returncode != 0:
        raise Failed("the build failed; the lines above say where")


def description():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"date": str(datetime.date.today()), "cores": os.cpu_count(), "model": model,
            "kernel": f"Linux {os.uname().release}", "load_average": round(os.getloadavg()[0], 2),
            "revision": _git("describe", "--always", "--dirty")}


def _git(*arguments):
    answer = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True)
    return answer.stdout.strip() or "?"


def receive_buffer_errors():
    """UdpRcvbufErrors of the whole machine so far: datagrams thrown away because somebody's buffer was full."""
    names, values = (line.split() for line in open("/proc/net/snmp") if line.startswith("Udp:"))
    return int(values[names.index("RcvbufErrors")])
