#!/usr/bin/env python3
"""examples/recorded.yaml as its first lines say: the commands that make the recordings, then calls with them.

    recorded.py RINGTRIP SANDBOX

TAP on standard output.
"""

import os
import pathlib
import sys
import tempfile
import time
import wave

import program
import tap
from tap import point

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / 'examples'
RINGTRIP, SANDBOX = (os.path.abspath(p) for p in sys.argv[1:3])
SID = 'AC' + '0' * 32
SECRET = '0' * 32
HUMAN, MACHINE = '+15550002222', '+15550006666'


def commands(text):
    """What the example says to type, up to the program that serves."""
    lines = [line[4:] for line in text.splitlines() if line.startswith('#   ')]
    return [line for line in lines if line.startswith(('mkdir ', 'ringtrip-sandbox '))]


def run(cwd, env, *args):
    """(exit status, all that it says)"""
    status, out, err = program.run(RINGTRIP, *args, cwd=cwd, env=env)
    return status, out + err


def recordings(cwd, env, config):
    status, out = run(cwd, env, 'check', '--offline', '-c', str(config))
    point(status == 2 and 'sounds' in out and 'No such file' in out, 'without the folder the check names it', status, out)
    made = [program.run('sh', '-c', line, cwd=cwd, env=env)[0]
            for line in commands((EXAMPLES / 'recorded.yaml').read_text())]
    point(made == [0, 0, 0, 0], 'the commands of the example run', made)
    for name in ('message', 'question', 'goodbye'):
        with wave.open(str(cwd / 'examples' / 'sounds' / f'{name}.wav')) as w:
            point(w.getframerate() == 8000 and w.getnframes() > 8000 and any(w.readframes(8000)),
                  f'{name}.wav says something', w.getparams())
    status, out = run(cwd, env, 'check', '--offline', '-c', str(config))
    point(status < 2 and 'read from' in out and 'sounds' not in out and 'recording' not in out,
          'the check finds nothing to say about them', status, out)
    status, out, err = program.run(SANDBOX, '--speak', ' ', cwd=cwd, env=env)
    point(status == 2 and 'no words' in err and not out, 'silence is no recording', status, out, err)
    status, out, err = program.run(SANDBOX, '--speak', 'hello ' * 700, cwd=cwd, env=env)
    point(status == 2 and '4000 bytes' in err and not out, 'neither is a speech', status, out, err)
    status, out, err = program.run(*program.FULL_DISK, SANDBOX, '--speak', 'hello', cwd=cwd, env=env)
    point(status == 1 and 'No space left' in err, 'a full disk is told', status, out, err)


def calls(cwd, env, config):
    status, out = run(cwd, env, 'call', HUMAN, '--wait', '--consent-sound', 'question', '-c', str(config))
    point(status == 0 and 'outcome=answered' in out, 'a person is asked by the recording and pressed 1', status, out)
    status, out = run(cwd, env, 'call', MACHINE, '--wait', '-c', str(config))
    point(status == 0 and 'outcome=voicemail' in out, 'a machine gets the recording', status, out)
    status, out = run(cwd, env, 'call', HUMAN, '--consent-sound', 'nothing', '-c', str(config))
    point(status == 1 and 'question' in out, 'a recording that is not there is refused, with those that are', status, out)
    status, out = run(cwd, env, 'campaigns', 'create', str(EXAMPLES / 'recorded.json'), '-c', str(config))
    point(status == 0, 'the campaign of the example', status, out)
    wrong = cwd / 'wrong.json'
    wrong.write_text((EXAMPLES / 'recorded.json').read_text().replace('"question"', '"nothing"')
                     .replace('"timezone"', '"window": {"start": "00:00", "end": "00:00"}, "timezone"'))
    status, out = run(cwd, env, 'campaigns', 'create', str(wrong), '-c', str(config))
    name = out.split()[1]
    people = cwd / 'people.csv'
    people.write_text(f'phone_number\n{HUMAN}\n')
    run(cwd, env, 'campaigns', 'import', name, str(people), '-c', str(config))
    run(cwd, env, 'campaigns', 'start', name, '-c', str(config))
    until = time.monotonic() + 60
    while 'paused' not in out and time.monotonic() < until:
        time.sleep(0.2)
        status, out = run(cwd, env, 'campaigns', 'show', name, '-c', str(config))
    point('paused' in out and 'no recording "nothing"' in out and 'pending 1' in out,
          'a campaign whose recording is not there rests before anybody is called', out)


def try_example(home):
    tools = home / 'bin'
    tools.mkdir()
    (tools / 'ringtrip-sandbox').symlink_to(SANDBOX)
    port = program.free_port()
    url = f'http://127.0.0.1:{port}'
    account = program.Account(RINGTRIP, 'twilio', url, '--account', SID, '--auth-token', SECRET, '--ring-ms', '200',
                              '--prompt-keys', '1', '--callee', f'{HUMAN}=human', '--callee', f'{MACHINE}=machine', cwd=home)
    env = {'PATH': f'{tools}:{os.environ["PATH"]}', 'RINGTRIP_SANDBOX': SANDBOX, 'TWILIO_ACCOUNT_SID': SID,
           'TWILIO_AUTH_TOKEN': SECRET, 'TWILIO_PHONE_NUMBER': '+15005550006', 'PUBLIC_URL': url}
    config = home / 'examples' / 'recorded.yaml'
    config.parent.mkdir()
    config.write_text((EXAMPLES / 'recorded.yaml').read_text() +  # and what makes it a test
                      f'server: {{listen: "127.0.0.1:{port}"}}\n'
                      f'records: {{dir: {home}/var, min_free_mb: 0}}\n'
                      f'carriers: {{twilio: {{api_base: "{account.url}"}}}}\n')
    with account:
        recordings(home, env, config)
        with program.Gateway(RINGTRIP, config, cwd=home, env=env) as gateway:
            calls(home, env, config)
            ended = [gateway.stop(), account.stop()]
    point(ended == [0, 0], 'both end well', ended, gateway.said(), account.said())


def main():
    with tempfile.TemporaryDirectory() as folder:
        try_example(pathlib.Path(folder))


tap.run(main)
