"""A registry of images on this machine, as small as the engine can push to and pull from: the distribution API without
authentication, everything in memory. `registry.py` prints its port and serves until it is killed."""

import hashlib
import http.server
import re

blobs, manifests, kinds = {}, {}, {}


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    uploads = {}

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self):
        what, name = re.fullmatch(r"/v2/(?:.*/(blobs|manifests)/(.*))?", self.path).groups()
        found = {"blobs": blobs, "manifests": manifests}.get(what, {"": b"{}"}).get(name or "")
        if found is None:
            return self.answer(404)
        digest = "sha256:" + hashlib.sha256(found).hexdigest()
        kind = kinds.get(digest, "application/octet-stream")
        self.answer(200, found, Docker_Content_Digest=digest, Content_Type=kind)

    do_HEAD = do_GET

    def do_POST(self):
        self.body()
        number = str(len(self.uploads))
        self.uploads[number] = b""
        self.answer(202, Location=f"{self.path}{number}", Range="0-0", Docker_Upload_UUID=number)

    def do_PATCH(self):
        number = self.path.rsplit("/", 1)[1]
        self.uploads[number] += self.body()
        self.answer(202, Location=self.path, Range=f"0-{len(self.uploads[number]) - 1}", Docker_Upload_UUID=number)

    def do_PUT(self):
        body = self.body()
        if "/manifests/" in self.path:
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            manifests[self.path.rsplit("/", 1)[1]] = manifests[digest] = body
            kinds[digest] = self.headers["Content-Type"]
        else:
            path, digest = self.path.split("?digest=")
            digest = digest.replace("%3A", ":")
            blobs[digest] = self.uploads.pop(path.rsplit("/", 1)[1]) + body
        self.answer(201, Location=self.path, Docker_Content_Digest=digest)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
