//! `plan` says what `backup` does, and does nothing.

use crate::support::{IMAGE, Project, now, only_entry, paused, run, verify};
use crate::verified::text;

fn project() -> Project {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}:volume, network_mode: none, volumes: ['data:/data', './media:/m']}}}}\nvolumes: {{data: {{}}, unused: {{}}}}\n"
    ));
    project.write("media/file", "mounted");
    project.up();
    project
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_plan_touches_nothing_and_is_what_is_executed() {
    let project = project();
    let target = project.new_target();
    let options = ["--json", "-t", target.to_str().unwrap()];
    for reader in ["auto", "engine"] {
        let since = now();
        let json = |first: &[&str]| {
            let mut command = project.program(&[first, &options].concat());
            run(command.env("COMPOSE_DUMP_READER", reader)).expect(0)
        };
        let plan = json(&["plan"]);
        assert_eq!(plan.stderr, "");
        assert_eq!(
            lasting(&plan.stdout),
            lasting(&json(&["backup", "--dry-run"]).stdout)
        );
        assert_eq!(paused(&project, &since), [""; 0]);
        assert!(!target.exists());
        project.assert_nothing_left();

        let plan = plan.json();
        let mut members: Vec<String> = ["mounted", "volumes"]
            .iter()
            .flat_map(|part| plan[part].as_array().unwrap())
            .filter(|row| row["taken"] == true)
            .map(|row| text(&row["member"]))
            .collect();
        members.push("config".to_owned());
        members.sort();

        json(&["backup"]);
        let dump = verify(&only_entry(&target));
        assert_eq!(dump.members(), members);
        for row in plan["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["taken"] == true)
        {
            let member = dump.member(&text(&row["member"])).clone();
            assert_eq!(member["reader"], row["reader"]["reader"]);
            assert_eq!(member["volume"]["name"], row["name"]);
        }
        let held: Vec<String> = plan["hold"]["pause"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| text(&row["name"]))
            .collect();
        assert_eq!(held, [project.container("db")]);
        assert_eq!(dump.manifest()["held"][0]["container"], held[0]);
        std::fs::remove_dir_all(&target).unwrap();
    }
}

/// A plan without how much space there is: others write too.
pub(crate) fn lasting(plan: &[u8]) -> String {
    let text = String::from_utf8_lossy(plan);
    let lines = text.lines().filter(|line| !line.contains("\"free\":"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_table_names_everything() {
    let project = project();
    let ran = project.dump(&["plan"]).expect(0);
    let table = String::from_utf8_lossy(&ran.stdout).into_owned();
    for word in [
        "compose.yaml",
        "media",
        "/srv/anon",
        &project.volume("data"),
        &project.container("db"),
        "does not exist at the engine",
        "standard output",
        "direct",
    ] {
        assert!(table.contains(word), "no `{word}` in\n{table}");
    }
}
