//! The tidiness of the tree, as far as a machine can point at it. Each rule is data in its own file, and is tried
//! against planted lines first, so that it is known to be able to fail.

mod code;
mod directions;
mod finding;
mod manifests;
mod rules;
mod tree;

use finding::Finding;
use tree::SourceFile;

#[test]
fn every_line_is_tidy() {
    report(&tree::files().iter().flat_map(rules::check).collect::<Vec<_>>());
}

#[test]
fn imports_follow_the_directions() {
    report(&directions::check(&tree::files()));
}

#[test]
fn every_dependency_says_why() {
    report(&tree::files().iter().flat_map(manifests::check).collect::<Vec<_>>());
}

/// The tree is found at all: a walk that sees nothing would find nothing to say.
#[test]
fn the_tree_is_seen() {
    let files = tree::files();
    for path in ["Cargo.toml", "src/lib.rs", "providers/contract/src/money.rs", "tests/run", "tests/tidy/main.rs"] {
        assert!(
            files.iter().any(|file: &SourceFile| file.path == path),
            "{path} is missing among the files of the tree"
        );
    }
}

fn report(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} finding(s):\n{}", lines.len(), lines.join("\n"));
}
