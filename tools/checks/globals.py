#!/usr/bin/env python3
"""No mutable variable outlives a function, at file scope or as a static local: a call's state belongs to the call.

    globals.py BUILD CC

Looks at the compiled objects, where no macro can hide one: symbols in .data, .bss and their thread-local forms.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import common

# (source, variable): why. An entry that is not needed any more fails the check.
EXEMPT = {
    ('src/base/log.c', 'log_state'): 'one process has one log; the host sets it before its threads start',
    ('src/base/base64.c', 'enc12'): 'a table, computed before main and only read after',
    ('src/base/base64.c', 'dec'): 'a table, computed before main and only read after',
    ('src/peer/speech/speech_tts_flite.c', 'voices'): 'flite itself keeps voices for the life of a process; made once',
    ('src/net/http_client.c', 'once'): 'curl wants to be initialised once in a process',
    ('src/numbers/number_phonelib.cc', 'DW.ref.__gxx_personality_v0'): 'the C++ compiler keeps an address there',
    ('src/numbers/number_phonelib.cc', '_ZStL8__ioinit'): 'what <iostream> puts into every file; never touched by us',
    ('src/providers/openai/openai.c', 'warned_names'): 'a retired model name is complained about once, not once a call',
}
MUTABLE = re.compile(r'\.(data|bss|tdata|tbss)(?!\.rel\.ro)(\..*)?$')
ROW = re.compile(r'^[0-9a-f]+ (?P<flags>.{7}) (?P<section>\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(?P<name>\S+)$')


def variables(obj):
    """The mutable variables of an object file; static locals without their number."""
    out = subprocess.run(['objdump', '-t', str(obj)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        row = ROW.match(line)
        if row and MUTABLE.match(row['section']) and row['flags'][-1] in 'O ' and not row['name'].startswith('.'):
            yield re.sub(r'\.\d+$', '', row['name'])


SAMPLES = [
    ('a mutable global', 'int count;\n', True),
    ('an initialised static', 'static int count = 1; int next(void) { return ++count; }\n', True),
    ('a static local', 'int next(void) { static int count; return ++count; }\n', True),
    ('a thread-local', 'static _Thread_local int count; int next(void) { return ++count; }\n', True),
    ('a table of constants', 'static const int t[] = {1, 2}; int at(int i) { return t[i]; }\n', False),
    ('a table of pointers to functions',
     'int f(void); static int (*const t[])(void) = {f}; int at(int i) { return t[i](); }\n', False),
]


def self_test(tap, cc):
    with tempfile.TemporaryDirectory() as folder:
        source, obj = pathlib.Path(folder) / 'sample.c', pathlib.Path(folder) / 'sample.o'
        for what, text, refused in SAMPLES:
            source.write_text(text)
            subprocess.run([*cc, '-fPIE', '-O1', '-c', str(source), '-o', str(obj)], check=True)
            tap.sample(what, variables(obj), refused)


def main(build, cc):
    tap = common.Tap()
    self_test(tap, cc.split())
    used, findings, seen = set(), [], set()
    for path, obj, _ in common.compiled(build):
        # Generators run at build time only.
        if not path.startswith('src/') or path.endswith('_gen.c') or path in seen:
            continue
        seen.add(path)
        if not obj.is_file():
            findings.append(f'{path}: is not built; run ninja first')
            continue
        for name in variables(obj):
            if (path, name) in EXEMPT:
                used.add((path, name))
            else:
                findings.append(f'{path}: "{name}" is mutable and global')
    findings += common.unused([k for k in EXEMPT if k[0] in seen], used)
    common.over_tree(tap, f'{len(seen)} objects hold no mutable global', findings)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
