#!/usr/bin/env python3
"""Makes a C text of docs/openapi.json, without its white space: it is served as it stands there.

    openapi_gen.py openapi.json openapi_text.c
"""

import json
import pathlib
import sys

WIDTH = 100

source, target = sys.argv[1:3]
text = json.dumps(json.loads(pathlib.Path(source).read_text()), ensure_ascii=True, separators=(',', ':'))
lines = [text[i:i + WIDTH] for i in range(0, len(text), WIDTH)]
quoted = '\n'.join('    "' + line.replace('\\', '\\\\').replace('"', '\\"') + '"' for line in lines)
pathlib.Path(target).write_text(f'#include "api/openapi_text.h"\n\nconst char openapi_text[] =\n{quoted};\n')
