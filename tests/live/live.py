"""What the live tests share: a gateway of their own on loopback, the simulated phone, TAP."""

import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


def need(*names):
    """The values of environment variables, or the end of the test as skipped."""
    for name in names:
        if not os.environ.get(name):
            print(f'1..0 # SKIP {name} is not set')
            sys.exit(0)
    return [os.environ[name] for name in names]


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def point(self, fine, name, detail=''):
        self.count += 1
        self.failed += not fine
        print(f'{"ok" if fine else "not ok"} {self.count} - {name}', flush=True)
        if not fine:
            for line in str(detail).splitlines():
                print(f'# {line}', flush=True)
                print(line, file=sys.stderr)
        return fine

    def done(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Gateway:
    """`ringtrip serve` with a configuration of its own; ends with the with-block."""

    def __init__(self, program, config, env=None):
        self.program = str(pathlib.Path(program).resolve())
        self.folder = tempfile.TemporaryDirectory(prefix='ringtrip-live-')
        self.path = pathlib.Path(self.folder.name)
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.env = {**os.environ, **(env or {})}
        # YAML is a superset of JSON.
        settings = {'server': {'listen': f'127.0.0.1:{self.port}'}, 'records': {'dir': str(self.path / 'records')},
                    **config}
        (self.path / 'ringtrip.yaml').write_text(json.dumps(settings, indent=1))
        self.log = open(self.path / 'log', 'w+')
        self.process = None

    def __enter__(self):
        command = [self.program, 'serve', '-c', str(self.path / 'ringtrip.yaml')]
        self.process = subprocess.Popen(command, env=self.env, stdout=self.log, stderr=self.log, cwd=self.path)
        return self

    def ready(self, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + '/ready', timeout=2) as answer:
                    if answer.status == 200:
                        return True
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.1)
        return False

    def phone(self, *arguments, seconds=120):
        """(exit status, report, what the phone printed) of one call."""
        report = self.path / 'report.json'
        report.unlink(missing_ok=True)
        command = [self.program, 'phone', self.url + '/twiml', '--report', str(report), *arguments]
        run = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=seconds)
        parsed = json.loads(report.read_text()) if report.exists() else {}
        return run.returncode, parsed, run.stdout + run.stderr

    def last_call(self, seconds=10):
        """The newest record once it is closed: (row as dict, [(who, text)])."""
        end = time.monotonic() + seconds
        while True:
            with sqlite3.connect(f'file:{self.path}/records/ringtrip.db?mode=ro', uri=True) as db:
                db.row_factory = sqlite3.Row
                row = db.execute('SELECT * FROM calls ORDER BY started_us DESC LIMIT 1').fetchone()
                if (row and row['ended_us']) or time.monotonic() > end:
                    lines = db.execute('SELECT * FROM lines WHERE call_id = ? ORDER BY seq', (row['id'],)).fetchall()
                    return dict(row), [dict(line) for line in lines]
            time.sleep(0.2)

    def stop(self, seconds=30):
        """Exit status after SIGTERM; negative when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return -signal.SIGKILL
        return self.process.returncode

    def said(self):
        self.log.flush()
        return (self.path / 'log').read_text()[-4000:]

    def __exit__(self, *_):
        self.stop()
        self.log.close()
        self.folder.cleanup()
