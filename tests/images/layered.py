#!/usr/bin/python3
"""Makes OCI layouts whose layers are archives as they are: layered.py LAYOUT LAYER..."""
import gzip
import hashlib
import json
import os
import sys

layout, files = sys.argv[1], sys.argv[2:]
blobs = os.path.join(layout, "blobs/sha256")
os.makedirs(blobs)


def blob(data, media_type):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as f:
        f.write(data)
    return {"mediaType": "application/vnd.oci.image." + media_type, "digest": "sha256:" + digest, "size": len(data)}


def unpacked(data):
    """What the config names a layer by; of one that can't be unpacked, anything."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError):
        return data


layers = [open(name, "rb").read() for name in files]
config = blob(json.dumps({
    "architecture": "amd64", "os": "linux", "config": {},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(unpacked(one)).hexdigest() for one in layers]},
}).encode(), "config.v1+json")
manifest = blob(json.dumps({
    "schemaVersion": 2, "config": config,
    "layers": [blob(one, "layer.v1.tar" + ("+gzip" if name.endswith("gz") else "")) for name, one in zip(files, layers)],
}).encode(), "manifest.v1+json")
with open(os.path.join(layout, "index.json"), "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(os.path.join(layout, "oci-layout"), "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
