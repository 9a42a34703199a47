#!/usr/bin/env python3
"""An HTTP endpoint of its own process, for tests of tools that behave badly. Prints its port, then serves for ever.

    /ok       JSON                    /hang     never answers
    /crash    dies while it answers   /big      5 MB of JSON
    /garbage  what says it is JSON    /html     a page with status 500
    /slow     JSON after 1.6 seconds
"""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Till(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, body, kind='application/json', status=200):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.do_GET()

    def do_GET(self):
        what = self.path.strip('/')
        if what == 'hang':
            time.sleep(3600)
        if what == 'slow':
            time.sleep(1.6)
        if what == 'crash':
            self.send_response(200)
            self.send_header('Content-Length', '1000')
            self.end_headers()
            self.wfile.write(b'{"city":')
            self.wfile.flush()
            os._exit(1)
        try:
            if what == 'big':
                self.answer(json.dumps({'city': 'Lisbon', 'rest': 'x' * (5 << 20)}).encode())
            elif what == 'garbage':
                self.answer(b'{"city": Lisbon')
            elif what == 'html':
                self.answer(b'<html>no</html>', 'text/html', 500)
            else:
                self.answer(json.dumps({'city': 'Lisbon'}).encode())
        except (BrokenPipeError, ConnectionResetError):
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(('127.0.0.1', 0), Till)
os.write(1, f'{server.server_port}\n'.encode())
threading.Thread(target=server.serve_forever, daemon=True).start()
# With the test's end the pipe is closed: nothing is left behind.
os.read(0, 1)
