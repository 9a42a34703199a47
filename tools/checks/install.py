#!/usr/bin/env python3
"""tools/install-deps asks for exactly what is missing, once, and explains itself when it may not install.

Runs it against a made-up machine: a folder with its own dpkg-query, apt-get, id and sudo as the whole PATH.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import common

NEEDED = ['sh', 'dirname', 'sed', 'awk', 'grep', 'env', 'cat']
FAKES = {
    'id': 'echo ${FAKE_UID}',
    'sleep': ':',
    'apt-get': 'for a; do case $a in update) echo update >>"$FAKE_LOG"; exit ${FAKE_UPDATE:-0};; '
               'install) shift 8 2>/dev/null; echo "install $*" >>"$FAKE_LOG"; exit ${FAKE_INSTALL:-0};; esac; done',
    'dpkg-query': 'for a; do case " $FAKE_INSTALLED " in *" $a "*) echo "$a installed";; esac; done; exit 1',
}


def packages():
    rows = [line.split() for line in common.read('tools/packages.txt').splitlines() if line[:1] not in ('', '#')]
    return [(group, package, probe) for group, package, probe in rows]


class Machine:
    """A PATH of its own under a folder."""

    def __init__(self, folder, programs=()):
        self.bin = pathlib.Path(folder) / 'bin'
        self.bin.mkdir()
        self.log = pathlib.Path(folder) / 'log'
        for name in NEEDED:
            (self.bin / name).symlink_to(shutil.which(name))
        for name, body in {**FAKES, **dict(programs)}.items():
            (self.bin / name).write_text(f'#!{shutil.which("sh")}\n{body}\n')
            (self.bin / name).chmod(0o755)

    def run(self, *groups, uid=0, installed=(), **env):
        env = {'PATH': str(self.bin), 'FAKE_UID': str(uid), 'FAKE_LOG': str(self.log),
               'FAKE_INSTALLED': ' '.join(installed), **env}
        result = subprocess.run([self.bin / 'sh', common.ROOT / 'tools' / 'install-deps', *groups], env=env,
                                capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said = self.log.read_text().splitlines() if self.log.exists() else []
        return result.returncode, result.stderr, said


def machine_case(tap, what, judge, groups=('build',), programs=(), **how):
    with tempfile.TemporaryDirectory() as folder:
        status, stderr, calls = Machine(folder, programs).run(*groups, **how)
    tap.point(judge(status, stderr, calls), what, [f'exit {status}', *stderr.splitlines(), *calls])


def main():
    tap = common.Tap()
    build = [p for g, p, _ in packages() if g == 'build']
    test = [p for g, p, _ in packages() if g == 'test']
    most = [p for p in build if p != 'libuv1-dev']
    node = [('node', 'echo v20.1.0'), ('npm', ':')]
    machine_case(tap, 'nothing missing: apt-get is never called', lambda s, e, c: s == 0 and not c and not e,
                 installed=build)
    machine_case(tap, 'one missing: one update, one install of that one',
                 lambda s, e, c: s == 0 and len(c) == 2 and c[0] == 'update' and c[1].split()[-1] == 'libuv1-dev'
                 and 'libssl-dev' not in c[1], installed=most)
    machine_case(tap, 'a failing update does not stop an install that works',
                 lambda s, e, c: s == 0 and c.count('update') == 3 and c[-1].startswith('install'),
                 installed=most, FAKE_UPDATE='100')
    machine_case(tap, 'a failing install is tried again, then named',
                 lambda s, e, c: s == 1 and len(c) == 4 and 'could not install: libuv1-dev' in e,
                 installed=most, FAKE_INSTALL='100')
    machine_case(tap, 'neither root nor sudo: says exactly what to install',
                 lambda s, e, c: s == 1 and not c and 'apt-get install --no-install-recommends libuv1-dev' in e,
                 installed=most, uid=1000)
    machine_case(tap, 'sudo is used when there is one',
                 lambda s, e, c: s == 0 and c[0] == 'sudo' and len(c) > 2 and 'libuv1-dev' in c[-1],
                 installed=most, uid=1000,
                 programs=[('sudo', '[ "$1" = -n ] || { echo sudo >>"$FAKE_LOG"; exec "$@"; }')])
    machine_case(tap, 'told not to install: only reports', lambda s, e, c: s == 1 and not c and 'libuv1-dev' in e,
                 installed=most, RINGTRIP_NO_INSTALL='1')
    machine_case(tap, 'a program from elsewhere counts', lambda s, e, c: s == 0 and not c,
                 installed=[p for p in build if p != 'meson'], programs=[('meson', ':')])
    machine_case(tap, 'a new enough node with npm counts', lambda s, e, c: s == 0 and not c, groups=('build', 'test'),
                 installed=[p for p in build + test if p not in ('nodejs', 'npm')], programs=node)
    machine_case(tap, 'an old node does not', lambda s, e, c: s == 0 and 'nodejs' in c[-1], groups=('build',),
                 installed=[p for p in build if p not in ('nodejs', 'npm')],
                 programs=[('node', 'echo v12.22.0'), ('npm', ':')])
    machine_case(tap, 'an unknown group is refused', lambda s, e, c: s == 2 and not c, groups=('nonsense',))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
