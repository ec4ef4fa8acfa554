//! An export: the output of a command into the fan-out. Its end is held back until the command's exit
//! status is known, so that a command that failed leaves no member.

use sha2::{Digest, Sha256};

use super::command::{CommandError, Piece};
use super::content::{Content, MemberError, Oddities};
use super::fanout::Fanout;
use crate::archive::manifest::Sha256Digest;
use crate::bridge::Chunks;
use crate::targets::StreamHead;
use crate::text;

/// An export to read.
pub(super) struct ExportJob {
    /// Its path in the dump without a codec's extension.
    pub(super) member: String,
    /// Fewer bytes are no content.
    pub(super) min_bytes: u64,
}

/// A command's output that was sent to its last byte.
struct Sent {
    bytes: u64,
    sha256: Sha256Digest,
}

/// Reads a command's output. Blocks.
pub(super) fn read(
    job: &ExportJob,
    pieces: Chunks<Result<Piece, CommandError>>,
    fanout: &Fanout,
) -> Result<Content, MemberError> {
    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: None,
        compress: true,
    })?;
    let sent = send(pieces, fanout).and_then(|sent| enough(sent, job.min_bytes));
    match &sent {
        Ok(_) => fanout.end()?,
        // Whoever stopped it takes nothing more.
        Err(MemberError::Stopped) => {}
        Err(MemberError::Failed(_) | MemberError::Lost(_)) => fanout.fail()?,
    }
    let sent = sent?;
    Ok(Oddities::default().content(sent.bytes, sent.sha256, 0, None))
}

fn send(pieces: Chunks<Result<Piece, CommandError>>, fanout: &Fanout) -> Result<Sent, MemberError> {
    let (mut bytes, mut hasher) = (0, Sha256::new());
    for piece in pieces {
        match piece {
            Ok(Piece::Data(data)) => {
                bytes += data.len() as u64;
                hasher.update(&data);
                fanout.data(data)?;
            }
            Ok(Piece::End) => {
                let sha256 = hasher.into();
                return Ok(Sent { bytes, sha256 });
            }
            Err(error) => return Err(MemberError::failed(&error)),
        }
    }
    // Only a cancelled run takes the stream away before its end.
    Err(MemberError::Stopped)
}

/// A database that is not there, or a wrong query, may well end with status 0.
fn enough(sent: Sent, min_bytes: u64) -> Result<Sent, MemberError> {
    if sent.bytes >= min_bytes {
        return Ok(sent);
    }
    Err(MemberError::Failed(if sent.bytes == 0 {
        "the command ended well, and gave nothing".to_owned()
    } else {
        format!(
            "the command ended well, and gave {}: less than `min_size`, {}",
            text::bytes(sent.bytes),
            text::bytes(min_bytes)
        )
    }))
}
