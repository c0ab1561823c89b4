//! A demonstration that runs in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long something that must happen may take before the test has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running `zahlstelle demo`. It is killed when the test ends, however it ends.
pub(crate) struct Demo {
    child: Child,
    folder: PathBuf,
}

impl Demo {
    /// Starts it on a folder and waits until it says where everything is.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child =
            binary().args(["demo", "--data"]).arg(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.starts_with("Stop with Ctrl-C"));
        assert!(ready, "the demonstration ended: {:?}", child.wait());
        Self { child, folder: folder.to_owned() }
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it says about itself.
    pub(crate) fn announcement(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.join("demo.json")).unwrap()).unwrap()
    }

    pub(crate) fn address(&self, of: &str) -> String {
        self.announcement()[of].as_str().unwrap().to_owned()
    }

    /// GET of the API.
    pub(crate) fn get(&self, path: &str) -> Value {
        let key = self.address("api_key");
        json(&curl(&["-H", &format!("Authorization: Bearer {key}"), &format!("{}{path}", self.address("api"))]))
    }

    /// POST of the API under a key.
    pub(crate) fn post(&self, path: &str, once: &str, body: &Value) -> Value {
        let key = self.address("api_key");
        json(&curl(&[
            "-H",
            &format!("Authorization: Bearer {key}"),
            "-H",
            &format!("Idempotency-Key: {once}"),
            "-H",
            "Content-Type: application/json",
            "-d",
            &body.to_string(),
            &format!("{}{path}", self.address("api")),
        ]))
    }

    /// What the twin holds.
    pub(crate) fn transactions(&self) -> Vec<Value> {
        json(&curl(&[&format!("{}/control/transactions", self.address("twin"))])).as_array().unwrap().clone()
    }

    /// Looks again and again until a condition holds.
    pub(crate) fn until(&self, path: &str, reached: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let object = self.get(path);
            if reached(&object) {
                return object;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} stays {object}");
        }
    }

    /// `zahlstelle verify` on its data.
    pub(crate) fn verify(&self) -> Output {
        binary().args(["verify", "--config"]).arg(self.folder.join("config.toml")).output().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test.
pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zahlstelle"))
}

/// The output of curl, which must succeed.
pub(crate) fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl").arg("-sS").args(arguments).output().unwrap();
    assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Presses a button of a form; where it leads.
pub(crate) fn press(address: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["-o", "/dev/null", "-w", "%{redirect_url}"];
    for field in &fields {
        arguments.extend(["--data-urlencode", field]);
    }
    arguments.push(address);
    let leads_to = curl(&arguments);
    assert!(!leads_to.is_empty(), "{address} leads nowhere");
    leads_to
}

/// The hidden nonce of a checkout page.
pub(crate) fn nonce(checkout: &str) -> String {
    let page = curl(&[checkout]);
    let (_, rest) = page.split_once("name=\"nonce\" value=\"").unwrap_or_else(|| panic!("no form on {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}
