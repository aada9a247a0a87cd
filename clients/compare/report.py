"""Results as tables: medians with their range, durability in its own column, and Martlet against the others."""
import collections, statistics

OURS = "martlet"
MACHINE = "machine"  # the name under which bounds.py reports


def si(v):
    if v >= 999500:
        return f"{v / 1e6:.2f}M"
    return f"{v / 1e3:.0f}k" if v >= 99500 else f"{v / 1e3:.1f}k" if v >= 1000 else f"{v:.0f}"


def us(v):
    return f"{v / 1000:.1f} ms" if v >= 9950 else f"{v / 1000:.2f} ms" if v >= 995 else f"{v:.0f} µs"


def mb(v):
    return f"{v / 1e6:.0f}"


COLUMNS = [
    ("W1 256 B", "W1/256", "rate", si), ("W2 256 B", "W2/256", "rate", si), ("W1 4 KiB", "W1/4096", "rate", si),
    ("W2 4 KiB", "W2/4096", "rate", si), ("W3 flow", "W3", "rate", si), ("W1s sync", "W1s", "rate", si),
    ("W1s p50", "W1s", "p50_us", us), ("W1s p99", "W1s", "p99_us", us), ("W3p p50", "W3p", "p50_us", us),
    ("p99", "W3p", "p99_us", us), ("p99.9", "W3p", "p999_us", us), ("max", "W3p", "max_us", us),
    ("(sent late p50", "W3p", "late_p50_us", us), ("p99)", "W3p", "late_p99_us", us), ("W4 jobs", "W4", "n", si),
    ("RSS MB", "W4", "rss", mb), ("anonymous MB", "W4", "anonymous", mb), ("disk MB", "W4", "disk", mb),
    ("restart s", "W4", "restart_secs", lambda v: f"{v:.2f}"), ("jobs lost", "W4", "lost", si),
    ("W5 B/conn", "W5", "per_conn", si),
]
RATES = ["W1/256", "W2/256", "W1/4096", "W2/4096", "W3"]
TIMES = [("W1s", "p50_us"), ("W1s", "p99_us"), ("W3p", "p50_us"), ("W3p", "p99_us"), ("W3p", "p999_us")]


class Results:
    """Rows by peer and workload, without the runs that the hypervisor disturbed while others remain."""

    def __init__(self, rows):
        self.got = collections.defaultdict(lambda: collections.defaultdict(list))
        self.durability, self.failures, self.dropped = {}, [], 0
        for row in rows:
            if row.get("workload") == "FAILED":
                self.failures.append(row)
            elif "peer" in row:
                if "left" in row:
                    row["lost"] = row["n"] - row["left"]
                self.got[row["peer"]][row["workload"]].append(row)
                self.durability[row["peer"]] = row["durability"]
        for workloads in self.got.values():
            for name, runs in workloads.items():
                workloads[name] = self.calm(runs)
                self.dropped += len(runs) - len(workloads[name])

    @staticmethod
    def calm(runs):
        def noise(row):
            return row.get("stolen", 0) / row.get("secs", 1)

        calm = [r for r in runs if noise(r) < .1]
        return calm if len(calm) > 1 else sorted(runs, key=noise)[:3]

    def peers(self):
        return [p for p in self.got if p != MACHINE]

    def values(self, peer, workload, key):
        return [r[key] for r in self.got[peer][workload] if key in r]

    def median(self, peer, workload, key):
        values = self.values(peer, workload, key)
        return statistics.median(values) if values else None

    def cell(self, peer, workload, key, form):
        values = self.values(peer, workload, key)
        if not values:
            return "–"
        middle, low, high = form(statistics.median(values)), form(min(values)), form(max(values))
        return middle if low == high else f"{middle} ({low}–{high})"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def cpu(results, peer, workload):
    def cores(key):
        values = [r[key] / r["secs"] for r in results.got[peer][workload] if key in r]
        return f"{statistics.median(values):.2f}" if values else "?"

    if not results.got[peer][workload]:
        return "–"
    return f"{cores('server_cpu')} + {cores('client_cpu')} (+ {cores('other_cpu')}; + {cores('stolen')})"


def best(results, workload, key, pick, wanted):
    """The best of the other queues of which `wanted(durability)` is true, and its figure."""
    others = [p for p in results.peers() if not p.startswith(OURS) and wanted(results.durability[p])]
    figures = [(results.median(p, workload, key), p) for p in others]
    return pick((f for f in figures if f[0] is not None), default=None)


def against(results):
    """Rates and latencies of Martlet beside the best of those that sync, and of those that do not."""
    rows = []
    kinds = [lambda d: d.startswith("fsync"), lambda d: not d.startswith("fsync")]
    for workload, key, form, pick in ([(w, "rate", si, max) for w in RATES] + [(w, k, us, min) for w, k in TIMES]):
        ours = results.median(OURS, workload, key)
        if ours is None:
            continue
        row = [workload + ("" if key == "rate" else " " + key.removesuffix("_us")), form(ours)]
        for wanted in kinds:
            other = best(results, workload, key, pick, wanted)
            row.append(f"{ours / other[0]:.2f} × {other[1]} ({form(other[0])})" if other else "–")
        rows.append(row)
    if rows:
        table(["", OURS, "of the best that syncs", "of the best that does not"], rows)


def bounds(results):
    """Martlet's flow beside what the machine allows, and its lone submitter beside an append."""
    flow = results.median(OURS, "W3", "rate")
    limits = [(f"a bare loop over log and LMDB, {b} jobs a turn", f"bare/{b}") for b in (64, 256, 1024)]
    for what, workload in limits + [("an event loop that only echoes", "echo")]:
        limit = results.median(MACHINE, workload, "rate")
        if limit:
            print(f"{what}: {si(limit)} jobs/s" + (f"; W3 is {100 * flow / limit:.0f} % of it" if flow else ""))
    append, sync = results.median(MACHINE, "append", "p50_us"), results.median(OURS, "W1s", "p50_us")
    if append:
        print(f"a synchronous append of 4 KiB to a pre-written file: p50 {us(append)}, "
              f"p99 {us(results.median(MACHINE, 'append', 'p99_us'))}"
              + (f"; W1s p50 is {sync / append:.2f} × its p50" if sync else ""))
    direct, through = flow, results.median(OURS + " through its gateway", "W3", "rate")
    if direct and through:
        print(f"through the gateway W3 is {100 * through / direct:.0f} % of direct")
    print()


def report(rows):
    results = Results(rows)
    for row in rows:
        if "facts" in row:
            print(", ".join(f"{k} {v}" for k, v in row["facts"].items()) + "\n")
    names = results.peers()
    table(["queue", "durability at ack"] + [c[0] for c in COLUMNS],
          [[n, results.durability[n]] + [results.cell(n, w, k, f) for _, w, k, f in COLUMNS] for n in names])
    print("Medians (lowest–highest); jobs/s unless a unit is given. "
          f"Left out: {results.dropped} runs in which the hypervisor took more than a tenth of a core.\n")
    against(results)
    bounds(results)
    print("CPU seconds per wall second, server + client (+ rest of the machine; + taken by the hypervisor):\n")
    table(["queue"] + RATES + ["W3p"], [[n] + [cpu(results, n, w) for w in RATES + ["W3p"]] for n in names])
    calls = [[n, ", ".join(f"{c} {v}" for c, v in r["calls"].items()) or "none"] for n in names
             for r in results.got[n]["S"][:1]]
    if calls:
        table(["queue", "sync calls for 500 submits one by one"], calls)
    for row in results.failures:
        print("FAILED:", row["error"])
