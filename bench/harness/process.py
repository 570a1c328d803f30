"""A server process and all that it starts: its end, its processor time, its memory."""
import os, pathlib, signal, subprocess, time

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Process:
    """A command in a session of its own, pinned to `cores` ("0", or "0,1"); ends with stop(), or with the block."""

    def __init__(self, name, command, folder, cores):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["taskset", "-c", cores, *map(str, command)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True, cwd=folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ended(self):
        return self.process.poll() is not None

    def last_words(self):
        return self.log.read_text(errors="replace")[-2000:].strip() or "(nothing in its log)"

    def pids(self):
        """Of every process in its session that has not ended."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def cpu_ns(self):
        """Nanoseconds on a processor so far, user and system, all processes and threads."""
        return sum(_cpu_ns(pid) for pid in self.pids())

    def pss(self):
        """Proportional set size in bytes: its share of the memory, pages shared with others counted in part."""
        return sum(_pss(pid) for pid in self.pids())

    def stop(self):
        """Asks all of them to end, and does not return before they have."""
        for kind, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
            try:
                os.killpg(self.process.pid, kind)
            except ProcessLookupError:
                pass  # all have
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if self.ended() and not self.pids():
                    return
                time.sleep(0.01)


def _cpu_ns(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
    except OSError:
        pass
    # A kernel without scheduler statistics, or a thread that ended meanwhile: clock ticks.
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) * TICK_NS


def _pss(pid):
    try:
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
