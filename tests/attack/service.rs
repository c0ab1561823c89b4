//! A service in a process of its own, as an operator would start it, on a database that is thrown away.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    certificate::Certificate,
    good::Good,
    wire::{Answer, Door},
};

/// How long something that must happen may take before the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// The Mandant of the shipped settings.
const TENANT: &str = "dortmund-demo";

/// A running `zahlstelle serve`. It is killed when the test ends, however it ends.
pub(crate) struct Service {
    child: Child,
    folder: TempDir,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
    pub(crate) door: Door,
    metrics: Door,
    pub(crate) key: String,
}

impl Service {
    /// Starts it on the shipped settings.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// Starts it with more lines in `[server]`.
    pub(crate) fn with(server: &str) -> Self {
        Self::launch(tempfile::tempdir().unwrap(), server, "", None)
    }

    /// Starts it with more sections.
    pub(crate) fn with_sections(sections: &str) -> Self {
        Self::launch(tempfile::tempdir().unwrap(), "", sections, None)
    }

    /// Starts it with a certificate in its folder, and with more lines in `[server]`.
    pub(crate) fn with_tls(certificate: &Certificate, server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate.write(folder.path());
        Self::launch(folder, server, "", Some(certificate))
    }

    fn launch(folder: TempDir, server: &str, sections: &str, certificate: Option<&Certificate>) -> Self {
        let address = free_address();
        let metrics = free_address();
        let config = write_settings(folder.path(), [address, metrics], server, sections, certificate.is_some());
        let run = |words: &[&str]| {
            let output = binary().args(words).arg("--config").arg(&config).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        run(&["migrate"]);
        let scopes = ["payments:write", "payments:read", "webhooks:manage"].map(|scope| ["--scope", scope]).concat();
        let made = run(&[&["key", "create", "--tenant", TENANT, "--client", "portal"][..], &scopes[..]].concat());
        let key = serde_json::from_slice::<Value>(&made).unwrap()["key"].as_str().unwrap().to_owned();
        let mut child = binary().arg("serve").arg("--config").arg(&config).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
        let door = Door { address, tls: certificate.map(Certificate::trusted) };
        let metrics = Door { address: metrics, tls: None };
        let service = Self { child, folder, log, address, door, metrics, key };
        service.until("it listens", |service| service.logged("zahlstelle listens on") > 0);
        service
    }

    /// Looks again and again until something holds.
    pub(crate) fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !reached(self) {
            assert!(begun.elapsed() < PATIENCE, "never: {what}; the log ends with {:?}", self.last_lines());
            thread::yield_now();
        }
    }

    /// Does something bad while a good client is served; it must never notice.
    pub(crate) fn attacked(&self, attack: impl FnOnce()) {
        let good = Good::begin(self.door.clone(), &self.key);
        // The attack begins when the good client is already served, and ends before its last request.
        good.until_served(1);
        attack();
        let served = good.served();
        good.until_served(served + 3);
        good.end();
    }

    /// One request of a client of its own.
    pub(crate) fn ask(&self, head_and_body: &str) -> Answer {
        self.door.ask(head_and_body.as_bytes())
    }

    /// Creates a payment; the path of its checkout page.
    pub(crate) fn checkout(&self) -> String {
        let answer = self.door.post("/v1/payments", &self.key, &unused_key(), &new_payment());
        assert_eq!(answer.status, 201, "{answer:?}");
        let url = answer.json()["checkout_url"].as_str().unwrap().to_owned();
        url.split_once("/pay/").map(|(_, token)| format!("/pay/{token}")).unwrap()
    }

    /// How many lines of the log hold these words.
    pub(crate) fn logged(&self, words: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    fn last_lines(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().skip(log.len().saturating_sub(3)).cloned().collect()
    }

    /// The value of a counter, over all its labels that hold these words.
    pub(crate) fn counted(&self, name: &str, label: &str) -> u64 {
        let answer = self.metrics.ask(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.text();
        let rows = text.lines().filter(|line| {
            let named = line.split(['{', ' ']).next().unwrap_or_default();
            named == name && line.contains(label)
        });
        rows.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// How much memory the process holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// The folder with its settings.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks it to read its certificate again, as `systemctl reload` does.
    pub(crate) fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The good client asks as fast as it can; what is shown here is not its own rate.
const MANY: &str = "[limits]\nreads_per_second = 10000\nreads_burst = 10000\nwrites_per_second = 10000\n\
                    writes_burst = 10000\n";

/// The binary under test.
pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zahlstelle"))
}

/// A payment of one fee of the shipped schedule.
pub(crate) fn new_payment() -> Value {
    json!({
        "service": "buergerportal",
        "reference": "antrag-1",
        "lines": [{"fee": "fuehrungszeugnis", "quantity": 1}],
        "return_url": "http://127.0.0.1:8090/zurueck",
    })
}

/// An idempotency key that nobody used before.
pub(crate) fn unused_key() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An address at which nobody listens right now.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn write_settings(
    folder: &Path,
    [address, metrics]: [SocketAddr; 2],
    server: &str,
    sections: &str,
    encrypted: bool,
) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tenants/dortmund.toml");
    // Nobody is paid here, so nothing needs to answer where the provider would be.
    let tenant = fs::read_to_string(source)
        .unwrap()
        .replace("{ env = \"ZAHLSTELLE_ADYEN_API_KEY\" }", "\"attacked\"")
        .replace("{ env = \"ZAHLSTELLE_ADYEN_HMAC_KEY\" }", &format!("\"{}\"", "5EED".repeat(16)))
        .replace("https://checkout-test.adyen.com", "http://127.0.0.1:9");
    fs::create_dir(folder.join("tenants")).unwrap();
    fs::write(folder.join("webhook-key"), "5EED".repeat(16)).unwrap();
    fs::write(folder.join("tenants/dortmund.toml"), tenant).unwrap();
    let (scheme, tls) = if encrypted {
        ("https", "[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n")
    } else {
        ("http", "")
    };
    let text = format!(
        "[server]\nlisten = \"{address}\"\npublic_url = \"{scheme}://{address}\"\n{server}\n\
         [database]\npath = \"attacked.sqlite\"\n[metrics]\nlisten = \"{metrics}\"\n\
         [tenants]\nfiles = [\"tenants/dortmund.toml\"]\n{tls}{sections}{MANY}"
    );
    let file = folder.join("zahlstelle.toml");
    fs::write(&file, text).unwrap();
    file
}
