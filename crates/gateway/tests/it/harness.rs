//! `routing harness`: the engine answers line by line, avoids a vendor that went away and says so.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::gateway::strowger;

/// Two vendors alike, but for the price, and one operator.
fn init() -> Value {
    json!({
        "ev": "init", "vendors": ["A", "B"], "operators": 1, "classes": ["otp"], "seed": 7,
        "price": [[10.0], [20.0]], "allow": [[[true]], [[true]]], "value": [400.0], "deadline_s": [30.0],
        "cap_tps": [100.0, 100.0], "min_success": [0.5], "commit_share": {},
    })
}

fn drive(lines: impl IntoIterator<Item = Value>) -> Output {
    let mut child = strowger()
        .args(["routing", "harness"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    // It may end before it has read all, and its answers must be read meanwhile.
    let writing = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

fn answers(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn choose(t: f64) -> Value {
    json!({ "ev": "choose", "t": t, "op": 0, "cls": 0, "reports_conversion": false, "exclude": [] })
}

fn submit(t: f64, v: u64, code: Option<&str>) -> Value {
    json!({
        "ev": "submit", "t": t, "id": 1, "v": v, "op": 0, "cls": 0, "reports_conversion": false,
        "ok": code.is_none(), "code": code,
    })
}

#[test]
fn a_vendor_that_answers_no_more_is_told_of_and_avoided() {
    let mut lines = vec![init()];
    for second in 1..120 {
        let now = f64::from(second);
        lines.extend([
            json!({ "ev": "tick", "t": now }),
            submit(now, 0, (second > 90).then_some("timeout")),
            submit(now, 1, None),
            choose(now),
        ]);
    }
    lines.push(json!({ "ev": "end" }));
    let output = drive(lines);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = answers(&output);
    assert_eq!(answers.last(), Some(&json!({ "end": true })));
    let told = |answer: &&Value| answer["alarm"] == json!({ "v": 0, "op": -1, "kind": "outage" });
    assert_eq!(answers.iter().filter(told).count(), 1, "{answers:?}");
    let chosen: Vec<&Value> = answers.iter().filter_map(|answer| answer.get("v")).collect();
    assert_eq!(chosen.len(), 119);
    let of_the_first = chosen[109..].iter().filter(|vendor| ***vendor == json!(0)).count();
    assert!(of_the_first <= 2, "{of_the_first} of the last ten went where nobody answers");
}

#[test]
fn a_wrong_line_is_named() {
    let wrong = [
        (vec![json!({ "ev": "tick", "t": 1.0 })], "line 1: the first line must be `init`"),
        (vec![init(), submit(1.0, 2, None)], "line 2: v 2 is not one of the 2 that init names"),
        (vec![init(), json!({ "ev": "dance" })], "line 2: unknown variant `dance`"),
        (
            vec![{
                let mut short = init();
                short["price"] = json!([[10.0]]);
                short
            }],
            "line 1: cap_tps names 2 vendors, price 1 and allow 2",
        ),
    ];
    for (lines, expected) in wrong {
        let output = drive(lines);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
