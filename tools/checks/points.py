#!/usr/bin/env python3
"""A test in Python (tests/tap.py, tests/program.py) that fails, throws, or loses a program fails as a whole."""

import os
import subprocess
import sys
import tempfile

import common

HEAD = """
import sys
import program
import tap
from tap import point

def main():
    point(True, 'begun')
"""

# Behind its first point, this is what the test does; its status; what it prints; what it must not print.
CASES = [
    ('fine points', 'point(1, "more")',
     0, ('ok 2 - more', '1..2'), 'not ok'),
    ('a point that fails', 'point("", "sums", "0 is not 1"); point(True, "more")',
     1, ('not ok 2 - sums', '# 0 is not 1', '1..3'), 'Bail'),
    ('a point that is skipped', 'tap.skip("pictures", "no brush")',
     0, ('ok 2 - pictures # SKIP no brush', '1..2'), 'not ok'),
    ('what a test throws', 'open("none")',
     1, ('Bail out! FileNotFoundError', '# Traceback'), '1..'),
    ('leaving in the middle', 'sys.exit(0)',
     1, ('Bail out! SystemExit',), '1..'),
    ('a skip behind a point', 'raise tap.Skipped("no key")',
     1, ('Bail out! Skipped: no key',), '1..'),
    ('a program that ends badly', 'with program.Program("false", cwd="."): pass',
     1, ('Bail out!', 'false ended with status'), '1..'),
    ('a program that dies of a signal', 'with program.Program("sh", "-c", "echo up; kill -SEGV $$", cwd=".") as p: p.wait_for("up")',
     1, ('Bail out!', 'status -11'), '1..'),
    ('a program that never says it', 'program.Program("true", cwd=".").wait_for("ready")',
     1, ('Bail out!', 'did not say ready'), '1..'),
    ('a program that is not there', 'program.run("./none", cwd=".")',
     1, ('Bail out! FileNotFoundError',), '1..'),
    ('a program that never ends', 'point(0 in program.run("sh", "-c", "echo up; exec sleep 600", cwd=".", seconds=0.2), "ends")',
     1, ('not ok 2 - ends', '1..2'), 'Bail'),
    ('a program whose status the test judges', 'with program.Program("sleep", "600", cwd=".") as p: point(p.stop() == -15, "stops")',
     0, ('ok 2 - stops', '1..2'), 'not ok'),
    # run() here would wait for it as long as it holds our standard output.
    ('a program that nobody stops', 'program.Program("sleep", "600", cwd=".", stdout=sys.stdout)',
     0, ('1..1',), 'Bail'),
]


def run(body, folder):
    env = {**os.environ, 'PYTHONPATH': str(common.ROOT / 'tests'), 'PYTHONDONTWRITEBYTECODE': '1'}
    done = subprocess.run([sys.executable, '-c', body], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def main():
    tap = common.Tap()
    with tempfile.TemporaryDirectory() as folder:
        for what, does, want, printed, unwanted in CASES:
            status, out = run(f'{HEAD}    {does}\n\ntap.run(main)\n', folder)
            fine = status == want and all(text in out for text in printed) and unwanted not in out
            tap.point(fine, what, [status, *out.splitlines()])
        status, out = run('import tap\ntap.run(lambda: None)\n', folder)
        tap.point(status == 1 and out == '1..0\n', 'a test without a point', [status, out])
        status, out = run('import tap\ndef main():\n    raise tap.Skipped("no key")\n\ntap.run(main)\n', folder)
        tap.point(status == 0 and out == '1..0 # SKIP no key\n', 'a test that has nothing to run with is skipped', [status, out])
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
