//! What waits in the spool folder on its way to a target, and why.

use std::num::NonZero;

use super::facts::Facts;
use super::model::{ReaderPlan, SpoolPlan, SpoolWhat, TargetKind, VolumePlan, Window};
use super::request::Request;
use super::targets::Load;
use crate::codecs::{Compression, Verbatim};
use crate::config::settings::SpoolMode;
use crate::diagnostic::Finding;

/// Whose size is not known before the last byte.
fn of_unknown_size(load: &Load<'_>) -> Option<&'static str> {
    let through_engine =
        |volume: &VolumePlan| matches!(volume.reader, Some(ReaderPlan::Engine { .. }));
    if load.volumes.iter().any(through_engine) {
        return Some(
            "an archive needs a member's size first, and the engine's reader does not know it",
        );
    }
    let any_export = load.exports.iter().any(|export| export.member.is_some());
    any_export.then_some(
        "an archive needs a member's size first, and no command says how much it will write",
    )
}

/// How many volumes are read side by side: no more than there are, and one where each has a window of its own.
pub(super) fn volumes_at_once(request: &Request, load: &Load<'_>) -> NonZero<u8> {
    let taken = load.volumes.iter().filter(|volume| volume.reader.is_some());
    let taken = u8::try_from(taken.count()).unwrap_or(u8::MAX);
    let wanted = match load.hold.window {
        Window::Project => request.settings.volumes_at_once.number(),
        Window::Volume => NonZero::<u8>::MIN,
    };
    NonZero::new(taken).map_or(NonZero::<u8>::MIN, |taken| taken.min(wanted))
}

/// What an archive cannot take as it comes, and why.
fn beside(
    request: &Request,
    load: &Load<'_>,
    kind: &TargetKind,
    compression: &Compression,
) -> Option<(SpoolWhat, &'static str)> {
    if !kind.is_one_stream() {
        return None;
    }
    if volumes_at_once(request, load) > NonZero::<u8>::MIN {
        let why = "an archive takes one after the other, and `volumes_at_once` is more than 1";
        return Some((SpoolWhat::Beside, why));
    }
    // In a file of ours room is left for what says the size, where the codec can leave it.
    if kind.is_archive_file() && Verbatim::of(compression.codec).is_some() {
        return None;
    }
    of_unknown_size(load).map(|why| (SpoolWhat::UnknownSize, why))
}

/// What a target spools.
///
/// # Errors
/// When it cannot do without, and must.
pub(super) fn spool(
    request: &Request,
    facts: &Facts,
    load: &Load<'_>,
    kind: &TargetKind,
    compression: &Compression,
) -> Result<SpoolPlan, Finding> {
    let settings = &request.settings.spool;
    let beside = beside(request, load, kind, compression);
    let held = load.hold.holds_somebody();
    let (what, why) = match settings.mode {
        SpoolMode::Never if beside.is_some() => {
            let why = beside.map_or("", |(_, why)| why);
            return Err(Finding::new(
                "plan::spool_needed",
                format!("the setting `spool.mode` is `never`, but {why}"),
            )
            .with_help("let `spool.mode` be `auto`, or write dumps in directory format"));
        }
        SpoolMode::Always if held => (
            SpoolWhat::WhileHeld,
            Some("the setting `spool.mode` is `always`".to_owned()),
        ),
        SpoolMode::Auto if held && *kind == TargetKind::Stdout => (
            SpoolWhat::WhileHeld,
            Some(
                "services are not held longer than the disk takes, whatever reads standard output"
                    .to_owned(),
            ),
        ),
        SpoolMode::Auto if held && matches!(kind, TargetKind::Store { .. }) => (
            SpoolWhat::WhileHeld,
            Some(
                "services are not held longer than the disk takes, however slow the network is"
                    .to_owned(),
            ),
        ),
        SpoolMode::Auto if held && compression.is_slow() => (
            SpoolWhat::WhileHeld,
            Some(format!(
                "services are not held while {} compresses, which is slower than a disk",
                compression.codec
            )),
        ),
        _ => match beside {
            Some((what, why)) => (what, Some(why.to_owned())),
            None => (SpoolWhat::Nothing, None),
        },
    };
    Ok(SpoolPlan {
        what,
        why,
        dir: facts.spool_dir.clone(),
        free: facts
            .places
            .get(&facts.spool_dir)
            .and_then(|place| place.free),
        limit: settings.limit.map(|size| size.0),
    })
}
