#!/usr/bin/env python3
"""Guardrails from the file to the caller's ear: the real programs, transcripts half a second late. TAP on stdout.

    guardrails.py RINGTRIP SANDBOX
"""

import hashlib
import hmac
import json
import os
import pathlib
import re
import sys
import tempfile

import endpoint
import program
import tap
from tap import point

exe, sandbox_exe = (os.path.abspath(a) for a in sys.argv[1:3])

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


def call(cwd, url, rule, hold):
    """The log of one call whose greeting breaks the rule."""
    config = pathlib.Path(cwd) / 'g.yaml'
    config.write_text(CONFIG.format(url=url, rule=rule, hold=hold))
    with program.Gateway(exe, config, cwd=cwd) as gateway:
        program.run(exe, 'phone', gateway.url + '/incoming-call', '--hangup', 'after:6000', '--max-s', '12', cwd=cwd)
    return gateway.said()


def trip(text):
    found = re.search(r'guardrail\.tripped .*names="named" side=output action=cancel heard_ms=(\d+) leaked_words=(\d+)', text)
    return (int(found[1]), int(found[2])) if found else (None, None)


class Checker(endpoint.Handler):
    """An endpoint of kind http, which objects to the words of these tests."""

    asked = []

    def do_POST(self):
        body = self.body()
        self.asked.append((json.loads(body), self.headers, body))
        self.reply(200, {'tripped': 'magic number' in self.asked[-1][0]['text'], 'reason': 'it is a secret'})


def is_signed(headers, body):
    parts = dict(p.split('=', 1) for p in headers['X-Ringtrip-Signature'].split(','))
    wanted = hmac.new(b'secret-1', parts['t'].encode() + b'.' + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts['v1'])


def check_endpoint(cwd, url):
    server = endpoint.serve(Checker)
    rule = f'kind: http, url: "{server.url}/check", sign_secret: secret-1'
    text = call(cwd, url, rule, 'false')
    server.shutdown()
    asked = Checker.asked
    point(trip(text)[1] is not None and 'info="it is a secret"' in text, 'an endpoint objects', text)
    if not asked:
        return
    question, headers, _ = asked[0]
    point(question['guardrail'] == 'named' and question['side'] == 'output' and len(question['call_id']) == 36
          and question['response_id'] and question['item_id'], 'it is told of what it judges', question)
    point(all(is_signed(h, b) for _, h, b in asked), 'each question is signed', [dict(h) for _, h, _ in asked])
    parents = [h['traceparent'] or '' for _, h, _ in asked]
    point(all(re.fullmatch('00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]', p) for p in parents) and len({p[3:35] for p in parents}) == 1,
          'all belong to the trace of the call', parents)
    point('guardrail.failed' not in text, 'and it is understood', text)
    text = call(cwd, url, rule, 'false')
    point('guardrail.failed' in text and 'call.end' in text, 'an endpoint that is gone is passed over', text)


def main():
    with tempfile.TemporaryDirectory() as cwd, \
         program.Sandbox(sandbox_exe, '--faults', 'transcript-late=500', cwd=cwd) as sandbox:
        url = sandbox.url
        text = call(cwd, url, WORDS, 'true')
        heard, leaked = trip(text)
        point(leaked == 0, 'held back, no word of the phrase is heard though transcripts are late', text)
        point(heard is not None and heard < 1400, 'held back, the agent stops before the phrase', heard, text)
        text = call(cwd, url, WORDS, 'false')
        point(trip(text)[1] is not None, 'without hold-back it trips all the same', text)
        text = call(cwd, url, MODEL, 'false')
        point(trip(text)[1] is not None, 'a text model objects, asked of the sandbox', text)
        point('guardrail.failed' not in text, 'and it is understood', text)
        check_endpoint(cwd, url)


tap.run(main)
