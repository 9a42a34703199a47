#!/usr/bin/env python3
"""examples/recorded.yaml as its first lines say: the commands that make the recordings, then calls with them.

    recorded.py RINGTRIP SANDBOX

TAP on standard output.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / 'examples'
RINGTRIP, SANDBOX = (os.path.abspath(p) for p in sys.argv[1:3])
SID = 'AC' + '0' * 32
SECRET = '0' * 32
HUMAN, MACHINE = '+15550002222', '+15550006666'
count = 0
failed = 0


def point(ok, name, *detail):
    global count, failed
    count += 1
    failed += not ok
    print(f'{"ok" if ok else "not ok"} {count} - {name}')
    for text in detail if not ok else ():
        for line in str(text).splitlines():
            print(f'# {line}')
    sys.stdout.flush()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(port, *processes):
    until = time.monotonic() + 60
    while time.monotonic() < until and all(p.poll() is None for p in processes):
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f'nothing listens at {port}')


def commands(text):
    """What the example says to type, up to the program that serves."""
    lines = [line[4:] for line in text.splitlines() if line.startswith('#   ')]
    return [line for line in lines if line.startswith(('mkdir ', 'ringtrip-sandbox '))]


def run(cwd, env, *args):
    p = subprocess.run([RINGTRIP, *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    return p.returncode, p.stdout + p.stderr


def recordings(cwd, env, config):
    status, out = run(cwd, env, 'check', '--offline', '-c', str(config))
    point(status == 2 and 'sounds' in out and 'No such file' in out, 'without the folder the check names it', status, out)
    made = [subprocess.run(['sh', '-c', line], cwd=cwd, env=env, timeout=60).returncode
            for line in commands((EXAMPLES / 'recorded.yaml').read_text())]
    point(made == [0, 0, 0, 0], 'the commands of the example run', made)
    for name in ('message', 'question', 'goodbye'):
        with wave.open(str(cwd / 'examples' / 'sounds' / f'{name}.wav')) as w:
            point(w.getframerate() == 8000 and w.getnframes() > 8000 and any(w.readframes(8000)),
                  f'{name}.wav says something', w.getparams())
    status, out = run(cwd, env, 'check', '--offline', '-c', str(config))
    point(status < 2 and 'read from' in out and 'sounds' not in out and 'recording' not in out,
          'the check finds nothing to say about them', status, out)
    p = subprocess.run([SANDBOX, '--speak', ' '], env=env, capture_output=True, timeout=60)
    point(p.returncode == 2 and b'no words' in p.stderr and not p.stdout, 'silence is no recording', p)
    p = subprocess.run([SANDBOX, '--speak', 'hello ' * 700], env=env, capture_output=True, timeout=60)
    point(p.returncode == 2 and b'4000 bytes' in p.stderr and not p.stdout, 'neither is a speech', p)
    with open('/dev/full', 'wb') as full:
        p = subprocess.run([SANDBOX, '--speak', 'hello'], env=env, stdout=full, stderr=subprocess.PIPE, timeout=60)
    point(p.returncode == 1 and b'No space left' in p.stderr, 'a full disk is told', p)


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


with tempfile.TemporaryDirectory() as folder:
    home = pathlib.Path(folder)
    port, account_port = free_port(), free_port()
    tools = home / 'bin'
    tools.mkdir()
    (tools / 'ringtrip-sandbox').symlink_to(SANDBOX)
    environ = {'PATH': f'{tools}:{os.environ["PATH"]}', 'HOME': folder, 'RINGTRIP_SANDBOX': SANDBOX,
               'TWILIO_ACCOUNT_SID': SID, 'TWILIO_AUTH_TOKEN': SECRET, 'TWILIO_PHONE_NUMBER': '+15005550006',
               'PUBLIC_URL': f'http://127.0.0.1:{port}'}
    environ.update({n: os.environ[n] for n in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS') if n in os.environ})
    yaml = home / 'examples' / 'recorded.yaml'
    yaml.parent.mkdir()
    yaml.write_text((EXAMPLES / 'recorded.yaml').read_text() +  # and what makes it a test
                    f'server: {{listen: "127.0.0.1:{port}"}}\n'
                    f'records: {{dir: {folder}/var, min_free_mb: 0}}\n'
                    f'carriers: {{twilio: {{api_base: "http://127.0.0.1:{account_port}"}}}}\n')
    recordings(home, environ, yaml)
    with open(home / 'log', 'wb') as log:
        account = subprocess.Popen(
            [RINGTRIP, 'phone', '--answer', '--as', 'twilio', '--listen', f'127.0.0.1:{account_port}', '--deliver',
             f'http://127.0.0.1:{port}', '--account', SID, '--auth-token', SECRET, '--ring-ms', '200',
             '--prompt-keys', '1', '--callee', f'{HUMAN}=human', '--callee', f'{MACHINE}=machine'],
            cwd=home, env=environ, stdout=log, stderr=log)
        gateway = subprocess.Popen([RINGTRIP, 'serve', '-c', str(yaml)], cwd=home, env=environ, stdout=log, stderr=log)
        try:
            wait_for(account_port, account, gateway)
            wait_for(port, account, gateway)
            calls(home, environ, yaml)
        finally:
            said = []
            for process in (gateway, account):
                process.send_signal(signal.SIGTERM)
                said.append(process.wait(60))
    point(said == [0, 0], 'both end well', said, (home / 'log').read_text(errors='replace')[-3000:])

print(f'1..{count}')
sys.exit(failed > 0)
