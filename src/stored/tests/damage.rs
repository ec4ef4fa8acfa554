//! Bits that were flipped, files that were cut, swapped, doubled, added and taken away.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::bench::{Bench, Random, flip, forms, said};
use crate::archive::manifest::Sha256Digest;
use crate::codecs::{Codec, decoder};
use crate::executor::samples::whole::Shape;

/// Flips per form.
const FLIPS: u64 = 200;

#[test]
fn every_flipped_bit_is_found() {
    for (shape, codec) in forms() {
        let bench = Bench::new(shape, codec);
        let files = bench.files();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let total: u64 = files.iter().map(|(_, len)| len).sum();
        for round in 0..FLIPS {
            // Half of them by length, half by file: small files are indexes, manifest and marker.
            let (path, bit) = if round % 2 == 0 {
                at(&files, random.below(total * 8))
            } else {
                let (path, len) = &files[random.below(files.len() as u64) as usize];
                (path, random.below(len * 8))
            };
            flip(path, bit);
            assert_ne!(
                bench.said(),
                "sound",
                "{shape:?} {codec}: bit {bit} of {path:?}"
            );
            flip(path, bit);
        }
        assert_eq!(bench.said(), "sound", "{shape:?} {codec}: mended");
    }
}

/// The file and the bit in it, of a bit in all of them.
fn at(files: &[(PathBuf, u64)], mut bit: u64) -> (&PathBuf, u64) {
    for (path, len) in files {
        if bit < len * 8 {
            return (path, bit);
        }
        bit -= len * 8;
    }
    unreachable!("a bit in one of them")
}

#[test]
fn every_cut_is_found() {
    for (shape, codec) in forms() {
        let bench = Bench::new(shape, codec);
        let mut random = Random(7);
        for (path, len) in bench.files() {
            let whole = fs::read(&path).unwrap();
            for left in [0, len - 1, random.below(len), random.below(len)] {
                File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(left)
                    .unwrap();
                assert_ne!(
                    bench.said(),
                    "sound",
                    "{shape:?} {codec}: {path:?} cut to {left}"
                );
                if shape == Shape::Archive && path == bench.dump {
                    assert_ne!(said(bench.verify_stream()), "sound", "{codec}: {left}");
                }
                // Written over, not made anew: owner and time are not what is tested here.
                fs::write(&path, &whole).unwrap();
            }
            fs::write(&path, [&whole[..], b"\0"].concat()).unwrap();
            assert_ne!(
                bench.said(),
                "sound",
                "{shape:?} {codec}: {path:?} with one byte more"
            );
            fs::write(&path, &whole).unwrap();
        }
        assert_eq!(bench.said(), "sound");
    }
}

/// Without a marker nothing vouches for the bytes of the archive itself. What they give is vouched for:
/// a flip that is not found has changed none of it.
#[test]
fn a_flipped_bit_in_a_stream_is_found_or_changes_nothing() {
    for codec in Codec::ALL {
        let bench = Bench::new(Shape::Archive, codec);
        let len = fs::metadata(&bench.dump).unwrap().len();
        let whole = decompressed(&bench.dump, codec);
        let mut random = Random(0x0123_4567_89ab_cdef);
        for _ in 0..FLIPS {
            let bit = random.below(len * 8);
            flip(&bench.dump, bit);
            if said(bench.verify_stream()) == "sound" {
                assert_ne!(codec, Codec::None, "bit {bit}");
                assert_eq!(
                    decompressed(&bench.dump, codec),
                    whole,
                    "{codec}: bit {bit}"
                );
            }
            flip(&bench.dump, bit);
        }
    }
}

/// What comes out of an archive, as a digest.
fn decompressed(path: &Path, codec: Codec) -> Sha256Digest {
    let mut out = Vec::new();
    let reader = decoder(codec, File::open(path).unwrap());
    reader.unwrap().read_to_end(&mut out).unwrap();
    Sha256Digest::of(&out)
}
