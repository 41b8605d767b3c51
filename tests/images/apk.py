"""apk.py DIR ARCH: a repository of one package, hello-gkt, as Alpine's own are laid out, but unsigned."""
import base64
import gzip
import hashlib
import io
import os
import sys
import tarfile

directory = os.path.join(sys.argv[1], sys.argv[2])
arch = sys.argv[2]
script = b"#!/bin/sh\necho from the package\n"


def segment(entries, last):
    """One gzip member; only the last tar in a package has the blocks that end it."""
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT)
    for name, data, kind, headers in entries:
        info = tarfile.TarInfo(name)
        info.size, info.type, info.pax_headers = len(data), kind, headers
        info.mode = 0o755
        tar.addfile(info, io.BytesIO(data))
    end = tar.offset
    tar.close()
    return gzip.compress(buffer.getvalue() if last else buffer.getvalue()[:end], mtime=0)


def text(fields):
    return "".join("%s\n" % field for field in fields).encode()


data = segment([
    ("usr/", b"", tarfile.DIRTYPE, {}),
    ("usr/bin/", b"", tarfile.DIRTYPE, {}),
    ("usr/bin/hello-gkt", script, tarfile.REGTYPE,
     {"APK-TOOLS.checksum.SHA1": hashlib.sha1(script).hexdigest()}),
], True)
control = segment([(".PKGINFO", text([
    "pkgname = hello-gkt", "pkgver = 1.0-r0", "pkgdesc = test", "url = https://example.org",
    "builddate = 1", "size = %d" % len(script), "arch = " + arch, "license = MIT",
    "datahash = " + hashlib.sha256(data).hexdigest(),
]), tarfile.REGTYPE, {})], False)
index = text([
    "C:Q1" + base64.b64encode(hashlib.sha1(control).digest()).decode(), "P:hello-gkt", "V:1.0-r0",
    "A:" + arch, "S:%d" % len(control + data), "I:%d" % len(script), "T:test",
    "U:https://example.org", "L:MIT", "o:hello-gkt", "t:1", "",
])
os.makedirs(directory)
with open(os.path.join(directory, "hello-gkt-1.0-r0.apk"), "wb") as f:
    f.write(control + data)
with open(os.path.join(directory, "APKINDEX.tar.gz"), "wb") as f:
    f.write(segment([("DESCRIPTION", b"test", tarfile.REGTYPE, {}),
                     ("APKINDEX", index, tarfile.REGTYPE, {})], True))
