//! The examples of the predecessor's README, as they are written there.

use crate::support::{IMAGE, Project, bash, entries, only_entry, verify};

fn compose(service: &str) -> String {
    format!(
        "services:
  {service}: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', './media:/media']}}
  other: {{image: {IMAGE}, network_mode: none, volumes: ['other:/data']}}
volumes: {{data: {{}}, other: {{}}}}
"
    )
}

fn project() -> Project {
    let project = Project::new(&compose("web"));
    project.write("media/file", "mounted");
    project.up();
    project.sh("web", "echo content >/data/file");
    project
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn backup_into_a_folder() {
    let project = project();
    let target = project.new_target();
    bash(
        &project,
        &format!("compose-dump backup -t '{}'", target.display()),
    )
    .expect(0);
    let dump = only_entry(&target);
    verify(&dump);

    let name = dump.file_name().unwrap().to_str().unwrap();
    let (start, time) = name.rsplit_once("___").unwrap();
    assert!(start.contains(&format!("_{}__", project.name)), "{name}");
    let pattern: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(pattern, "9999-99-99_999999", "{name}");

    // From a folder below, as Compose finds its file.
    let target = project.new_target();
    bash(
        &project,
        &format!("cd media && compose-dump backup -t '{}'", target.display()),
    )
    .expect(0);
    verify(&only_entry(&target));
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn backup_through_a_pipe() {
    let project = project();
    let file = project.beside("remote").join("dump.tar.gz");
    let script = format!("compose-dump backup -x gz | (cat > '{}')", file.display());
    bash(&project, &script).expect(0);
    let dump = verify(&file);
    assert_eq!(dump.tar("volumes/project/data.tar")["./file"]["size"], 8);
    // As a person looks into it.
    let listing = bash(
        &project,
        &format!(
            "tar -xOzf '{}' volumes/project/data.tar | tar -xO ./file",
            file.display()
        ),
    );
    assert_eq!(
        String::from_utf8_lossy(&listing.expect(0).stdout),
        "content\n"
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn backup_of_some_scopes_and_services() {
    let project = project();
    let target = project.new_target();
    let script = format!(
        "compose-dump backup --config --volumes web -t '{}'",
        target.display()
    );
    bash(&project, &script).expect(0);
    let dump = verify(&only_entry(&target));
    assert_eq!(dump.members(), ["config", "volumes/project/data.tar"]);
    assert_eq!(dump.files("config"), ["compose.yaml"]);
    let left_out = dump.left_out();
    assert!(left_out["volume other"].contains("service"), "{left_out:?}");
    assert!(left_out["mounted media"].contains("scope"), "{left_out:?}");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn backup_of_every_project_below_a_folder() {
    let first = Project::new(&compose("unused"));
    let projects: Vec<Project> = (0..3)
        .map(|_| {
            let project = first.sibling("docker-compose.yml", &compose("web"));
            project.write("media/file", "mounted");
            project.up();
            project
        })
        .collect();
    let target = first.new_target();
    let script = format!(
        "cd .. && find . -name docker-compose.yml -execdir compose-dump backup -t '{}' \\;",
        target.display()
    );
    bash(&first, &script).expect(0);
    let names = entries(&target);
    assert_eq!(names.len(), 3, "{names:?}");
    for project in &projects {
        let name = names
            .iter()
            .find(|name| name.contains(&format!("_{}__", project.name)));
        let dump = verify(&target.join(name.unwrap()));
        assert_eq!(
            dump.members(),
            [
                "config",
                "volumes/mounted/media",
                "volumes/project/data.tar",
                "volumes/project/other.tar"
            ]
        );
    }
}
