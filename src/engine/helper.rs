//! Reading a volume, or a path of the engine's host, through a helper container: created from an
//! empty image, never started, removed in every exit.

/// Where a helper mounts what it is for. No part of it can be a link: the image is empty.
pub const MOUNT_POINT: &str = "/data";

/// Label on helper containers and their image; its value on a container names the [`Owner`].
pub const HELPER_LABEL: &str = "io.github.compose-dump.helper";
