"""What the live tests share: a gateway of their own on loopback, the simulated phone, the words to listen for."""

import json
import os
import pathlib
import sqlite3
import tempfile
import time
import urllib.error
import urllib.request

import program
import tap


def need(*names):
    """The values of environment variables; without them the test is skipped."""
    for name in names:
        if not os.environ.get(name):
            raise tap.Skipped(f'{name} is not set')
    return [os.environ[name] for name in names]


# The agent of all live tests, and what a recogniser, which mishears, should find of its words among others.
AGENT = {
    'instructions': 'You are the telephone assistant of a small web shop. Answer in one short sentence. When somebody '
                    'asks about an order, call check_order_status. Call end_call when they want to end the call.',
    'greeting': {'kind': 'text', 'text': 'Hello, this is the shop. How can I help you?'},
}
GREETING_WORDS = ('hello', 'this', 'shop', 'help', 'how', 'can')
QUESTION_WORDS = ('where', 'order', 'one', 'two', 'three', 'four')
ANSWER_WORDS = ('order', 'shipped', 'delivered', 'way', 'arrive', 'arrives', 'delivery', 'package', 'fedex', 'processing',
                'signed', 'yesterday', 'hours')


def knows(text, words, least):
    """At least so many of the words were heard."""
    heard = set(text.lower().replace(',', ' ').replace('.', ' ').split())
    return len(heard & set(words)) >= least


def models():
    """[(name, configuration)] of every model whose key is set; none: the test is skipped."""
    found = []
    if os.environ.get('OPENAI_API_KEY'):
        found.append(('openai', {'agent': AGENT}))
    if os.environ.get('GEMINI_API_KEY'):
        found.append(('gemini', {'providers': {'gemini': {'kind': 'gemini', 'api_key': os.environ['GEMINI_API_KEY']}},
                                 'agent': AGENT}))
    if not found:
        raise tap.Skipped('neither OPENAI_API_KEY nor GEMINI_API_KEY is set')
    return found


def model():
    return models()[0][1]


def port():
    """Where the gateway listens for a carrier: PUBLIC_URL leads there, or a tunnel."""
    if not os.environ.get('PUBLIC_URL') and not os.environ.get('NGROK_BIN'):
        raise tap.Skipped('neither PUBLIC_URL nor NGROK_BIN is set')
    return int(os.environ.get('LIVE_PORT', '8000'))


class Gateway(program.Program):
    """`ringtrip serve` with a configuration of its own and the keys of whoever runs the test; ends with the with-block."""

    def __init__(self, ringtrip, config, env=None, port=None):
        self.ringtrip = os.path.abspath(ringtrip)
        self.folder = tempfile.TemporaryDirectory(prefix='ringtrip-live-')
        self.path = pathlib.Path(self.folder.name)
        self.env = {**os.environ, **(env or {})}
        port = port or program.free_port()
        self.url = f'http://127.0.0.1:{port}'
        # YAML is a superset of JSON.
        settings = {'server': {'listen': f'127.0.0.1:{port}'}, 'records': {'dir': str(self.path / 'records')}, **config}
        (self.path / 'ringtrip.yaml').write_text(json.dumps(settings, indent=1))
        super().__init__(self.ringtrip, 'serve', '-c', self.path / 'ringtrip.yaml', cwd=self.path, env=self.env)

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

    def ask(self, method, path, body=None):
        """The answer of our own API, whatever its status."""
        data = json.dumps(body).encode() if body is not None else b'' if method == 'POST' else None
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        try:
            return json.loads(text) if text else {}
        except ValueError:
            return {'text': text}

    def waits_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.said() and time.monotonic() < end:
            time.sleep(0.2)
        return text in self.said()

    def wait_call(self, status, seconds):
        """The newest call, once it is in that state; None: it never was."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            calls = self.ask('GET', '/v1/calls').get('calls', [])
            if calls and calls[0]['status'] == status:
                return calls[0]
            time.sleep(0.2)
        return None

    def wait_dial(self, call, seconds):
        """The record of a call that we made, once its outcome is known."""
        end = time.monotonic() + seconds
        while True:
            shown = self.ask('GET', '/v1/calls/' + call)
            outcome = (shown.get('dial') or {}).get('outcome')
            if (outcome and outcome != 'none') or time.monotonic() > end:
                return shown
            time.sleep(0.2)

    def heard(self, hear, row, side):
        """What the recogniser makes of one side of the recording: left is the caller, right the agent."""
        name = pathlib.Path(row.get('recording') or 'none')
        path = name if name.is_absolute() else self.path / 'records' / name
        _, out, err = program.run(os.path.abspath(hear), path, side, cwd=self.path)
        return out + err

    def phone_arguments(self, *arguments):
        return [self.ringtrip, 'phone', self.url + ('/answer' if 'plivo' in arguments else '/twiml'), *arguments]

    def phone_open(self, *arguments):
        return program.Program(*self.phone_arguments('-q', *arguments), cwd=self.path, env=self.env)

    def phone(self, *arguments):
        """(exit status, report, what the phone printed) of one call."""
        report = self.path / 'report.json'
        report.unlink(missing_ok=True)
        status, out, err = program.run(*self.phone_arguments('--report', str(report), *arguments), cwd=self.path,
                                       env=self.env, seconds=180)
        return status, json.loads(report.read_text()) if report.exists() else {}, out + err

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

    def __exit__(self, *error):
        with self.folder:
            super().__exit__(*error)
