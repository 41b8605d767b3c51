#!/usr/bin/python3
"""Makes the archives that the image tests import: archives.py DIR."""
import io
import os
import struct
import sys
import tarfile

out = sys.argv[1]


class Maker:
    """One tar archive with a small but whole root in it, and whatever is added."""

    def __init__(self, name, mode="w", base=True, **options):
        self.tar = tarfile.open(os.path.join(out, name), mode, errors="surrogateescape", **options)
        if base:
            self.directory("bin")
            self.directory("etc")
            self.file("bin/sh", b"#!/bin/sh\n", mode=0o755)
            self.file("etc/os-release", b'PRETTY_NAME="Test root"\n')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tar.close()

    def add(self, name, kind, data=b"", **fields):
        info = tarfile.TarInfo(name)
        info.type = kind
        info.mode = fields.pop("mode", 0o644)
        info.size = len(data)
        for field, value in fields.items():
            setattr(info, field, value)
        self.tar.addfile(info, io.BytesIO(data) if data else None)

    def file(self, name, data=b"", **fields):
        self.add(name, tarfile.REGTYPE, data, **fields)

    def directory(self, name, **fields):
        fields.setdefault("mode", 0o755)
        self.add(name, tarfile.DIRTYPE, **fields)

    def symlink(self, name, target, **fields):
        self.add(name, tarfile.SYMTYPE, linkname=target, mode=0o777, **fields)

    def hardlink(self, name, target, **fields):
        self.add(name, tarfile.LNKTYPE, linkname=target, **fields)


def good():
    for mode, name in (("w", "good.tar"), ("w:gz", "good.tar.gz"), ("w:xz", "good.tar.xz")):
        with Maker(name, mode) as m:
            m.symlink("bin/ls", "/bin/sh")
            m.symlink("lib", "usr/lib")
            m.hardlink("bin/again", "bin/sh")
            m.directory("tmp", mode=0o1777)
            m.directory("home/user", mode=0o700, uid=1234, gid=1234)
            m.file("home/user/a file\twith \\ and \n in it", b"x" * 100, uid=1234, gid=1234)
            m.file("etc/\u00fcml\u00e4ut-e\u0301", b"utf-8")
            m.symlink("etc/l\u00efnk", "cafe\u0301")
            m.hardlink("etc/h\u00e4rt-e\u0301", "etc/\u00fcml\u00e4ut-e\u0301")
            m.tar.addfile(tarfile.TarInfo("etc/latin1-\udce4"))
            m.file("etc/twice", b"first")
            m.file("etc/twice", b"second")


def exported():
    """As `docker export` writes a container: no ./, no entry for the root, what Docker puts in itself."""
    with Maker("exported.tar", base=False, format=tarfile.PAX_FORMAT) as m:
        m.file(".dockerenv", mode=0o755)
        m.directory("bin/")
        m.file("bin/busybox", open("/bin/busybox", "rb").read(), mode=0o755)
        m.symlink("bin/sh", "/bin/busybox")
        m.hardlink("bin/ls", "bin/busybox")
        m.directory("dev/")
        m.file("dev/console", mode=0o755)
        m.directory("dev/pts/")
        m.directory("dev/shm/")
        m.directory("etc/")
        for name in ("hostname", "hosts", "resolv.conf"):
            m.file("etc/" + name, mode=0o755)
        m.symlink("etc/mtab", "/proc/mounts")
        m.directory("proc/")
        m.directory("sys/")
        m.directory("tmp/", mode=0o1777)


def escapes(flag):
    """Each of these must be refused; flag is a file outside that must never change."""
    with Maker("dotdot.tar") as m:
        m.file("../../../.." + flag, b"owned")
    with Maker("dotdot-inside.tar") as m:
        m.file("bin/../../../../../.." + flag, b"owned")
    with Maker("dotdot-dir.tar") as m:
        m.directory("..")
    with Maker("symlink-parent.tar") as m:
        m.symlink("door", os.path.dirname(flag))
        m.file("door/" + os.path.basename(flag), b"owned")
    with Maker("symlink-relative.tar") as m:
        m.symlink("door", "../../../../../../../.." + os.path.dirname(flag))
        m.file("door/" + os.path.basename(flag), b"owned")
    with Maker("symlink-chain.tar") as m:
        m.symlink("a", "b")
        m.symlink("b", "..")
        m.file("a/a/a/a/a/a" + flag, b"owned")
    with Maker("symlink-proc.tar") as m:
        m.symlink("self", "/proc/self/root")
        m.file("self" + flag, b"owned")
    with Maker("symlink-swap.tar") as m:
        m.directory("door")
        m.file("door/first", b"1")
        m.symlink("door2", os.path.dirname(flag))
        m.file("door2/" + os.path.basename(flag), b"owned")
    with Maker("symlink-over-dir.tar") as m:
        m.directory("door")
        m.symlink("door", os.path.dirname(flag))
        m.file("door/" + os.path.basename(flag), b"owned")
    with Maker("hardlink-out.tar") as m:
        m.hardlink("mine", flag)
        m.file("mine", b"owned")
    with Maker("hardlink-dotdot.tar") as m:
        m.hardlink("mine", "../../../../../.." + flag)
    with Maker("hardlink-through.tar") as m:
        m.symlink("door", os.path.dirname(flag))
        m.hardlink("mine", "door/" + os.path.basename(flag))
    with Maker("hardlink-dir.tar") as m:
        m.hardlink("mine", "bin")
    with Maker("below-file.tar") as m:
        m.file("bin/sh/x", b"x")
    with Maker("file-over-dir.tar") as m:
        m.file("bin", b"x")
    with Maker("root-file.tar", base=False) as m:
        m.file(".", b"x")
    with Maker("root-symlink.tar", base=False) as m:
        m.symlink("./", "/etc")
        m.file("passwd", b"owned")
    with Maker("deep.tar") as m:
        m.file("d/" * 200 + "f", b"x")
    with Maker("long.tar") as m:
        m.file("n" * 256, b"x")
    with Maker("no-target.tar") as m:
        m.symlink("x", "")


def harmless(flag):
    with Maker("absolute.tar") as m:
        m.file(flag, b"inside")
        m.symlink("/etc/link", flag)
    with Maker("devices.tar") as m:
        m.directory("dev")
        m.add("dev/sda", tarfile.BLKTYPE, devmajor=8, devminor=0, mode=0o666)
        m.add("dev/mem", tarfile.CHRTYPE, devmajor=1, devminor=1, mode=0o666)
        m.add("etc/whiteout", tarfile.CHRTYPE, devmajor=0, devminor=0)
        m.add("pipe", tarfile.FIFOTYPE)
    with Maker("setid.tar") as m:
        m.file("bin/root", b"x", mode=0o4755)
        m.file("bin/group", b"x", mode=0o2755)
        m.file("bin/both", b"x", mode=0o6777)
        m.directory("setgid", mode=0o2775)
    with Maker("xattrs.tar", format=tarfile.PAX_FORMAT) as m:
        capability = struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0)
        m.file("bin/cap", b"x", mode=0o755, pax_headers={
            "SCHILY.xattr.security.capability": capability.decode("latin-1")})
        m.directory("opaque", pax_headers={"SCHILY.xattr.trusted.overlay.opaque": "y"})
        m.file("bin/redirect", b"x", pax_headers={
            "SCHILY.xattr.trusted.overlay.redirect": "/etc/shadow"})
        m.file("bin/acl", b"x", pax_headers={
            "SCHILY.acl.access": "user::rwx,user:nobody:rwx,group::r--,mask::rwx,other::r--"})
    with Maker("root-mode.tar", base=False) as m:
        m.directory(".", mode=0o777, uid=1000, gid=1000)
        m.file("bin/sh", b"x", mode=0o755)


def bad():
    with Maker("owner.tar", format=tarfile.PAX_FORMAT) as m:
        m.file("x", b"x", uid=0xFFFFFFFF)
    with Maker("owner-negative.tar", format=tarfile.PAX_FORMAT) as m:
        m.file("x", b"x", pax_headers={"uid": "-5"})
    open(os.path.join(out, "empty.tar"), "wb").close()
    with open(os.path.join(out, "zeros.tar"), "wb") as f:
        f.write(bytes(10240))
    with open(os.path.join(out, "noise.tar"), "wb") as f:
        f.write(bytes((i * 7919 >> 3) & 255 for i in range(20000)))
    with Maker("docker-save.tar", base=False) as m:
        m.directory("blobs")
        m.file("blobs/layer.tar", b"x" * 1000)
        m.file("manifest.json", b"[]")
        m.file("oci-layout", b"{}")
    with open(os.path.join(out, "good.tar"), "rb") as f:
        whole = f.read()
    end = len(whole.rstrip(b"\0"))
    for name, size in (("cut-data.tar", end - 3), ("cut-header.tar", 700),
                       ("cut-boundary.tar", (end + 511) // 512 * 512)):
        with open(os.path.join(out, name), "wb") as f:
            f.write(whole[:size])
    for suffix in ("gz", "xz"):
        with open(os.path.join(out, "good.tar." + suffix), "rb") as f:
            packed = f.read()
        with open(os.path.join(out, "cut.tar." + suffix), "wb") as f:
            f.write(packed[:len(packed) * 2 // 3])
        # Bytes of one format under the name of another are found out by what they are.
        with open(os.path.join(out, "cut-magic.tar." + suffix), "wb") as f:
            f.write(packed[:5])


def sparse(name, size):
    """A GNU sparse file of one byte at the end of a hole of `size` bytes."""
    with Maker(name) as m:
        m.file("bin/first", b"x")
        base = m.tar.offset
        info = tarfile.TarInfo("hole")
        info.type = tarfile.GNUTYPE_SPARSE
        info.size = 512
        header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        header[386:398] = b"%011o\0" % (size - 512)  # offset of the only extent
        header[398:410] = b"%011o\0" % 512
        header[482] = 0  # no more extents
        header[483:495] = number12(size)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        m.tar.fileobj.write(header + b"x" * 512)
        m.tar.offset = base + 1024


def number12(n):
    """A 12-byte number field: octal, or GNU's base 256 where that is too short."""
    if n < 8 ** 11:
        return b"%011o\0" % n
    return b"\x80" + n.to_bytes(11, "big")


def bombs():
    sparse("sparse-small.tar", 1 << 20)
    sparse("sparse-bomb.tar", (1 << 33) - 512)
    with Maker("zero-bomb.tar.gz", "w:gz") as m:
        info = tarfile.TarInfo("zeros")
        info.size = 300 << 20
        m.tar.addfile(info, Zeros(info.size))
    # A header that promises more than any disk holds.
    with Maker("huge-size.tar") as m:
        info = tarfile.TarInfo("huge")
        info.size = 1 << 60
        m.tar.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))
        m.tar.offset += 512
    with Maker("many.tar") as m:
        for i in range(20000):
            m.file("f/%d" % i)


class Zeros(io.RawIOBase):
    def __init__(self, size):
        super().__init__()
        self.left = size

    def read(self, size=-1):
        size = min(size if size >= 0 else self.left, self.left)
        self.left -= size
        return bytes(size)


good()
exported()
escapes(sys.argv[2])
harmless(sys.argv[2])
bad()
bombs()
