//! The service in a process of its own, with a certificate that changes.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use crate::support::binary;

/// What the settings ask of the environment.
const SECRETS: [&str; 3] = ["ZAHLSTELLE_ADYEN_API_KEY", "ZAHLSTELLE_ADYEN_HMAC_KEY", "ZAHLSTELLE_WEBHOOK_KEY"];

/// A running `zahlstelle serve`. It is killed when the test ends, however it ends.
pub(crate) struct Serving {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Serving {
    /// The settings of the demonstration with what is added, on a new database.
    fn start(folder: &Path, added: &str) -> Self {
        Self::start_with(folder, |settings, tenant| (format!("{settings}{added}"), tenant))
    }

    /// The settings of the demonstration and its tenant file, changed.
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(String, String) -> (String, String)) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let read = |name: &str| fs::read_to_string(shipped.join(name)).unwrap();
        let settings = read("demo.toml")
            .replace("tenants/dortmund.toml", "dortmund.toml")
            .replace("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\"");
        let (settings, tenant) = change(settings, read("tenants/dortmund.toml"));
        let config = folder.join("zahlstelle.toml");
        fs::write(folder.join("dortmund.toml"), tenant).unwrap();
        fs::write(&config, settings).unwrap();
        assert!(command("migrate", &config).status().unwrap().success());
        let mut child = command("serve", &config).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut serving = Self { child, log };
        serving.until("zahlstelle listens on");
        serving
    }

    /// Reads the log until it says so.
    pub(crate) fn until(&mut self, words: &str) {
        let mut lines = self.log.by_ref().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(words)), "it ended without saying {words:?}: {:?}", self.child.wait());
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn ended_well(mut self) {
        self.signal("TERM");
        self.until("zahlstelle has stopped");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(name: &str, config: &Path) -> Command {
    let mut command = binary();
    command.arg(name).arg("--config").arg(config).envs(SECRETS.map(|secret| (secret, "5EED".repeat(16))));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn write_certificate(folder: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.join("chain.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

#[test]
fn a_hang_up_has_the_certificate_read_again() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let tls = "[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n";
    let mut serving = Serving::start(folder.path(), tls);
    write_certificate(folder.path());
    serving.signal("HUP");
    serving.until("a new certificate is in use");
    fs::write(folder.path().join("key.pem"), "no key").unwrap();
    serving.signal("HUP");
    serving.until("a new certificate cannot be used, the old one stays");
    serving.ended_well();
}

#[test]
fn a_hang_up_does_no_harm_where_there_is_no_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path(), "");
    serving.signal("HUP");
    serving.until("asked to read the certificate again");
    serving.ended_well();
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), "");
    serving.ended_well();
    let config = folder.path().join("zahlstelle.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{settings}[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n")).unwrap();
    let ended = command("serve", &config).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("[tls]: ") && told.contains("chain.pem: cannot be read: "), "{told}");
}
