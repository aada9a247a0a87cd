"""What the machine does meanwhile: processes and their CPU time, memory, disk, and how fast an append is."""
import collections, contextlib, datetime, os, socket, time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processes():
    return filter(str.isdigit, os.listdir("/proc"))


def tree(pid):
    """pid and its descendants"""
    children = collections.defaultdict(list)
    for p in processes():
        with contextlib.suppress(OSError):
            children[int(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[1])].append(int(p))
    out = [pid]
    for p in out:
        out += children[p]
    return out


def cpu_each():
    """of every process: CPU seconds so far, the same with those of children it has reaped, name"""
    times = {}
    for p in processes():
        with contextlib.suppress(OSError):
            name, rest = open(f"/proc/{p}/stat").read().split("(", 1)[1].rsplit(")", 1)
            t = [int(x) / TICKS for x in rest.split()[11:15]]
            times[int(p)] = (t[0] + t[1], sum(t), name)
    return times


def cpu_since(before, mine=()):
    """seconds used since then by the processes `mine`, by all others, and the busiest other"""
    now, none = cpu_each(), (0, 0, "")
    other = sorted((t[0] - before.get(p, none)[0], t[2]) for p, t in now.items() if p not in mine)
    server = sum(now.get(p, none)[1] for p in mine) - sum(before.get(p, none)[1] for p in mine)
    return round(server, 2), round(sum(t for t, _ in other), 2), other[-1]


def stolen():
    """CPU seconds the hypervisor gave to others"""
    return int(open("/proc/stat").readline().split()[8]) / TICKS


def wait_quiet(limit):
    """Wait, within reason, until others on this machine use less than a third of a core; whether they do."""
    end = time.monotonic() + limit
    while True:
        before = cpu_each()
        time.sleep(.5)
        used = cpu_since(before)[1]
        if used < .15 or time.monotonic() > end:
            return used < .15
        time.sleep(2)


def memory(pid, pss):
    """Resident bytes of the biggest process, and how many of them no file could bring back; for a server with a
    process a connection the sum of what is its share, twice."""
    rss, anonymous = [0], [0]
    for p in tree(pid):
        with contextlib.suppress(OSError):
            fields = dict(l.split(":", 1) for l in open(f"/proc/{p}/smaps_rollup").read().splitlines()[1:])
            rss.append(int(fields["Pss" if pss else "Rss"].split()[0]) * 1024)
            fields = dict(l.split(":", 1) for l in open(f"/proc/{p}/status").read().splitlines())
            anonymous.append(int(fields["RssAnon"].split()[0]) * 1024)
    return (sum(rss), sum(rss)) if pss else (max(rss), max(anonymous))


def disk(path):
    total = 0
    for directory, _, files in os.walk(path):
        for f in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(directory, f)).st_blocks * 512
    return total


def filesystem(path):
    mounts = [l.split()[1:3] for l in open("/proc/mounts")]
    return max((m for m in mounts if os.path.realpath(path).startswith(m[0].rstrip("/") + "/") or m[0] == "/"),
               key=lambda m: len(m[0]))[1]


def quantiles(times):
    times.sort()
    return dict(p50_us=round(times[len(times) // 2] * 1e6, 1), p99_us=round(times[len(times) * 99 // 100] * 1e6, 1))


def append_time(directory, count=1000):
    """One 4 KiB synchronous append to a file that was written before: what a durable acknowledgement waits for."""
    path = os.path.join(directory, "append")
    block = b"x" * 4096
    with open(path, "wb") as f:
        f.write(block * count)
        f.flush()
        os.fsync(f.fileno())
    fd = os.open(path, os.O_WRONLY | os.O_DSYNC)
    times = []
    for i in range(count):
        begun = time.monotonic()
        os.pwrite(fd, block, i * 4096)
        times.append(time.monotonic() - begun)
    os.close(fd)
    os.unlink(path)
    return quantiles(times)


def facts(directory):
    model = [l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")]
    return dict(date=datetime.datetime.now().isoformat(timespec="minutes"), cores=os.cpu_count(),
                cpu=model[0] if model else "", kernel=os.uname().release, filesystem=filesystem(directory))
