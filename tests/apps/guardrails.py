#!/usr/bin/env python3
"""Guardrails from the file to the caller's ear: the real programs, transcripts half a second late. TAP on stdout.

    guardrails.py RINGTRIP SANDBOX
"""

import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
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


class Checker(http.server.BaseHTTPRequestHandler):
    """An endpoint of kind http, which objects to the words of these tests."""

    asked = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.asked.append((json.loads(body), self.headers, body))
        tripped = 'magic number' in self.asked[-1][0]['text']
        answer = json.dumps({'tripped': tripped, 'reason': 'it is a secret'}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def is_signed(headers, body):
    parts = dict(p.split('=', 1) for p in headers['X-Ringtrip-Signature'].split(','))
    wanted = hmac.new(b'secret-1', parts['t'].encode() + b'.' + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts['v1'])


def check_endpoint(cwd, url):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Checker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rule = f'kind: http, url: "http://127.0.0.1:{server.server_address[1]}/check", sign_secret: secret-1'
    text = call(cwd, url, rule, 'false')
    server.shutdown()
    asked = Checker.asked
    point(trip(text)[1] is not None and 'info="it is a secret"' in text, 'an endpoint objects', text[-3000:])
    if not asked:
        return
    question, headers, _ = asked[0]
    point(question['guardrail'] == 'named' and question['side'] == 'output' and len(question['call_id']) == 36
          and question['response_id'] and question['item_id'], 'it is told of what it judges', question)
    point(all(is_signed(h, b) for _, h, b in asked), 'each question is signed', [dict(h) for _, h, _ in asked])
    parents = [h['traceparent'] or '' for _, h, _ in asked]
    point(all(re.fullmatch('00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]', p) for p in parents) and len({p[3:35] for p in parents}) == 1,
          'all belong to the trace of the call', parents)
    point('guardrail.failed' not in text, 'and it is understood', text[-3000:])
    text = call(cwd, url, rule, 'false')
    point('guardrail.failed' in text and 'call.end' in text, 'an endpoint that is gone is passed over', text[-3000:])


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
            check_endpoint(cwd, url)
        finally:
            sandbox.terminate()
            sandbox.wait(60)
    print(f'1..{count}')
    return 1 if failed else 0


sys.exit(main())
