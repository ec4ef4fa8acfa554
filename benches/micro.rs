//! The parts that every byte or every entry passes, each alone: `cargo bench --bench micro [PART]`.
//!
//! What a whole run takes is the business of `suite.sh`; these tell which part has changed.

use std::hint::black_box;
use std::io::{Read, Write};

use compose_dump::archive::entry::{Entry, EntryKind, Mtime, SinkClosed};
use compose_dump::archive::tar::{END, TarParser, TarVisitor, encode_head, padding};
use compose_dump::codecs::{Codec, Compression, Encoder, decoder};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};

const MIB: usize = 1024 * 1024;
const ENTRIES: usize = 1000;

/// A file as most are: short name, owner, a time with nanoseconds.
fn file(number: usize, size: u64) -> Entry {
    Entry {
        path: format!("var/lib/app/objects/{:02x}/{number:08}", number % 256).into_bytes(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
        mtime: Mtime {
            secs: 1_700_000_000 + number as i64,
            nanos: 123_456_789,
        },
        size,
        xattrs: Vec::new(),
        sparse: None,
    }
}

/// A tar of small files.
fn small_files() -> Vec<u8> {
    let mut tar = Vec::new();
    for number in 0..ENTRIES {
        let size = number as u64 % 2048;
        encode_head(&file(number, size), b"./", &mut tar);
        tar.resize(tar.len() + size as usize + padding(size), b'x');
    }
    tar.extend_from_slice(&END);
    tar
}

/// Half text, half bytes that do not compress, in pieces of 64 KiB; the same in every run.
fn mixed(len: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(len);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while data.len() < len {
        for line in 0..1024 {
            data.extend_from_slice(
                format!("line {line:05} of a log, of which there are many\n").as_bytes(),
            );
        }
        for _ in 0..8192 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.extend_from_slice(&state.to_le_bytes());
        }
    }
    data.truncate(len);
    data
}

fn tar_writer(criterion: &mut Criterion) {
    let entries: Vec<Entry> = (0..ENTRIES).map(|number| file(number, 100)).collect();
    let mut group = criterion.benchmark_group("tar writer");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    let mut out = Vec::new();
    group.bench_function("heads of small files", |bench| {
        bench.iter(|| {
            out.clear();
            for entry in &entries {
                encode_head(black_box(entry), b"./", &mut out);
            }
        });
    });
}

/// Looks away.
struct Nobody;

impl TarVisitor for Nobody {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        black_box(entry);
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        black_box(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

fn tar_parser(criterion: &mut Criterion) {
    let tar = small_files();
    let mut group = criterion.benchmark_group("tar parser");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.bench_function("small files", |bench| {
        bench.iter(|| {
            let mut parser = TarParser::new(Nobody);
            for piece in tar.chunks(64 * 1024) {
                parser.feed(black_box(piece)).expect("the tar is ours");
            }
            parser.finish().map(|_| ()).expect("the tar is whole")
        });
    });
}

fn hasher(criterion: &mut Criterion) {
    let data = mixed(MIB);
    let mut group = criterion.benchmark_group("hasher");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("sha256", |bench| {
        bench.iter(|| Sha256::digest(black_box(&data)));
    });
}

fn compressed(data: &[u8], codec: Codec) -> Vec<u8> {
    let encoder = Encoder::new(Vec::new(), &Compression::new(codec));
    let mut encoder = encoder.expect("the codec's own settings are good");
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn codecs(criterion: &mut Criterion) {
    let data = mixed(16 * MIB);
    for codec in Codec::ALL {
        let mut group = criterion.benchmark_group("codec");
        group.sample_size(10);
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(BenchmarkId::new("encode", codec), |bench| {
            bench.iter(|| compressed(black_box(&data), codec));
        });
        let packed = compressed(&data, codec);
        group.bench_function(BenchmarkId::new("decode", codec), |bench| {
            bench.iter(|| {
                let mut out = Vec::with_capacity(data.len());
                let mut reader = decoder(codec, &packed[..]).expect("memory gives it");
                reader
                    .read_to_end(&mut out)
                    .expect("it was compressed here");
                out
            });
        });
    }
}

criterion_group!(benches, tar_writer, tar_parser, hasher, codecs);
criterion_main!(benches);
