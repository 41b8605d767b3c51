"""apk.py DIR ARCH [KEY NAME...]: a repository laid out as Alpine's own are, with the package hello-gkt, or with the
packages NAME and an index that is signed with the RSA key in the file KEY. Each package is one script that says so."""
import base64
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile

directory = os.path.join(sys.argv[1], sys.argv[2])
arch = sys.argv[2]
key = sys.argv[3] if len(sys.argv) > 3 else None
names = sys.argv[4:] or ["hello-gkt"]


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


def package(name):
    """The package, and its entry in the index."""
    script = b"#!/bin/sh\necho from the package\n"
    data = segment([
        ("usr/", b"", tarfile.DIRTYPE, {}),
        ("usr/bin/", b"", tarfile.DIRTYPE, {}),
        ("usr/bin/" + name, script, tarfile.REGTYPE,
         {"APK-TOOLS.checksum.SHA1": hashlib.sha1(script).hexdigest()}),
    ], True)
    control = segment([(".PKGINFO", text([
        "pkgname = " + name, "pkgver = 1.0-r0", "pkgdesc = test", "url = https://example.org",
        "builddate = 1", "size = %d" % len(script), "arch = " + arch, "license = MIT",
        "datahash = " + hashlib.sha256(data).hexdigest(),
    ]), tarfile.REGTYPE, {})], False)
    return control + data, text([
        "C:Q1" + base64.b64encode(hashlib.sha1(control).digest()).decode(), "P:" + name, "V:1.0-r0",
        "A:" + arch, "S:%d" % len(control + data), "I:%d" % len(script), "T:test",
        "U:https://example.org", "L:MIT", "o:" + name, "t:1", "",
    ])


os.makedirs(directory)
index = b""
for name in names:
    content, entry = package(name)
    index += entry
    with open(os.path.join(directory, name + "-1.0-r0.apk"), "wb") as f:
        f.write(content)
index = segment([("DESCRIPTION", b"test", tarfile.REGTYPE, {}),
                 ("APKINDEX", index, tarfile.REGTYPE, {})], True)
if key:
    signature = subprocess.run(["openssl", "dgst", "-sha1", "-sign", key], input=index, check=True,
                               stdout=subprocess.PIPE).stdout
    index = segment([(".SIGN.RSA." + os.path.basename(key) + ".pub", signature, tarfile.REGTYPE, {})], False) + index
with open(os.path.join(directory, "APKINDEX.tar.gz"), "wb") as f:
    f.write(index)
