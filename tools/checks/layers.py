#!/usr/bin/env python3
"""Who may include whom: dependencies point inward only, siblings never see each other, the core is pure.

The table is docs/ARCHITECTURE.md's; change both together.
"""

import re
import sys

import common

# Folder -> folders whose headers it may include, besides its own. A folder with siblings ends in /*.
ANY = ['']
INTERFACES = 'the interface headers of src/call'
OPTIONS = 'the options headers of all'
EDGE = ['base/', 'audio/', 'wire/', 'net/', INTERFACES]
LAYERS = {
    'src/base': [],
    'src/audio': ['base/'],
    'src/wire': ['base/'],
    'src/call': ['base/', 'audio/'],
    'src/net': ['base/', 'wire/'],
    'src/peer/speech': ['base/'],
    'src/peer/*': ['base/', 'audio/', 'wire/', 'net/', 'peer/speech/'],  # sandbox and phone never see each other
    'src/peer/exchange': ['base/', 'wire/', 'net/', 'peer/phone/'],
    'src/guards': ['base/', INTERFACES],
    'src/numbers': ['base/'],
    'src/cloud': EDGE,
    'src/carriers/*': EDGE + ['cloud/'],
    'src/providers/*': EDGE + ['providers/link/'],  # what their sessions share
    'src/tools/*': EDGE + ['numbers/'],
    'src/store/*': EDGE + ['store/sql/'],  # what the stores of SQL share
    'src/dialer': ['base/', 'net/', INTERFACES],
    'src/obs': ['base/', 'net/'],
    'src/config': ['base/', 'numbers/', OPTIONS],
    'src/api': ['base/', 'net/', 'obs/', 'dialer/', 'call/call.h', INTERFACES],  # call.h for its view
    'src/gateway': ANY,
    'src/library': ANY,
    # the loop that the engines run on; the thread that writes to a terminal
    'apps/*': ['ringtrip/', 'base/', 'net/loop.h', 'obs/log_writer.h', 'peer/', 'gateway/'],
    'include/ringtrip': ['ringtrip/'],
}
# What src/call offers to its implementers: words, events, actions and operation tables, never the machines.
CALL_INTERFACE = re.compile(r'call/(leg|carrier|model|store|campaign_store|tool|guard|event|action|reason|cost|opts)(_ops|_opts|_host)?\.h')

OPTIONS_HEADER = re.compile(r'[\w/]+[/_]opts\.h')

# System header -> the only places that may include it.
LIBRARIES = [
    (r'uv\.h|openssl/.*|http_parser\.h|curl/.*|zlib\.h', r'src/net/.*'),
    (r'sqlite3\.h', r'src/store/sqlite/.*'),
    (r'libpq-fe\.h', r'src/store/postgres/.*'),
    (r'libfyaml\.h', r'src/(config|peer/sandbox)/.*'),
    (r'expat\.h', r'src/wire/twiml\.c'),
    (r'gvc\.h|graphviz/.*', r'apps/ringtrip/draw_graphviz\.c'),
    (r'pcre2\.h', r'src/guards/regex\.c'),
    (r'phonenumbers/.*', r'src/numbers/number_phonelib\.cc'),
    (r'(flite|pocketsphinx|sphinxbase)(/.*|\.h)', r'src/peer/speech/.*'),
    (r'sys/(socket|epoll|un|select)\.h|netinet/.*|netdb\.h', r'src/net/.*'),
    (r'poll\.h', r'src/(net/.*|store/postgres/connection\.c)'),  # a deadline for what libpq waits for
    (r'arpa/inet\.h', r'src/(net|config|api)/.*'),  # reading an address is no I/O
    (r'pthread\.h|threads\.h', r'(src/(base|net|obs|store/.*|tools/code|gateway|library|peer)|apps/.*)/.*'),
]
# src/call, src/audio and src/wire compute; everything else of the C library does not belong there.
PURE = re.compile(r'src/(call|audio|wire)/')
# stdio for snprintf; what prints or opens is found by name here and in the objects by purity.py.
PURE_HEADERS = re.compile(r'(assert|errno|float|inttypes|limits|math|stdalign|stdarg|stdbool|stddef|stdint|stdlib|string'
                          r'|strings|ctype|stdio|expat|immintrin|[a-z]mmintrin|arm_neon|sys/uio)\.h')
PURE_CALLS = re.compile(
    r'(?<![\w.>])(open|openat|creat|read|write|pread|pwrite|readv|writev|close|socket|connect|accept|bind|listen|send'
    r'|recv|sendto|recvfrom|sendmsg|recvmsg|poll|select|ioctl|fcntl|fopen|fdopen|fclose|fread|fwrite|fputs|fputc'
    r'|fgets|puts|putchar|printf|fprintf|vfprintf|perror|time|clock|clock_gettime|clock_now_us|clock_wall_us'
    r'|gettimeofday|nanosleep|getenv|exit|random|rand|getrandom|arc4random|pthread_\w+|mmap|unlink|log_\w+)\s*\(')

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)


def rule_of(path):
    """(key of LAYERS, own folder) of a file."""
    parts = path.split('/')
    for depth in (3, 2):
        folder = '/'.join(parts[:depth])
        family = '/'.join(parts[:depth - 1]) + '/*'
        if len(parts) > depth and folder in LAYERS:
            return folder, folder
        if len(parts) > depth and family in LAYERS:
            return family, folder
    return None, None


def allowed(key, own, target):
    prefix = own.partition('/')[2] + '/'
    if target.startswith(prefix) or target.endswith('.inc') or (key == 'apps/*' and '/' not in target):
        return True  # its own headers, and tables that its generator wrote
    for rule in LAYERS[key]:
        if rule == INTERFACES:
            if CALL_INTERFACE.fullmatch(target):
                return True
        elif rule == OPTIONS:
            if OPTIONS_HEADER.fullmatch(target):
                return True
        elif target.startswith(rule):
            return True
    return False


def find(path, text):
    key, own = rule_of(path)
    if key is None:
        if path.startswith('src/'):
            yield f'{path}:1: the folder is not in the table of layers'
        return
    code = common.code_only(text)
    # A generator is a program of the build machine, even where it lies among pure sources.
    pure = PURE.match(path) and not path.endswith('_gen.c')
    for match in INCLUDE.finditer(text):
        where = f'{path}:{common.line_of(text, match.start())}'
        if not code[match.start():match.end()].strip():
            continue  # inside a comment
        kind, target = match.groups()
        if kind == '"':
            if not allowed(key, own, target):
                yield f'{where}: {own} must not include "{target}"'
            types_only = target.startswith(('base/', 'audio/')) or OPTIONS_HEADER.fullmatch(target)
            if OPTIONS_HEADER.fullmatch(path) and not types_only:
                yield f'{where}: an options header holds types only; it must not include "{target}"'
            continue
        for pattern, places in LIBRARIES:
            if re.fullmatch(pattern, target) and not re.fullmatch(places, path):
                yield f'{where}: <{target}> belongs to {places}'
        if pure and not PURE_HEADERS.fullmatch(target):
            yield f'{where}: {own} is pure, <{target}> is not for it'
        if key == 'include/ringtrip' and not re.fullmatch(r'(stddef|stdint|stdbool)\.h|ringtrip/\w+\.h', target):
            yield f'{where}: a public header needs no <{target}>'
    if pure:
        for match in PURE_CALLS.finditer(code):
            yield f'{path}:{common.line_of(code, match.start())}: {own} is pure, {match.group(1)}() is not for it'


SAMPLES = [
    ('an inward include', 'src/net/ws.c', '#include "base/buf.h"\n#include "wire/ws_frame.h"\n', False),
    ('an outward include', 'src/base/buf.c', '#include "net/ws.h"\n', True),
    ('wire seen from call', 'src/call/turn.c', '#include "wire/twilio.h"\n', True),
    ('a carrier that sees itself', 'src/carriers/twilio/leg.c', '#include "carriers/twilio/leg.h"\n', False),
    ('a sibling carrier', 'src/carriers/twilio/leg.c', '#include "carriers/plivo/leg.h"\n', True),
    ('a carrier that sees a provider', 'src/carriers/twilio/leg.c', '#include "providers/openai/s.h"\n', True),
    ('an interface header of call', 'src/providers/openai/s.c', '#include "call/model_ops.h"\n', False),
    ('the insides of call in an adapter', 'src/providers/openai/s.c', '#include "call/sequencer.h"\n', True),
    ('a phone that sees the sandbox', 'src/peer/phone/phone.c', '#include "peer/sandbox/sandbox_vad.h"\n', True),
    ('an exchange that sees the phone', 'src/peer/exchange/exchange.c', '#include "peer/phone/phone.h"\n', False),
    ('the peer that sees call', 'src/peer/phone/phone.c', '#include "call/leg.h"\n', True),
    ('options of a carrier in config', 'src/config/table.c', '#include "carriers/twilio/twilio_opts.h"\n', False),
    ('a carrier in config', 'src/config/table.c', '#include "carriers/twilio/leg.h"\n', True),
    ('an options header that sees net', 'src/net/tls_opts.h', '#include "net/loop.h"\n', True),
    ('everything in gateway', 'src/gateway/host.c', '#include "call/call.h"\n#include "net/loop.h"\n', False),
    ('call seen from an app', 'apps/ringtrip/main.c', '#include "call/call.h"\n', True),
    ('libuv outside net', 'src/gateway/host.c', '#include <uv.h>\n', True),
    ('OpenSSL outside net', 'src/carriers/twilio/sig.c', '#include <openssl/hmac.h>\n', True),
    ('SQLite in its place', 'src/store/sqlite/db.c', '#include <sqlite3.h>\n', False),
    ('SQLite elsewhere', 'src/gateway/host.c', '#include <sqlite3.h>\n', True),
    ('expat in another codec', 'src/wire/twilio.c', '#include <expat.h>\n', True),
    ('a clock header in call', 'src/call/turn.c', '#include <time.h>\n', True),
    ('a clock call in call', 'src/call/turn.c', 'uint64_t f(void) { return clock_now_us(); }\n', True),
    ('printing in wire', 'src/wire/twilio.c', '#include <stdio.h>\nint f(void) { return printf("x"); }\n', True),
    ('formatting in wire', 'src/wire/twilio.c',
     '#include <stdio.h>\nint f(char *d) { return snprintf(d, 2, "x"); }\n', False),
    ('a file in audio', 'src/audio/wav.c', 'int f(void) { return open ("x", 0); }\n', True),
    ('a member named like a system call', 'src/call/turn.c', 'int f(struct x *x) { return x->ops->close(x); }\n', False),
    ('a comment and a string about I/O', 'src/call/turn.c', '/* read(2) */ const char *s = "open(";\n', False),
    ('an include in a comment', 'src/base/buf.c', '/*\n#include "net/ws.h"\n*/\n', False),
    ('a generator that prints', 'src/audio/tables_gen.c', '#include <stdio.h>\nint f(void) { return printf("1"); }\n',
     False),
    ('an unknown folder', 'src/utils/utils.c', '', True),
]


def main():
    tap = common.Tap()
    common.samples(tap, find, SAMPLES)
    files = common.tracked(r'(src|apps|include)/.*\.[ch]')
    common.over_tree(tap, f'{len(files)} files keep to their layers', (f for n in files for f in find(n, common.read(n))))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
