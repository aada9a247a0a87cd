"""The servers that are compared: how each is started, with which settings, and what it needs."""
import getpass, glob, os, shutil
from dataclasses import dataclass, field

FSYNC, PAGE_CACHE, MEMORY = "fsync before ack", "OS page cache", "memory only"


@dataclass
class Peer:
    """A server with its settings. In commands, {dir} is its fresh data directory and {port} … free ports."""

    client: str  # the program of bench.h that drives it
    durability: str  # what an acknowledgement is worth
    command: str
    needs: list = field(default_factory=list)  # (a program or header, the Debian package that has it)
    environment: dict = field(default_factory=dict)
    helper: str = ""  # a process that has to run beside it
    prepare: str = ""  # a command that makes the data directory
    user: str = ""  # whom it must run as when we are root
    opt: str = ""  # for the client
    window: int = 256  # submits outstanding on a connection
    batch: int = 64  # jobs a take asks for
    backlog: bool = True  # run W4; left out where it repeats a sibling's
    idle: bool = True  # run W5
    pss: bool = False  # memory is the sum over its processes
    appends: bool = False  # syncs by writing to a file opened with O_DSYNC

    def missing(self):
        """Debian packages without which it cannot be run."""
        return sorted({package for what, package in self.needs if not present(what)})

    @property
    def syncs(self):
        return self.durability == FSYNC


def present(what):
    if what.endswith(".h"):
        return any(os.path.exists(os.path.join(d, what)) for d in ("/usr/include", "/usr/include/postgresql"))
    return shutil.which(what, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") is not None


def postgres(tool):
    """PostgreSQL's programs are in a directory of their version; the newest counts."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + tool), key=lambda p: int(p.split("/")[4]))
    return found[-1] if found else tool


def peers(martlet):
    """All of them by name, Martlet as the program at that path."""
    beanstalk = "beanstalkd -l 127.0.0.1 -p {port} "
    redis = ("redis-server --port {port} --bind 127.0.0.1 --dir {dir} --daemonize no --logfile {dir}/log "
             "--save '' --appendonly yes --appendfsync ")
    rabbit = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    rabbit_environment = dict(
        RABBITMQ_NODENAME="compare@localhost", RABBITMQ_NODE_PORT="{port}", RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
        RABBITMQ_MNESIA_BASE="{dir}/mnesia", RABBITMQ_LOG_BASE="{dir}/log", RABBITMQ_CONFIG_FILE="{dir}/none",
        RABBITMQ_ENABLED_PLUGINS_FILE="{dir}/plugins", RABBITMQ_DIST_PORT="{port2}", ERL_EPMD_PORT="{port3}",
        ERL_EPMD_ADDRESS="127.0.0.1", HOME="{dir}")
    gearman = "gearmand -L 127.0.0.1 -p {port} -l {dir}/log -P {dir}/pid -u " + getpass.getuser() + " "
    broker = martlet + " broker --data {dir}/data --listen 127.0.0.1:{port}"
    gateway = martlet + " serve --data {dir}/data --listen 127.0.0.1:{port} --http 127.0.0.1:{port2}"

    def of_beanstalk(durability, options="", **more):
        return Peer("beanstalk", durability, beanstalk + options, [("beanstalkd", "beanstalkd")], **more)

    def of_redis(durability, sync, **more):
        return Peer("redis", durability, redis + sync, [("redis-server", "redis-server")], batch=256, **more)

    def of_rabbit(kind):
        return Peer("rabbit", FSYNC, rabbit, [(rabbit, "rabbitmq-server"), ("amqp.h", "librabbitmq-dev")],
                    environment=rabbit_environment, helper="epmd -port {port3} -address 127.0.0.1", opt=kind, batch=256)

    def of_gearman(durability, options="", **more):
        return Peer("gearman", durability, gearman + options, [("gearmand", "gearman-job-server")], **more)

    def of_martlet(durability, command=broker, **more):
        return Peer("martlet", durability, command, batch=256, appends=True, **more)

    return {
        "martlet": of_martlet(FSYNC),
        "martlet, a frame a job": of_martlet(FSYNC, opt="1", backlog=False, idle=False),
        "martlet through its gateway": of_martlet(FSYNC, gateway, backlog=False),
        "martlet memory": of_martlet(MEMORY + " at ack", opt="memory", backlog=False, idle=False),
        "beanstalkd -f0": of_beanstalk(FSYNC, "-b {dir} -f 0", backlog=False, idle=False),
        "beanstalkd -F": of_beanstalk(PAGE_CACHE, "-b {dir} -F"),
        "beanstalkd mem": of_beanstalk(MEMORY, idle=False),
        "redis always": of_redis(FSYNC, "always"),
        "redis everysec": of_redis(PAGE_CACHE + ", fsync every 1 s", "everysec", backlog=False, idle=False),
        "nats jetstream": Peer(
            "nats", PAGE_CACHE + ", fsync every 2 min", "nats-server -a 127.0.0.1 -p {port} -js -sd {dir} -l {dir}/log",
            [("nats-server", "nats-server")], batch=256),
        "rabbitmq quorum": of_rabbit("quorum"),
        "rabbitmq classic": of_rabbit("classic"),
        "gearmand mem": of_gearman(MEMORY),
        "gearmand sqlite": of_gearman(FSYNC, "-q libsqlite3 --libsqlite3-db {dir}/q.db", idle=False),
        "postgresql": Peer(
            "pg", FSYNC, postgres("postgres") + " -D {dir}/pg -p {port} -c listen_addresses=127.0.0.1 "
            "-c unix_socket_directories= -c shared_buffers=512MB -c max_wal_size=4GB -c max_connections=2100",
            [(postgres("postgres"), "postgresql"), ("libpq-fe.h", "libpq-dev")],
            prepare=postgres("initdb") + " -D {dir}/pg -U postgres -A trust -E UTF8 --locale=C",
            user="postgres", window=100, batch=100, pss=True),
    }
