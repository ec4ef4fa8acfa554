//! A plan as a whole: all findings at once, and its forms for the eye and for scripts.

use serde_json::{Value, json};

use crate::compose::Warning;
use crate::config::job_file::rules::{PauseMode, Services};
use crate::plan::model::Scope;
use crate::plan::samples::{Sample, at, bind_mount, container, volume_mount};
use crate::plan::table;

/// One of everything.
fn blog() -> Sample {
    let mut sample = Sample::new();
    sample.bind("web", "media");
    sample.volume("db", &["db"]);
    sample.existing("blog_db", Some("db"));
    sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    sample.container(container("web", 1, vec![bind_mount("media")]));
    sample.facts.project.warnings.push(Warning {
        file: at("compose.yaml"),
        line: Some(7),
        message: "odd".into(),
    });
    sample
}

#[test]
fn all_findings_come_at_once_with_code_and_help() {
    let mut sample = blog();
    sample.request.settings.services =
        Services::Named(vec!["wbe".into(), "xyz".into(), "wbe".into()]);
    sample.target("/x.tar");
    sample.place("/x.tar", true);
    sample.target("-");
    sample.facts.stdout_is_terminal = true;
    assert_eq!(
        sample.codes(),
        [
            "plan::unknown_service",
            "plan::unknown_service",
            "plan::target_exists",
            "plan::stdout_terminal"
        ]
    );
    let findings = sample.findings();
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `web`?"));
    assert_eq!(
        findings[1].help.as_deref(),
        Some("its services are db, web")
    );
    assert!(findings.iter().all(|finding| finding.help.is_some()));
}

#[test]
fn nothing_to_do_is_a_finding() {
    let mut sample = blog();
    sample.request.settings.scopes = vec![Scope::Exports];
    let findings = sample.findings();
    assert_eq!(findings[0].code, "plan::nothing");
    assert!(
        findings[0]
            .help
            .as_ref()
            .is_some_and(|help| help.contains("exports"))
    );
    sample.request.settings.scopes = vec![Scope::Mounted];
    sample.service("idle");
    sample.request.settings.services = Services::Named(vec!["idle".into()]);
    assert_eq!(sample.codes(), ["plan::nothing"]);
    assert!(sample.findings()[0].message.contains("mounted"));
}

#[test]
fn an_engine_that_cannot_freeze_is_a_finding_where_somebody_is_to_be_paused() {
    let mut sample = blog();
    sample.engine().daemon.cgroup_driver = Some("none".into());
    let finding = sample.findings().remove(0);
    assert_eq!(finding.code, "plan::no_freezer");
    assert!(finding.message.contains("`blog-db-1`, `blog-web-1`"));
    assert!(finding.help.is_some_and(|help| help.contains("--no-pause")));
    sample.request.settings.pause.default = PauseMode::Stop;
    assert_eq!(sample.plan().hold.stop.len(), 2);
    sample.request.settings.pause.default = PauseMode::Pause;
    sample.request.no_pause = true;
    assert_eq!(sample.plan().warnings, ["compose.yaml:7: odd"]);
}

/// Scripts read this: a change here is a change of the contract.
#[test]
fn the_json_document_is_stable() {
    let plan = serde_json::to_value(blog().plan()).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect()
    };
    assert_eq!(
        keys(&plan),
        [
            "config",
            "engine",
            "exports",
            "hold",
            "hooks",
            "job",
            "left_out",
            "members",
            "missing",
            "mounted",
            "no_engine",
            "project",
            "scopes",
            "services",
            "shrink_guard",
            "spool_dir",
            "strict",
            "targets",
            "volumes",
            "volumes_at_once",
            "warnings"
        ]
    );
    assert_eq!(
        plan["scopes"],
        json!(["config", "mounted", "volumes", "exports"])
    );
    assert_eq!(
        plan["project"],
        json!({
            "host": "web-1",
            "name": "blog",
            "path_hash": "c205361c",
            "id": "web-1/blog/c205361c",
            "folder": "/srv/blog",
            "compose_files": ["/srv/blog/compose.yaml"],
        })
    );
    assert_eq!(
        plan["engine"],
        json!({
            "endpoint": "unix:///var/run/docker.sock",
            "version": "20.10.24",
            "api_version": "1.41",
            "direct": "its volumes lie on this machine",
        })
    );
    assert_eq!(
        plan["mounted"],
        json!([{
            "path": "media",
            "kind": "folder",
            "named_by": ["services.web.volumes[0]"],
            "member": "volumes/mounted/media",
            "bytes": null,
            "exclude": [],
            "taken": true,
            "why": "mounted by web:/mnt",
        }])
    );
    assert_eq!(
        plan["volumes"],
        json!([{
            "kind": {"kind": "project", "key": "db"},
            "name": "blog_db",
            "member": "volumes/project/db.tar",
            "reader": {
                "reader": "direct",
                "mountpoint": "/var/lib/docker/volumes/blog_db/_data",
            },
            "driver": {
                "driver": "local",
                "options": {},
                "labels": {
                    "com.docker.compose.project": "blog",
                    "com.docker.compose.volume": "db",
                },
            },
            "services": ["db"],
            "exclude": [],
            "exported": false,
            "taken": true,
            "why": "declared in the Compose files",
        }])
    );
    assert_eq!(
        plan["hold"],
        json!({
            "window": "project",
            "max_downtime": null,
            "stop": [],
            "pause": [
                {"id": "blog-db-1", "name": "blog-db-1", "service": "db", "how": "paused", "rank": 0,
                 "uses": ["volumes/project/db.tar"]},
                {"id": "blog-web-1", "name": "blog-web-1", "service": "web", "how": "paused",
                 "rank": 0, "uses": ["volumes/mounted/media"]},
            ],
            "paused": [],
            "go_on": [],
        })
    );
    let target = &plan["targets"][0];
    assert_eq!(target["kind"], "folder");
    assert_eq!(target["path"], "/backups");
    assert_eq!(
        target["dump_name"],
        "{host}_{name}__{path_hash}___{date}_{time}"
    );
    assert_eq!(target["spool"]["what"], "nothing");
    assert_eq!(target["compression"]["codec"], "none");
}

#[test]
fn a_plan_is_the_same_every_time() {
    let text = || serde_json::to_string(&blog().plan()).expect("JSON");
    assert_eq!(text(), text());
}

#[test]
fn the_table_names_everything_and_marks_what_is_taken() {
    let mut sample = blog();
    sample.bind("web", "/etc/ssl");
    sample.target("-");
    let page = table::render(&sample.plan());
    let lines = [
        "Project blog in /srv/blog",
        "Config: 1 taken, 0 left out",
        "  + compose.yaml  file    10 B  Compose file",
        "Mounted: 1 taken, 1 left out",
        "  - /etc/ssl  folder  outside the project folder",
        "  + db  blog_db  direct  declared in the Compose files",
        "  + blog-db-1   paused  for volumes/project/db.tar",
        "  > archive to standard output, not compressed",
        "Warnings",
    ];
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<String> = page.lines().map(squeezed).collect();
    for line in lines {
        assert!(
            shown.contains(&squeezed(line)),
            "`{line}` is missing in\n{page}"
        );
    }
    assert!(page.lines().all(|line| line == line.trim_end()));
}
