"""The programs as a test runs them: in an environment that is the same for everybody, to their end or beside the test."""

import atexit
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

# In front of a command: nothing can be written to its standard output.
FULL_DISK = ('sh', '-c', 'exec "$0" "$@" >/dev/full')


def clean_env(home):
    """Nothing of whoever runs the tests but what sanitizers are told."""
    kept = {name: value for name, value in os.environ.items() if name.endswith('SAN_OPTIONS')}
    return {'PATH': os.environ['PATH'], 'HOME': str(home), **kept}


def free_port():
    """For what has to be known before it listens, and for where nobody shall; else port 0 is asked for."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def run(*command, cwd, env=None, typed='', seconds=120):
    """(exit status, standard output, standard error); one that does not end is killed, and its status is no number.

    env comes on top of clean_env(cwd). With typed as bytes, the outputs are bytes, too.
    """
    try:
        done = subprocess.run(command, cwd=cwd, env={**clean_env(cwd), **(env or {})}, input=typed, capture_output=True,
                              text=isinstance(typed, str), timeout=seconds)
    except subprocess.TimeoutExpired as late:
        said = [part or b'' for part in (late.stdout, late.stderr)]
        return f'none after {seconds} s', *(s.decode(errors='replace') if isinstance(typed, str) else s for s in said)
    return done.returncode, done.stdout, done.stderr


class Program:
    """One that runs beside the test; what it says is kept. Ends with the with-block, which it has to reach alive.

    env comes on top of clean_env(cwd), its standard input is a pipe that nobody writes to, and its standard output may go
    elsewhere.
    """

    def __init__(self, *command, cwd, env=None, stdout=None):
        self.name = ' '.join([pathlib.Path(command[0]).name, *map(str, command[1:2])])
        self.status = None  # once somebody has waited for it
        self.log = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(command, cwd=cwd, env={**clean_env(cwd), **(env or {})}, stdin=subprocess.PIPE,
                                        stdout=stdout or self.log, stderr=self.log)
        atexit.register(self.process.kill)  # whatever becomes of the test

    def said(self):
        return pathlib.Path(self.log.name).read_text(errors='replace')

    def wait_for(self, pattern, seconds=60):
        """The match in what it says; raises when that does not come."""
        end = time.monotonic() + seconds
        while True:
            over = self.process.poll() is not None or time.monotonic() > end
            if found := re.search(pattern, self.said()):
                return found
            if over:
                self.stop()
                raise RuntimeError(f'{self.name} (status {self.status}) did not say {pattern}:\n{self.said()}')
            time.sleep(0.05)

    def wait(self, seconds=60):
        """Its exit status; negative when it had to be killed."""
        try:
            self.status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        return self.status

    def stop(self, seconds=60):
        """Its exit status after SIGTERM."""
        self.process.terminate()
        return self.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        """Who has asked for its status has judged it; else it has to be 0."""
        if self.status is None and self.stop() != 0 and error is None:
            raise RuntimeError(f'{self.name} ended with status {self.status}:\n{self.said()}')


class Gateway(Program):
    """`ringtrip serve`, ready."""

    def __init__(self, ringtrip, config, **kw):
        super().__init__(ringtrip, 'serve', '-c', config, **kw)
        self.port = int(self.wait_for(r'gateway\.ready port=(\d+) ')[1])
        self.url = f'http://127.0.0.1:{self.port}'


class Sandbox(Program):
    """`ringtrip-sandbox` on a port of its own."""

    def __init__(self, sandbox, *options, **kw):
        super().__init__(sandbox, '--listen', '127.0.0.1:0', '--die-with-parent', *options, **kw)
        self.url = self.wait_for(r'listening on (ws://\S+)\s')[1]


class Account(Program):
    """`ringtrip phone --answer`: the REST API of a carrier's account, whose calls go to the gateway at that address."""

    def __init__(self, ringtrip, carrier, gateway, *options, **kw):
        super().__init__(ringtrip, 'phone', '--answer', '--as', carrier, '--listen', '127.0.0.1:0', '--deliver', gateway,
                         *options, **kw)
        self.url = self.wait_for(r'api_base=(\S+)\s')[1]
