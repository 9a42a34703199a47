#!/usr/bin/env python3
"""`ringtrip check` against real servers on loopback: a provider, a carrier's REST API, a proxy in front of the port.

    check.py RINGTRIP SANDBOX

TAP on standard output.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import endpoint
import program
import tap
from tap import point

ROOT = pathlib.Path(__file__).resolve().parents[2]
RINGTRIP, SANDBOX = (os.path.abspath(p) for p in sys.argv[1:3])
SID = 'AC' + '0' * 32
KEY = 'sk-test-right-0123456789'
TOKEN = 'secret-token-1'


class Carrier(endpoint.Handler):
    """Twilio's REST API, as far as it tells about an account and its numbers."""
    account = {'status': 'active', 'type': 'Full'}
    number = None
    answer = 200
    seen = []

    def plivo(self):
        """Plivo's API: an account, and one number."""
        if '/Number/' not in self.path:
            return 200, {'account_type': 'standard', 'auth_id': 'MA1'}
        if Carrier.number and self.path.endswith('/Number/' + Carrier.number['number'] + '/'):
            return 200, Carrier.number
        return 404, {'error': 'not found'}

    def do_GET(self):
        if self.path.startswith('/v1/Account/MA1/') and Carrier.answer == 200:
            self.reply(*self.plivo())
            return
        Carrier.seen.append((self.path, self.headers.get('Authorization', '')))
        body = {'incoming_phone_numbers': [Carrier.number] if Carrier.number else []} \
            if 'IncomingPhoneNumbers' in self.path else Carrier.account
        self.reply(Carrier.answer, body if Carrier.answer == 200 else {'code': 20003, 'message': 'Authenticate'})


class Listener(threading.Thread):
    """Takes connections, and gives each to talk() on a thread of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.talk, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def head(client):
        """A request up to its body; less of it when the client has gone."""
        head = b''
        while b'\r\n\r\n' not in head and (data := client.recv(65536)):
            head += data
        return head


class Proxy(Listener):
    """In front of the gateway's port: passes everything on, or no upgrade, or answers by itself."""

    def __init__(self, port, upgrade=True, answer=None):
        self.target, self.upgrade, self.answer = port, upgrade, answer
        super().__init__()

    def talk(self, client):
        head = self.head(client)
        if self.answer is not None:
            client.sendall(self.answer)
            client.close()
            return
        if not self.upgrade:
            head = b'\r\n'.join(l for l in head.split(b'\r\n') if not l.lower().startswith((b'upgrade:', b'connection:')))
        with socket.create_connection(('127.0.0.1', self.target)) as server:
            server.sendall(head)
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join(5)
        client.close()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Deaf(Listener):
    """Never says a word."""

    def talk(self, client):
        threading.Event().wait()


class Scripted(Listener):
    """A model's service that says what it is told to: an HTTP status in place of the upgrade, or messages, of which those
    behind the first wait for the client's word."""

    def __init__(self, *messages, status=None):
        self.messages, self.status = [json.dumps(m).encode() for m in messages], status
        super().__init__()
        self.url = f'ws://127.0.0.1:{self.port}/v1/realtime'

    def talk(self, client):
        head = self.head(client)
        if self.status:
            client.sendall(f'HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n'.encode())
            client.close()
            return
        key = re.search(rb'(?i)sec-websocket-key: (\S+)', head).group(1)
        accept = base64.b64encode(hashlib.sha1(key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()).decode()
        client.sendall(('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                        f'Sec-WebSocket-Accept: {accept}\r\n\r\n').encode())
        for i, message in enumerate(self.messages):
            if i > 0:
                client.recv(65536)
            n = len(message)
            client.sendall(b'\x81' + (bytes([n]) if n < 126 else b'\x7e' + n.to_bytes(2, 'big')) + message)
        if len(self.messages) == 1:  # a service that refuses closes, too
            client.sendall(b'\x88\x02' + (4000).to_bytes(2, 'big'))
        while client.recv(65536):
            pass
        client.close()


class Tokens(endpoint.Handler):
    """Google's token server; who signed is the business of tests/providers/test_gemini_login.c."""
    status, token = 200, KEY

    def do_POST(self):
        self.body()
        self.reply(Tokens.status, {'access_token': Tokens.token, 'expires_in': 3600} if Tokens.status == 200 else {
            'error': 'invalid_grant', 'error_description': 'Invalid JWT Signature.'})


class Untrusted(Listener):
    """Speaks TLS, with a certificate that nobody has signed."""

    def __init__(self, cwd):
        pem = pathlib.Path(cwd) / 'own.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-keyout', pem, '-out', pem.with_suffix('.crt')], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem.with_suffix('.crt'), pem)
        super().__init__()

    def talk(self, client):
        try:
            self.context.wrap_socket(client, server_side=True).recv(1)
        except OSError:
            pass


class Rig:
    remedies = set()  # all that were given

    def __init__(self, cwd):
        self.cwd = pathlib.Path(cwd)
        self.port = program.free_port()
        self.sandbox = program.Sandbox(SANDBOX, '--canned', '--key', KEY, cwd=cwd)
        self.model_url = self.sandbox.url
        self.rest = endpoint.serve(Carrier).url

    def config(self, *, public=None, key=KEY, model_url=None, rest=None, extra='', agent='', number='+15550100001'):
        text = f'''
server: {{listen: "127.0.0.1:{self.port}"{f', public_url: "{public}"' if public else ''}}}
records: {{dir: var, min_free_mb: 0}}
providers: {{main: {{kind: openai, url: "{model_url or self.model_url}", api_key: "{key}"}}}}
carriers:
  twilio:
    account_sid: {SID}
    auth_token: {TOKEN}
    phone_number: "{number}"
    api_base: "{rest or self.rest}"
agent: {{provider: main{agent}}}
{extra}'''
        (self.cwd / 'c.yaml').write_text(text)

    def write(self, text):
        (self.cwd / 'c.yaml').write_text(f'server: {{listen: "127.0.0.1:{self.port}"}}\n' * ('server:' not in text) +
                                         'records: {dir: var, min_free_mb: 0}\n' * ('records:' not in text) + text)

    def check(self, *args, exe=RINGTRIP):
        begun = time.monotonic()
        self.status, out, err = program.run(exe, 'check', '-c', 'c.yaml', '--json', '--timeout', '2', *args, cwd=self.cwd)
        self.took = time.monotonic() - begun
        self.out = out + err
        self.findings, self.level = (json.loads(out)[name] for name in ('findings', 'level'))
        Rig.remedies.update(f['remedy'] for f in self.findings)
        for f in self.findings:
            if (f['level'] == 'pass') != (f['remedy'] == ''):
                point(False, 'what warns or fails says what to do, what passes does not', f)
        return self

    def has(self, level, subject, text):
        return any(f['level'] == level and f['subject'] == subject and text in f['text'] for f in self.findings)

    def expect(self, name, level, subject, text, remedy=None):
        found = [f for f in self.findings if f['level'] == level and f['subject'] == subject and text in f['text']]
        point(found and (remedy is None or any(remedy in f['remedy'] for f in found)), name, self.out)


def providers(rig):
    rig.config()
    rig.check()
    rig.expect('a session is opened, and how long that takes is told', 'pass', 'provider', 'ms')
    rig.config(key='sk-wrong-key-9876543210')
    rig.check()
    rig.expect('a key that is refused', 'fail', 'provider', 'main at', 'api_key')
    point(rig.status == 2 and rig.level == 'fail', 'what fails makes the exit status 2', rig.status, rig.level)
    point('sk-wrong-key' not in rig.out and KEY not in rig.out and TOKEN not in rig.out, 'secrets are never shown', rig.out)
    rig.config(model_url=f'ws://127.0.0.1:{program.free_port()}/v1/realtime')
    rig.check()
    rig.expect('a service that is not there', 'fail', 'provider', 'refused', 'connect to')
    rig.config(model_url=f'ws://127.0.0.1:{Deaf().port}/v1/realtime')
    rig.check()
    rig.expect('a service that says nothing', 'fail', 'provider', 'main at')
    point(rig.took < 60, 'does not wait for ever', rig.took)
    rig.config(model_url=f'{rig.model_url}?fault=no-updated')
    rig.check()
    rig.expect('a service that never confirms the settings', 'fail', 'provider', 'main at')
    rig.config(model_url=f'{rig.model_url}?fault=created-late=1500')
    rig.check()
    rig.expect('a session that takes long warns', 'warn', 'provider', 'ms', 'callers hear nothing')


def gemini(rig):
    """The other protocol: the same sandbox, by another path."""
    base = 'http://' + rig.model_url.split('/')[2]

    def config(key, model=''):
        (rig.cwd / 'c.yaml').write_text(f'''
server: {{listen: "127.0.0.1:{rig.port}", public_url: "https://voice.example.com"}}
records: {{dir: var, min_free_mb: 0}}
providers: {{live: {{kind: gemini, url: "{base}", api_key: "{key}"{model}}}}}
agent: {{provider: live}}
''')

    config(KEY)
    rig.check('--timeout', '1')
    rig.expect('Gemini: a session is opened', 'pass', 'provider', 'live takes the key: model gemini')
    config('AIza-wrong-key-9876543210')
    rig.check('--timeout', '1')
    rig.expect('Gemini: a key that is refused', 'fail', 'provider', 'API key not valid', 'GEMINI_API_KEY')
    point('AIza-wrong' not in rig.out, 'Gemini: the key is not shown', rig.out)


def vertex(rig):
    """Vertex AI: logs in before it opens a session."""
    server = endpoint.serve(Tokens)
    key = subprocess.run(['openssl', 'genpkey', '-algorithm', 'RSA'], check=True, capture_output=True, text=True).stdout
    (rig.cwd / 'key.json').write_text(json.dumps({'type': 'service_account', 'client_email': 'v@p', 'private_key': key}))
    base = 'http://' + rig.model_url.split('/')[2]
    rig.write(f'''
providers:
  vertex: {{kind: gemini, url: "{base}", project: p, credentials_file: key.json,
           token_url: "{server.url}/token"}}
''')
    rig.check()
    rig.expect('Vertex AI: it logs in', 'pass', 'provider', 'vertex logs in as v@p: an access token for ')
    rig.expect('Vertex AI: and opens a session with the token', 'pass', 'provider', 'vertex takes the key')
    Tokens.token = 'ya29.of-somebody-else'
    rig.check('--timeout', '1')
    rig.expect('Vertex AI: an account without the role', 'fail', 'provider', 'vertex at', 'role Vertex AI User')
    Tokens.status = 400
    rig.check()
    rig.expect('Vertex AI: a key that was deleted', 'fail', 'provider', 'vertex cannot log in: the token server answered '
               'with HTTP status 400: invalid_grant: Invalid JWT Signature.', 'timedatectl')
    (rig.cwd / 'key.json').unlink()
    rig.check()
    rig.expect('Vertex AI: a key file that is not there', 'fail', 'provider', 'key.json cannot be read', 'credentials_file')
    point(KEY not in rig.out and 'PRIVATE' not in rig.out, 'Vertex AI: neither token nor key is shown', rig.out)


def services(rig):
    """What a service may say instead of opening a session."""
    created = {'type': 'session.created', 'event_id': 'e1', 'session': {'type': 'realtime', 'id': 's1'}}

    def refusal(code, message='No.'):
        return {'type': 'error', 'event_id': 'e2', 'error': {'type': 'invalid_request_error', 'code': code, 'message': message}}

    for name, scripted, text, remedy in (
            ('no credit', Scripted(refusal('insufficient_quota', 'You exceeded your quota.')), 'exceeded', 'credit'),
            ('too many sessions', Scripted(status=429), 'HTTP status 429', 'too many sessions'),
            ('a model that is not there', Scripted(refusal('model_not_found', 'No such model.')), 'No such model', 'model'),
            ('a setting that is refused', Scripted(created, refusal('invalid_value', 'Bad speed.')), 'Bad speed', 'change what'),
            ('a wrong address', Scripted(status=404), 'HTTP status 404', 'change what')):
        rig.config(model_url=scripted.url)
        rig.check('--timeout', '1')
        rig.expect(name, 'fail', 'provider', text, remedy)
    updated = {'type': 'session.updated', 'event_id': 'e3', 'session': {
        'type': 'realtime', 'id': 's1', 'model': 'm', 'output_modalities': ['audio'], 'tools': [],
        'audio': {'input': {'format': {'type': 'audio/pcmu'}, 'turn_detection': None},
                  'output': {'format': {'type': 'audio/pcmu'}, 'voice': 'alloy'}}}}
    rig.config(model_url=Scripted(created, updated).url)
    rig.check('--timeout', '1')
    rig.expect('a service that leaves tools out', 'warn', 'provider', 'has taken 0 of', 'names and schemas')
    rig.config(model_url='ws://no-such-name.invalid/v1')
    rig.check('--timeout', '1')
    rig.expect('a service whose name nobody knows', 'fail', 'provider', 'main at', 'spelling')
    rig.config(model_url=f'wss://127.0.0.1:{Untrusted(rig.cwd).port}/v1')
    rig.check('--timeout', '1')
    rig.expect('a service with a certificate of its own', 'fail', 'provider', 'main at', 'ca_file')
    rig.write(f'providers: {{own: {{kind: openai, url: "{Scripted(status=401).url}"}}}}\n')
    rig.check('--timeout', '1')
    rig.expect('a service without a key', 'warn', 'provider', 'has no api_key', 'OPENAI_API_KEY')
    rig.write('')
    alone = rig.cwd / 'alone' / 'bin' / 'ringtrip'
    alone.parent.mkdir(parents=True)
    shutil.copy(RINGTRIP, alone)
    rig.check('--offline', exe=alone)
    rig.expect('a sandbox that is not installed', 'fail', 'provider', 'neither beside', 'OPENAI_API_KEY')
    shutil.rmtree(rig.cwd / 'alone')


def settings(rig):
    """What the file says already."""
    twilio, sms = f'account_sid: {SID}, auth_token: {TOKEN}', 'phone_number: "+15550100001"'
    for name, carrier, subject, text in (
            ('Twilio without a token', 'twilio: {enabled: true}', 'twilio', 'no auth_token'),
            ('Twilio without an account', 'twilio: {enabled: true}', 'twilio', 'no account'),
            ('Twilio without a public URL', 'twilio: {enabled: true}', 'public url', 'not set'),
            ('Twilio without signatures', f'twilio: {{{twilio}, verify_signature: false}}', 'twilio', 'not verified'),
            ('Twilio without tokens', f'twilio: {{{twilio}, require_token: false}}', 'twilio', 'starts a call'),
            ('Plivo without a token', 'plivo: {enabled: true}, twilio: {enabled: false}', 'plivo', 'no auth_token'),
            ('Plivo without an account', 'plivo: {enabled: true}, twilio: {enabled: false}', 'plivo', 'no account'),
            ('Plivo without a number', 'plivo: {auth_id: MA1, auth_token: x12345678}', 'plivo', 'no phone_number'),
            ('Plivo without signatures', 'plivo: {auth_id: MA1, auth_token: x12345678, verify_signature: false}', 'plivo',
             'not verified'),
            ('Plivo without tokens', 'plivo: {auth_id: MA1, auth_token: x12345678, require_token: false}', 'plivo', 'starts a'),
            ('Plivo with typed words', 'plivo: {auth_id: MA1, auth_token: x12345678, text_events: true}', 'plivo', 'speak as'),
            ('no carrier', 'plivo: {enabled: false}, twilio: {enabled: false}', 'carriers', 'nobody can call')):
        rig.write(f'carriers: {{{carrier}}}\n')
        rig.check('--offline')
        rig.expect(name, 'warn', subject, text)
    for name, text, level, subject, want in (
            ('a key that is unknown', 'agnet: {}\n', 'fail', 'configuration', 'did you mean "agent"?'),
            ('a setting without effect', 'vad: {webrtc_aggressiveness: 1}\n', 'warn', 'configuration', 'no effect'),
            ('a certificate that is not there', 'server: {listen: "127.0.0.1:0", tls: {cert: no.pem, key: no.pem}}\n', 'fail',
             'server.tls', 'no.pem'),
            ('weights that are none', 'vad: {model_file: c.yaml}\n', 'fail', 'speech detector', ''),
            ('a tool file that cannot be read', 'filler: {sound: none.wav}\n', 'fail', 'configuration', 'none.wav'),
            ('an agent that nobody reaches', 'agents: {a: {instructions: x}, b: {instructions: y}}\nstart_agent: a\n', 'warn', 'agent', 'no route and no'),
            ('a handoff that nobody understands', 'agents: {a: {instructions: x, handoffs: [b]}, b: {instructions: y}}\nstart_agent: a\n', 'warn', 'agent',
             'no handoff_description'),
            ('a company without a name', 'agent: {instructions: "Of {company_name}."}\n', 'warn', 'agent', 'company_name'),
            ('no care for silent callers', 'agent: {silence: off}\n', 'warn', 'silence', 'agent.silence is off'),
            ('no care for silent models', 'agent: {dead_air: off}\n', 'warn', 'silence', 'agent.dead_air is off'),
            ('no echo guard', 'agent: {echo_guard: false}\n', 'warn', 'echo', 'agent.echo_guard is off'),
            ('too many tools', 'agent: {tools: [' + ', '.join(
                f'{{name: t{i}, description: Does, webhook: {{url: "http://127.0.0.1:9/"}}}}' for i in range(21)) + ']}\n',
             'warn', 'tool', 'choose worse'),
            ('an address of another machine', 'server: {listen: "192.0.2.1:8000"}\n', 'fail', 'port', 'cannot be listened'),
            ('a folder that is a file', 'records: {dir: c.yaml/x}\n', 'fail', 'records', 'not writable'),
            ('a folder with too long a name', f'records: {{dir: "{"long/" * 900}"}}\n', 'fail', 'records', 'too long'),
            ('a disk that is nearly full', 'records: {dir: var, min_free_mb: 100000000}\n', 'warn', 'disk', 'less than')):
        rig.write(text)
        rig.check('--offline')
        rig.expect(name, level, subject, want)
    point(rig.status == 1, 'what only warns makes the exit status 1', rig.status)
    rig.write('store: {url: "postgres://127.0.0.1:1/none"}\n')
    rig.check('--timeout', '1')
    rig.expect('a database server that is not there', 'fail', 'store', '', 'STORE_URL')
    rig.write('server: {listen: "127.0.0.1:0", public_url: "http://127.0.0.1:9"}\n')
    rig.check('--timeout', '1')
    rig.expect('a public URL of this machine', 'warn', 'public url', 'no carrier reaches it', 'tunnel')
    rig.expect('a port that nothing can lead to', 'warn', 'public url', 'not tried', 'fixed port')
    rig.config(public=f'https://127.0.0.1:{Untrusted(rig.cwd).port}')
    rig.check('--timeout', '1')
    rig.expect('a certificate that carriers do not trust', 'fail', 'public url', 'cannot be reached', 'public authority')
    rig.write('')
    rig.check('--offline', '--called', '+15550100', '--at', 'tomorrow')
    rig.expect('a time that is none', 'fail', 'call', 'the time is none', '2026-12-24T09:30')


# Remedies that no test gives: why not.
UNTRIED = {
    'ports below 1024 need': 'the tests may run as root',
    'give this process more memory': 'only without memory or descriptors',
    'give the machine more memory': 'likewise',
    'calls go on without it': 'a database that breaks between two looks',
    'calls do not wait for it': 'a database that takes long',
    'ringtrip check without a call': 'what is refused then is refused before, too',
    '.* cannot log in': 'the finding, not its remedy',
    'ask another token server': 'a token that lasts no longer than the asking',
}
LITERALS = r'((?:"(?:\\.|[^"\\])*"\s*|STR_FMT\s*)+)'


def remedies_in_source():
    """Each sentence that the source has for a remedy, as a regular expression."""
    for path in sorted((ROOT / 'src' / 'gateway').glob('check*.c')):
        code = path.read_text()
        found = re.findall(r'(?:remedy|\(b),\s*' + LITERALS, code)
        found += re.findall(r'\? ' + LITERALS + r': ' + LITERALS + r'\);\s*checker_say\(c, CHECK_ERROR', code)
        found += re.findall(r'#define CONFIG_REMEDY ' + LITERALS, code)
        for call in re.findall(r'(?:checker_tell|fail)\([^;]*;', code):
            groups = [g.strip() for g in re.findall(LITERALS, call) if g.strip()]
            if ('CHECK_WARNING' in call or 'CHECK_ERROR' in call or call.startswith('fail')) and groups:
                found.append(groups[-1])
        for group in found:
            for one in [group] if isinstance(group, str) else group:
                text = ''.join(re.findall(r'"((?:\\.|[^"\\])*)"|(STR_FMT)', one) and
                               [a or '%s' for a, b in re.findall(r'"((?:\\.|[^"\\])*)"|(STR_FMT)', one)])
                if len(text) > 8 and not text.startswith(';'):
                    yield re.sub(r'%(?:\\?[a-z]+)', '.*', re.escape(text.replace('\\"', '"')).replace('\\%', '%'))


def complete(rig):
    """Every remedy of the source has been given above, or is excused by name."""
    missing = []
    for pattern in set(remedies_in_source()):
        plain = pattern.replace('\\ ', ' ')
        if not any(re.search(pattern, r, re.S) for r in Rig.remedies) and not any(plain.startswith(u) for u in UNTRIED):
            missing.append(plain)
    point(len(set(remedies_in_source())) > 40 and not missing, 'every remedy has been tried', *missing)


def carriers(rig):
    public = 'https://voice.example.com'
    Carrier.number = {'phone_number': '+15550100001', 'voice_url': f'{public}/twiml', 'voice_method': 'POST'}
    rig.config(public=public)
    Carrier.seen.clear()
    rig.check('--timeout', '1')
    rig.expect('the account takes the login', 'pass', 'twilio', 'active')
    rig.expect('the number sends calls here', 'pass', 'twilio', 'sends calls here')
    point(all(a.startswith('Basic ') for _, a in Carrier.seen) and len(Carrier.seen) == 2 and
          'PhoneNumber=%2B15550100001' in Carrier.seen[1][0], 'asked as the carrier wants it', Carrier.seen)
    Carrier.number['voice_url'] = 'https://demo.example.net/old'
    rig.check('--timeout', '1')
    rig.expect('a number that leads elsewhere', 'warn', 'twilio', 'demo.example.net', f'{public}/twiml')
    Carrier.number['voice_application_sid'] = 'AP1'
    rig.check('--timeout', '1')
    rig.expect('a number with an application', 'warn', 'twilio', 'to an application or a trunk', 'voice URL')
    Carrier.number = None
    rig.check('--timeout', '1')
    rig.expect('a number of somebody else', 'warn', 'twilio', 'no number of this account', 'TWILIO_PHONE_NUMBER')
    Carrier.account = {'status': 'suspended', 'type': 'Full'}
    rig.check('--timeout', '1')
    rig.expect('an account that is suspended', 'fail', 'twilio', 'suspended')
    Carrier.account = {'status': 'active', 'type': 'Trial'}
    rig.check('--timeout', '1')
    rig.expect('a trial account', 'pass', 'twilio', 'trial')
    for status, level in ((401, 'fail'), (404, 'fail'), (429, 'warn'), (500, 'warn')):
        Carrier.answer = status
        rig.check('--timeout', '1')
        rig.expect(f'a carrier that answers {status}', level, 'twilio', str(status))
    Carrier.answer = 200
    rig.config(rest=f'http://127.0.0.1:{Deaf().port}')
    rig.check('--timeout', '1')
    rig.expect('a carrier that says nothing', 'fail', 'twilio', 'cannot be asked')


def plivo(rig):
    """The other carrier: its account, its number and its socket, and nothing of Twilio."""
    proxy = Proxy(rig.port)

    def config(more=''):
        (rig.cwd / 'c.yaml').write_text(f'''
server: {{listen: "127.0.0.1:{rig.port}", public_url: "http://127.0.0.1:{proxy.port}"}}
records: {{dir: var, min_free_mb: 0}}
providers: {{main: {{kind: openai, url: "{rig.model_url}", api_key: "{KEY}"}}}}
carriers: {{plivo: {{auth_id: MA1, auth_token: {TOKEN}, phone_number: "+14155550100", api_base: "{rig.rest}"{more}}}}}
agent: {{provider: main}}
''')

    Carrier.number = {'number': '14155550100', 'voice_enabled': True, 'application': None}
    config()
    rig.check()
    rig.expect('Plivo: the account takes the login', 'pass', 'plivo', 'takes the login')
    rig.expect('Plivo: the number is led here at the start', 'pass', 'plivo', 'led here when the gateway starts')
    rig.expect('Plivo: its media path takes the upgrade', 'pass', 'public url', '/ws takes the WebSocket upgrade')
    point(not any('media-stream' in f['text'] or f['subject'] == 'twilio' for f in rig.findings),
          'what is not configured is not asked', rig.out)
    config(', configure: false')
    rig.check()
    rig.expect('Plivo: a number without an application', 'warn', 'plivo', 'no application', 'configure')
    Carrier.number = {'number': '14155550100', 'voice_enabled': False}
    rig.check()
    rig.expect('Plivo: a number that takes no calls', 'warn', 'plivo', 'takes no calls', 'voice')
    Carrier.number = None
    rig.check()
    rig.expect('Plivo: a number of somebody else', 'warn', 'plivo', 'no number of this account', 'PLIVO_PHONE_NUMBER')
    Carrier.answer = 401
    rig.check()
    rig.expect('Plivo: a login that is refused', 'fail', 'plivo', 'HTTP 401', 'PLIVO_AUTH_TOKEN')
    Carrier.answer = 200


def reach(rig):
    for name, proxy, level, text, remedy in (
            ('a proxy that passes everything on', Proxy(rig.port), 'pass', 'takes the WebSocket upgrade', None),
            ('a proxy that drops the upgrade', Proxy(rig.port, upgrade=False), 'fail', 'takes no WebSocket', 'Upgrade'),
            ('a proxy to somebody else',
             Proxy(0, answer=b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'), 'fail',
             'somebody else', f'port {rig.port}'),
            ('a tunnel without its other end',
             Proxy(0, answer=b'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'), 'fail',
             'HTTP 502', '8080')):
        rig.config(public=f'http://127.0.0.1:{proxy.port}')
        rig.check()
        rig.expect(name, level, 'public url', text, remedy)
    rig.config(public=f'http://127.0.0.1:{program.free_port()}')
    rig.check()
    rig.expect('nobody behind the public URL', 'fail', 'public url', 'cannot be reached', 'docs/reach.md')
    rig.config(public='https://no-such-name.invalid')
    rig.check()
    rig.expect('a name that nobody knows', 'fail', 'public url', 'no-such-name.invalid', 'spelling')
    rig.config(public='http://voice.example.com')
    rig.check('--offline')
    rig.expect('a public URL without TLS', 'fail', 'public url', 'not https', 'https://')
    point(not rig.has('fail', 'public url', 'cannot be reached'), '--offline asks nobody', rig.out)


def served(rig):
    """A gateway is running: its port is not free, and that is as it should be."""
    proxy = Proxy(rig.port)
    rig.config(public=f'http://127.0.0.1:{proxy.port}')
    with program.Gateway(RINGTRIP, 'c.yaml', cwd=rig.cwd):
        rig.check()
        rig.expect('a gateway that serves may have the port', 'pass', 'port', 'by a gateway')
        rig.expect('and is found through the public URL', 'pass', 'public url', 'to the gateway that serves now')
        rig.expect('with its media socket', 'pass', 'public url', 'takes the WebSocket upgrade')
    with socket.create_server(('127.0.0.1', rig.port)):
        rig.check()
        rig.expect('somebody else may not', 'fail', 'port', 'in use', 'PORT')


def rest(rig):
    rig.config(public='https://voice.example.com')
    rig.check('--offline')
    point(rig.status == 0 and rig.level == 'pass', 'all passes: exit status 0', rig.status, rig.out)
    rig.config()
    rig.check('--offline')
    point(rig.status == 1 and rig.level == 'warn', 'a warning: exit status 1', rig.status, rig.out)
    (rig.cwd / 'var').mkdir(exist_ok=True)
    for stale in (rig.cwd / 'var').glob('ringtrip.db*'):
        stale.unlink()
    (rig.cwd / 'var' / 'ringtrip.db').write_text('this is no database, and long enough to be taken for one\n' * 40)
    rig.check('--offline')
    rig.expect('a database that is none', 'fail', 'store', '')
    (rig.cwd / 'var' / 'ringtrip.db').unlink()
    long = 'It looks an order up. ' * 60
    rig.config(agent=', tools: [1st_look, mute, verbose]', extra=f'''
tools:
  1st_look: {{webhook: {{url: "http://127.0.0.1:9/x"}}, description: "Looks once"}}
  mute: {{webhook: {{url: "http://127.0.0.1:9/x"}}}}
  verbose: {{webhook: {{url: "http://127.0.0.1:9/x"}}, description: "{long}"}}
''')
    rig.check('--offline')
    rig.expect('a tool without a description', 'warn', 'tool', 'mute has no description', 'when to use it')
    rig.expect('a tool with too long a one', 'warn', 'tool', 'verbose', 'shorten')
    rig.expect('a name that Gemini refuses', 'warn', 'tool', '1st_look', 'rename')


def main():
    with tempfile.TemporaryDirectory() as cwd:
        rig = Rig(cwd)
        with rig.sandbox:
            for part in (providers, gemini, vertex, services, settings, carriers, plivo, reach, served, rest, complete):
                part(rig)


tap.run(main)
