#!/usr/bin/env python3
"""A server of the Model Context Protocol on standard input and output, for tests of those who use one.

    mcp_server.py TOOL ANSWER [DELAY_MS]

It offers one tool, which answers with ANSWER, and takes DELAY_MS to begin.
"""

import json
import sys
import time

tool, answer = sys.argv[1:3]
time.sleep(int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0)
for line in sys.stdin:
    asked = json.loads(line)
    if 'id' not in asked:
        continue
    result = {
        'initialize': {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 't', 'version': '1'}},
        'tools/list': {'tools': [{'name': tool, 'description': 'Looks it up.', 'inputSchema': {'type': 'object'}}]},
        'tools/call': {'content': [{'type': 'text', 'text': answer}]},
    }.get(asked['method'])
    body = {'result': result} if result else {'error': {'code': -32601, 'message': 'Method not found'}}
    print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], **body}), flush=True)
