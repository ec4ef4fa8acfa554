"""Makes a tree of every kind of entry that a volume can have, each kind in a folder of its own name, and prints
these names: `kinds.py FOLDER`. Times are whole seconds where they are not what is to be seen, so that no kind hides another."""

import array
import fcntl
import os
import socket
import stat
import struct
import sys

from fill import acl

SECOND = 10**9
# A file that has been there for a while.
OLD = 1_600_000_000 * SECOND
FS_IOC_SETFLAGS = 0x40086602
NODUMP_AND_NOATIME = 0x40 | 0x80


def write(path, content=b"content"):
    with open(path, "wb") as file:
        file.write(content)


def files():
    write("small")
    write("empty", b"")
    write("large", os.urandom(1 << 16) * 20)


def folders():
    os.makedirs("empty")
    os.makedirs("one/in/another")


def permissions():
    for name, mode in [("setuid", 0o4755), ("setgid", 0o2755), ("none", 0), ("all", 0o777)]:
        write(name)
        os.chmod(name, mode)
    for name, mode in [("sticky", 0o1777), ("group", 0o2770), ("closed", 0)]:
        os.mkdir(name)
        os.chmod(name, mode)


def owners():
    for number, name in enumerate(["file", "large numbers"]):
        write(name)
        os.chown(name, *[(1000, 1001), (4_000_000_000, 4_000_000_001)][number])
    os.symlink("file", "link")
    os.chown("link", 999, 998, follow_symlinks=False)


def links():
    os.symlink("/etc/passwd", "absolute")
    os.symlink("../../../outside", "leaves the volume")
    os.symlink("nowhere", "dangling")
    os.symlink("t" * 4000, "long")
    os.symlink(b"not \xff UTF-8", "odd")


def hard_links():
    os.mkdir("folder")
    write("a")
    os.link("a", "folder/again")
    write("empty", b"")
    os.link("empty", "folder/empty again")


def hard_links_to_others():
    os.symlink("nowhere", "link")
    os.link("link", "link again", follow_symlinks=False)
    os.mkfifo("pipe")
    os.link("pipe", "pipe again")


def holes():
    with open("in between", "wb") as file:
        for part in range(4):
            file.seek(part << 20)
            file.write(os.urandom(4096))
    with open("at the end", "wb") as file:
        file.write(os.urandom(4096))
        file.truncate(2 << 20)
    with open("nothing else", "wb") as file:
        file.truncate(5 << 20)


def names():
    for name in ["new\nline", "-x", " space ", "back\\slash", "na\u00efve", "*", "n" * 255, ".wh.x", ".wh..wh..opq"]:
        write(name)


def names_of_other_bytes():
    write(b"not \xff\xfe UTF-8")
    os.mkdir(b"\x80")
    write(b"\x80/\x01")


def long_paths():
    path = "/".join(["d" * 250] * 12)
    os.makedirs(path)
    write(path + "/file")


def time_in_nanoseconds():
    write("file")
    os.mkdir("folder")
    os.symlink("file", "link")
    for name in ["file", "folder", "link"]:
        os.utime(name, ns=(OLD, OLD + 123_456_789), follow_symlinks=False)


def time_before_1970():
    write("file")
    os.utime("file", ns=(OLD, -86_400 * SECOND))


def time_after_2262():
    write("file")
    os.utime("file", ns=(OLD, 10_000_000_000 * SECOND))


def attributes_of_users():
    write("file")
    os.mkdir("folder")
    os.setxattr("file", "user.note", b"a\0b=c%\xff")
    os.setxattr("folder", "user.note", b"of a folder")


def attributes_of_root():
    write("file")
    os.symlink("file", "link")
    for name in ["file", "link"]:
        os.setxattr(name, "trusted.note", b"root's", follow_symlinks=False)


def attributes_without_a_value():
    write("file")
    os.setxattr("file", "user.empty", b"")


def capabilities():
    write("program")
    # cap_net_bind_service=ep, version 2.
    os.setxattr("program", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))


def capabilities_of_a_user_namespace():
    write("program")
    # The same, version 3: for those to whom 100000 is root.
    os.setxattr("program", "security.capability", struct.pack("<IIIIII", 0x03000001, 1 << 10, 0, 0, 0, 100000))


FULL_ACL = acl((1, 7, 2**32 - 1), (2, 6, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 4, 2**32 - 1))


def access_control_lists():
    write("file")
    os.setxattr("file", "system.posix_acl_access", FULL_ACL)


def default_access_control_lists():
    os.mkdir("folder")
    os.setxattr("folder", "system.posix_acl_default", FULL_ACL)


def devices():
    os.mknod("character", 0o620 | stat.S_IFCHR, os.makedev(1, 5))
    os.mknod("block", 0o660 | stat.S_IFBLK, os.makedev(7, 99))
    os.mknod("0, 0", stat.S_IFCHR, os.makedev(0, 0))


def pipes():
    os.mkfifo("pipe")


def sockets():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")


def chattr():
    write("file")
    opened = os.open("file", os.O_RDONLY)
    fcntl.ioctl(opened, FS_IOC_SETFLAGS, array.array("l", [NODUMP_AND_NOATIME]))
    os.close(opened)


KINDS = {
    "files": files,
    "folders": folders,
    "permissions, setuid, setgid, sticky": permissions,
    "owners": owners,
    "symbolic links": links,
    "hard links": hard_links,
    "hard links to links and pipes": hard_links_to_others,
    "holes in files": holes,
    "odd and long names": names,
    "names that are no UTF-8": names_of_other_bytes,
    "paths of 3,000 bytes": long_paths,
    "times in nanoseconds": time_in_nanoseconds,
    "times before 1970": time_before_1970,
    "times after 2262": time_after_2262,
    "attributes, user": attributes_of_users,
    "attributes, trusted": attributes_of_root,
    "attributes without a value": attributes_without_a_value,
    "capabilities": capabilities,
    "capabilities of a user namespace": capabilities_of_a_user_namespace,
    "ACLs": access_control_lists,
    "default ACLs": default_access_control_lists,
    "devices": devices,
    "named pipes": pipes,
    "sockets": sockets,
    "flags of chattr": chattr,
}


def settle(folder):
    """Whole seconds for everything that was made just now, folders last."""
    for inside, folders, names in os.walk(folder, topdown=False):
        for name in names + folders:
            if not inside.startswith(b"./times"):
                os.utime(os.path.join(inside, name), ns=(OLD, OLD), follow_symlinks=False)


os.chdir(sys.argv[1])
for kind, make in KINDS.items():
    os.mkdir(kind)
    os.chdir(kind)
    make()
    os.chdir("..")
    print(kind)
settle(b".")
for kind in KINDS:
    os.utime(kind, ns=(OLD, OLD))
os.chmod(".", 0o2750)
os.chown(".", 999, 998)
os.utime(".", ns=(OLD, OLD))
