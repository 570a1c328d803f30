"""cd bench && python3 -m unittest harness.harness_test"""
import os, pathlib, sqlite3, tempfile, unittest

from harness import figures, process, store
from harness.compare import summarized


def server(clean=1, **fields):
    return {"clean": clean, "summary": {name: {"median": value} for name, value in fields.items()}}


def row(results, name):
    return next(row for row in figures.table(results) if row["figure"] == name)


class Figures(unittest.TestCase):
    NAME = "CPU per press, of Kamailio's"

    def verdict(self, ours, clean=1):
        results = {"press": {"lamplighter": server(clean, cpu_us=ours, per_second=1),
                             "kamailio": server(cpu_us=120, per_second=1)}}
        return row(results, self.NAME)["verdict"]

    def test_a_figure_is_reached_kept_or_missed(self):
        self.assertEqual([self.verdict(ours) for ours in (10, 10.1, 15, 15.1)], ["reached", "kept", "kept", "MISSED"])

    def test_where_no_run_was_without_loss_there_is_no_verdict(self):
        self.assertIn("not judged", self.verdict(10, clean=0))

    def test_what_was_not_measured_is_said(self):
        self.assertEqual({each["verdict"] for each in figures.table({})}, {"not measured"})

    def test_a_smaller_size_than_the_bar_is_for_is_said(self):
        start = {"phones": 1000, "summary": {"seconds": {"median": 0.1}, "cpu_seconds": {"median": 0.05}}}
        each = row({"start": start}, "start with stored phones until answering")
        self.assertEqual((each["verdict"], each["measured"]), ("reached (smaller)", "0.10 s, 0.05 s of CPU"))

    def test_the_generator_is_proven_by_its_processor_time_or_by_its_rate(self):
        def proven(generator_us, floor_rate):
            ours = server(cpu_us=20, generator_cpu_us=generator_us, per_second=100)
            return figures.generator_proof({"press": {"lamplighter": ours, "floor": server(per_second=floor_rate)}})[0]["proven"]

        self.assertEqual([proven(10, 150), proven(11, 200), proven(11, 199)], [True, True, False])


class Runs(unittest.TestCase):
    FIELDS = dict.fromkeys(("generator_cpu_us", "p50_us", "p99_us", "p999_us", "per_second"), 0)

    def test_a_run_with_loss_is_not_averaged_in(self):
        runs = [{"cpu_us": 10, "clean": True, **self.FIELDS}, {"cpu_us": 90, "clean": False, **self.FIELDS}]
        self.assertEqual(summarized(runs)["summary"]["cpu_us"], {"median": 10, "min": 10, "max": 10})
        self.assertEqual(summarized(runs)["clean"], 1)


class Stores(unittest.TestCase):
    def test_a_row_is_multiplied_with_user_instance_and_port(self):
        database = sqlite3.connect(":memory:")
        database.execute("CREATE TABLE bindings(aor TEXT PRIMARY KEY, uri TEXT, cseq INTEGER, none TEXT) WITHOUT ROWID")
        database.execute("INSERT INTO bindings VALUES('1000000@h', 'sip:1000000@h:20000;line=000f4240', 1000000, NULL)")
        store._multiply(database, "bindings", 66)
        rows = database.execute("SELECT * FROM bindings ORDER BY aor").fetchall()
        self.assertEqual(len(rows), 66)
        self.assertEqual(rows[1], ("1000001@h", "sip:1000001@h:20001;line=000f4241", 1000000, None))
        self.assertEqual(rows[65][1], "sip:1000065@h:20001;line=000f4281")


class Processes(unittest.TestCase):
    def test_a_server_is_all_of_its_session(self):
        with tempfile.TemporaryDirectory() as folder:
            command = ["sh", "-c", "sleep 60 & i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; wait"]
            with process.Process("shell", command, pathlib.Path(folder), "0") as shell:
                while shell.cpu_ns() == 0 or len(shell.pids()) < 2:
                    os.sched_yield()
                self.assertGreater(shell.pss(), 0)
            self.assertTrue(shell.ended())
            self.assertEqual(shell.pids(), [])


if __name__ == "__main__":
    unittest.main()
