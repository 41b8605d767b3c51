#!/usr/bin/python3
"""layers.py DIRECTORY FLAG: seeds for fuzz_layers. FLAG is a path outside of every root."""
import gzip
import io
import os
import sys
import tarfile

directory, flag = sys.argv[1:]


def layer(*entries):
    """An entry is a name (a directory if it ends in a slash) or (name, type, target)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in entries:
            name, kind, target = entry if isinstance(entry, tuple) else (entry, None, "")
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mode = 0o755
            info.linkname = target
            info.type = kind or (tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE)
            content = b"content of " + name.encode() if info.type == tarfile.REGTYPE else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    # Two blocks of zeroes end it; the rest is padding.
    used = data.getvalue().rstrip(b"\0")
    return used + b"\0" * (-len(used) % 512 + 1024)


def link(name, target):
    return (name, tarfile.SYMTYPE, target)


def hard(name, target):
    return (name, tarfile.LNKTYPE, target)


base = layer("d/", "d/a", "d/b", "d/e/", "d/e/f", link("l", "d"), link("out", flag), link("up", ".."))
seeds = {
    "plain": (base, layer("d/a", "new"), layer("d/c")),
    "whiteouts": (base, layer("d/.wh.a", ".wh.l"), layer("d/a")),
    "opaque": (base, layer("d/", "d/.wh..wh..opq", "d/n"), layer("d/e/")),
    "dots": (base, layer("d/.wh..."), layer(".wh...")),
    "dot": (base, layer(".wh.."), layer(".wh.")),
    "through": (base, layer("l/.wh.a"), layer("l/n")),
    "outside": (base, layer("out", "up/x"), layer("up/.wh.flag")),
    "links": (base, layer(hard("h", "d/a"), "d/.wh.a"), layer(hard("h2", "h"), hard("h3", "up/flag"))),
    "replaced": (base, layer("d"), layer("d/", "d/x")),
    "linkdir": (base, layer(link("d", "/")), layer("d/x", "d/y/z")),
    "linked": (base, layer(link("s", "d/e"), "s/f"), layer("s/.wh.f", "s/")),
    "twice": (base, layer("d/a", "d/.wh.a"), layer("d/.wh.a", "d/a")),
    "setid": (base, layer(("c", tarfile.CHRTYPE, ""), ("p", tarfile.FIFOTYPE, "")), layer("d/.wh..wh.aufs")),
}
for name, layers in seeds.items():
    first, second, third = layers
    head = bytes([len(first) // 512, len(second) // 512])
    with open(os.path.join(directory, name), "wb") as file:
        file.write(head + first + second + third)
    with open(os.path.join(directory, name + ".gz"), "wb") as file:
        file.write(head + first + second + gzip.compress(third, mtime=0))
