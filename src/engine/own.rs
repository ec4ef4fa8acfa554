//! Which container we run in, if any: it must never be paused, and tells nothing about the host.

use super::model::is_id;
use super::{ContainerState, Engine, EngineError};

/// Files that an engine mounts into each container from the folder that it has for it.
const ENGINE_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The id of the container of this engine that this process runs in.
///
/// Guesses from the process's mounts, its control groups and the host name, each of which the
/// engine has to confirm: inside a container of some other engine the guess is wrong.
///
/// # Errors
/// When the engine does not answer as it should.
pub async fn own_container(engine: &dyn Engine) -> Result<Option<String>, EngineError> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let hostname = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let guesses = guesses(
        &read("/proc/self/mountinfo"),
        &read("/proc/self/cgroup"),
        &hostname,
    );
    for guess in guesses {
        if let Some(container) = engine.container(&guess).await?
            && container.id.starts_with(&guess)
            && container.state == ContainerState::Running
        {
            return Ok(Some(container.id));
        }
    }
    Ok(None)
}

/// Ids, or beginnings of ids, most reliable first.
fn guesses(mountinfo: &str, cgroup: &str, hostname: &str) -> Vec<String> {
    let mut guesses: Vec<String> = mountinfo.lines().filter_map(of_mount).collect();
    guesses.extend(cgroup.lines().filter_map(of_cgroup));
    // An engine's default host name is the beginning of the id.
    if hostname.len() == 12 && is_hex(hostname) {
        guesses.push(hostname.to_owned());
    }
    guesses.dedup();
    guesses
}

/// Line of proc(5) mountinfo: the fourth field is the mounted path in its file system, the fifth
/// where it is mounted.
fn of_mount(line: &str) -> Option<String> {
    let mut fields = line.split(' ').skip(3);
    let (root, target) = (fields.next()?, fields.next()?);
    let id = root.split('/').find(|part| is_id(part))?;
    ENGINE_FILES.contains(&target).then(|| id.to_owned())
}

/// Line of `/proc/<pid>/cgroup`: `.../docker/<id>`, `.../docker-<id>.scope`. The innermost is ours.
fn of_cgroup(line: &str) -> Option<String> {
    let path = line.splitn(3, ':').nth(2)?;
    let bare = |part: &str| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        part.rsplit('-').next().unwrap_or(part).to_owned()
    };
    path.rsplit('/').map(bare).find(|part| is_id(part))
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

    #[test]
    fn every_trace_of_a_container_is_a_guess() {
        let mounts = format!(
            "1 2 0:1 / / rw - overlay overlay rw\n\
             3 1 8:1 /var/lib/docker/containers/{ID}/hosts /etc/hosts rw - ext4 /dev/sda1 rw"
        );
        assert_eq!(guesses(&mounts, "", "web"), [ID]);
        assert_eq!(
            guesses("", &format!("5:cpu:/docker/{ID}\n0::/docker/{ID}"), "web"),
            [ID]
        );
        assert_eq!(
            guesses("", &format!("0::/system.slice/docker-{ID}.scope"), "web"),
            [ID]
        );
        assert_eq!(
            guesses(
                "",
                &format!("0::/machine.slice/libpod-{ID}.scope/container"),
                ""
            ),
            [ID]
        );
        assert_eq!(guesses("", "0::/", &ID[..12]), [&ID[..12]]);
    }

    /// The host of a 20.10 has its containers' shared memory among its own mounts.
    #[test]
    fn a_host_is_no_container() {
        let mounts = format!(
            "9 1 0:5 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw\n\
             3 1 8:1 /etc/hosts /etc/hosts rw - ext4 /dev/sda1 rw"
        );
        assert!(
            guesses(
                &mounts,
                "0::/user.slice/user-0.slice/session-1.scope",
                "server"
            )
            .is_empty()
        );
    }
}
