"""Fills a folder with every kind of entry that a volume can have (`fill.py fill FOLDER`), or lists one
(`fill.py list FOLDER`): everything about every file, one line each, the map of its data and its content included."""

import array
import fcntl
import hashlib
import json
import os
import stat
import struct
import sys

FILES = 20_000
LARGE = 1 << 30

# From linux/fs.h, and the flags that a user may set: sync, immutable, append, nodump, noatime.
FS_IOC_GETFLAGS = 0x80086601
USER_FLAGS = 0x8 | 0x10 | 0x20 | 0x40 | 0x80


def acl(*entries):
    """A POSIX ACL as the kernel has it: version 2, then tag, permissions and id of each entry."""
    packed = b"".join(struct.pack("<HHI", *entry) for entry in entries)
    return struct.pack("<I", 2) + packed


def fill(root):
    os.chdir(root)
    for number in range(FILES):
        folder = f"many/{number % 100:02}/{number % 7}"
        os.makedirs(folder, exist_ok=True)
        path = f"{folder}/{number}"
        with open(path, "wb") as file:
            file.write(b"%d\n" % number * (number % 50))
        os.chmod(path, 0o400 | number % 0o4000)
        os.utime(path, ns=(0, 10**18 + number * 1_000_000_007))
    with open("large", "wb") as file:
        for part in range(16):
            file.seek(part * (LARGE // 16) + part * 4096)
            file.write(os.urandom(1 << 20))
        file.truncate(LARGE)
    open("hole", "wb").truncate(5 << 20)
    open("empty", "wb").close()
    open(b"not \xff\xfe UTF-8", "wb").close()
    for name in ["new\nline", "-x", " space ", "back\\slash", ".wh.x", ".wh..wh..opq", "n" * 255]:
        open(name, "w").write(name)
    deep = "deep"
    os.makedirs(deep)
    for _ in range(12):
        deep += "/" + "d" * 50
        os.mkdir(deep)
    open(deep + "/file", "w").write("deep")
    os.symlink("/etc/passwd", "absolute")
    os.symlink("../../../outside", "leaves")
    os.symlink("nowhere", "dangling")
    os.symlink("t" * 4000, "long")
    os.symlink(b"not \xff UTF-8", "odd")
    os.link("large", "twin of large")
    os.link("empty", "deep/twin of empty")
    os.mkfifo("pipe")
    os.mknod("zero", 0o620 | stat.S_IFCHR, os.makedev(1, 5))
    os.mknod("block", 0o660 | stat.S_IFBLK, os.makedev(7, 99))
    os.mknod("whiteout", stat.S_IFCHR, os.makedev(0, 0))
    for name, mode in [("setuid", 0o4755), ("setgid", 0o2755), ("none", 0)]:
        open(name, "w").write(name)
        os.chmod(name, mode)
    for name, mode in [("sticky", 0o1777), ("group", 0o2770), ("closed", 0)]:
        os.mkdir(name)
        os.chmod(name, mode)
    open("owned", "w").close()
    os.chown("owned", 4_000_000_000, 4_000_000_001)
    os.chown("dangling", 999, 998, follow_symlinks=False)
    with open("attributes", "w") as file:
        file.write("x")
    os.setxattr("attributes", "user.note", b"a\0b=c%")
    os.setxattr("attributes", "user.empty", b"")
    os.setxattr("attributes", "trusted.note", b"root's")
    # cap_net_bind_service=ep, version 2.
    os.setxattr("attributes", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    full = acl((1, 7, 2**32 - 1), (2, 6, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 4, 2**32 - 1))
    os.setxattr("attributes", "system.posix_acl_access", full)
    os.mkdir("inherits")
    os.setxattr("inherits", "system.posix_acl_default", full)
    os.setxattr("inherits", "trusted.note", b"of a folder")
    os.utime("owned", ns=(0, -1_500_000_001))
    os.utime("dangling", ns=(0, 5_000_000_006), follow_symlinks=False)
    os.chmod(".", 0o2750)
    os.chown(".", 999, 998)
    for folder, _, _ in os.walk(".", topdown=False):
        os.utime(folder, ns=(0, 1_234_567_890_123_456_789))


def data_map(path, size):
    """Where a file has data, as far as its file system tells."""
    segments, at = [], 0
    with open(path, "rb") as file:
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            segments.append([start, at])
    return segments


def digest(path, segments, size):
    """The sha256 of the content, whether its holes are holes or zeros."""
    content, at, zeros = hashlib.sha256(), 0, bytes(1 << 20)
    with open(path, "rb") as file:
        for start, end in segments + [[size, size]]:
            for here in range(at, start, len(zeros)):
                content.update(zeros[: start - here])
            file.seek(start)
            while start < end:
                piece = file.read(min(1 << 20, end - start))
                content.update(piece)
                start += len(piece)
            at = end
    return content.hexdigest()


def flags(path, found):
    """What `chattr` sets, where there is such a thing."""
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return 0
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        value = array.array("l", [0])
        fcntl.ioctl(opened, FS_IOC_GETFLAGS, value)
        return value[0] & USER_FLAGS
    except OSError:
        return 0
    finally:
        os.close(opened)


def show(root):
    os.chdir(root)
    first, digests = {}, {}
    paths = [b"."]
    for folder, folders, files in os.walk(b"."):
        paths += [os.path.join(folder, name) for name in folders + files]
    for path in sorted(paths):
        found = os.lstat(path)
        line = {
            "path": path.decode("latin-1"),
            "mode": oct(found.st_mode),
            "owner": [found.st_uid, found.st_gid],
            "mtime": found.st_mtime_ns,
            "device": found.st_rdev,
            "first": first.setdefault(found.st_ino, path.decode("latin-1")),
        }
        if stat.S_ISLNK(found.st_mode):
            line["target"] = os.readlink(path).decode("latin-1")
        if stat.S_ISREG(found.st_mode):
            line["size"] = found.st_size
            line["data"] = data_map(path, found.st_size)
            if found.st_ino not in digests:
                digests[found.st_ino] = digest(path, line["data"], found.st_size)
            line["content"] = digests[found.st_ino]
        line["flags"] = flags(path, found)
        line["attributes"] = {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
        }
        print(json.dumps(line, sort_keys=True))


if __name__ == "__main__":
    {"fill": fill, "list": show}[sys.argv[1]](sys.argv[2])
