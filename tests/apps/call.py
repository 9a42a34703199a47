#!/usr/bin/env python3
"""`ringtrip call` as a user calls it: a gateway that serves, the simulated account of either carrier, exit codes.

    call.py RINGTRIP SANDBOX

TAP on standard output.
"""

import json
import os
import pathlib
import sys
import tempfile

import program
import tap
from tap import point

RINGTRIP, SANDBOX = (os.path.abspath(p) for p in sys.argv[1:3])
SID = {'twilio': 'AC' + '0' * 32, 'plivo': 'MA' + '0' * 18}
SECRET = '0' * 32
TOKEN = 'control-token-1'
OURS = '+15005550006'
PEOPLE = {'human': '+15550002222', 'busy': '+15550003333', 'no-answer': '+15550004444', 'failed': '+15550005555',
          'machine': '+15550006666'}


class World:
    """A gateway and the account that it dials with."""

    def __init__(self, carrier, folder):
        self.carrier = carrier
        self.dir = folder
        self.port = program.free_port()
        url = f'http://127.0.0.1:{self.port}'
        self.env = {'RINGTRIP_SANDBOX': SANDBOX}
        callees = [a for kind, number in PEOPLE.items() for a in ('--callee', f'{number}={kind}')]
        self.account = program.Account(RINGTRIP, carrier, url, '--account', SID[carrier], '--auth-token', SECRET,
                                       '--ring-ms', '200', '--prompt-keys', '2', *callees, cwd=self.dir)
        names = ('account_sid', 'auth_token') if carrier == 'twilio' else ('auth_id', 'auth_token')
        self.config = self.dir / 'ringtrip.yaml'
        self.config.write_text(
            f'server: {{listen: "127.0.0.1:{self.port}", public_url: "{url}", tokens: [{TOKEN}]}}\n'
            f'records: {{dir: {self.dir}/var, recording: false, journal: false, min_free_mb: 0}}\n'
            f'outbound: {{ring_s: 5}}\nlimits: {{max_calls_per_number: 100}}\n'
            f'carriers: {{{carrier}: {{{names[0]}: "{SID[carrier]}", {names[1]}: "{SECRET}", '
            f'phone_number: "{OURS}", api_base: "{self.account.url}"}}}}\n')
        self.gateway = program.Gateway(RINGTRIP, self.config, cwd=self.dir, env=self.env)

    def call(self, *args, config=True, command='call'):
        """(exit status, standard output, standard error)"""
        source = ['-c', str(self.config)] if config else []
        return program.run(RINGTRIP, command, *args, *source, cwd=self.dir, env=self.env)


def usage(world):
    for args, words in (((), 'NUMBER is missing'), (('+1555', '+1556'), 'unexpected argument'),
                        (('+15550002222', '--ring', 'long'), 'a number of seconds'),
                        (('+15550002222', '-v', 'novalue'), 'NAME=VALUE'),
                        (('+15550002222', '--shout'), '--shout')):
        status, out, err = world.call(*args)
        point(status == 2 and words in err and not out, f'usage: {" ".join(args) or "no number"}', status, out, err)
    status, out, err = world.call('--help')
    point(status == 0 and 'Exit status' in out, 'usage: --help is no mistake', status, out, err)
    missing = str(world.dir / 'none.yaml')
    status, out, err = world.call('+15550002222', '-c', missing, config=False)
    point(status == 2 and 'none.yaml' in err, 'a configuration that is not there', status, out, err)


def refusals(world):
    port = program.free_port()
    status, out, err = world.call('+15550002222', '--url', f'http://127.0.0.1:{port}', '--token', TOKEN)
    point(status == 1 and f'127.0.0.1:{port}' in err and not out, 'a gateway that is not there is named', status, out,
          err)
    status, out, err = world.call('+15550002222', '--url', f'http://127.0.0.1:{world.port}', '--token', 'wrong',
                                  config=False)
    point(status == 1 and '401' in err, 'a wrong token', status, out, err)
    for args, words in ((('hello',), 'cannot be called'), (('+15550002222', '--agent', 'Nobody'), 'no agent'),
                        (('+15550002222', '--on-machine', 'shout'), 'on_machine must be'),
                        (('+15550002222', '--consent', ''), 'consent.prompt'),
                        (('+15550002222', '--carrier', 'pigeon'), 'no such carrier')):
        status, out, err = world.call(*args)
        point(status == 1 and words in err, f'refused: {" ".join(args)}', status, out, err)
    status, out, err = world.call('hello', '--json')
    point(status == 1 and 'error' in json.loads(out), 'refused, for programs', status, out, err)


def outcomes(world):
    for kind, more, want, text in (
            ('human', (), 0, 'outcome=answered'), ('busy', (), 1, 'outcome=busy'),
            ('no-answer', (), 1, 'outcome=no_answer'), ('failed', (), 1, 'outcome=failed'),
            ('machine', ('--on-machine', 'hangup'), 0, 'outcome=machine'),
            ('human', ('--consent', 'Press 1.'), 1, 'outcome=consent_denied')):
        status, out, err = world.call(PEOPLE[kind], '--wait', *more)
        ok = status == want and text in out and out.startswith('call_id=') and 'reason=' in out
        point(ok, f'{world.carrier}: {kind} {" ".join(more)}', status, out, err)


def records(world, call_id):
    """What the store knows of a call that we made, without the gateway."""
    status, out, err = world.call(command='calls')
    row = next((line for line in out.splitlines() if line.startswith(call_id)), '')
    point(status == 0 and f'to   {PEOPLE["human"]}' in row and OURS not in row, 'calls: whom we called', out, err)
    status, out, err = world.call('show', call_id, command='calls')
    point(status == 0 and ', by us' in out and 'outcome    answered' in out and 'because    the parcel' in out and
          'cause      ' in out, 'calls show: what for, and what became of it', out, err)
    point('\x1b' not in out and '\x9b' not in out and 'Ada [2J' in out, 'calls show: nothing moves the cursor', repr(out))
    status, out, err = world.call('show', call_id, '--json', command='calls')
    dial = json.loads(out).get('dial') if status == 0 else None
    point(bool(dial) and dial['outcome'] == 'answered' and dial['opening_reason'] == 'the parcel',
          'calls show: the same for programs', out, err)


def the_rest(world):
    status, out, err = world.call('(555) 000-2222', '--wait', '--json', '--reason', 'the parcel', '-v', 'name=Ada',
                                  '--objective', 'greet Ada\x1b[2J\x9b3A')
    try:
        record = json.loads(out)
    except ValueError:
        record = {}
    dial = record.get('dial') or {}
    point(status == 0 and record.get('to') == PEOPLE['human'] and dial.get('opening_reason') == 'the parcel' and
          dial.get('outcome') == 'answered', 'the record, for programs', status, out, err)
    if record:
        records(world, record['id'])
    first = world.call(PEOPLE['busy'], '--key', 'order-1', '--json')
    again = world.call(PEOPLE['busy'], '--key', 'order-1', '--json')
    other = world.call(PEOPLE['human'], '--key', 'order-1')
    same = first[0] == again[0] == 0 and json.loads(first[1])['call_id'] == json.loads(again[1])['call_id']
    point(same, 'asked twice with one key, called once', first, again)
    point(other[0] == 1 and '409' in other[2], 'the key of another call', other)


def try_carrier(name, folder):
    world = World(name, folder)
    with world.account, world.gateway:
        if name == 'twilio':
            usage(world)
            refusals(world)
        outcomes(world)
        if name == 'twilio':
            the_rest(world)
        codes = [world.gateway.stop(), world.account.stop()]
    point(codes[0] == 0, f'{name}: the gateway ends well', codes, world.gateway.said())
    point(codes[1] == 0, f'{name}: the account was asked nothing that the carrier would refuse', codes, world.account.said())


def main():
    for name in ('twilio', 'plivo'):
        with tempfile.TemporaryDirectory() as folder:
            try_carrier(name, pathlib.Path(folder))


tap.run(main)
