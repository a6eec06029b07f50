//! Each rule refuses a tree made to break it and passes the same tree mended; all pass on this repository.

use super::source::File;
use super::{Rule, findings, floors, layout, repository, stages, words};

/// The number of findings, and whether each of them names the file.
fn count(rule: Rule, path: &str, text: &str) -> usize {
    let findings = rule(&[File::new(path, text)]);
    assert!(findings.iter().all(|finding| finding.starts_with(path)), "{findings:?}");
    findings.len()
}

#[track_caller]
fn refuses(rule: Rule, path: &str, text: &str) {
    assert_eq!(count(rule, path, text), 1, "{path} should be refused once");
}

#[track_caller]
fn passes(rule: Rule, path: &str, text: &str) {
    assert_eq!(count(rule, path, text), 0, "{path} should pass");
}

#[test]
fn a_file_begins_by_saying_what_it_is() {
    let rule = layout::first_line_says_what_the_file_is;
    refuses(rule, "crates/store/src/lib.rs", "use std::fs;\n");
    refuses(rule, "crates/store/src/lib.rs", "");
    refuses(rule, "crates/store/tests/it/main.rs", "mod crash;\n");
    passes(rule, "crates/store/src/lib.rs", "//! What must survive a crash.\nuse std::fs;\n");
    passes(rule, "docs/example.rs", "fn main() {}\n");
}

#[test]
fn a_file_stays_below_the_ceiling_without_its_tests() {
    let rule = layout::files_stay_below_the_ceiling;
    let long = "fn f() {}\n".repeat(601);
    refuses(rule, "crates/store/src/lib.rs", &long);
    passes(rule, "crates/store/src/lib.rs", &"fn f() {}\n".repeat(600));
    passes(rule, "crates/store/src/lib/tests.rs", &long);
    passes(rule, "crates/store/tests/it/crash.rs", &long);

    let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    passes(rule, "crates/store/src/lib.rs", &tests);
    let with_attribute = tests.replace("mod tests", "#[expect(dead_code)]\nmod tests");
    passes(rule, "crates/store/src/lib.rs", &with_attribute);
    let elsewhere = format!("#[cfg(test)]\nmod tests;\n{long}");
    refuses(rule, "crates/store/src/lib.rs", &elsewhere);
}

#[test]
fn a_name_says_something() {
    let rule = layout::names_say_something;
    for path in [
        "crates/store/src/sqlite/mod.rs",
        "crates/store/src/utils.rs",
        "crates/common/src/lib.rs",
        "crates/routing/src/choose_v2.rs",
        "crates/routing/src/table_inner/rows.rs",
        "dashboard/src/helpers.ts",
    ] {
        refuses(rule, path, "");
    }
    passes(rule, "crates/store/src/sqlite.rs", "");
    passes(rule, "crates/store/src/sqlite/writer.rs", "");
    passes(rule, "crates/routing/src/implied.rs", "");
}

#[test]
fn an_ignored_test_says_why() {
    let rule = layout::ignored_tests_say_why;
    refuses(rule, "crates/store/src/lib.rs", "    #[ignore]\n    fn crash() {}\n");
    passes(rule, "crates/store/src/lib.rs", "    #[ignore = \"takes an hour\"]\n    fn crash() {}\n");
}

#[test]
fn an_error_page_carries_its_code() {
    let rule = layout::error_pages_carry_their_code;
    refuses(rule, "docs/errors/invalid_recipient.md", "# The recipient is invalid\n");
    refuses(rule, "docs/errors/invalid_recipient.md", "");
    passes(rule, "docs/errors/invalid_recipient.md", "# invalid_recipient\n\nThe recipient is invalid.\n");
    passes(rule, "docs/errors/README.md", "# Errors\n");
}

#[test]
fn dependencies_go_down_the_floors() {
    let rule = floors::dependencies_go_down;
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
    let refused = [
        ("domain", "[dependencies]\nrouting.workspace = true\n"),
        ("routing", "[dependencies]\nstore = { path = \"../store\" }\n"),
        ("pipeline", "[dev-dependencies]\nsimulator.workspace = true\n"),
        ("connectors", "[dev-dependencies]\nsimulator.workspace = true\n"),
        ("store", "[build-dependencies]\ngateway.workspace = true\n"),
        ("store", "[dependencies]\nways-out = { package = \"connectors\", path = \"../connectors\" }\n"),
        ("store", "[target.'cfg(unix)'.dependencies]\npipeline.workspace = true\n"),
        ("attic", ""),
    ];
    for (name, rest) in refused {
        refuses(rule, &format!("crates/{name}/Cargo.toml"), &manifest(name, rest));
    }
    let passed = [
        ("gateway", "[dependencies]\nsimulator.workspace = true\npipeline.workspace = true\n"),
        ("pipeline", "[dependencies]\nstore.workspace = true\n[dev-dependencies]\ndomain.workspace = true\n"),
        ("domain", "[dependencies]\nserde.workspace = true\n"),
    ];
    for (name, rest) in passed {
        passes(rule, &format!("crates/{name}/Cargo.toml"), &manifest(name, rest));
    }
    passes(rule, "crates/smpp-wire/fuzz/Cargo.toml", &manifest("smpp-wire-fuzz", ""));
}

#[test]
fn pure_crates_do_no_io() {
    let rule = floors::pure_crates_do_no_io;
    refuses(rule, "crates/domain/Cargo.toml", "package.name = \"domain\"\n[dependencies]\ntokio = \"1\"\n");
    refuses(
        rule,
        "crates/routing/Cargo.toml",
        "package.name = \"routing\"\n[dependencies]\nsmpp-wire.path = \"\"\n",
    );
    passes(rule, "crates/domain/Cargo.toml", "package.name = \"domain\"\n[dependencies]\nserde = \"1\"\n");
    passes(rule, "crates/store/Cargo.toml", "package.name = \"store\"\n[dependencies]\nrusqlite = \"1\"\n");
}

#[test]
fn stages_do_not_import_each_other() {
    let rule = stages::stages_do_not_import_each_other;
    let accept = "crates/pipeline/src/accept.rs";
    refuses(rule, accept, "use crate::submit::Slot;\n");
    refuses(rule, accept, "use super::submit;\n");
    refuses(rule, accept, "use crate::{\n    retry::Backoff,\n    submit::{Slot, Outcome},\n};\n");
    refuses(rule, accept, "fn f() { crate::notify::tell() }\n");
    refuses(rule, "crates/pipeline/src/accept/gate.rs", "use super::super::submit;\n");
    passes(rule, accept, "use crate::{retry::{self, submit}, accept::gate};\n// unlike crate::submit\n");
    passes(rule, accept, "//! See crate::submit.\n#[cfg(test)]\nmod tests {\n    use crate::submit;\n}\n");
    passes(rule, "crates/pipeline/src/accept/gate.rs", "use super::submit;\n");
    passes(rule, "crates/pipeline/src/worker.rs", "use crate::{accept, submit};\n");
}

#[test]
fn vendors_are_named_where_they_belong() {
    let rule = words::vendors_are_named_where_they_belong;
    for line in
        ["let vendor = \"Twilio\";\n", "let twilio_key = 1;\n", "fn to_twilio() {}\n", "struct ViaSinch;\n"]
    {
        refuses(rule, "crates/pipeline/src/submit.rs", line);
        passes(rule, "crates/connectors/src/http.rs", line);
        passes(rule, "crates/simulator/src/vendor.rs", line);
        passes(rule, "crates/gateway/src/config/apps.rs", line);
        passes(rule, "crates/gateway/src/compat.rs", line);
        passes(rule, "crates/gateway/tests/it/migration.rs", line);
        passes(rule, "docs/doors.md", line);
        passes(rule, "vendors/twilio.toml", line);
    }
    passes(rule, "crates/pipeline/src/submit.rs", "struct BytesInChunk;\nlet bytesinch = 1;\n");
}

#[test]
fn only_the_store_knows_the_database() {
    let rule = words::only_the_store_knows_the_database;
    for line in
        ["// in a cluster\n", "tokio-postgres = \"1\"\n", "PostgreSQL\n", "let is_clustered = true;\n"]
    {
        refuses(rule, "crates/pipeline/src/accept.rs", line);
        passes(rule, "crates/store/src/lib.rs", line);
        passes(rule, "crates/gateway/src/start.rs", line);
        passes(rule, "crates/gateway/src/cli/serve.rs", line);
        passes(rule, "README.md", line);
    }
    passes(rule, "crates/domain/src/segment.rs", "//! Grapheme clusters are not kept whole.\n");
}

#[test]
fn no_registry_host_is_named() {
    let rule = words::no_registry_host_is_named;
    let line = ["https://registry", "npmjs", "org/smpp\n"].join(".");
    refuses(rule, "tests/interop/package-lock.json", &line);
    refuses(rule, "README.md", &line);
    passes(rule, "Cargo.lock", &line);
    passes(rule, "tests/interop/package-lock.json", "\"node_modules/smpp\": {}\n");
}

#[test]
fn this_repository_is_tidy() {
    let files = repository().unwrap();
    assert!(files.iter().any(|file| file.path == "crates/domain/src/lib.rs"), "the repository was not read");
    let findings = findings(&files);
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
