"""One server under test: started on a fresh directory and free ports, driven by its client, ended by its pid."""
import contextlib, json, os, pwd, shlex, shutil, signal, socket, subprocess, time

import machine


class Server:
    def __init__(self, name, peer, scratch):
        self.name, self.peer, self.process, self.helper = name, peer, None, None
        self.bin = os.path.join(scratch, "bin")
        self.dir = os.path.join(scratch, "data-" + peer.client)
        self.log = os.path.join(scratch, "log-" + peer.client)

    def words(self, command):
        return [self.fill(w) for w in shlex.split(command)]

    def fill(self, text):
        for key, port in self.ports.items():
            text = text.replace("{%s}" % key, str(port))
        return text.replace("{dir}", self.dir).replace("{bin}", self.bin)

    def spawn(self, command):
        more = {}
        if self.peer.user and os.getuid() == 0:
            more = dict(user=self.peer.user, group=pwd.getpwnam(self.peer.user).pw_gid, extra_groups=[], cwd=self.dir)
        environment = dict(os.environ, **{k: self.fill(v) for k, v in self.peer.environment.items()})
        environment["PATH"] += ":/usr/sbin:/usr/local/sbin"
        with open(self.log, "a") as log:
            return subprocess.Popen(self.words(command), env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, **more)

    def start(self):
        """On a directory that is empty; returns when it can be used."""
        self.ports = {k: machine.free_port() for k in ("port", "port2", "port3")}
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        if self.peer.user and os.getuid() == 0:
            shutil.chown(self.dir, self.peer.user)
        if self.peer.environment:
            with open(self.dir + "/plugins", "w") as f:
                f.write("[].\n")
        if self.peer.helper:
            self.helper = self.spawn(self.peer.helper)
        if self.peer.prepare and self.spawn(self.peer.prepare).wait():
            raise RuntimeError(f"{self.name}: {self.peer.prepare} failed: {self.said()}")
        self.process = self.spawn(self.peer.command)
        end = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} does not start: {self.said()}")
            time.sleep(.1)
        time.sleep(.5)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports["port"]), 1).close()
        except OSError:
            return False
        return subprocess.run(self.client("setup"), capture_output=True).returncode == 0

    def said(self):
        with open(self.log) as log:
            return log.read()[-500:].strip()

    def start_again(self):
        """On the same directory; returns at once."""
        self.process = self.spawn(self.peer.command)

    def kill(self):
        """As a crash would, with all its processes."""
        for pid in machine.tree(self.process.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process:
            self.kill()
            self.process = None
        if self.helper:
            self.helper.kill()
            self.helper.wait()
            self.helper = None

    def memory(self):
        return machine.memory(self.process.pid, self.peer.pss)

    def client(self, operation, **options):
        defaults = dict(port=self.ports["port"], opt=self.peer.opt, window=self.peer.window, batch=self.peer.batch)
        return [f"{self.bin}/{self.peer.client}", operation] + [f"{k}={v}" for k, v in (defaults | options).items()]

    def run(self, operation, **options):
        """Run a client to its end; what it measured, and who used how much CPU meanwhile."""
        mine, before, stolen = machine.tree(self.process.pid), machine.cpu_each(), machine.stolen()
        done = subprocess.run(self.client(operation, **options), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {operation} {options}: {done.stderr.strip() or done.returncode}")
        result = json.loads(done.stdout) if done.stdout.startswith("{") else {"out": done.stdout.strip()}
        if "client_cpu" in result:
            result["stolen"] = round(machine.stolen() - stolen, 2)
            time.sleep(.02)
            used = machine.cpu_since(before, set(mine + machine.tree(self.process.pid)))
            result["server_cpu"], result["other_cpu"], result["other_top"] = used
        return result
