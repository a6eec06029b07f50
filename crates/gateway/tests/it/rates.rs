//! Rate cards by the command line: workbooks and texts as vendors send them become drafts and hold, what is wrong is named
//! and changes nothing, and what was rated can be rated again.

use rust_xlsxwriter::{Formula, Workbook};
use serde_json::{Value, json};

use crate::client::ADMIN_KEY;
use crate::command_line::{Done, by};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const TO: &str = "+447700900123";

const CARD: &str = "
[[rate_cards]]
id = \"acme\"
currency = \"EUR\"
prices = [{ country = \"GB\", price = \"0.0300\" }, { country = \"DE\", price = \"0.0500\" }]
";

async fn start(folder: &std::path::Path, port: u16) -> Gateway {
    let file = Setup::default().vendor("acme", port, "").file();
    let with_card = file.replace("id = \"acme-sms\"\n", "id = \"acme-sms\"\nrate_card = \"acme\"\n");
    assert_ne!(file, with_card);
    Gateway::start_from(folder, &format!("{with_card}{CARD}")).await
}

async fn rates(gateway: &Gateway, arguments: &[&str]) -> Done {
    by(ADMIN_KEY, &gateway.client, &[&["rates"], arguments].concat()).await
}

async fn cost_of_next(gateway: &Gateway) -> Value {
    let id = gateway.client.send(TO, "hello").await;
    gateway.client.settled(&id, &["delivered"]).await;
    gateway.client.message(&id).await["cost"].clone()
}

/// What stands in the last cell: the price of GB.
enum Price {
    Number(f64),
    Formula,
}

/// Titles above the headings, and numbers as numbers.
fn workbook(price: &Price) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Wholesale").unwrap();
    sheet.write_string(0, 0, "Acme price list").unwrap();
    for (column, heading) in (0..).zip(["Country", "ISO", "MCC", "MNC", "New price"]) {
        sheet.write_string(2, column, heading).unwrap();
    }
    for (row, (iso, mcc, mnc)) in (3..).zip([("GB", 234, 15), ("DE", 262, 1)]) {
        sheet.write_string(row, 1, iso).unwrap();
        sheet.write_number(row, 2, mcc).unwrap();
        sheet.write_number(row, 3, mnc).unwrap();
        sheet.write_number(row, 4, 0.0625).unwrap();
    }
    sheet.write_string(5, 1, "GB").unwrap();
    match price {
        Price::Number(price) => sheet.write_number(5, 4, *price).unwrap(),
        Price::Formula => sheet.write_formula(5, 4, Formula::new("=E4*0.5").set_result("0.03125")).unwrap(),
    };
    book.save_to_buffer().unwrap()
}

#[tokio::test]
async fn a_workbook_becomes_a_draft_that_is_compared_activated_and_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let gateway = start(folder.path(), acme.addr().port()).await;
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.0300");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let list = file("june.xlsx", &workbook(&Price::Number(0.035)));
    let told = rates(&gateway, &["import", &list, "--card", "acme", "--full"]).await.ended_with(0);
    for part in [
        "3 prices in 3 rows",
        "1 codes lacked zeros: row 5: 1 is 262-01",
        "1 closed because",
        "version 2 is draft",
    ] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(told.stderr.contains("next: strowger policy activate 2"), "{}", told.stderr);
    let diff = rates(&gateway, &["diff", "acme", "--version", "2", "--json"]).await.ended_with(10).json();
    let effect = &diff["comparison"]["effect"];
    assert_eq!(
        (&effect["before"], &effect["after"], &effect["difference"]),
        (&"0.0300".into(), &"0.035".into(), &"0.0050".into())
    );
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.0300");
    by(ADMIN_KEY, &gateway.client, &["policy", "activate", "2"]).await.ended_with(0);
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.035");

    gateway.kill();
    let gateway = start(folder.path(), acme.addr().port()).await;
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.035");
    let period = ["--from", "2020-01-01T00:00:00Z", "--to", "2999-01-01T00:00:00Z"];
    let rerate = [&["rerate", "--card", "acme", "--version", "1"], &period[..]].concat();
    let rerated = rates(&gateway, &rerate).await.ended_with(0);
    let expected = "in all 0.1300 EUR before and 0.1200 EUR after: -0.0100 EUR, 2 of 4 attempts";
    assert!(rerated.stdout.contains(expected), "{}", rerated.stdout);
    let exported = rates(&gateway, &["export", "acme"]).await.ended_with(0).stdout;
    assert!(exported.starts_with("country,mcc,mnc,price,effective_from\nDE,,,0.0500,\n"), "{exported}");
    let shown = rates(&gateway, &["show", "acme", "--country", "GB"]).await.ended_with(0).stdout;
    assert!(shown.contains("23415") && shown.contains("0.0625"), "{shown}");
}

#[tokio::test]
async fn a_list_in_windows_1252_with_decimal_commas_is_read_as_it_was_said_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let gateway = start(folder.path(), acme.addr().port()).await;
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mapping = file("acme.toml", b"closed_words = [\"gesperrt\"]\n[columns]\ncountry = \"L\xc3\xa4nderk\xc3\xbcrzel\"\nprice = \"Preis\"\n");
    let list = file("juni.csv", b"L\xe4nderk\xfcrzel;Preis\nGB;0,0411 \x80\nDE;gesperrt\n");
    let import = ["import", &list, "--card", "acme", "--delta", "--activate", "--json"];
    let told = rates(&gateway, &import).await.ended_with(3);
    assert!(told.stderr.contains("rate_card_invalid"), "{}", told.stderr);
    let given = [&import[..], &["--mapping", &mapping, "--remember"]].concat();
    // What cannot be remembered is told before anything is done.
    let tried =
        ["import", &list, "--card", "acme", "--delta", "--dry-run", "--mapping", &mapping, "--remember"];
    rates(&gateway, &tried).await.ended_with(2);
    let nobodys = ["import", &list, "--card", "new", "--currency", "EUR", "--delta", "--activate"];
    let told = rates(&gateway, &[&nobodys[..], &["--mapping", &mapping, "--remember"]].concat()).await;
    assert!(told.ended_with(2).stderr.contains("so nothing was done"));
    rates(&gateway, &["map", "acme"]).await.ended_with(4);
    let active = by(ADMIN_KEY, &gateway.client, &["policy", "list", "--json"]).await.ended_with(0).json();
    assert_eq!(active["active"], 1);
    let told = rates(&gateway, &given).await.ended_with(0);
    let done = told.json();
    assert_eq!((&done["list"]["encoding"], &done["list"]["decimal"]), (&"windows-1252".into(), &",".into()));
    assert_eq!(done["version"]["state"], "active");
    assert!(told.stderr.contains("undo: strowger policy rollback 1"), "{}", told.stderr);
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.0411");
    let map = rates(&gateway, &["map", "acme"]).await.ended_with(0).stdout;
    assert!(map.contains("price = \"Preis\"") && map.contains("[columns]"), "{map}");
    let again = rates(&gateway, &import[..5]).await.ended_with(0).stdout;
    assert!(again.contains("mapping remembered"), "{again}");
    rates(&gateway, &["map", "acme", "--forget"]).await.ended_with(0);
    rates(&gateway, &["map", "acme"]).await.ended_with(4);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let gateway = start(folder.path(), acme.addr().port()).await;
    let refused = async |name: &str, bytes: &[u8], expected: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let import = ["import", path.to_str().unwrap(), "--card", "acme", "--full", "--activate"];
        let told = rates(&gateway, &import).await.ended_with(3);
        for part in expected {
            assert!(told.stderr.contains(part), "{part}: {}", told.stderr);
        }
    };
    let formula = workbook(&Price::Formula);
    refused("formula.xlsx", &formula, &["sheet Wholesale, row 6, column E (New price): is a formula"]).await;
    let mixed =
        [b"iso,name,price\nAT,\xd6sterreich,0.05\n".as_slice(), "CH,Zürich,0.05\n".as_bytes()].concat();
    refused("mixed.csv", &mixed, &["row 2: is not UTF-8", "row 3: is UTF-8"]).await;
    let twice = b"iso,price,valid from\nGB,0.05,01.07.2026\nGB,0.06,2026-07-01\nXX1,0.05,soon\n";
    let places = [
        "3 problems",
        "row 3: row 2 has a price for the same place",
        "row 4, column A (iso)",
        "row 4, column C (valid from)",
    ];
    refused("twice.csv", twice, &places).await;
    let versions = by(ADMIN_KEY, &gateway.client, &["policy", "list", "--json"]).await.ended_with(0).json();
    assert_eq!(versions["data"].as_array().unwrap().len(), 1);
    assert_eq!(cost_of_next(&gateway).await["amount"], "0.0300");
}

const RERATED: usize = 2000;

/// What attempts cost, and how many are corrected.
async fn costs(gateway: &Gateway) -> (Vec<String>, usize) {
    let (mut costs, mut corrected, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = gateway.client.get(&format!("/v1/messages?limit=100{cursor}")).await.body;
        for message in page["data"].as_array().unwrap() {
            costs.push(message["cost"]["amount"].as_str().unwrap().to_owned());
            corrected += usize::from(!message["attempts"][0]["rerated"].is_null());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (costs, corrected),
        }
    }
}

#[tokio::test]
async fn a_rerating_that_is_killed_is_ended_by_the_same_again_and_nothing_is_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let gateway = start(folder.path(), acme.addr().port()).await;
    let oldest = gateway.client.send(TO, "hello").await;
    for count in [99].into_iter().chain([100; RERATED / 100 - 1]) {
        let message = json!({ "to": TO, "text": "hello" });
        let batch = json!({ "messages": vec![message; count] });
        let answer = gateway.client.post("/v1/messages/batch", &batch).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    crate::deadline::until("all are accepted by the vendor", async || {
        let page = gateway.client.get("/v1/messages?limit=1&status=accepted").await.body;
        let submitted = gateway.client.get("/v1/messages?limit=1&status=submitted").await.body;
        let is_none = |page: &Value| page["data"].as_array().is_some_and(Vec::is_empty);
        (is_none(&page) && is_none(&submitted)).then_some(())
    })
    .await;
    let (first, corrected) = costs(&gateway).await;
    assert_eq!((first.len(), corrected), (RERATED, 0));
    assert!(first.iter().all(|cost| cost == "0.0300"), "{first:?}");
    let list = folder.path().join("correction.csv");
    std::fs::write(&list, "country,price\nGB,0.0301\n").unwrap();
    let import = [
        "import",
        list.to_str().unwrap(),
        "--card",
        "acme",
        "--delta",
        "--effective-from",
        "always",
        "--activate",
    ];
    rates(&gateway, &import).await.ended_with(0);

    let period = ["--from", "2020-01-01T00:00:00Z", "--to", "2999-01-01T00:00:00Z"];
    let apply =
        [&["rerate", "--card", "acme", "--apply", "--reason", "June was wrong", "--json"][..], &period]
            .concat();
    let path = "/v1/rate-cards/acme/rerating";
    let body = json!({ "since": "2020-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z" });
    let posting = gateway.client.bare(reqwest::Method::POST, path).bearer_auth(ADMIN_KEY);
    let posting = posting.header("content-type", "application/json").body(body.to_string());
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(posting.send());
    // The oldest is corrected first, and many are left then.
    crate::deadline::until("something is corrected", async || {
        let message = gateway.client.message(&oldest).await;
        (!message["attempts"][0]["rerated"].is_null()).then_some(())
    })
    .await;
    gateway.kill();
    drop(waiting.join_next().await);
    let gateway = start(folder.path(), acme.addr().port()).await;
    let (costs_now, corrected) = costs(&gateway).await;
    // Only shown when the test fails.
    println!("{corrected} were corrected when it was killed");
    assert!(corrected > 0, "what was seen is durable");
    let count = |of: &str| costs_now.iter().filter(|cost| *cost == of).count();
    assert_eq!((count("0.0301"), count("0.0300")), (corrected, RERATED - corrected));

    let told = rates(&gateway, &apply).await.ended_with(0).json();
    assert_eq!(told["applied"]["attempts"], RERATED - corrected);
    let (costs_now, all) = costs(&gateway).await;
    assert_eq!((all, costs_now.iter().filter(|cost| *cost == "0.0301").count()), (RERATED, RERATED));
    let again = rates(&gateway, &apply).await.ended_with(0).json();
    assert_eq!((&again["applied"]["attempts"], &again["total"]["after"]), (&json!(0), &json!("60.2000")));
    let verified = by(ADMIN_KEY, &gateway.client, &["audit", "verify"]).await;
    verified.ended_with(0);
}
