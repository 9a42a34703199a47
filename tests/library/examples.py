#!/usr/bin/env python3
"""The example programs, built as a reader of the docs would: by pkg-config against an installed tree, in strict C11, and
run against the offline sandbox. TAP on standard output.

    examples.py BUILD SOURCE CC
"""

import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import program
import tap
from tap import point


class Tree:
    """An installed tree, and programs built against it."""

    def __init__(self, build, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / 'root'
        done = subprocess.run(['meson', 'install', '-C', build, '--destdir', str(self.root), '--no-rebuild', '--quiet'],
                              capture_output=True, text=True)
        point(done.returncode == 0, 'the library installs into a folder of its own', done.stdout, done.stderr)
        self.bin = next(self.root.glob('**/bin/ringtrip')).parent
        self.lib = next(self.root.glob('**/libringtrip.so.0')).parent
        self.env = {'LD_LIBRARY_PATH': str(self.lib), 'PATH': f'{self.bin}:{os.environ["PATH"]}'}

    def flags(self):
        env = {**os.environ, 'PKG_CONFIG_PATH': str(self.lib / 'pkgconfig'), 'PKG_CONFIG_SYSROOT_DIR': str(self.root)}
        return subprocess.run(['pkg-config', '--cflags', '--libs', 'ringtrip'], env=env, capture_output=True, text=True,
                              check=True).stdout.split()

    def compile(self, source, cc):
        built = self.folder / source.stem
        strict = ['-std=c11', '-pedantic-errors', '-Wall', '-Wextra', '-Werror']
        done = subprocess.run([*cc, *strict, str(source), '-o', str(built), *self.flags()], capture_output=True, text=True)
        point(done.returncode == 0, f'{source.name} compiles as strict C11 by pkg-config alone', done.stderr)
        return built

    def run(self, example, *args, given=b''):
        status, out, said = program.run(example, *args, cwd=self.folder, env=self.env, typed=given)
        return status, out, said.decode(errors='replace')


def tone(seconds, rate):
    """A WAV with a buzz: the sandbox without ears takes any sound for the next sentence of its script."""
    n = int(seconds * rate)
    data = struct.pack(f'<{n}h', *(6000 if i // 40 % 2 else -6000 for i in range(n)))
    return (b'RIFF' + struct.pack('<I', 36 + len(data)) + b'WAVEfmt ' + struct.pack('<IHHIIHH', 16, 1, 1, rate, rate * 2, 2, 16)
            + b'data' + struct.pack('<I', len(data)) + data)


def try_talk(tree, talk, url):
    for rate in (24000, 8000):
        status, out, said = tree.run(talk, url, given=tone(1.0, rate))
        samples = (len(out) - 44) // 2
        point(status == 0 and out[:4] == b'RIFF' and struct.unpack_from('<I', out, 24)[0] == rate and samples > rate // 2,
              f'talk answers a question at {rate} Hz with a WAV of the same rate', status, len(out), said)
        point('agent: ' in said, 'and writes down what the agent says', said)
    status, _, said = tree.run(talk, url, given=b'not a sound at all')
    point(status == 1 and 'WAV' in said, 'talk says what is wrong with its input', status, said)
    status, _, said = tree.run(talk, 'ws://127.0.0.1:1/v1/realtime', given=tone(0.2, 8000))
    point(status == 1 and 'connect' in said, 'and when there is nobody to talk to', status, said)


def try_code_tool(tree, code_tool):
    typed = b'Where is my order 1234?\ny\nWhat is the status of my order 1234?\nn\nq\n'
    status, out, said = tree.run(code_tool, given=typed)
    text = out.decode()
    point(status == 0 and text.count('May it use check_order_status') == 2, 'code_tool asks before each use', status, text, said)
    point('has been shipped' in text and said.count('[check_order_status') == 1 and '1 uses' in said,
          'an approved use runs, a refused one does not', text, said)


def try_embed(tree, embed, url):
    config = tree.folder / 'embed.yaml'
    config.write_text('server: {listen: "127.0.0.1:0"}\nrecords: {dir: var, recording: false, journal: false}\n'
                      f'providers: {{box: {{kind: sandbox, url: "{url}"}}}}\n'
                      'agent: {name: shop, instructions: Help., tools: [end_call], turn_detection: {type: server_vad}}\n')
    (tree.folder / 'buzz.wav').write_bytes(tone(1.2, 8000))
    with program.Program(embed, config, cwd=tree.folder, env=tree.env) as embedded:
        url = embedded.wait_for(r'listening on (\S+)\s')[1]
        point(url.endswith('/twiml'), 'embed says where it listens', url)
        called = program.run(tree.bin / 'ringtrip', 'phone', url, '--wav', 'buzz.wav', cwd=tree.folder, env=tree.env)
        embedded.process.stdin.close()
        status = embedded.wait()
        said = embedded.said()
    point('asks for' in said and 'approved check_order_status' in said, 'a telephone call uses the tool of the program',
          *called, said)
    point(status == 0, 'embed ends with its input', status, said)


def main(build, source, cc):
    examples = pathlib.Path(source) / 'examples' / 'lib'
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(build, folder)
        programs = {path.stem: tree.compile(path, cc.split()) for path in sorted(examples.glob('*.c'))}
        for path in examples.glob('*.c'):
            shown = re.findall(r'pkg-config --cflags --libs ringtrip', path.read_text())
            point(bool(shown), f'{path.name} says how it is built')
        shown = re.findall(r'^```c\n(.*?)^```', (pathlib.Path(source) / 'docs' / 'library.md').read_text(), re.M | re.S)
        page = tree.folder / 'page.c'
        page.write_text(shown[0])
        status, out, said = tree.run(tree.compile(page, cc.split()))
        point(status == 0 and out != b'', 'the program of the docs talks', status, out, said)
        with program.Sandbox(tree.bin / 'ringtrip-sandbox', '--canned', cwd=folder) as sandbox:
            try_talk(tree, programs['talk'], sandbox.url)
            try_code_tool(tree, programs['code_tool'])
            try_embed(tree, programs['embed'], sandbox.url)


tap.run(main, *sys.argv[1:])
