#!/usr/bin/python3
"""Makes OCI layouts that the image tests import, good and hostile: layouts.py DIR FLAG."""
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

out, flag = sys.argv[1], sys.argv[2]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def packed(data):
    """The same bytes whenever it is called: layers are shared by their digest."""
    return gzip.compress(data, mtime=0)


def layer(*entries):
    """A tar of (name, kind, data or target[, extended attributes]); kind is f, d, l (symlink) or h (hard link)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, what, *more in entries:
            info = tarfile.TarInfo(name)
            info.pax_headers = {"SCHILY.xattr." + key: value for key, value in (more[0] if more else {}).items()}
            info.type = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE,
                         "h": tarfile.LNKTYPE}[kind]
            info.mode = 0o755
            if kind == "f":
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                info.linkname = what
                tar.addfile(info)
    return data.getvalue()


class Layout:
    def __init__(self, name):
        self.path = os.path.join(out, name)
        self.manifests = []
        os.makedirs(os.path.join(self.path, "blobs/sha256"))
        self.write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)

    def blob(self, data, **more):
        digest = hashlib.sha256(data).hexdigest()
        self.write("blobs/sha256/" + digest, data)
        return {"digest": "sha256:" + digest, "size": len(data), **more}

    def image(self, layers, ref="latest", arch="amd64", platform=None, pack=packed,
              diff_ids=None, config=None, change=None):
        """Adds an image; change(manifest) spoils it."""
        ids = diff_ids or ["sha256:" + hashlib.sha256(one).hexdigest() for one in layers]
        conf = {"architecture": arch, "os": "linux", "config": config or {},
                "rootfs": {"type": "layers", "diff_ids": ids}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.blob(json.dumps(conf).encode(), mediaType=CONFIG),
                    "layers": [self.blob(pack(one), mediaType=LAYER + ("+gzip" if pack == packed else ""))
                               for one in layers]}
        if change:
            change(manifest)
        d = self.blob(json.dumps(manifest).encode(), mediaType=MANIFEST,
                      annotations={"org.opencontainers.image.ref.name": ref})
        if platform:
            d["platform"] = {"os": "linux", "architecture": platform}
        self.manifests.append(d)
        return self

    def done(self):
        self.write("index.json", json.dumps({"schemaVersion": 2, "manifests": self.manifests}).encode())


ROOT = layer(("bin", "d", ""), ("bin/sh", "f", b"#!/bin/sh\n"), ("etc", "d", ""),
             ("etc/os-release", "f", b'PRETTY_NAME="Layers"\n'), ("etc/keep", "f", b"below"),
             ("etc/gone", "f", b"below"), ("full", "d", ""), ("full/a", "f", b"a"), ("full/b", "f", b"b"),
             ("usr", "d", ""), ("usr/lib", "d", ""), ("usr/lib/one", "f", b"1"), ("lib", "l", "usr/lib"),
             ("lnk", "l", "etc"), ("out", "l", os.path.dirname(flag)), ("tree", "d", ""),
             ("tree/deep", "d", ""), ("tree/deep/x", "f", b"x"), ("was-dir", "d", ""),
             ("was-dir/f", "f", b"f"), ("was-file", "f", b"f"))


def one(name, *entries, **how):
    Layout(name).image([ROOT, layer(*entries)] if entries else [ROOT], **how).done()


def good():
    one("base")
    one("plain", pack=lambda data: data)
    one("config", config={"Env": ["PATH=/opt/bin:/bin", "LANG=C.UTF-8", "LD_PRELOAD=/x"], "User": "app",
                          "WorkingDir": "/srv", "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["true"],
                          "Labels": {"maintainer": "nobody"}})
    one("whiteouts", ("etc/.wh.gone", "f", b""), (".wh.tree", "f", b""), ("etc/.wh.never", "f", b""),
        ("full", "d", ""), ("full/.wh..wh..opq", "f", b""), ("full/c", "f", b"c"), (".wh..wh.plnk", "d", ""),
        ("was-dir", "f", b"now a file"), ("was-file", "d", ""), ("was-file/f", "f", b"f"))
    one("same-layer", ("etc/gone", "f", b"again"), ("etc/.wh.gone", "f", b""))
    one("implied", ("lib/two", "f", b"2"))
    one("replaced", ("lib", "d", ""), ("lib/two", "f", b"2"))
    one("hardlinks", ("etc/again", "h", "etc/keep"), ("etc/keep", "f", b"above"))
    one("opaque-root", (".wh..wh..opq", "f", b""), ("bin", "d", ""), ("bin/sh", "f", b"#!/bin/sh\n"))
    one("empty-layer", ("etc", "d", ""))
    capability = struct.pack("<IIIII", 0x02000001, 0x2000, 0, 0, 0).decode("latin-1")
    one("xattrs", ("etc", "d", "", {"user.colour": "red", "trusted.overlay.opaque": "y"}),
        ("etc/capable", "f", b"x", {"security.capability": capability}),
        ("etc/keep", "f", b"above", {"user.colour": "blue", "trusted.overlay.redirect": "/etc/shadow"}))
    Layout("two-names").image([ROOT], ref="a:1").image([ROOT, layer(("b", "f", b""))], ref="b:1").done()
    Layout("two-machines").image([ROOT], platform="arm64", arch="arm64") \
        .image([ROOT, layer(("mine", "f", b""))], platform="amd64").done()
    many = [ROOT]
    for i in range(1, 12):
        many.append(layer(("n%d" % i, "d", ""), ("n%d/f" % i, "f", b"%d" % i), ("last", "f", b"%d" % i),
                          *([("n%d/.wh.f" % (i - 1), "f", b"")] if i > 1 else [])))
    Layout("twelve").image(many).done()


def hostile():
    one("wh-dotdot", (".wh...", "f", b""))
    one("wh-dotdot-below", ("etc/.wh...", "f", b""))
    one("wh-dot", ("etc/.wh..", "f", b""))
    one("wh-none", ("etc/.wh.", "f", b""))
    one("wh-link", ("lnk/.wh.keep", "f", b""))
    one("wh-link-out", ("out/.wh." + os.path.basename(flag), "f", b""))
    one("wh-own-link", ("door", "l", os.path.dirname(flag)), ("door/.wh." + os.path.basename(flag), "f", b""))
    one("wh-below", ("etc/.wh.gone/x", "f", b""))
    one("opq-link", ("lnk/.wh..wh..opq", "f", b""), ("lnk/x", "f", b""))
    one("implied-out", ("out/" + os.path.basename(flag), "f", b"owned"))
    one("hardlink-out", ("mine", "h", "out/" + os.path.basename(flag)))
    one("hardlink-none", ("mine", "h", "never"))
    one("hardlink-dotdot", ("mine", "h", "../../../../.." + flag))
    one("dotdot", ("../../../../.." + flag, "f", b"owned"))
    one("below-link", ("door", "l", os.path.dirname(flag)), ("door/" + os.path.basename(flag), "f", b"owned"))
    one("other-machine", arch="arm64")
    one("bad-diff-id", diff_ids=["sha256:" + "0" * 64])
    one("no-layers", change=lambda m: m.update(layers=[]))
    one("too-few-ids", ("x", "f", b""), diff_ids=["sha256:" + "0" * 64])
    one("bad-size", change=lambda m: m["layers"][0].update(size=3))
    one("bad-algorithm", change=lambda m: m["layers"][0].update(digest="md5:" + "0" * 32))
    one("path-digest", change=lambda m: m["layers"][0].update(digest="sha256:../../../../etc/passwd"))
    one("missing-blob", change=lambda m: m["layers"][0].update(digest="sha256:" + "1" * 64))
    one("not-gzip", pack=lambda data: b"\x1f\x8b" + data)
    one("spoilt-layer")
    one("spoilt-config")
    one("fifo")
    one("linked-blob")
    for name, part in (("spoilt-layer", "layer"), ("spoilt-config", "config"), ("fifo", "pipe"),
                       ("linked-blob", "link")):
        blobs = os.path.join(out, name, "blobs/sha256")
        for blob in os.listdir(blobs):
            path = os.path.join(blobs, blob)
            with open(path, "rb") as f:
                data = f.read()
            is_layer = data[:2] == b"\x1f\x8b"
            if part == "layer" and is_layer:
                # As many bytes: only the sum tells.
                with open(path, "wb") as f:
                    f.write(data[:-1] + bytes([data[-1] ^ 1]))
            elif part == "config" and b"rootfs" in data:
                with open(path, "wb") as f:
                    f.write(data.replace(b"linux", b"LINUX"))
            elif part in ("pipe", "link") and is_layer:
                os.unlink(path)
                if part == "pipe":
                    os.mkfifo(path)
                else:
                    os.symlink(flag, path)
    deep = '{"manifests":' * 5000
    Layout("json-deep").write("index.json", deep.encode())
    Layout("json-none").write("index.json", b"no json")
    Layout("json-empty").write("index.json", b'{"manifests":[]}')
    with gzip.open(os.path.join(out, "zeros.gz"), "wb") as f:
        for _ in range(300):
            f.write(bytes(1 << 20))
    one("bomb", ("x", "f", bytes(64 << 20)))
    # docker save, by hand: paths that lead out, and a good one.
    for name, path in (("saved-dotdot", "../../../../../../etc/passwd"), ("saved-link", "link/layer.tar"),
                       ("saved", "one/layer.tar")):
        directory = os.path.join(out, name)
        os.makedirs(os.path.join(directory, "one"))
        with open(os.path.join(directory, "one/layer.tar"), "wb") as f:
            f.write(ROOT)
        os.symlink("/etc", os.path.join(directory, "link"))
        conf = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(ROOT).hexdigest()]}}).encode()
        digest = hashlib.sha256(conf).hexdigest()
        with open(os.path.join(directory, digest + ".json"), "wb") as f:
            f.write(conf)
        with open(os.path.join(directory, "manifest.json"), "w") as f:
            json.dump([{"Config": digest + ".json", "RepoTags": ["saved:1"], "Layers": [path]}], f)


good()
hostile()
