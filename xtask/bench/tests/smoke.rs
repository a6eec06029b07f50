//! The bench runs, loses nothing and tells what it measured: two seconds against whatever program is built beside it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn a_smoke_run_loses_nothing_and_measures_everything() {
    let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
    let program = bench.with_file_name("strowger");
    assert!(program.is_file(), "build the program first: cargo build --package gateway");
    let json = bench.with_file_name("bench-smoke.json");
    let run = Command::new(bench)
        .args(["throughput", "latency", "smpp", "faults", "--smoke", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{printed}\n{}", String::from_utf8_lossy(&run.stderr));

    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0);
    let tables = report["tables"].as_array().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table["scenario"].as_str().unwrap()).collect();
    let beside = |name: &str| format!("floors beside {name}");
    for name in ["throughput", "latency", "smpp", "faults"] {
        assert!(names.contains(&name) && names.contains(&beside(name).as_str()), "{names:?}");
    }
    let messages = figure(&tables[0], "messages");
    assert!(messages > 0.0, "{printed}");
    assert_eq!(figure(&tables[0], "refused or failed requests"), 0.0);
    let smpp = tables.iter().find(|table| table["scenario"] == "smpp").unwrap();
    for side in ["one bind of an app, window 10", "one bind to a vendor, window 10"] {
        assert!(figure(smpp, &format!("{side}: of window / (sync + round trip)")) > 0.0, "{printed}");
    }
    // Both cost something wherever this runs.
    assert!(figure(&tables[0], "gateway CPU") > 0.0 && figure(&tables[1], "HTTP echo") > 0.0);
}

/// Else the test above could not fail.
#[test]
fn a_program_that_cannot_serve_is_a_failure() {
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["throughput", "--smoke", "--no-floors", "--gateway", "/bin/false"])
        .output()
        .unwrap();
    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stdout).contains("FAILED: run 1: the gateway ended"));
}

/// Not a number if there is no such figure, which equals nothing.
fn figure(table: &Value, name: &str) -> f64 {
    let figures = table["figures"].as_array().map(Vec::as_slice).unwrap_or_default();
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure.and_then(|figure| figure["median"].as_f64()).unwrap_or(f64::NAN)
}
