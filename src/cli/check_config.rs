//! `zahlstelle check-config`: says everything that is wrong with the settings before anything starts.

use std::{error::Error, io, path::Path};

use super::{assemble, notes};
use crate::{
    config::{Config, Environ, Tls},
    http,
};

/// What the command found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The service can start with these settings.
    Usable,
    /// It cannot.
    Unusable,
}

impl Outcome {
    /// The exit code of the process: 0, or 2 for a mistake in the configuration.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usable => 0,
            Self::Unusable => 2,
        }
    }
}

/// Reads the settings at `path` with everything they refer to, and writes one line for each mistake.
///
/// The error is that of writing to `out`.
pub fn run(path: &Path, environ: &Environ<'_>, out: &mut dyn io::Write) -> io::Result<Outcome> {
    match Config::load(path, environ) {
        Ok(config) => {
            for (id, mandant) in &config.tenants {
                let services = counted(mandant.tenant.services.len(), "service");
                let fees = counted(mandant.tenant.fees.fees().count(), "fee");
                writeln!(out, "{id}: {services}, {fees}, {}", counted(mandant.accounts.len(), "provider account"))?;
                for note in notes::of(&mandant.tenant) {
                    writeln!(out, "note: {id}: {note}")?;
                }
            }
            for note in notes::of_service(&config) {
                writeln!(out, "note: {note}")?;
            }
            let mut mistakes = 0;
            if let Some(files) = &config.tls {
                mistakes += check_certificate(files, path, out)?;
            }
            if let Err(errors) = assemble::check(config.tenants.into_values()) {
                writeln!(out, "{errors}")?;
                mistakes += errors.count();
            }
            if mistakes > 0 {
                writeln!(out, "{}: {}", path.display(), counted(mistakes, "mistake"))?;
                return Ok(Outcome::Unusable);
            }
            writeln!(out, "{}: ok", path.display())?;
            Ok(Outcome::Usable)
        }
        Err(errors) => {
            writeln!(out, "{errors}")?;
            writeln!(out, "{}: {}", path.display(), counted(errors.iter().count(), "mistake"))?;
            Ok(Outcome::Unusable)
        }
    }
}

/// Reads the certificate as the listener would, and says until when it is good; the number of mistakes.
fn check_certificate(files: &Tls, path: &Path, out: &mut dyn io::Write) -> io::Result<usize> {
    match http::tls::Tls::load(files) {
        Ok(tls) => {
            if let Some(until) = tls.expires_at() {
                writeln!(out, "tls: the certificate is good until {until}")?;
            }
            Ok(0)
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            writeln!(out, "{}: tls: {error}{cause}", path.display())?;
            Ok(1)
        }
    }
}

/// A count with its noun.
pub(super) fn counted<N: Copy + std::fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_shipped_settings_are_usable() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let mut out = Vec::new();
        let outcome = run(&path, &|_| Some("0123456789abcdef".repeat(4)), &mut out).unwrap();
        let printed = String::from_utf8(out).unwrap();
        assert_eq!((outcome, outcome.exit_code()), (Outcome::Usable, 0), "{printed}");
        assert!(printed.contains("dortmund-demo: 2 services"), "{printed}");
        assert!(printed.contains(" 1 provider account\n"), "{printed}");
        assert!(!printed.contains("note:"), "{printed}");
    }

    /// Checks the shipped settings with a change to the tenant file.
    fn check_changed(right: &str, changed: &str) -> (Outcome, String) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tenants")).unwrap();
        fs::copy(shipped.join("demo.toml"), folder.path().join("demo.toml")).unwrap();
        let tenant = fs::read_to_string(shipped.join("tenants/dortmund.toml")).unwrap();
        assert!(tenant.contains(right), "{right}");
        fs::write(folder.path().join("tenants/dortmund.toml"), tenant.replace(right, changed)).unwrap();
        let mut out = Vec::new();
        let environ = |_: &str| Some("0123456789abcdef".repeat(4));
        let outcome = run(&folder.path().join("demo.toml"), &environ, &mut out).unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_would_stop_the_service_is_told_all_at_once() {
        let changed = "methods = { card = \"adyen-test\", paypal = \"adyen-test\" }";
        let (outcome, printed) = check_changed("methods = { card = \"adyen-test\" }", changed);
        assert_eq!(outcome.exit_code(), 2, "{printed}");
        for service in ["buergerbuero", "buergerportal"] {
            let told =
                format!("dortmund-demo: service {service}: account adyen-test cannot take paypal, it takes card");
            assert!(printed.contains(&told), "{printed}");
        }
        assert!(printed.ends_with("demo.toml: 2 mistakes\n"), "{printed}");
    }

    #[test]
    fn what_is_right_and_may_surprise_is_noted() {
        for (right, changed, note) in [
            (
                "approval_chain = []",
                "approval_chain = [{ name = \"anordnung\", scope = \"refunds:order\" }]",
                "note: dortmund-demo: service buergerportal: has an approval chain, and this release has no persons yet",
            ),
            ("imprint_url = ", "# imprint_url = ", "note: dortmund-demo: there is no imprint_url"),
            ("privacy_url = ", "# privacy_url = ", "note: dortmund-demo: there is no privacy_url"),
            ("accessibility_url = ", "# accessibility_url = ", "note: dortmund-demo: there is no accessibility_url"),
            (
                "valid_from = 2026-02-07\namount = \"46.00\"",
                "valid_from = 2026-02-09\namount = \"46.00\"",
                "note: dortmund-demo: fee personalausweis_ab_24: has no price after 2026-02-06 and before 2026-02-09",
            ),
        ] {
            let (outcome, printed) = check_changed(right, changed);
            assert_eq!(outcome, Outcome::Usable, "{printed}");
            let notes: Vec<&str> = printed.lines().filter(|line| line.starts_with("note:")).collect();
            assert!(notes.len() == 1 && notes[0].starts_with(note), "{note}\n{printed}");
        }
    }

    /// Checks the shipped settings with a certificate.
    fn check_certificate(certificate: &str, private_key: &str) -> (Outcome, String) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let folder = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(shipped.join("demo.toml")).unwrap();
        let tenant = shipped.join("tenants/dortmund.toml").display().to_string();
        let text = text
            .replace("tenants/dortmund.toml", &tenant)
            .replace("127.0.0.1:8080\"\npublic", "0.0.0.0:8443\"\npublic");
        let tls = "[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n";
        fs::write(folder.path().join("demo.toml"), format!("{text}{tls}")).unwrap();
        fs::write(folder.path().join("chain.pem"), certificate).unwrap();
        fs::write(folder.path().join("key.pem"), private_key).unwrap();
        let mut out = Vec::new();
        let environ = |_: &str| Some("0123456789abcdef".repeat(4));
        let outcome = run(&folder.path().join("demo.toml"), &environ, &mut out).unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_certificate_is_tried_before_anything_starts() {
        let made = || {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(2030, 12, 31);
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        };
        let (certificate, key) = made();
        let (outcome, printed) = check_certificate(&certificate, &key);
        assert_eq!(outcome, Outcome::Usable, "{printed}");
        assert!(printed.contains("tls: the certificate is good until 2030-12-31T"), "{printed}");
        for (certificate, key, told) in [
            ("nothing", key.as_str(), "chain.pem: must hold 1 to 16 certificates in PEM"),
            (&certificate, "nothing", "key.pem: must hold one private key in PEM"),
            (&certificate, &made().1, "key.pem: cannot be used together: "),
        ] {
            let (outcome, printed) = check_certificate(certificate, key);
            assert_eq!(outcome, Outcome::Unusable, "{printed}");
            assert!(printed.contains(told) && printed.ends_with("demo.toml: 1 mistake\n"), "{printed}");
        }
    }

    #[test]
    fn what_everybody_may_read_and_a_key_that_is_missing_are_noted() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let look = || {
            let mut out = Vec::new();
            run(&file("demo.toml"), &|_| Some("0123456789abcdef".repeat(4)), &mut out).unwrap();
            let printed = String::from_utf8(out).unwrap();
            let notes = printed.lines().filter_map(|line| line.strip_prefix("note: ").map(str::to_owned));
            notes.collect::<Vec<_>>()
        };
        let tenant = shipped.join("tenants/dortmund.toml").display().to_string();
        let text = fs::read_to_string(shipped.join("demo.toml")).unwrap().replace("tenants/dortmund.toml", &tenant);
        let tls = "[tls]\ncertificate = \"chain.pem\"\nprivate_key = \"key.pem\"\n";
        fs::write(file("demo.toml"), format!("{text}{tls}")).unwrap();
        assert_eq!(look(), [""; 0]);
        for name in ["demo.sqlite", "key.pem"] {
            fs::write(file(name), "").unwrap();
            fs::set_permissions(file(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        let notes = look();
        assert!(notes.len() == 2 && notes[0].starts_with("the database ") && notes[1].starts_with("the private key "));
        assert!(notes[0].contains("demo.sqlite can be read by every user"), "{notes:?}");
        for name in ["demo.sqlite", "key.pem"] {
            fs::set_permissions(file(name), fs::Permissions::from_mode(0o640)).unwrap();
        }
        assert_eq!(look(), [""; 0]);
        let keyless = text.replace("master_keys = ", "# master_keys = ");
        fs::write(file("demo.toml"), keyless).unwrap();
        assert_eq!(look(), ["no [webhooks] master_keys: no webhook endpoint can be made"]);
    }

    #[test]
    fn mistakes_are_counted_and_lead_to_exit_code_2() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zahlstelle.toml");
        fs::write(&path, "[server]\npublic_url = \"ftp://x\"\nlisten = 1\n[tenants]\nfiles = []\n").unwrap();
        let mut out = Vec::new();
        let outcome = run(&path, &|_| None, &mut out).unwrap();
        assert_eq!(outcome.exit_code(), 2);
        let printed = String::from_utf8(out).unwrap();
        assert!(printed.ends_with("zahlstelle.toml: 3 mistakes\n"), "{printed}");
        assert_eq!(printed.lines().count(), 4, "{printed}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake() {
        let mut out = Vec::new();
        let outcome = run(Path::new("/nowhere/zahlstelle.toml"), &|_| None, &mut out).unwrap();
        assert_eq!(outcome, Outcome::Unusable);
        assert!(String::from_utf8(out).unwrap().starts_with("/nowhere/zahlstelle.toml: cannot be read"));
    }
}
