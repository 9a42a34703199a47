#!/usr/bin/env python3
"""What one call costs the gateway in user instructions and system calls: bench/count.py BUILD_DIR [options].

Both are counted, not timed, so the neighbours on a shared machine do not move them. The load run of bench/load.sh is
made twice, with a short and a long time of measuring; the difference, divided by calls and seconds, holds neither the
start nor the end of anything.

    instructions   callgrind, 10 calls, by module (the folder of the source file) or by function
    system calls   strace -c of all threads, 100 calls: how many events one pass serves depends on how many there are

A build without debug information (-Ddebug=true) has no files, and its functions stand under their program. TLS=1,
TURNS=local and LOAD_ECHO=true mean what they mean to load.sh.
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = (10, 30)  # seconds: whole rounds of the profile, which repeats every ten
ATTEMPTS = 3
LIBRARY = re.compile(r'lib(?:\w|-)+?(?=-?[\d.]*\.so)')

# To valgrind each round of a repeated string instruction is one; with these the C library uses loops instead.
TUNABLES = 'glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000'


def load(build, tool, calls, seconds):
    """One load run with the gateway under the tool; again when a busy machine kept the generator from its work."""
    gateway = f'{tool} {build}/apps/ringtrip/ringtrip serve -c {HERE}/load.yaml'
    command = [HERE / 'load.sh', build, '--calls', str(calls), '--seconds', str(seconds), '--bare']
    environment = {**os.environ, 'GATEWAY': gateway, 'GLIBC_TUNABLES': TUNABLES}
    for _ in range(ATTEMPTS):
        run = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
        if run.returncode == 0 and 'attention' not in run.stdout:
            return
    sys.exit(f'count.py: the load run failed {ATTEMPTS} times\n{run.stdout}{run.stderr}')


# ---- instructions ----


def module_of(path, program):
    """src/call/turn.c -> call, libuv.so.1 -> libuv; a header of the compiler belongs to who includes it."""
    parts = pathlib.PurePath(path).parts
    if 'src' in parts and path.endswith(('.c', '.h', '.cc', '.inc')):
        folders = parts[len(parts) - parts[::-1].index('src'):-1]
        return '/'.join(folders)
    if 'apps' in parts:
        return 'apps'
    name = pathlib.PurePath(program).name
    found = LIBRARY.match(name)
    return found.group(0) if found else name


def expand(names, text):
    """callgrind writes "(7) name" once and "(7)" from then on."""
    number, _, name = text.partition(' ')
    if name:
        names[number] = name
    return names.get(number, '???')


def costs(path):
    """Instructions by (module, function): where they are executed, inlined code at its own file."""
    tables = {kind: {} for kind in ('ob', 'fl', 'fn')}
    kinds = {'ob': 'ob', 'fl': 'fl', 'fi': 'fl', 'fe': 'fl', 'fn': 'fn', 'cob': 'ob', 'cfi': 'fl', 'cfl': 'fl', 'cfn': 'fn'}
    at = dict.fromkeys(('ob', 'fl', 'fi', 'fn'), '???')
    found = collections.Counter()
    called = False
    for line in path.read_text(errors='replace').splitlines():
        key, equals, value = line.partition('=')
        if equals and key in kinds:
            name = expand(tables[kinds[key]], value)
            if key in ('fi', 'fe'):
                at['fi'] = name
            elif not key.startswith('c'):
                at[key] = name
                at['fi'] = name if key == 'fl' else at['fl']
        elif line.startswith('calls='):
            called = True  # the next line is the callee's cost
        elif line and line[0] in '0123456789+-*':
            if not called:
                inlined = '/src/' in at['fi'] and not at['fi'].startswith('/usr')
                where = module_of(at['fi'] if inlined else at['fl'], at['ob'])
                found[where, at['fn']] += int(line.split()[1])
            called = False
    return found


def instructions(build, calls, folder):
    runs = []
    for seconds in LENGTHS:
        out = folder / f'callgrind.{seconds}'
        load(build, f'valgrind -q --tool=callgrind --callgrind-out-file={out}', calls, seconds)
        runs.append(costs(out))
    spent = calls * (LENGTHS[1] - LENGTHS[0])
    return {key: (runs[1][key] - runs[0][key]) / spent for key in runs[1] | runs[0]}


def print_instructions(by_function, n_functions):
    by_module = collections.Counter()
    for (module, _), n in by_function.items():
        by_module[module] += n
    print(f'{sum(by_module.values()):12,.0f}  user instructions per call-second')
    for module, n in by_module.most_common():
        if n >= 100:
            print(f'{n:12,.0f}    {module}')
    for (module, function), n in collections.Counter(by_function).most_common(n_functions):
        print(f'{n:12,.0f}      {module}: {function}')


# ---- system calls ----


def summary(path):
    """The table of strace -c, which it writes when the last thread is gone."""
    for _ in range(100):
        lines = path.read_text().splitlines() if path.exists() else []
        if lines and lines[-1].endswith(' total'):
            break
        time.sleep(0.1)
    rows = [line.split() for line in lines]
    return collections.Counter({row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()})


def system_calls(build, calls, folder):
    runs = []
    for seconds in LENGTHS:
        out = folder / f'strace.{seconds}'
        load(build, f'strace -D -f -c -o {out}', calls, seconds)
        runs.append(summary(out))
    spent = calls * (LENGTHS[1] - LENGTHS[0])
    return {name: (n - runs[0][name]) / spent for name, n in runs[1].items()}


def print_system_calls(by_name):
    print(f'{by_name.pop("total", 0):12.1f}  system calls per call-second')
    for name, n in collections.Counter(by_name).most_common():
        if n >= 0.05:
            print(f'{n:12.2f}    {name}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path, help='a release build')
    parser.add_argument('--only', choices=('instructions', 'syscalls'), help='one of the two')
    parser.add_argument('--calls', type=int, help='10 under callgrind, 100 under strace')
    parser.add_argument('--functions', type=int, default=0, metavar='N', help='the N most expensive functions too')
    options = parser.parse_args()
    build = options.build.resolve()
    for tool in ('valgrind', 'strace'):
        if not shutil.which(tool):
            sys.exit(f'count.py: {tool} is not installed (apt-get install {tool})')
    with tempfile.TemporaryDirectory(prefix='count.', dir=build) as name:
        folder = pathlib.Path(name)
        if options.only != 'syscalls':
            print_instructions(instructions(build, options.calls or 10, folder), options.functions)
        if options.only != 'instructions':
            print_system_calls(system_calls(build, options.calls or 100, folder))


if __name__ == '__main__':
    main()
