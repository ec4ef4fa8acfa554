"""Checks a dump against its own manifest, and tells what is in it, as one JSON document.

usage: verify.py DUMP, a folder or an archive. Written after docs/format.md alone, with nothing of
compose-dump in it. A dump that is not as it says ends the program with a message.
"""

import bz2
import collections
import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

try:
    import yaml
except ImportError:
    sys.exit("PyYAML is missing: apt-get install python3-yaml")

TOP = {"Manifest.yml", "config", "config-outside", "volumes", "exports", "index"}


class TextLoader(yaml.SafeLoader):
    """YAML whose times stay text: Python's have no nanoseconds."""


TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def demand(truth, *what):
    if not truth:
        sys.exit("verify: " + " ".join(str(word) for word in what))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def decompressed(path):
    if path.endswith(".gz"):
        return gzip.decompress(read(path))
    if path.endswith(".bz2"):
        return bz2.decompress(read(path))
    if path.endswith(".xz"):
        return lzma.decompress(read(path))
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
    return read(path)


def sealed(path):
    """The manifest, whose last line is the sha256 of all before it."""
    lines = read(path).splitlines(keepends=True)
    demand(lines[-1] == b"sha256: %s\n" % sha256(b"".join(lines[:-1])).encode(), path, "has a broken seal")
    return yaml.load(b"".join(lines[:-1]), TextLoader)


def unescaped(text):
    """Index paths: `\\\\`, `\\n`, `\\t` and `\\xHH`, as docs/format.md has them."""
    out = bytearray()
    data = text
    at = 0
    while at < len(data):
        if data[at : at + 1] != b"\\":
            out += data[at : at + 1]
            at += 1
        elif data[at + 1 : at + 2] == b"x":
            out.append(int(data[at + 2 : at + 4], 16))
            at += 4
        else:
            out += {b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r"}[data[at + 1 : at + 2]]
            at += 2
    return bytes(out)


def shown(name):
    """A name as text that every JSON reader takes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def nanoseconds(text):
    whole, _, fraction = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 10**9 + sign * int((fraction + "0" * 9)[:9])


def index_lines(text):
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    demand(lines[0] == "#compose-dump-index 1 type mode uid gid mtime size at path target", "index head", lines[0])
    demand(lines[-1] == "", "the index ends with a newline")
    for line in lines[1:-1]:
        fields = line.split("\t")
        demand(len(fields) == 9, "index line of", len(fields), "fields:", line)
        yield fields


def check_tree(root, member, text, plain, seen):
    """Every line of a tree's index against the file that is there. `plain`: with times and owners,
    which only root can give away."""
    base = "config" if member["path"] == "config" else "volumes/mounted"
    total = 0
    count = 0
    for kind, mode, uid, gid, mtime, size, at, path, target in index_lines(text):
        count += 1
        name = os.path.normpath(os.path.join(os.fsencode(base), unescaped(os.fsencode(path))))
        full = os.path.join(os.fsencode(root), name)
        status = os.lstat(full)
        label = shown(name)
        folder = kind == "d"
        demand(folder or name not in seen, label, "is stored twice")
        seen[name] = kind
        wanted = {"f": stat.S_ISREG, "h": stat.S_ISREG, "d": stat.S_ISDIR, "l": stat.S_ISLNK, "p": stat.S_ISFIFO,
                  "c": stat.S_ISCHR, "b": stat.S_ISBLK}[kind]
        demand(wanted(status.st_mode), label, "is no", kind)
        if kind != "l":
            demand(stat.S_IMODE(status.st_mode) == int(mode, 8), label, "has mode", oct(status.st_mode), "not", mode)
        if plain:
            demand((status.st_uid, status.st_gid) == (int(uid), int(gid)), label, "has another owner")
            demand(status.st_mtime_ns == nanoseconds(mtime), label, "has mtime", status.st_mtime_ns, "not", mtime)
        if kind == "f":
            demand(status.st_size == int(size), label, "has", status.st_size, "bytes, not", size)
            demand(sha256(read(full)) == at, label, "has another content")
            total += status.st_size
        if kind == "l":
            demand(os.readlink(full) == unescaped(os.fsencode(target)), label, "leads elsewhere")
    demand(count == member["entries"], member["path"], "has", count, "entries, not", member["entries"])
    demand(total == member["bytes"], member["path"], "has", total, "bytes, not", member["bytes"])
    demand(sha256(text) == member["sha256"], member["path"], "has another index")


def check_tar(path, member, text):
    """A volume's tar as tarfile sees it: what is in it, by name."""
    data = decompressed(path)
    demand(os.path.getsize(path) == member["bytes"], path, "has another length")
    demand(sha256(read(path)) == member["sha256"], path, "has another sha256")
    demand(len(data) == member["raw_bytes"], path, "has another raw length")
    demand(sha256(data) == member["raw_sha256"], path, "has another raw sha256")
    demand(data[-1024:] == bytes(1024), path, "has no end")
    entries = collections.OrderedDict()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with tarfile.open(file.name, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            for info in tar:
                name = info.name if info.name != "." else "./"
                demand(name.startswith("./"), path, "holds the name", name)
                demand(name not in entries, path, "holds twice", name)
                entry = {"type": info.type.decode("latin-1"), "mode": info.mode, "uid": info.uid, "gid": info.gid,
                         "mtime": str(info.mtime), "size": info.size, "link": shown(info.linkname),
                         "pax": {key: value.encode("utf-8", "surrogateescape").hex() for key, value in info.pax_headers.items()}}
                if info.isreg():
                    entry["sha256"] = sha256(tar.extractfile(info).read())
                if info.isdev():
                    entry["device"] = [info.devmajor, info.devminor]
                entries[name] = entry
    demand(next(iter(entries)) == "./", path, "begins with", next(iter(entries)))
    demand(len(entries) == member["entries"], path, "has", len(entries), "entries, not", member["entries"])
    lines = list(index_lines(text))
    demand(len(lines) == len(entries), path, "has an index of", len(lines), "lines")
    for (kind, mode, _, _, _, _, at, name, _), (stored, entry) in zip(lines, entries.items()):
        unescaped_name = os.fsdecode(unescaped(os.fsencode(name)))
        demand(os.path.normpath(unescaped_name) == os.path.normpath(stored), path, "index has", name, "tar has", stored)
        demand(int(mode, 8) == entry["mode"], path, "index and tar differ in the mode of", stored)
        if kind == "f" and entry["size"] > 0 and "GNU.sparse.major" not in entry["pax"]:
            data_at = int(at)
            demand(sha256(data[data_at : data_at + entry["size"]]) == entry["sha256"], path, "offset of", stored)
    return {shown(name): entry for name, entry in entries.items()}


def check_bytes(full, member):
    """An export: no entries, and no index."""
    path = member["path"]
    demand("index" not in member and "entries" not in member, path, "has entries")
    stored, raw = read(full), decompressed(full)
    demand(sha256(stored) == member["sha256"], path, "has another sha256")
    demand(len(stored) == member["bytes"], path, "has another length")
    demand(sha256(raw) == member["raw_sha256"], path, "has another raw_sha256")
    demand(len(raw) == member["raw_bytes"], path, "has another raw length")


def all_files(root):
    """Every path below root that is no folder, and every folder."""
    root = os.fsencode(root)
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            yield os.path.relpath(os.path.join(folder, name), root)


def described(root):
    rows = {}
    for name in all_files(root):
        status = os.lstat(os.path.join(os.fsencode(root), name))
        row = {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "mtime": status.st_mtime_ns}
        full = os.path.join(os.fsencode(root), name)
        if stat.S_ISREG(status.st_mode):
            row.update(type="f", size=status.st_size, sha256=sha256(read(full)))
        elif stat.S_ISLNK(status.st_mode):
            row.update(type="l", target=shown(os.readlink(full)))
        elif stat.S_ISDIR(status.st_mode):
            row.update(type="d")
        else:
            row.update(type="?")
        rows[shown(name)] = row
    return rows


def private(root):
    """Only the owner sees what is in a dump."""
    demand(stat.S_IMODE(os.stat(root).st_mode) == 0o700, root, "is not private")
    for name in all_files(root):
        status = os.lstat(os.path.join(os.fsencode(root), name))
        top = name.split(b"/")[0]
        plain = top == b"config" or name.startswith(b"volumes/mounted")
        if not plain and stat.S_ISDIR(status.st_mode):
            demand(stat.S_IMODE(status.st_mode) == 0o700, name, "is not private")
        if not plain and stat.S_ISREG(status.st_mode):
            demand(stat.S_IMODE(status.st_mode) == 0o600, name, "is not private")


def listed_by_name(manifest):
    """`volumes` says by name what `members` say by source."""
    project, mounted, services = {}, [], {}
    for member in manifest["members"]:
        source = member["source"]
        if source["type"] == "project_volume":
            project[source["name"]] = member["path"]
        if source["type"] == "mounted":
            mounted.append(source["path"])
        if source["type"] == "service_volume" and source["replica"] == 1:
            services.setdefault(source["service"], {})[source["path"]] = member["path"]
    volumes = manifest["volumes"]
    demand(volumes["project"] == project, "volumes.project", volumes["project"], "is not", project)
    demand(sorted(volumes["mounted"]) == sorted(mounted), "volumes.mounted", volumes["mounted"], "is not", mounted)
    for service, paths in services.items():
        demand(paths.items() <= volumes["services"][service].items(), "volumes.services", volumes["services"])


def check_dump(root, plain):
    manifest = sealed(os.path.join(root, "Manifest.yml"))
    demand(manifest["format"] == 1, "format", manifest["format"])
    demand(manifest["complete"] == (not manifest["failed"]), "`complete` and `failed` differ")
    demand(set(os.listdir(root)) <= TOP, root, "holds", os.listdir(root))
    private(root)
    listed_by_name(manifest)
    seen = {b"Manifest.yml": "f"}
    tars = {}
    for member in manifest["members"]:
        path = member["path"]
        if member["kind"] == "bytes":
            check_bytes(os.path.join(root, path), member)
            seen[os.fsencode(path)] = "f"
            continue
        index = member["index"]
        index_path = os.path.join(root, index["path"])
        demand(sha256(read(index_path)) == index["sha256"], index["path"], "has another sha256")
        demand(os.path.getsize(index_path) == index["bytes"], index["path"], "has another length")
        text = decompressed(index_path)
        seen[os.fsencode(index["path"])] = "f"
        if member["kind"] == "tree":
            check_tree(root, member, text, plain and manifest["meta"]["uid"] == 0, seen)
        else:
            seen[os.fsencode(path)] = "f"
            tars[path] = check_tar(os.path.join(root, path), member, text)
    for name in all_files(root):
        full = os.path.join(os.fsencode(root), name)
        demand(name in seen or stat.S_ISDIR(os.lstat(full).st_mode), name, "is in no member")
    return {"manifest": manifest, "files": described(root), "tars": tars}


def check_archive(path, folder):
    unpacked = os.path.join(folder, "unpacked")
    os.mkdir(unpacked, 0o700)
    with open(os.path.join(folder, "plain.tar"), "wb") as file:
        file.write(decompressed(path))
    subprocess.run(["tar", "-C", unpacked, "--numeric-owner", "-xpf", file.name], check=True)
    result = check_dump(unpacked, os.geteuid() == 0)
    with tarfile.open(file.name) as tar:
        names = tar.getnames()
    demand(names[-1] == "Manifest.yml", "the last entry is", names[-1])
    demand(len(names) == len(set(names)), "an entry is stored twice")
    marker = re.sub(r"\.(tar(\.[a-z0-9]+)?|tgz)$", ".manifest.yml", path)
    if os.path.exists(marker):
        said = sealed(marker)
        archive = said.pop("archive")
        demand(said == result["manifest"], "the marker differs from the manifest")
        demand(archive["file"] == os.path.basename(path), "the marker names", archive["file"])
        demand(archive["bytes"] == os.path.getsize(path), "the marker's length")
        demand(archive["sha256"] == sha256(read(path)), "the marker's sha256")
        demand(stat.S_IMODE(os.stat(marker).st_mode) == 0o600, marker, "is not private")
        demand(stat.S_IMODE(os.stat(path).st_mode) == 0o600, path, "is not private")
        result["marker"] = True
    return result


def main(path):
    if os.path.isdir(path):
        result = check_dump(path, True)
    else:
        folder = tempfile.mkdtemp(prefix="verify-", dir="/var/tmp")
        try:
            result = check_archive(path, folder)
        finally:
            shutil.rmtree(folder)
    json.dump(result, sys.stdout)


main(sys.argv[1])
