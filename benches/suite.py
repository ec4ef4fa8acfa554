"""Times compose-dump beside the commands that its goals name. Run by suite.sh, which prepares the machine."""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

PROJECT = f"compose-dump-bench-{os.getpid()}"
MIB = 1024 * 1024
# Seconds: RECENTCY_MIN and RECENTCY_DIRTY of Linux's fs/ext4/ialloc.c.
EXT4_REMEMBERS = 60 + 300 + 5


@dataclass
class Case:
    """Ours against a rival; both are shell commands that leave what they make in `out`."""

    name: str
    data: str
    ours: str
    rival: str
    goal: float
    prepare: str = "true"


@dataclass
class Measured:
    wall: float
    cpu: float
    peak_mib: float


def shell(command, **more):
    return subprocess.run(["bash", "-o", "pipefail", "-ec", command], check=True, **more)


def output(command):
    return shell(command, capture_output=True, text=True).stdout.strip()


def measure(command):
    """Wall and CPU seconds of a command with all its processes, and the peak memory of the largest of them."""
    shell("sync")
    # A process of its own, so that the peak is this command's alone.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        began = time.monotonic()
        code = subprocess.run(["bash", "-o", "pipefail", "-ec", command], stdout=subprocess.DEVNULL).returncode
        wall = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(writer, f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024} {code}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    wall, cpu, peak, code = os.read(reader, 200).split()
    os.close(reader)
    if code != b"0":
        sys.exit(f"failed with {code.decode()}: {command}")
    return Measured(float(wall), float(cpu), float(peak))


def fill_real(folder):
    """Real files of this system, and bytes that do not compress."""
    for source in ["/usr/share", "/usr/lib/x86_64-linux-gnu", "/usr/lib/python3"]:
        if os.path.isdir(source):
            shell(f"cp -a {source} {folder}")
    shell(f"head -c {256 * MIB} /dev/urandom > {folder}/random")


def fill_small(folder, count):
    for number in range(count):
        if number % 1000 == 0:
            inside = folder / f"{number // 1000:04}"
            inside.mkdir()
        (inside / f"{number}").write_bytes(b"x" * (number % 2048))


def fill_sparse(folder):
    """An image of 10 GiB with 64 MiB of data in it."""
    with open(folder / "disk.img", "wb") as image:
        image.truncate(10 * 1024 * MIB)
        for block in range(64):
            image.seek(block * 160 * MIB)
            image.write(os.urandom(MIB))


def fill_some(folder):
    """A part of the real files, for the codecs that take minutes for all of them."""
    shell(f"cp -a /usr/lib/python3 /usr/share/doc /usr/share/perl {folder}")
    shell(f"head -c {32 * MIB} /dev/urandom > {folder}/random")


def kept(pipeline):
    """The rival's file is on the disk at the end, as ours is: a dump in the page cache is none."""
    return f'{pipeline} && sync -f "$OUT"'


def ten_times(command):
    """Short commands are timed together."""
    return f"for _ in $(seq 10); do {command}; done"


FILL = {
    "real": fill_real,
    "some": fill_some,
    "small": lambda folder: fill_small(folder, 200_000),
    "million": lambda folder: fill_small(folder, 1_000_000),
    "sparse": fill_sparse,
}


class Bench:
    """A project with one volume for each kind of data, and `out`, where dumps and the rivals' files go."""

    def __init__(self, program, work, out, kinds):
        self.program, self.work, self.out = program, work, out
        self.folder = work / "project"
        self.folder.mkdir()
        volumes = "".join(f"  {kind}: {{}}\n" for kind in kinds)
        mounts = ", ".join(f'"{kind}:/{kind}"' for kind in kinds)
        (self.folder / "compose.yaml").write_text(
            f"services: {{app: {{image: compose-dump-bench, network_mode: none, volumes: [{mounts}]}}}}\nvolumes:\n{volumes}"
        )
        self.mountpoints = {}
        for kind in kinds:
            name = f"{PROJECT}_{kind}"
            shell(
                f"docker volume create --label com.docker.compose.project={PROJECT} "
                f"--label com.docker.compose.volume={kind} {name} >/dev/null"
            )
            place = output(f"docker volume inspect -f '{{{{.Mountpoint}}}}' {name}")
            self.mountpoints[kind] = place
            print(f"filling {kind}", file=sys.stderr)
            FILL[kind](pathlib.Path(place))

    def backup(self, kinds, target, more="", at_once=1):
        """Only these volumes: the others are left out by a job file."""
        job = self.folder / f"{'-'.join(kinds)}-{at_once}.yml"
        rules = "".join(f"  {kind}: {'{}' if kind in kinds else 'skip'}\n" for kind in self.mountpoints)
        job.write_text(f"version: 1\nvolumes_at_once: {at_once}\nvolumes:\n{rules}")
        return (
            f"{more} {self.program} -q -C {self.folder} -p {PROJECT} -c {job} backup --volumes --no-pause -t {target}"
        )

    def cases(self):
        for kind in self.mountpoints:
            if kind != "some":
                yield from self.zst_cases(kind)
        if "real" in self.mountpoints:
            tar, out = self.tar("real"), self.out
            yield Case("tar, archive", "real", self.backup(["real"], f"{out}/a.tar"), kept(f"{tar} > {out}/r.tar"), 1.3)
            yield self.codec_case("real", "gz", "pigz -p 2", 0.9)
            yield from self.engine_cases("real")
            yield self.restore_case("real")
        if "some" in self.mountpoints:
            yield self.codec_case("some", "bz2", "pbzip2 -p2 -c", 1.0)
            yield self.codec_case("some", "xz", "xz -T2 -6", 1.0)
        if {"real", "some"} <= self.mountpoints.keys():
            yield self.two_volumes_case()
            yield from self.at_once_cases(["real", "some"])
        yield self.plan_case()

    def tar(self, kind):
        return f"tar -C {self.mountpoints[kind]} --xattrs --acls --sparse -cf - ."

    def zst_cases(self, kind):
        rival = kept(f"{self.tar(kind)} | zstd -q -3 -T2 -o {self.out}/r.tar.zst")
        yield Case(f"{kind}: zst, archive", kind, self.backup([kind], f"{self.out}/a.tar.zst"), rival, 1.0)
        folder = self.backup([kind], f"{self.out}/d", "COMPOSE_DUMP_COMPRESSION=zst")
        yield Case(f"{kind}: zst, directory", kind, folder, rival, 1.0)

    def codec_case(self, kind, codec, rival, goal):
        ours = self.backup([kind], f"{self.out}/a.tar.{codec}")
        rival = kept(f"{self.tar(kind)} | {rival} > {self.out}/r.tar.{codec}")
        return Case(f"{kind}: {codec}, archive", kind, ours, rival, goal)

    def engine_cases(self, kind):
        """The engine does not say how long a volume's tar will be."""
        helper = f"{PROJECT}-cp"
        prepare = (
            f"docker rm -f {helper} >/dev/null 2>&1; "
            f"docker create --name {helper} -v {PROJECT}_{kind}:/v compose-dump-bench >/dev/null"
        )
        rival = kept(f"docker cp {helper}:/v - | zstd -q -3 -T2 -o {self.out}/r.tar.zst")
        folder = self.backup([kind], f"{self.out}/d", "COMPOSE_DUMP_COMPRESSION=zst COMPOSE_DUMP_READER=engine")
        yield Case("engine reader, zst, directory", kind, folder, rival, 1.05, prepare)
        archive = self.backup([kind], f"{self.out}/a.tar.zst", "COMPOSE_DUMP_READER=engine")
        yield Case("engine reader, zst, archive", kind, archive, rival, 1.05, prepare)

    def restore_case(self, kind):
        """From one archive; the rival has the volume's tar alone, compressed as it is in there."""
        # Always into new ones, with nothing removed in between: for up to six minutes after files were removed, ext4 goes
        # past the place of each of them whenever it makes one, which takes longer than all the rest.
        dump, to = self.work / "kept.tar.zst", f"{PROJECT}-copy-$(date +%s%N)"
        shell(self.backup([kind], dump))
        shell(f"{self.tar(kind)} | zstd -q -3 -T2 -o {self.work}/kept.volume")
        time.sleep(EXT4_REMEMBERS)
        ours = f"{self.program} -q restore {dump} --volumes --no-start --as {to} --to {self.out}/copy"
        # Beside the volume that ours writes: both on the same file system.
        rival = (
            f"beside=$(dirname {self.mountpoints[kind]})/unpacked-$(date +%s%N) && mkdir $beside && "
            f"zstd -qdc {self.work}/kept.volume | tar --xattrs --xattrs-include='*' --acls -xpC $beside; sync -f $beside"
        )
        return Case("restore, direct", kind, ours, rival, 1.1)

    def two_volumes_case(self):
        """One run of two volumes beside a run of each."""
        both = self.backup(["real", "some"], f"{self.out}/both.tar.zst")
        one = self.backup(["real"], f"{self.out}/real.tar.zst")
        other = self.backup(["some"], f"{self.out}/some.tar.zst")
        return Case("two volumes, one run", "both", both, f"{one}; {other}", 1.0)

    def at_once_cases(self, kinds):
        """Two volumes side by side beside the same one after the other, from memory and from the disk."""
        for reader in ["direct", "engine"]:
            more = f"COMPOSE_DUMP_COMPRESSION=zst COMPOSE_DUMP_READER={reader}"
            both, one = (self.backup(kinds, f"{self.out}/d", more, number) for number in [2, 1])
            for read, prepare in [("cached", "true"), ("from disk", "sync; echo 3 > /proc/sys/vm/drop_caches")]:
                yield Case(f"two at once, {reader}, {read}", "both", both, one, 1.0, prepare)

    def plan_case(self):
        folder = self.work / "ten"
        folder.mkdir()
        services = "".join(f"  s{number}: {{image: x, volumes: [v{number}:/v]}}\n" for number in range(10))
        volumes = "".join(f"  v{number}: {{}}\n" for number in range(10))
        (folder / "compose.yaml").write_text(f"services:\n{services}volumes:\n{volumes}")
        plugins = self.work / "docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(os.environ["COMPOSE_V2"])
        ours = f"{self.program} -q -C {folder} plan --json"
        rival = f"DOCKER_CONFIG={plugins.parent} docker compose -f {folder}/compose.yaml config"
        return Case("plan of ten services, x 10", "-", ten_times(ours), ten_times(rival), 0.2)

    def leave(self):
        shell(f"docker rm -f {PROJECT}-cp >/dev/null 2>&1 || true")
        names = output(f"docker volume ls -q --filter name={PROJECT}")
        for name in names.split():
            shell(f"docker volume rm -f {name} >/dev/null")


def run(case, out, runs):
    """Ours and the rival in turn, `runs` times; the medians of both, and the ratio of each pair in ascending order."""
    ours, rival = [], []
    for _ in range(runs):
        for command, into in [(case.ours, ours), (case.rival, rival)]:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            shell(case.prepare)
            into.append(measure(command))
    ratios = sorted(mine.wall / other.wall for mine, other in zip(ours, rival))
    return middle(ours), middle(rival), ratios


def middle(runs):
    return Measured(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.peak_mib for run in runs),
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--program", required=True)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--data", default="real,some,small,sparse")
    options.add_argument("--out", default="/dev/shm", help="where dumps go: memory, so that the disk is no one's bound")
    options.add_argument("--case", default="")
    options = options.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="compose-dump-bench.", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    bench = None
    out = pathlib.Path(tempfile.mkdtemp(prefix="compose-dump-bench.", dir=options.out))
    os.environ["OUT"] = str(out)
    try:
        bench = Bench(options.program, work, out, options.data.split(","))
        print(
            f"{os.cpu_count()} cores, dumps in {options.out}, {options.runs} runs each, in turn; medians, the ratio that "
            "of each pair, with the lowest and the highest; peak of the largest process\n"
        )
        print(f"| {'case':32} | ours s | rival s | ratio | from, to | goal | met | CPU s | rival | MiB | rival |")
        print("| --- | ---: | ---: | ---: | --- | ---: | --- | ---: | ---: | ---: | ---: |")
        for case in bench.cases():
            if not any(part in case.name for part in options.case.split(",")):
                continue
            ours, rival, ratios = run(case, out, options.runs)
            ratio = statistics.median(ratios)
            print(
                f"| {case.name:32} | {ours.wall:.2f} | {rival.wall:.2f} | {ratio:.2f} "
                f"| {ratios[0]:.2f}, {ratios[-1]:.2f} | {case.goal} "
                f"| {'yes' if ratio <= case.goal else 'no'} | {ours.cpu:.1f} | {rival.cpu:.1f} "
                f"| {ours.peak_mib:.0f} | {rival.peak_mib:.0f} |",
                flush=True,
            )
    finally:
        if bench:
            bench.leave()
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)


main()
