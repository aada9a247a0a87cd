"""What the machine allows: the same jobs in one bare loop over log and LMDB, and through one loop that echoes."""
import json, os, shutil, subprocess

import machine
from peers import Peer
from server import Server

TURNS = (64, 256, 1024)  # jobs a turn of the bare loop


def measure(options, emit):
    emit("append", machine.append_time(options.scratch))
    for batch in TURNS:
        machine.wait_quiet(options.quiet)
        directory = os.path.join(options.scratch, "data-bare")
        os.makedirs(directory)
        done = subprocess.run([options.scratch + "/bin/bare", directory, f"n={options.jobs}", f"batch={batch}"],
                              capture_output=True, text=True, check=True)
        shutil.rmtree(directory)
        emit(f"bare/{batch}", json.loads(done.stdout))
    echo = Server("echo", Peer("echo", "", "{bin}/echo_server {port}"), options.scratch)
    try:
        machine.wait_quiet(options.quiet)
        echo.start()
        emit("echo", echo.run("submit", n=2 * options.jobs, secs=options.secs))
    finally:
        echo.stop()
