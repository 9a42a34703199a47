"""An HTTP server of the test's own on loopback, for programs that ask one. A handler says what it answers:

    class Till(endpoint.Handler):
        def do_GET(self):
            self.reply(200, {'city': 'Lisbon'})

    url = endpoint.serve(Till).url
"""

import http.server
import json
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads bodies and answers in JSON, and writes no log."""

    def body(self):
        return self.rfile.read(int(self.headers.get('Content-Length') or 0))

    def reply(self, status, answer):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve(handler):
    """Serves in the background until shutdown(), at the address url."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    server.url = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
