//! Dependencies: chosen in one place, each with the reason why it is there.

use crate::{finding::Finding, tree::SourceFile};

/// What a crate below `providers` may depend on of ours.
const PROVIDERS_MAY_DEPEND_ON: &[&str] = &["zahlstelle-contract"];

/// Its tests may run it against the simulated world.
const TESTS_OF_PROVIDERS_MAY_DEPEND_ON: &[&str] = &["zahlstelle-contract", "zahlstelle-twin"];

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    if !file.path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut section = "";
    let mut line_before = "";
    let mut dependency_before = "";
    for (number, line) in (1..).zip(file.text.lines().map(str::trim)) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(dependency) = dependency(line).filter(|_| section.ends_with("dependencies")) {
            let message = if section == "workspace.dependencies" {
                // Crates of one family, e.g. serde and serde_json, share a reason.
                let family = !dependency_before.is_empty() && dependency.starts_with(dependency_before);
                let has_reason = line_before.starts_with('#') || family;
                (!has_reason).then(|| format!("write one line above `{dependency}` that says why it is needed"))
            } else {
                member_message(&file.path, section, dependency, line)
            };
            findings.extend(message.map(|message| Finding { path: file.path.clone(), line: number, message }));
            dependency_before = dependency;
        }
        if line.is_empty() || line.starts_with('[') {
            dependency_before = "";
        }
        line_before = line;
    }
    findings
}

fn member_message(path: &str, section: &str, dependency: &str, line: &str) -> Option<String> {
    if !line.contains("workspace") {
        return Some(format!("take `{dependency}` from [workspace.dependencies] of the root"));
    }
    let granted =
        if section == "dev-dependencies" { TESTS_OF_PROVIDERS_MAY_DEPEND_ON } else { PROVIDERS_MAY_DEPEND_ON };
    let reaches =
        path.starts_with("providers/") && dependency.starts_with("zahlstelle") && !granted.contains(&dependency);
    reaches.then(|| format!("a provider knows the contract alone, and its tests the twin, not `{dependency}`"))
}

/// The name before `=` or `.workspace`; [`None`] for comments, blank lines and the middle of a list.
fn dependency(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let name = key.trim().split('.').next()?;
    let named = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_');
    (!name.is_empty() && name.chars().all(named)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<usize> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        check(&file).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text =
            "[workspace.dependencies]\n# Reading and writing data.\nserde = \"1\"\nserde_json = \"1\"\nurl = \"2\"\n";
        assert_eq!(findings("Cargo.toml", text), [5]);
        assert_eq!(findings("Cargo.toml", "[workspace.dependencies]\n\nurl = { version = \"2\" }"), [3]);
        assert_eq!(findings("Cargo.toml", "[workspace.package]\nversion = \"1\"\n[package]\nname = \"a\""), []);
    }

    #[test]
    fn a_member_chooses_no_version_and_a_provider_no_neighbour() {
        let path = "providers/adyen/Cargo.toml";
        assert_eq!(findings(path, "[dependencies]\nurl = \"2\"\nserde.workspace = true"), [2]);
        assert_eq!(findings(path, "[dependencies]\nzahlstelle-twin.workspace = true"), [2]);
        assert_eq!(
            findings(path, "[dependencies]\nzahlstelle-contract = { workspace = true, features = [\"a\"] }"),
            []
        );
        assert_eq!(findings("Cargo.toml", "[dependencies]\nzahlstelle-twin.workspace = true"), []);
    }
}
