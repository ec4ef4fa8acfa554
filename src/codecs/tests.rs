//! What must hold for every row of the table, and what the ordinary programs make of the output.

#![allow(clippy::unwrap_used)]

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use super::{Codec, CodecError, Compression, Encoder, Verbatim, decoder};

fn encode(compression: &Compression, pieces: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), compression).unwrap();
    for piece in pieces {
        encoder.write_all(piece).unwrap();
    }
    encoder.finish().unwrap()
}

fn decode(codec: Codec, data: &[u8]) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    decoder(codec, data)?.read_to_end(&mut raw)?;
    Ok(raw)
}

/// Bytes that compress about by half, longer than every buffer and job.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 28) as u8
        })
        .collect()
}

fn compressing() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| *codec != Codec::None)
}

#[test]
fn every_codec_gives_back_what_it_took() {
    let long = sample(3_000_000);
    let shapes: [&[&[u8]]; 4] = [
        &[],
        &[b""],
        &[b"one byte at", b" ", b"a time"],
        &[&long, b"x", &long],
    ];
    for codec in Codec::ALL {
        for pieces in shapes {
            let encoded = encode(&Compression::new(codec), pieces);
            assert_eq!(decode_all(codec, &encoded), pieces.concat(), "{codec}");
        }
    }
}

fn decode_all(codec: Codec, encoded: &[u8]) -> Vec<u8> {
    if codec == Codec::None {
        return encoded.to_vec();
    }
    decode(codec, encoded).unwrap()
}

#[test]
fn every_level_of_every_codec_works_with_one_and_with_three_threads() {
    let data = sample(100_000);
    for codec in compressing() {
        for level in codec.levels().unwrap() {
            for threads in [1, 3] {
                let compression = Compression {
                    level: Some(level),
                    threads: Some(threads),
                    ..Compression::new(codec)
                };
                let encoded = encode(&compression, &[&data]);
                assert!(encoded.len() < data.len(), "{codec} {level}");
                assert_eq!(decode(codec, &encoded).unwrap(), data, "{codec} {level}");
            }
        }
    }
}

#[test]
fn what_is_divided_may_be_put_together_in_another_order() {
    let (head, content, tail) = (sample(700), sample(1_500_000), sample(90));
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(Vec::new(), &Compression::new(codec)).unwrap();
        let mut part = |data: &[u8]| {
            encoder.write_all(data).unwrap();
            encoder.divide().unwrap();
            std::mem::take(encoder.get_mut())
        };
        let (content_first, head_second) = (part(&content), part(&head));
        assert_eq!(part(b""), b"", "nothing makes no stream");
        encoder.write_all(&content[..1_000_000]).unwrap();
        encoder.forget().unwrap();
        encoder.get_mut().clear();
        encoder.write_all(&tail).unwrap();
        let tail_last = encoder.finish().unwrap();
        let all = [head_second, content_first, tail_last].concat();
        let expected = [&head[..], &content, &tail].concat();
        assert!(decode_all(codec, &all) == expected, "{codec}");
    }
}

#[test]
fn a_level_outside_the_range_is_refused() {
    for codec in compressing() {
        let compression = Compression {
            level: Some(99),
            ..Compression::new(codec)
        };
        assert!(matches!(
            compression.check(),
            Err(CodecError::Level { level: 99, .. })
        ));
        let error = Encoder::new(Vec::new(), &compression).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn several_members_are_read_as_one() {
    for codec in compressing() {
        let mut encoded = encode(&Compression::new(codec), &[b"first, "]);
        encoded.extend(encode(&Compression::new(codec), &[b"second"]));
        assert_eq!(
            decode(codec, &encoded).unwrap(),
            b"first, second",
            "{codec}"
        );
    }
}

#[test]
fn a_cut_end_is_an_error_wherever_it_is_cut() {
    for codec in compressing() {
        let encoded = encode(&Compression::new(codec), &[&sample(500)]);
        for len in 0..encoded.len() {
            assert!(
                decode(codec, &encoded[..len]).is_err(),
                "{codec} cut at {len}"
            );
        }
    }
}

#[test]
fn anything_behind_the_end_is_an_error() {
    for codec in compressing() {
        for garbage in [b"x".as_slice(), b"garbage", &[0; 7]] {
            let mut encoded = encode(&Compression::new(codec), &[b"content"]);
            encoded.extend_from_slice(garbage);
            assert!(decode(codec, &encoded).is_err(), "{codec} {garbage:?}");
        }
    }
}

#[test]
fn a_flipped_bit_in_the_data_is_an_error() {
    for codec in compressing() {
        let encoded = encode(&Compression::new(codec), &[&sample(5_000)]);
        let mut flipped = encoded.clone();
        flipped[encoded.len() / 2] ^= 0x10;
        assert!(decode(codec, &flipped).is_err(), "{codec}");
    }
}

#[test]
fn a_dropped_encoder_writes_no_end() {
    for codec in compressing() {
        let mut written = Vec::new();
        let mut encoder = Encoder::new(&mut written, &Compression::new(codec)).unwrap();
        encoder.write_all(&sample(1000)).unwrap();
        drop(encoder);
        assert!(decode(codec, &written).is_err(), "{codec}");
    }
}

#[test]
fn a_failing_writer_fails_the_encoder() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(Full, &Compression::new(codec)).unwrap();
        let result = encoder
            .write_all(&sample(100))
            .and_then(|()| encoder.finish().map(drop));
        assert_eq!(
            result.unwrap_err().kind(),
            io::ErrorKind::StorageFull,
            "{codec}"
        );
    }
}

#[test]
fn the_ordinary_programs_read_the_output() {
    let data = sample(2_000_000);
    for (codec, program) in compressing().zip(["gzip", "bzip2", "xz", "zstd"]) {
        let encoded = encode(&Compression::new(codec), &[&data]);
        assert_eq!(run(program, &["-dc"], encoded), data, "{program}");
    }
}

/// Readers that know one member only, and those that read ahead on all cores, take it too.
#[test]
fn what_all_cores_made_is_one_file_for_every_reader() {
    let data = sample(5_000_000);
    for (codec, module) in [
        (Codec::Gz, "gzip"),
        (Codec::Bz2, "bz2"),
        (Codec::Xz, "lzma"),
    ] {
        let compression = Compression {
            threads: Some(3),
            ..Compression::new(codec)
        };
        let encoded = encode(&compression, &[&data]);
        let script = format!(
            "import sys, {module}; sys.stdout.buffer.write({module}.decompress(sys.stdin.buffer.read()))"
        );
        assert_eq!(run("python3", &["-c", &script], encoded), data, "{module}");
    }
    let encoded = encode(&Compression::new(Codec::Gz), &[&data]);
    let mut first_member = Vec::new();
    flate2::read::GzDecoder::new(&encoded[..])
        .read_to_end(&mut first_member)
        .unwrap();
    assert_eq!(first_member, data);
    assert_eq!(run("pigz", &["-dc"], encoded), data);
}

#[test]
fn the_output_does_not_depend_on_the_number_of_threads_and_pieces() {
    let data = sample(2_500_000);
    for codec in [Codec::Gz, Codec::Bz2] {
        let with = |threads| Compression {
            threads: Some(threads),
            ..Compression::new(codec)
        };
        let pieces: Vec<&[u8]> = data.chunks(1_000).collect();
        assert_eq!(
            encode(&with(1), &[&data]),
            encode(&with(4), &pieces),
            "{codec}"
        );
    }
}

/// What a head that is known last is to the file around it: of any bytes, between other frames or members.
#[test]
fn what_is_stored_has_a_length_of_its_own_and_every_reader_takes_it() {
    let data = sample(100_000);
    for (codec, program) in [(Codec::Gz, "gzip"), (Codec::Zst, "zstd")] {
        let verbatim = Verbatim::of(codec).unwrap();
        for len in [0, 1, 255, 256, 257, 512, 1536, 32 * 1024, 70_000] {
            let (left, right) = data.split_at(len);
            let held = verbatim.encode(left);
            let zeros = verbatim.encode(&vec![0; len]);
            assert_eq!(held.len(), zeros.len(), "{codec} {len}");
            let end = encode(&Compression::new(codec), &[right]);
            let whole = [encode(&Compression::new(codec), &[b"before"]), held, end].concat();
            let expected = [b"before", &data[..]].concat();
            assert_eq!(decode(codec, &whole).unwrap(), expected, "{codec} {len}");
            assert_eq!(run(program, &["-dc"], whole), expected, "{program} {len}");
        }
    }
    assert_eq!(Verbatim::of(Codec::None).unwrap().encode(&data), data);
}

#[test]
fn the_output_of_the_ordinary_programs_is_read() {
    let data = sample(2_000_000);
    for (codec, program) in compressing().zip(["gzip", "bzip2", "xz", "zstd"]) {
        let encoded = run(program, &["-c"], data.clone());
        assert_eq!(decode(codec, &encoded).unwrap(), data, "{program}");
    }
}

/// Runs a program over `input` and gives its output; asks for it to be installed where it is missing.
fn run(program: &str, args: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("install `{program}` to run this test: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

#[test]
fn memory_is_stated_for_every_codec_and_grows_with_threads() {
    for codec in Codec::ALL {
        assert!(Compression::new(codec).memory_bytes() > 0);
    }
    let bytes = |codec, threads| {
        Compression {
            threads: Some(threads),
            ..Compression::new(codec)
        }
        .memory_bytes()
    };
    for codec in [Codec::Gz, Codec::Bz2, Codec::Xz] {
        assert!(bytes(codec, 4) > 2 * bytes(codec, 1), "{codec}");
    }
    assert!(bytes(Codec::Zst, 2) < 100 * 1024 * 1024);
}
