//! Unit and container file keep what guards them. Nothing here is a proof that they work: only a machine with systemd or an
//! engine for containers can give that.

use std::{collections::BTreeMap, fs, process::Command};

use crate::file;

const UNIT: &str = "config/deploy/zahlstelle.service";
const CONTAINER: &str = "config/deploy/Containerfile";

/// The settings of a unit, by section and key; a key may be there several times.
fn unit(text: &str) -> BTreeMap<(String, String), Vec<String>> {
    let mut settings: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line} is no setting"));
            settings.entry((section.clone(), key.to_owned())).or_default().push(value.to_owned());
        }
    }
    settings
}

#[test]
fn the_unit_gives_the_service_nothing_that_it_does_not_need() {
    let unit = unit(&file(UNIT));
    let of = |key: &str| unit.get(&("Service".to_owned(), key.to_owned())).cloned().unwrap_or_default();
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectControlGroups", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LockPersonality", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("SystemCallArchitectures", "native"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("StateDirectory", "zahlstelle"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("LimitCORE", "0"),
    ] {
        assert_eq!(of(key), [value], "{key}");
    }
    assert_eq!(of("SystemCallFilter")[0], "@system-service");
    for bounded in ["LimitNOFILE", "MemoryMax", "TasksMax", "TimeoutStopSec"] {
        assert_eq!(of(bounded).len(), 1, "{bounded}");
    }
    assert!(of("LoadCredential").len() >= 2 && of("Environment").is_empty(), "secrets stay out of the environment");
    let starts = [of("ExecStartPre"), of("ExecStart")].concat();
    assert!(starts[0].contains(" migrate --config ") && starts[1].contains(" serve --config "), "{starts:?}");
    // Shutdown must be waited for longer than requests may go on.
    let drain =
        file("config/zahlstelle.toml").lines().find_map(|line| line.strip_prefix("drain_seconds = ")?.parse().ok());
    let waited: u32 = of("TimeoutStopSec")[0].parse().unwrap();
    assert!(drain.is_some_and(|drain: u32| waited > drain), "{waited} and {drain:?}");
}

#[test]
fn systemd_understands_the_unit_and_finds_it_little_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zahlstelle.service");
    // The binary is not installed where this is tried.
    fs::write(&path, file(UNIT).replace("/usr/local/bin/zahlstelle", "/bin/true")).unwrap();
    let analyze = |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).arg(&path).output();
    let Ok(verified) = analyze(&["verify"]) else {
        return skip("systemd-analyze is not installed, so nobody has read the unit");
    };
    let told = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && told.is_empty(), "{told}");
    let exposed = analyze(&["security", "--offline=true", "--threshold=15"]).unwrap();
    let told = String::from_utf8_lossy(&exposed.stdout);
    assert!(exposed.status.success(), "the unit is exposed to more than 1.5: {told}");
}

#[test]
fn the_container_runs_without_rights_and_is_asked_how_it_is() {
    let text = file(CONTAINER);
    let joined = text.replace("\\\n", " ");
    let lines: Vec<&str> = joined.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let last_stage = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert!(last_stage > 0, "what builds is not what runs");
    let stage = &lines[last_stage..];
    let find = |word: &str| stage.iter().copied().find(|line| line.starts_with(word)).unwrap_or_default();
    assert!(!find("USER ").is_empty() && !find("USER ").contains("root") && !find("USER 0").starts_with("USER 0"));
    let health = find("HEALTHCHECK ");
    assert!(health.contains("/health") && health.contains("CMD ["), "{health}");
    assert_eq!(find("ENTRYPOINT "), "ENTRYPOINT [\"/usr/local/bin/zahlstelle\"]");
    assert_eq!(find("CMD "), "CMD [\"serve\"]");
    assert!(!find("VOLUME ").is_empty() && find("STOPSIGNAL ") == "STOPSIGNAL SIGTERM");
    for line in lines.iter().filter(|line| line.starts_with("FROM ")) {
        let image = line.split(' ').nth(1).unwrap();
        assert!(image.contains(':') && !image.ends_with(":latest"), "{image} is not of a known version");
    }
    let toolchain = file("Cargo.toml")
        .lines()
        .find_map(|line| Some(line.strip_prefix("rust-version = \"")?.trim_end_matches('"').to_owned()));
    assert!(text.contains(&format!("FROM rust:{}-", toolchain.unwrap())), "the image has another toolchain");
    assert!(joined.contains("cargo build --release --locked"));
    let instructions = [
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENV",
        "HEALTHCHECK",
        "STOPSIGNAL",
        "ENTRYPOINT",
        "CMD",
    ];
    for line in lines {
        let word = line.trim_start().split(' ').next().unwrap();
        let continues = line.starts_with("    ");
        assert!(continues || instructions.contains(&word), "{word} is no instruction");
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}
