//! The service as a process of its own, watched as operators watch it.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::{binary, curl};

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running service. It is killed when the test ends, however it ends.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The health check of the container file, for another port.
fn health_check(port: u16) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("config/deploy/Containerfile")).unwrap();
    let check = text.lines().find_map(|line| line.trim().strip_prefix("CMD [\"bash\"")).unwrap();
    let words: Vec<String> = serde_json::from_str(&format!("[\"bash\"{check}")).unwrap();
    let mut command = Command::new(&words[0]);
    command.args(words[1..].iter().map(|word| word.replace("9464", &port.to_string()))).stderr(Stdio::null());
    command
}

#[test]
fn a_service_is_watched_at_an_address_of_its_own_until_it_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    fs::create_dir(folder.path().join("tenants")).unwrap();
    fs::copy(source.join("tenants/dortmund.toml"), folder.path().join("tenants/dortmund.toml")).unwrap();
    let (public, operators) = (free_port(), free_port());
    let settings = fs::read_to_string(source.join("zahlstelle.toml")).unwrap();
    let settings = settings
        .replace("listen = \"127.0.0.1:8080\"", &format!("listen = \"127.0.0.1:{public}\""))
        .replace("listen = \"off\"", &format!("listen = \"127.0.0.1:{operators}\""));
    let config = folder.path().join("zahlstelle.toml");
    fs::write(&config, settings).unwrap();
    let command = |name: &str| {
        let mut command = binary();
        command.arg(name).arg("--config").arg(&config).stderr(Stdio::null());
        command.env("ZAHLSTELLE_ADYEN_API_KEY", "key").env("ZAHLSTELLE_ADYEN_HMAC_KEY", "5EED".repeat(16));
        command
    };
    assert!(!health_check(operators).status().unwrap().success(), "nothing runs yet");
    assert!(command("migrate").status().unwrap().success());
    let mut service = Service(command("serve").spawn().unwrap());
    while !health_check(operators).status().unwrap().success() {
        assert_eq!(service.0.try_wait().unwrap(), None, "the service has ended");
    }
    let health: Value = serde_json::from_str(&curl(&[&format!("http://127.0.0.1:{operators}/health")])).unwrap();
    assert_eq!(health["status"], "ready", "{health}");
    let metrics = curl(&[&format!("http://127.0.0.1:{operators}/metrics")]);
    for known in ["zahlstelle_build_info{version=", "zahlstelle_store_readable 1", "process_open_fds "] {
        assert!(metrics.contains(known), "{known} is missing: {metrics}");
    }
    let live = curl(&["-o", "/dev/null", "-w", "%{http_code}", &format!("http://127.0.0.1:{public}/health/live")]);
    assert_eq!(live, "200");
    let metrics_there = format!("http://127.0.0.1:{public}/metrics");
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", &metrics_there]), "404");

    let stopped = Command::new("kill").args(["-TERM", &service.0.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert!(service.0.wait().unwrap().success(), "it goes in order");
    assert!(!health_check(operators).status().unwrap().success());
}
