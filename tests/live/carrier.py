"""A carrier's account as the live tests use it: by REST, with the keys of whoever runs them.

Both ways need a number of ours (the agent's) and a test number of the same account: PLIVO_PHONE_NUMBER and
PLIVO_TEST_NUMBER, or TWILIO_PHONE_NUMBER and TWILIO_TEST_NUMBER.
"""

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import tap


def get(url, seconds=10):
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        return json.load(answer)


class Account:
    """What both carriers have in common: one request, with Basic authorization."""

    def __init__(self, user, password, base):
        self.user = user
        self.base = base.rstrip('/')
        self.basic = base64.b64encode(f'{user}:{password}'.encode()).decode()

    def ask(self, method, path, body=None, kind='application/json'):
        request = urllib.request.Request(self.base + path, data=body, method=method)
        request.add_header('Authorization', 'Basic ' + self.basic)
        if body is not None:
            request.add_header('Content-Type', kind)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                text = answer.read().decode()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            raise RuntimeError(f'{method} {path}: HTTP {error.code}: {error.read().decode()[:300]}') from error


class Plivo(Account):
    name = 'plivo'
    names = ('PLIVO_AUTH_ID', 'PLIVO_AUTH_TOKEN', 'PLIVO_PHONE_NUMBER', 'PLIVO_TEST_NUMBER')

    def __init__(self):
        super().__init__(os.environ['PLIVO_AUTH_ID'], os.environ['PLIVO_AUTH_TOKEN'],
                         os.environ.get('PLIVO_API_BASE', 'https://api.plivo.com'))
        self.ours, self.test = os.environ['PLIVO_PHONE_NUMBER'], os.environ['PLIVO_TEST_NUMBER']

    def config(self):
        return {'plivo': {'auth_id': self.user, 'auth_token': os.environ['PLIVO_AUTH_TOKEN'], 'phone_number': self.ours,
                          'api_base': self.base, 'application': 'Ringtrip_live'}}

    def _rest(self, method, path, **body):
        return self.ask(method, f'/v1/Account/{self.user}/{path}', json.dumps(body).encode() if method != 'GET' else None)

    def call(self, public):
        """The test number calls ours; the caller's end is kept alive by our own /hold."""
        return self._rest('POST', 'Call/', **{'from': self.test.lstrip('+'), 'to': self.ours.lstrip('+'),
                                              'answer_url': public + '/hold', 'answer_method': 'POST'})['request_uuid']

    def say(self, call, text):
        self._rest('POST', f'Call/{call}/Speak/', text=text, legs='aleg', voice='WOMAN', language='en-US')

    def hang_up(self, call):
        self._rest('DELETE', f'Call/{call}/')


class Twilio(Account):
    name = 'twilio'
    names = ('TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_PHONE_NUMBER', 'TWILIO_TEST_NUMBER')
    question = 'Where is my order one two three four?'

    def __init__(self):
        super().__init__(os.environ['TWILIO_ACCOUNT_SID'], os.environ['TWILIO_AUTH_TOKEN'],
                         os.environ.get('TWILIO_API_BASE', 'https://api.twilio.com'))
        self.ours, self.test = os.environ['TWILIO_PHONE_NUMBER'], os.environ['TWILIO_TEST_NUMBER']

    def config(self):
        return {'twilio': {'account_sid': self.user, 'auth_token': os.environ['TWILIO_AUTH_TOKEN'],
                           'phone_number': self.ours, 'api_base': self.base}}

    def _rest(self, path, **form):
        return self.ask('POST', f'/2010-04-01/Accounts/{self.user}/{path}.json', urllib.parse.urlencode(form).encode(),
                        'application/x-www-form-urlencoded')

    def call(self, public):
        """The test number calls ours, whose voice webhook has to be PUBLIC_URL/twiml; it listens, asks, and listens."""
        twiml = f'<Response><Pause length="8"/><Say>{self.question}</Say><Pause length="40"/></Response>'
        return self._rest('Calls', From=self.test, To=self.ours, Twiml=twiml)['sid']

    def say(self, call, text):
        pass  # it stands in the document

    def hang_up(self, call):
        self._rest('Calls/' + call, Status='completed')


def account():
    """The first one whose names are all set; without any the test is skipped."""
    for kind in (Plivo, Twilio):
        if all(os.environ.get(name) for name in kind.names):
            return kind()
    raise tap.Skipped('neither ' + ', '.join(Plivo.names) + ' nor their Twilio twins are set')


class Public:
    """How the carrier reaches the gateway: PUBLIC_URL, or a tunnel that NGROK_BIN opens to its port."""

    def __init__(self, port):
        self.process = None
        self.url = os.environ.get('PUBLIC_URL', '').rstrip('/')
        if not self.url:
            self.process = subprocess.Popen([os.environ['NGROK_BIN'], 'http', str(port), '--log=stdout'],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.url = self._tunnel()

    @staticmethod
    def _tunnel():
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                for tunnel in get('http://127.0.0.1:4040/api/tunnels', 2)['tunnels']:
                    if tunnel['public_url'].startswith('https://'):
                        return tunnel['public_url']
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(0.5)
        raise RuntimeError('NGROK_BIN opened no tunnel within 20 s')

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
