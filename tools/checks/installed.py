#!/usr/bin/env python3
"""What `meson install` lays down is whole: programs run from there, and a program outside of this tree builds against
libringtrip by pkg-config alone, in C and C++, shared and static.

    installed.py BUILD CC
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import common

# It has functions called like inner ones of ours: hidden names of the library must not clash.
CONSUMER = r'''
#include <stdio.h>
#include <ringtrip/ringtrip.h>
#ifdef __cplusplus
extern "C"
#endif
int buf_init(void);
int buf_init(void) { return 7; }
int main(void)
{
    printf("%s %s %d\n", rt_version(), rt_error_text(-12) ? "text" : "none", buf_init());
    return 0;
}
'''
FILES = ['bin/ringtrip', 'bin/ringtrip-sandbox', 'include/ringtrip/ringtrip.h', '**/libringtrip.so.0',
         '**/libringtrip.a', '**/pkgconfig/ringtrip.pc', 'lib/systemd/system/ringtrip.service', 'share/man/man1/ringtrip.1']


def run(command, **env):
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    return result.returncode, result.stdout.strip(), result.stderr.strip()


class Installed:
    def __init__(self, build, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / 'root'
        command = ['meson', 'install', '-C', build, '--destdir', str(self.root), '--no-rebuild', '--quiet']
        self.status, _, self.said = run(command)
        found = sorted(self.root.glob('**/bin/ringtrip'))
        self.prefix = found[0].parents[1] if found else self.root
        libraries = sorted(self.prefix.glob('**/libringtrip.so.0'))
        self.libdir = libraries[0].parent if libraries else self.prefix

    def pkg_config(self, *arguments, of='ringtrip'):
        return run(['pkg-config', *arguments, *of.split()], PKG_CONFIG_PATH=str(self.libdir / 'pkgconfig'),
                   PKG_CONFIG_SYSROOT_DIR=str(self.root))[1].split()

    def static_libs(self):
        """Our archive, with the libraries behind it shared: their own archives are not always there (libcurl's)."""
        behind = ' '.join(w for w in self.pkg_config('--print-requires-private') if w[0].isalpha())
        lines = (self.libdir / 'pkgconfig' / 'ringtrip.pc').read_text().splitlines()
        private = [w for line in lines if line.startswith('Libs.private:') for w in line.split()[1:]]
        return [str(self.libdir / 'libringtrip.a'), *self.pkg_config('--libs', of=behind), *private]

    def consume(self, compiler, suffix, static):
        """What the consumer prints, or what went wrong."""
        source, program = self.folder / f'consumer.{suffix}', self.folder / 'consumer'
        source.write_text(CONSUMER)
        flags = self.pkg_config('--cflags') + (self.static_libs() if static else self.pkg_config('--libs'))
        status, _, said = run([*compiler, '-Wall', '-Wextra', '-Werror', str(source), '-o', str(program), *flags])
        if status != 0:
            return said
        return run([str(program)], LD_LIBRARY_PATH='' if static else str(self.libdir))[1]


def main(build, cc):
    tap = common.Tap()
    cxx = common.tool('g++', 'clang++')
    with tempfile.TemporaryDirectory() as folder:
        tree = Installed(build, folder)
        tap.point(tree.status == 0, 'installs into a folder of its own', tree.said.splitlines())
        missing = [f for f in FILES if not list(tree.prefix.glob(f))]
        tap.point(not missing, 'everything is there', missing)
        for program in ('ringtrip', 'ringtrip-sandbox'):
            status, said, wrong = run([str(tree.prefix / 'bin' / program), '--version'])
            tap.point(status == 0 and said != '', f'{program} runs from there', [said, wrong])
        helped = run([str(tree.prefix / 'bin' / 'ringtrip'), '--help'])[1]
        commands = re.findall(r'^  ([a-z]+) ', helped, re.M)
        manual = (tree.prefix / 'share' / 'man' / 'man1' / 'ringtrip.1').read_text()
        unknown = [c for c in commands if not re.search(rf'^\.B\w* {c}\b', manual, re.M)]
        tap.point(len(commands) > 3 and not unknown, 'the manual page has every command', unknown)
        version = tree.pkg_config('--modversion')
        want = f'{version[0] if version else "?"} text 7'
        for name, compiler, suffix in (('C', cc.split(), 'c'), ('C++', [cxx] if cxx else None, 'cc')):
            for static in (False, True):
                if compiler:
                    got = tree.consume(compiler, suffix, static)
                    kind = 'static' if static else 'shared'
                    tap.point(got == want, f'a {name} program links the {kind} library', got.splitlines()[:20])
        if not cxx:
            tap.skip('a C++ program links the library', 'there is no C++ compiler')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
