//! The same engines over ssh, by a server of ours on this machine.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use compose_dump::engine::endpoint::Surroundings;
use compose_dump::engine::helper::Helpers;
use compose_dump::engine::{Engine, HelperMount};
use futures_util::TryStreamExt;

use crate::lab::{Lab, docker, endpoints, run};
use crate::place::assert_passed;
use crate::remote::{complaint, connect, host};

/// A server of ours on this machine's own address; stopped at the end.
struct SshServer {
    _process: Ended,
    port: u16,
    folder: tempfile::TempDir,
}

impl SshServer {
    fn start(engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host", "client"] {
            run(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)],
                b"",
            );
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nSetEnv DOCKER_HOST={engine}\n",
            path("host"),
            path("client.pub")
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        std::fs::create_dir_all("/run/sshd").unwrap();
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", &path("config")])
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("run tests/lab/sshd.sh: {error}"));
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            _process: Ended(process),
            port,
            folder,
        }
    }

    fn agent_socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// An agent that holds the key which the server lets in.
    fn start_agent(&self) -> Ended {
        let agent = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(self.agent_socket())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Ended(agent);
        let added = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let add = Command::new("ssh-add")
                .arg("-q")
                .arg(self.folder.path().join("client"))
                .env("SSH_AUTH_SOCK", self.agent_socket())
                .output();
            add.is_ok_and(|output| output.status.success())
        });
        assert!(added, "the agent takes no key");
        agent
    }

    /// Puts the server's key among those that ssh knows; taken out again at the end.
    fn make_known(&self) {
        let keys = run(
            "ssh-keyscan",
            &["-p", &self.port.to_string(), "127.0.0.1"],
            b"",
        );
        let folder = std::env::home_dir().unwrap().join(".ssh");
        std::fs::create_dir_all(&folder).unwrap();
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(folder.join("known_hosts"))
            .unwrap();
        file.write_all(keys.as_bytes()).unwrap();
    }
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let known = format!("[127.0.0.1]:{}", self.port);
        Command::new("ssh-keygen")
            .args(["-R", &known])
            .output()
            .ok();
    }
}

/// The key comes from an agent, since ssh looks at no variable for its files. So the inner half runs
/// below an agent of its own.
#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn ssh_works_for_requests_and_transfers() {
    const TEST: &str = "ssh::ssh_works_for_requests_and_transfers";
    const INNER: &str = "CDUMP_TEST_SSH";
    let lab = Lab::new("ssh").await;
    if let Ok(url) = std::env::var(INNER) {
        let engine = connect(&host(&url), &Surroundings::default())
            .await
            .unwrap();
        assert_eq!(engine.daemon(), lab.engine.daemon());
        let volume = lab.volume("data");
        docker(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &format!("{volume}:/v"),
            &lab.image("latest"),
            "sh",
            "-c",
            "head -c 30000000 /dev/zero > /v/big",
        ]);
        let helpers = Helpers::new(std::sync::Arc::new(engine));
        let helper = helpers.create(HelperMount::Volume(volume)).await.unwrap();
        let pieces: Vec<_> = helper.archive().await.unwrap().try_collect().await.unwrap();
        assert_eq!(run("tar", &["-t"], &pieces.concat()), "data/\ndata/big\n");
        // A stream that is dropped before its end must not hold the removal up.
        let mut stream = helper.archive().await.unwrap();
        stream.try_next().await.unwrap().unwrap();
        drop(stream);
        helper.remove().await.unwrap();
        return;
    }
    let server = SshServer::start(&endpoints()[0].to_string());
    let url = format!("ssh://root@127.0.0.1:{}", server.port);
    let stranger = complaint(connect(&host(&url), &Surroundings::default()).await);
    assert!(
        stranger.contains("Host key verification failed"),
        "{stranger}"
    );
    server.make_known();
    let unwanted = complaint(connect(&host(&url), &Surroundings::default()).await);
    assert!(unwanted.contains("Permission denied"), "{unwanted}");

    let _agent = server.start_agent();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--include-ignored", "--exact", TEST])
        .env(INNER, &url)
        .env("SSH_AUTH_SOCK", server.agent_socket())
        .output()
        .unwrap();
    assert_passed(&output);
}
