#!/usr/bin/env python3
"""Guardrails from the file to the caller's ear: the real programs, transcripts half a second late. TAP on stdout.

    guardrails.py RINGTRIP SANDBOX
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

exe, sandbox_exe = (os.path.abspath(a) for a in sys.argv[1:3])
count = 0
failed = 0

CONFIG = '''
server: {{listen: "127.0.0.1:0"}}
providers: {{sandbox: {{url: "{url}"}}}}
carriers: {{twilio: {{require_token: false}}}}
guardrails:
  named: {{{rule}, for_all: true}}
guardrail_settings: {{hold_back: {hold}, debounce_text_length: 20}}
agent:
  greeting: {{kind: text, text: "Hello, this is Robin, and the magic number is seven."}}
log: {{level: info}}
'''
WORDS = 'kind: words, words: ["magic number"]'
MODEL = 'kind: model, instructions: "The agent never says \\"magic number\\"."'


def point(ok, name, *detail):
    global count, failed
    count += 1
    failed += not ok
    print(f'{"ok" if ok else "not ok"} {count} - {name}')
    for text in detail if not ok else ():
        for line in str(text).splitlines():
            print(f'# {line}')
    sys.stdout.flush()


def wait_for(path, pattern, process):
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        found = re.search(pattern, path.read_text())
        if found:
            return found
        time.sleep(0.05)
    return None


def call(cwd, url, rule, hold):
    """The log of one call whose greeting breaks the rule."""
    config = pathlib.Path(cwd) / 'g.yaml'
    log = pathlib.Path(cwd) / f'{hold}-{time.monotonic_ns()}.log'
    config.write_text(CONFIG.format(url=url, rule=rule, hold=hold))
    env = {'PATH': os.environ['PATH'], 'HOME': cwd}
    env.update({n: os.environ[n] for n in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS') if n in os.environ})
    with log.open('w') as out:
        serve = subprocess.Popen([exe, 'serve', '-c', config], cwd=cwd, env=env, stdout=out, stderr=out)
    try:
        port = wait_for(log, r'gateway\.ready port=(\d+)', serve)
        if port:
            subprocess.run([exe, 'phone', f'http://127.0.0.1:{port[1]}/incoming-call', '--hangup', 'after:6000', '--max-s', '12'],
                           cwd=cwd, env=env, capture_output=True, timeout=60)
    finally:
        serve.terminate()
        serve.wait(60)
    return log.read_text()


def trip(text):
    found = re.search(r'guardrail\.tripped .*names="named" side=output action=cancel heard_ms=(\d+) leaked_words=(\d+)', text)
    return (int(found[1]), int(found[2])) if found else (None, None)


def main():
    with tempfile.TemporaryDirectory() as cwd:
        out = pathlib.Path(cwd) / 'sandbox.log'
        with out.open('w') as to:
            sandbox = subprocess.Popen([sandbox_exe, '--listen', '127.0.0.1:0', '--faults', 'transcript-late=500'], cwd=cwd,
                                       stdout=to, stderr=to)
        try:
            found = wait_for(out, r'listening on (ws://[\d.:]+)', sandbox)
            url = found[1] if found else 'ws://127.0.0.1:1'
            text = call(cwd, url, WORDS, 'true')
            heard, leaked = trip(text)
            point(leaked == 0, 'held back, no word of the phrase is heard though transcripts are late', text[-3000:])
            point(heard is not None and heard < 1400, 'held back, the agent stops before the phrase', heard, text[-3000:])
            text = call(cwd, url, WORDS, 'false')
            point(trip(text)[1] is not None, 'without hold-back it trips all the same', text[-3000:])
            text = call(cwd, url, MODEL, 'false')
            point(trip(text)[1] is not None, 'a text model objects, asked of the sandbox', text[-3000:])
            point('guardrail.failed' not in text, 'and it is understood', text[-3000:])
        finally:
            sandbox.terminate()
            sandbox.wait(60)
    print(f'1..{count}')
    return 1 if failed else 0


sys.exit(main())
