//! The commands beside the service: what they say about slips, and what they leave behind.

use std::{fs, path::Path, process::Output};

use serde_json::Value;

use crate::support::{Demo, binary};

/// The output of a command with a settings file.
fn command(words: &[&str], config: &Path) -> Output {
    binary().args(words).arg("--config").arg(config).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The shipped settings in a folder, without any secret.
fn shipped(folder: &Path) -> std::path::PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    fs::create_dir(folder.join("tenants")).unwrap();
    for file in ["demo.toml", "tenants/dortmund.toml"] {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    folder.join("demo.toml")
}

#[test]
fn a_database_that_is_not_there_is_told_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = shipped(folder.path());
    for words in [
        &["verify"][..],
        &["key", "list", "--tenant", "dortmund-demo"],
        &["key", "create", "--tenant", "dortmund-demo", "--client", "a", "--scope", "payments:read"],
    ] {
        let output = command(words, &config);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", told(&output));
        assert!(told(&output).contains("demo.sqlite: no such file"), "{}", told(&output));
        assert!(!folder.path().join("demo.sqlite").exists(), "{words:?} made a database");
    }
}

#[test]
fn migrate_says_what_it_did_and_a_key_lives_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let config = shipped(folder.path());
    assert!(told(&command(&["migrate"], &config)).contains("demo.sqlite: made"));
    assert!(told(&command(&["migrate"], &config)).contains("was up to date already"));
    let create = ["key", "create", "--tenant", "dortmund-demo", "--scope", "payments:read", "--client"];
    let nameless = command(&[&create[..], &[""]].concat(), &config);
    assert_eq!(nameless.status.code(), Some(2));
    assert!(told(&nameless).contains("1 to 80 printable characters"), "{}", told(&nameless));
    let made = command(&[&create[..], &["portal"]].concat(), &config);
    let id = serde_json::from_slice::<Value>(&made.stdout).unwrap()["client"].as_str().unwrap().to_owned();
    let revoke = |client: &str| command(&["key", "revoke", "--tenant", "dortmund-demo", "--client", client], &config);
    let unknown = revoke("porta");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(told(&unknown).contains("no client of this id or name of Mandant dortmund-demo"), "{}", told(&unknown));
    let revoked = revoke("portal");
    assert!(revoked.status.success() && told(&revoked).contains(" is revoked"), "{}", told(&revoked));
    assert!(told(&revoke(&id)).contains("was revoked already"));
}

#[test]
fn a_mandant_that_the_settings_do_not_know_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = shipped(folder.path());
    assert!(command(&["migrate"], &config).status.success());
    let output = command(&["verify", "--tenant", "typo"], &config);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("--tenant typo: the settings know dortmund-demo"), "{}", told(&output));
    assert!(command(&["verify", "--tenant", "dortmund-demo"], &config).status.success());
}

#[test]
fn a_demonstration_is_alone_on_its_folder_and_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let _running = Demo::start(folder.path());
    let second = binary().args(["demo", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(told(&second).contains("is in use by a running demonstration"), "{}", told(&second));
    let open = binary().args(["demo", "--once", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(open.status.code(), Some(2));
    assert!(told(&open).contains("--listen") && told(&open).contains("this machine only"), "{}", told(&open));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lonely = binary().args(["demo", "--once", "--twin", &format!("http://{nobody}")]).output().unwrap();
    assert_eq!(lonely.status.code(), Some(1));
    assert!(told(&lonely).contains("no twin answers there"), "{}", told(&lonely));
}
