//! Which scope opens which endpoint: `access.csv` says it, and every endpoint has to have its row there.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::super::served;
use super::stand::{DISPATCHER, KEEPER, READER, SENDER, Stand, VIEWER, request};

const TABLE: &str = include_str!("../../../access.csv");

/// The keys of the table's columns, each with one scope.
const KEYS: [(&str, &str); 5] = [
    ("app send", SENDER),
    ("app read", VIEWER),
    ("admin read", READER),
    ("admin dispatch", DISPATCHER),
    ("admin configure", KEEPER),
];

pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// `open` without a key, `yes`, `own` for an app's own messages, `no`.
    cells: Vec<&'static str>,
}

impl Row {
    pub(super) fn is_for_own_messages(&self) -> bool {
        self.cells.contains(&"own")
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut lines = TABLE.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().unwrap();
    assert_eq!(heading[2..], KEYS.map(|(column, _)| column));
    let row = |cells: Vec<&'static str>| Row { method: cells[0], path: cells[1], cells: cells[2..].to_vec() };
    lines.map(row).collect()
}

#[test]
fn every_endpoint_has_its_row_and_every_row_its_endpoint() {
    let rows: Vec<(&str, &str)> = rows().iter().map(|row| (row.method, row.path)).collect();
    let distinct: BTreeSet<_> = rows.iter().copied().collect();
    assert_eq!(rows.len(), distinct.len());
    let served = served();
    let endpoints: BTreeSet<(&str, &str)> =
        served.iter().flat_map(|route| route.methods.iter().map(|method| (*method, route.path))).collect();
    assert_eq!(distinct, endpoints);
}

#[tokio::test]
async fn each_scope_opens_what_the_table_says_and_nothing_else() {
    let stand = Stand::start().await;
    let mine = stand.accepted(SENDER, "+4915112345678").await;
    for row in rows() {
        let method = Method::from_bytes(row.method.to_uppercase().as_bytes()).unwrap();
        // What is no id of its kind is nobody's, whoever asks.
        let id = match row.path.split('/').nth(2) {
            Some("overrides") => "ovr_00000000000000000000000000",
            Some("keys") => "key_00000000000000000000000000",
            _ => &mine,
        };
        let path = row.path.replace("{id}", id).replace("{code}", "no_rule").replace("{number}", "1");
        for ((column, key), cell) in KEYS.iter().zip(&row.cells) {
            let builder = request(method.clone(), key, &path).header("content-type", "application/json");
            let answer = stand.send(builder.body(Body::from("{}")).unwrap()).await;
            let place = format!("{} {} with {column}: {}", row.method, row.path, answer.text);
            match *cell {
                "no" => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}"),
                "yes" | "own" | "open" => {
                    let is_let_in =
                        !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
                    assert!(is_let_in && !answer.status.is_server_error(), "{} {place}", answer.status);
                }
                other => panic!("`{other}` says nothing of {place}"),
            }
        }
        let bare = axum::http::Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
        let is_open = row.cells.iter().all(|cell| *cell == "open");
        let expected = if is_open { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(stand.send(bare).await.status, expected, "{} {} without a key", row.method, row.path);
    }
}
