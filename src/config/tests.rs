//! All mistakes at once, and the shipped files against parser and schema.

mod mistakes;
mod schema;

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Config, ConfigErrors};
use crate::domain::kassenzeichen::Range;

/// The smallest main file that is right.
pub(super) const MAIN: &str =
    "[server]\npublic_url = \"https://zahlung.example.org\"\n[tenants]\nfiles = [\"stadt.toml\"]\n";

/// The smallest tenant file that is right, in parts, so that a test can break one.
pub(super) const TENANT: &str = r#"[tenant]
id = "stadt"
environment = "test"
[authority]
name = { de = "Stadt" }
[[kassenzeichen]]
name = "online"
prefix = "42"
digits = 8
check_digit = "mod11_10"
[[fee]]
key = "urkunde"
name = { de = "Urkunde" }
version = [{ amount = "15.00", shares = [{ booking = { produktkonto = "1" } }] }]
[[provider_account]]
name = "adyen"
provider = "adyen"
environment = "test"
merchant_account = "StadtECOM"
api_key = "key-in-the-settings"
hmac_keys = ["00112233445566778899aabbccddeeff"]
[[service]]
id = "portal"
name = { de = "Portal" }
range = "online"
fees = ["urkunde"]
methods = { card = "adyen" }
"#;

/// A folder with settings.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new(main: &str, tenant: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("zahlstelle.toml", main);
        folder.write("stadt.toml", tenant);
        folder
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&self.path("zahlstelle.toml"), &|_| None)
    }

    /// Every line of the report, with the folder taken out.
    pub(super) fn report(&self) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        match self.load() {
            Ok(_) => Vec::new(),
            Err(errors) => errors.to_string().lines().map(|line| line.replace(&folder, "")).collect(),
        }
    }
}

/// The report about a tenant file beside a right main file.
pub(super) fn report(tenant: &str) -> Vec<String> {
    Folder::new(MAIN, tenant).report()
}

#[test]
fn the_smallest_settings_are_right() {
    let config = Folder::new(MAIN, TENANT).load().unwrap();
    let stadt = &config.tenants["stadt"];
    assert_eq!(stadt.accounts.len(), 1);
    let portal = &stadt.tenant.services["portal"];
    assert_eq!(portal.methods.len(), 1);
    assert_eq!(stadt.tenant.range_of(portal).map(Range::last), Some(99_999_999));
    assert!(stadt.tenant.fees.fee("urkunde").is_some());
}

#[test]
fn settings_can_be_read_where_the_secrets_are_not() {
    let tenant = TENANT
        .replace("api_key = \"key-in-the-settings\"", "api_key = { env = \"NOT_SET\" }")
        .replace("\"00112233445566778899aabbccddeeff\"", "{ file = \"not-there\" }");
    let folder = Folder::new(MAIN, &tenant);
    assert_eq!(folder.load().unwrap_err().iter().count(), 2);
    let config = Config::load_without_secrets(&folder.path("zahlstelle.toml")).unwrap();
    assert_eq!(config.tenants["stadt"].accounts.len(), 1);
    // A source that is none stays a mistake.
    folder.write("stadt.toml", &tenant.replace("{ env = \"NOT_SET\" }", "{}"));
    assert!(Config::load_without_secrets(&folder.path("zahlstelle.toml")).is_err());
}

#[test]
fn secrets_do_not_print() {
    let config = Folder::new(MAIN, TENANT).load().unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("key-in-the-settings") && !printed.contains("00112233"), "{printed}");
    assert!(!printed.contains("17, 34, 51"), "{printed}");
}
