//! `zahlstelle check-config`: says everything that is wrong with the settings before anything starts.

use std::{io, path::Path};

use crate::config::{Config, Environ};

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
                let (services, fees) = (mandant.tenant.services.len(), mandant.tenant.fees.fees().count());
                writeln!(out, "{id}: {services} services, {fees} fees, {} provider accounts", mandant.accounts.len())?;
            }
            writeln!(out, "{}: ok", path.display())?;
            Ok(Outcome::Usable)
        }
        Err(errors) => {
            writeln!(out, "{errors}")?;
            let count = errors.iter().count();
            writeln!(out, "{}: {count} {}", path.display(), if count == 1 { "mistake" } else { "mistakes" })?;
            Ok(Outcome::Unusable)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_shipped_settings_are_usable() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
        let mut out = Vec::new();
        let outcome = run(&path, &|_| Some("0123456789abcdef".repeat(4)), &mut out).unwrap();
        let printed = String::from_utf8(out).unwrap();
        assert_eq!((outcome, outcome.exit_code()), (Outcome::Usable, 0), "{printed}");
        assert!(printed.contains("dortmund-demo: 2 services"), "{printed}");
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
