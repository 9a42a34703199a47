#!/usr/bin/env python3
"""A live test without the world: the sandbox is the model, `ringtrip phone --answer` the carrier's account.

    offline.py NAME[-CARRIER] RINGTRIP HEAR SANDBOX

So the programs that need keys are known to work before anybody spends money on them.
"""

import importlib
import os
import subprocess
import sys

import live

KEY = 'sk-offline'
TOKEN = '0' * 32
ACCOUNTS = {'plivo': ('PLIVO_AUTH_ID', 'MA000000000000000000', 'PLIVO_AUTH_TOKEN'),
            'twilio': ('TWILIO_ACCOUNT_SID', 'AC' + '0' * 32, 'TWILIO_AUTH_TOKEN')}
OURS, TEST = '+15005550006', '+15005550001'
# The world's own keys and addresses must not get in between.
FOREIGN = ('GEMINI_API_KEY', 'GOOGLE_API_KEY', 'NGROK_BIN', 'PUBLIC_URL', 'PUBLIC_DOMAIN')


def start(*command):
    """A program, and its first line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, text=True)
    return process, process.stdout.readline()


def account(program, kind, port):
    public = f'http://127.0.0.1:{port}'
    name, identity, token = ACCOUNTS[kind]
    more = ['--incoming', f'{OURS}={public}/twiml'] if kind == 'twilio' else []
    process, line = start(program, 'phone', '--answer', '--as', kind, '--listen', '127.0.0.1:0', '--deliver', public,
                          '--auth-token', TOKEN, '--ring-ms', '1000', '--hangup', 'never', *more)
    base = line.split('api_base=')[1].split()[0]
    prefix = kind.upper()
    os.environ.update({name: identity, token: TOKEN, f'{prefix}_PHONE_NUMBER': OURS, f'{prefix}_TEST_NUMBER': TEST,
                       f'{prefix}_API_BASE': base, 'PUBLIC_URL': public, 'LIVE_PORT': str(port)})
    return process


def main(what, program, hear, sandbox):
    name, _, kind = what.partition('-')
    for variable in FOREIGN + tuple(v for a in ACCOUNTS.values() for v in (a[0], a[2])):
        os.environ.pop(variable, None)
    model, line = start(sandbox, '--listen', '127.0.0.1:0', '--die-with-parent', '--key', KEY)
    processes = [model]
    os.environ.update({'OPENAI_API_KEY': KEY, 'OPENAI_BASE_URL': line.split()[-1].rsplit('/', 1)[0]})
    if kind:
        processes.append(account(program, kind, live.free_port()))
    try:
        test = importlib.import_module(name)
        return test.main(program) if name.endswith('i_call') else test.main(program, hear)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
