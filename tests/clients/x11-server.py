"""A display for whoever has the right cookie, at SOCKET.

Usage: x11-server.py SOCKET COOKIE LOG, where LOG says "ready" when it is. It answers each connection's
set-up (X Window System Protocol, "Connection Setup") with a refusal whose reason tells whether the
cookie was the display's own.
"""
import os
import socket
import struct
import sys

path, cookie, log = sys.argv[1:]
os.makedirs(os.path.dirname(path), exist_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print("ready", file=open(log, "w"), flush=True)
while True:
    client, _ = server.accept()
    stream = client.makefile("rb")
    order, _, major, _, name_len, data_len, _ = struct.unpack("<cBHHHHH", stream.read(12))
    name = stream.read(name_len + -name_len % 4)[:name_len]
    data = stream.read(data_len + -data_len % 4)[:data_len]
    right = (order, major, name, data.hex()) == (b"l", 11, b"MIT-MAGIC-COOKIE-1", cookie)
    reason = b"the display was here" if right else b"who are you, anyway?"
    client.sendall(struct.pack("<BBHHH", 0, len(reason), 11, 0, len(reason) // 4) + reason)
    client.shutdown(socket.SHUT_RDWR)
