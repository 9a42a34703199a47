#!/usr/bin/env python3
"""A live test without the world: the sandbox is the model, `ringtrip phone --answer` the carrier's account.

    offline.py NAME[-CARRIER] RINGTRIP HEAR SANDBOX

So the programs that need keys are known to work before anybody spends money on them.
"""

import contextlib
import importlib
import os
import sys
import tempfile

import program
import tap

KEY = 'sk-offline'
TOKEN = '0' * 32
ACCOUNTS = {'plivo': ('PLIVO_AUTH_ID', 'MA000000000000000000', 'PLIVO_AUTH_TOKEN'),
            'twilio': ('TWILIO_ACCOUNT_SID', 'AC' + '0' * 32, 'TWILIO_AUTH_TOKEN')}
OURS, TEST = '+15005550006', '+15005550001'
# The world's own keys and addresses must not get in between.
FOREIGN = ('GEMINI_API_KEY', 'GOOGLE_API_KEY', 'NGROK_BIN', 'PUBLIC_URL', 'PUBLIC_DOMAIN')


def account(ringtrip, kind, cwd):
    port = program.free_port()
    public = f'http://127.0.0.1:{port}'
    name, identity, token = ACCOUNTS[kind]
    more = ['--incoming', f'{OURS}={public}/twiml'] if kind == 'twilio' else []
    there = program.Account(ringtrip, kind, public, '--auth-token', TOKEN, '--ring-ms', '1000', '--hangup', 'never', *more,
                            cwd=cwd)
    prefix = kind.upper()
    os.environ.update({name: identity, token: TOKEN, f'{prefix}_PHONE_NUMBER': OURS, f'{prefix}_TEST_NUMBER': TEST,
                       f'{prefix}_API_BASE': there.url, 'PUBLIC_URL': public, 'LIVE_PORT': str(port)})
    return there


def main(what, ringtrip, hear, sandbox):
    name, _, kind = what.partition('-')
    ringtrip, hear, sandbox = map(os.path.abspath, (ringtrip, hear, sandbox))
    for variable in FOREIGN + tuple(v for a in ACCOUNTS.values() for v in (a[0], a[2])):
        os.environ.pop(variable, None)
    with contextlib.ExitStack() as stack:
        cwd = stack.enter_context(tempfile.TemporaryDirectory())
        model = stack.enter_context(program.Sandbox(sandbox, '--key', KEY, cwd=cwd))
        os.environ.update({'OPENAI_API_KEY': KEY, 'OPENAI_BASE_URL': model.url.rsplit('/', 1)[0]})
        if kind:
            stack.enter_context(account(ringtrip, kind, cwd))
        test = importlib.import_module(name)
        test.main(*[ringtrip] if name.endswith('i_call') else [ringtrip, hear])


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
