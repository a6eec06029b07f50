//! Rate cards: vendors' lists laid over them, what that changes and costs, and reratings by a corrected card.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::stand::{ADMIN, KEEPER, READER, Response, SHOP, Stand, request};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn import(stand: &Stand, path: &str, kind: &str, bytes: impl Into<Body>) -> Response {
    let builder = request(Method::POST, KEEPER, path).header("content-type", kind);
    stand.send(builder.body(bytes.into()).unwrap()).await
}

async fn csv(stand: &Stand, parameters: &str, text: &str) -> Response {
    import(stand, &format!("/v1/rate-cards/acme/imports?{parameters}"), "text/csv", text.to_owned()).await
}

async fn put(stand: &Stand, vendor: &str, mapping: &Value) -> Response {
    let path = format!("/v1/rate-card-mappings/{vendor}");
    let builder = request(Method::PUT, KEEPER, &path).header("content-type", "application/json");
    stand.send(builder.body(Body::from(mapping.to_string())).unwrap()).await
}

async fn cost_of_next(stand: &Stand) -> Value {
    let id = stand.accepted(SHOP, "+4915112345678").await;
    stand.settled(&id, "delivered").await["cost"].clone()
}

#[tokio::test]
async fn a_delta_is_a_draft_until_it_is_activated_and_says_what_it_costs() {
    let stand = Stand::with_vendor().await;
    for _ in 0..2 {
        assert_eq!(cost_of_next(&stand).await["amount"], "0.0450");
    }
    let list = "MCC;MNC;Price\n262;1;0,0500\n262;2;0,0400\n208;;0,07\n";
    let answer = csv(&stand, "mode=delta&days=3&file=june.csv", list).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let told = answer.fits("RateCardImport");
    assert_eq!((&told["version"]["state"], &told["version"]["number"]), (&json!("draft"), &json!(2)));
    assert_eq!((&told["vendor"], &told["list"]["mapping"]), (&json!("acme"), &json!("automatic")));
    assert_eq!((&told["list"]["decimal"], &told["list"]["repaired_count"]), (&json!(","), &json!(2)));
    assert_eq!((&told["laid"]["added"], &told["laid"]["prices"]), (&json!(3), &json!(5)));

    let compared = &told["comparison"];
    assert_eq!(
        (&compared["counts"]["increase"], &compared["counts"]["decrease"], &compared["counts"]["new"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let telekom =
        compared["differences"].as_array().unwrap().iter().find(|one| one["operator"] == "26201").unwrap();
    assert_eq!(
        (&telekom["before"], &telekom["after"], &telekom["percent"]),
        (&json!("0.0450"), &json!("0.0500"), &json!("11.11"))
    );
    let effect = &compared["effect"];
    assert_eq!((&effect["messages"], &effect["is_whole"]), (&json!(2), &json!(true)));
    assert_eq!(
        (&effect["before"], &effect["after"], &effect["difference"]),
        (&json!("0.0900"), &json!("0.1000"), &json!("0.0100"))
    );
    // The store begins today: less than a day is taken for a day, not for three.
    assert_eq!(effect["difference_per_30_days"], "0.3");
    assert_eq!(
        (&effect["groups"][0]["operator"], &effect["groups"][0]["segments"]),
        (&json!("26201"), &json!(2))
    );

    assert_eq!(cost_of_next(&stand).await["amount"], "0.0450");
    let diff = stand.get(READER, "/v1/rate-cards/acme/diff?version=2").await.fits("RateCardDiff");
    assert_eq!((&diff["same"], &diff["comparison"]["counts"]["new"]), (&json!(false), &json!(1)));
    stand.post(ADMIN, "/v1/policies/2/activate", &json!({})).await.fits("Policy");
    assert_eq!(cost_of_next(&stand).await["amount"], "0.0500");

    let log = stand.get(READER, "/v1/audit?action=policy.draft").await.fits("AuditPage");
    let about = &log["data"][0]["entry"]["after"]["rate_card"];
    assert_eq!(
        (&about["id"], &about["mode"], &about["file"], &about["laid"]["added"]),
        (&json!("acme"), &json!("delta"), &json!("june.csv"), &json!(3))
    );
    let list = stand.get(READER, "/v1/policies?limit=1").await.json();
    assert_eq!(list["data"][0]["comment"], "rate card acme: a delta list of june.csv");
}

#[tokio::test]
async fn a_full_list_closes_what_it_lacks_and_can_be_put_in_force_at_once() {
    let stand = Stand::with_vendor().await;
    let list = "country,price,effective_from\nDE,0.0460,2020-01-01\nFR,0.05,2020-01-01\n";
    let path = "mode=full&effective_from=2020-01-01";
    let dry = csv(&stand, &format!("{path}&dry_run=true"), list).await;
    assert_eq!(dry.status, StatusCode::OK, "{}", dry.text);
    let dry = dry.fits("RateCardImport");
    assert_eq!(
        (&dry["version"], &dry["laid"]["closed"], &dry["laid"]["past"]),
        (&Value::Null, &json!(1), &json!(2))
    );
    assert_eq!(stand.get(READER, "/v1/policies").await.json()["active"], 1);

    let done =
        csv(&stand, &format!("{path}&activate=true&comment=agreed"), list).await.fits("RateCardImport");
    assert_eq!(
        (&done["version"]["state"], &done["version"]["comment"]),
        (&json!("active"), &json!("agreed"))
    );
    assert_eq!(cost_of_next(&stand).await["amount"], "0.0460");
    let closed =
        stand.post(SHOP, "/v1/routing/explain", &json!({ "to": "+447700900123", "text": "hello" })).await;
    assert!(closed.text.contains("closed"), "{}", closed.text);
    let again = csv(&stand, path, list).await;
    assert_eq!((again.status, &again.fits("RateCardImport")["same"]), (StatusCode::OK, &json!(true)));

    let cards = stand.get(READER, "/v1/rate-cards").await.fits("RateCardList");
    assert_eq!(
        (&cards["version"], &cards["data"][0]["routes"], &cards["data"][0]["vendors"]),
        (&json!(2), &json!(["acme-de"]), &json!(["acme"]))
    );
    let prices = stand.get(READER, "/v1/rate-cards/acme?country=DE").await.fits("RateCardPrices");
    let told: Vec<_> =
        prices["data"].as_array().unwrap().iter().map(|one| (&one["price"], &one["in_force"])).collect();
    assert_eq!(told, [(&json!("0.0450"), &json!(false)), (&json!("0.0460"), &json!(true))]);
    let page = stand.get(READER, "/v1/rate-cards/acme?limit=1").await.fits("RateCardPrices");
    assert_eq!((page["data"].as_array().unwrap().len(), &page["next_cursor"]), (1, &json!("1")));
    let csv = stand.get(READER, "/v1/rate-cards/acme?format=csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.text,
        "country,mcc,mnc,price,effective_from\nDE,,,0.0450,\nDE,,,0.0460,2020-01-01\nFR,,,0.05,2020-01-01\n\
         GB,,,0.03,\nGB,,,closed,2020-01-01\n"
    );
}

#[tokio::test]
async fn a_full_list_that_is_sent_ahead_of_its_day_closes_nothing_before() {
    let stand = Stand::start().await;
    let list = "country,price,effective_from\nDE,0.0460,2999-07-08\nFR,0.05,2999-07-01\n";
    let done = csv(&stand, "mode=full&activate=true", list).await.fits("RateCardImport");
    assert_eq!(done["effective_from"], "2999-07-01T00:00:00.000Z");
    assert_eq!((&done["laid"]["closed"], &done["laid"]["past"]), (&json!(1), &json!(0)));
    // What was announced is compared once all of it holds.
    assert_eq!(done["comparison"]["at"], "2999-07-08T00:00:00.000Z");
    assert_eq!(
        (&done["comparison"]["counts"]["increase"], &done["comparison"]["counts"]["closed"]),
        (&json!(1), &json!(1))
    );
    let estimate = stand.post(SHOP, "/v1/estimate", &json!({ "to": "+447700900123", "text": "hello" })).await;
    assert!(estimate.text.contains("0.03"), "{}", estimate.text);
    let card = stand.get(READER, "/v1/rate-cards").await.fits("RateCardList")["data"][0].clone();
    assert_eq!(card["next_change_at"], "2999-07-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_list_with_mistakes_changes_nothing_and_every_place_is_told() {
    let stand = Stand::start().await;
    let bad = csv(&stand, "mode=delta", "mcc,mnc,price\n262,01,free\n62,01,0.05\n262,02,-1\n").await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = bad.problem("rate_card_invalid");
    assert_eq!(problem["detail"], "nothing is imported: 3 problems in the list");
    let pointers: Vec<&Value> =
        problem["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(pointers, ["#/rows/2", "#/rows/3", "#/rows/4"]);
    assert!(
        problem["errors"][0]["detail"].as_str().unwrap().starts_with("row 2, column C (price): `free`"),
        "{problem:#}"
    );

    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet().set_name("Rates").unwrap();
    for (column, heading) in (0..).zip(["MCC", "MNC", "Price"]) {
        sheet.write_string(0, column, heading).unwrap();
    }
    sheet.write_number(1, 0, 262).unwrap();
    sheet.write_formula(1, 2, rust_xlsxwriter::Formula::new("=1/20").set_result("0.05")).unwrap();
    let path = "/v1/rate-cards/acme/imports?mode=delta";
    let formula =
        import(&stand, path, XLSX, book.save_to_buffer().unwrap()).await.problem("rate_card_invalid");
    assert!(
        formula["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .starts_with("sheet Rates, row 2, column C (Price): is a formula"),
        "{formula:#}"
    );

    let fine = "mcc,mnc,price\n262,01,0.05\n";
    csv(&stand, "", fine).await.problem("invalid_query");
    csv(&stand, "mode=both", fine).await.problem("invalid_query");
    csv(&stand, "mode=full&activate=true&dry_run=true", fine).await.problem("invalid_query");
    csv(&stand, "mode=delta&currency=USD", fine).await.problem("invalid_query");
    csv(&stand, "mode=delta&vendor=nobody", fine).await.problem("vendor_not_found");
    csv(&stand, "mode=delta&mapping=%7B%22colums%22:1%7D", fine).await.problem("invalid_query");
    let none = "/v1/rate-cards/none/imports?mode=full";
    let made = import(&stand, none, "text/csv", fine).await.problem("rate_card_not_found");
    assert!(made["detail"].as_str().unwrap().contains("say its `currency`"), "{made:#}");
    for path in ["/v1/rate-cards/none", "/v1/rate-cards/none/diff"] {
        stand.get(READER, path).await.problem("rate_card_not_found");
    }
    let list = stand.get(READER, "/v1/policies").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_card_that_is_not_there_yet_is_made() {
    let stand = Stand::start().await;
    let path = "/v1/rate-cards/cumulus/imports?mode=full&currency=USD&per=message&activate=true";
    let done =
        import(&stand, path, "text/csv", "iso,rate,currency\nfr,0.09,USD\n").await.fits("RateCardImport");
    assert_eq!((&done["effective_from"], &done["comparison"]["counts"]["new"]), (&Value::Null, &json!(1)));
    let document = stand.get(READER, "/v1/policies/active").await.json()["document"]["rate_cards"][1].clone();
    assert_eq!(
        document,
        json!({ "id": "cumulus", "currency": "USD", "per": "message", "file": "rates/cumulus.csv" })
    );
}

#[tokio::test]
async fn how_a_vendor_writes_its_lists_is_remembered() {
    let stand = Stand::start().await;
    let mapping = json!({ "decimal": ",", "closed_words": ["gesperrt"], "columns": { "country": "Land", "price": "C" } });
    let put_answer = put(&stand, "acme", &mapping).await;
    assert_eq!(put_answer.fits("RateCardMapping")["mapping"], mapping);
    put(&stand, "nobody", &mapping).await.problem("vendor_not_found");
    for wrong in [
        json!({ "decimals": "," }),
        json!({ "zone": "Mars" }),
        json!({ "columns": { "price": 3 } }),
        json!([]),
    ] {
        put(&stand, "acme", &wrong).await.problem("invalid_request");
    }
    let list = "Land;Netz;Preis\nDE;alle;1,234\nCU;alle;gesperrt\n";
    let told = csv(&stand, "mode=delta", list).await.fits("RateCardImport");
    assert_eq!((&told["list"]["mapping"], &told["list"]["prices"]), (&json!("remembered"), &json!(2)));
    let all = stand.get(READER, "/v1/rate-card-mappings").await.fits("RateCardMappingList");
    assert_eq!(
        (&all["data"][0]["vendor"], &all["data"][0]["updated_by"]),
        (&json!("acme"), &json!("keeper"))
    );
    let gone = stand.delete(KEEPER, "/v1/rate-card-mappings/acme").await.fits("RateCardMapping");
    assert_eq!(gone["mapping"], Value::Null);
    csv(&stand, "mode=delta", list).await.problem("rate_card_invalid");
    let log = stand.get(READER, "/v1/audit").await.fits("AuditPage");
    let actions: Vec<&Value> =
        log["data"].as_array().unwrap().iter().map(|one| &one["entry"]["action"]).collect();
    assert_eq!(actions[..3], ["rate_card_mapping.delete", "policy.draft", "rate_card_mapping.put"]);
}

#[tokio::test]
async fn attempts_are_rerated_by_a_corrected_card_and_keep_what_they_were_rated_at() {
    let stand = Stand::with_vendor().await;
    for _ in 0..3 {
        cost_of_next(&stand).await;
    }
    let corrected = csv(&stand, "mode=delta&effective_from=always", "mcc,mnc,price\n262,01,0.0400\n").await;
    assert_eq!(corrected.fits("RateCardImport")["version"]["number"], 2);
    let path = "/v1/rate-cards/acme/rerating?since=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00Z";
    let told = stand.get(READER, &format!("{path}&version=2")).await.fits("Rerating");
    let total = &told["total"];
    assert_eq!(
        (&total["before"], &total["after"], &total["difference"]),
        (&json!("0.1350"), &json!("0.1200"), &json!("-0.0150"))
    );
    assert_eq!((&total["attempts"], &total["changed"], &total["unrated"]), (&json!(3), &json!(3), &json!(0)));
    assert_eq!(
        (&told["vendors"][0]["vendor"], &told["groups"][0]["operator"]),
        (&json!("acme"), &json!("26201"))
    );
    let same = stand.get(READER, path).await.fits("Rerating");
    assert_eq!((&same["total"]["changed"], &same["total"]["difference"]), (&json!(0), &json!("0.0000")));
    let none = stand
        .get(READER, "/v1/rate-cards/acme/rerating?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")
        .await;
    assert_eq!(none.fits("Rerating")["groups"], json!([]));
    for wrong in ["", "?since=2020-01-01T00:00:00Z", "?since=2021-01-01T00:00:00Z&until=2020-01-01T00:00:00Z"]
    {
        stand.get(READER, &format!("/v1/rate-cards/acme/rerating{wrong}")).await.problem("invalid_query");
    }
    let page = stand.get(SHOP, "/v1/messages").await.json();
    assert_eq!(page["data"][0]["cost"]["amount"], "0.0450");
}

#[tokio::test]
async fn a_rerating_is_written_back_once_and_every_cost_tells_it() {
    let stand = Stand::with_vendor().await;
    for _ in 0..3 {
        cost_of_next(&stand).await;
    }
    csv(&stand, "mode=delta&effective_from=always", "mcc,mnc,price\n262,01,0.0400\n").await;
    let path = "/v1/rate-cards/acme/rerating";
    let period = json!({ "since": "2020-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z" });
    let body = |version: u64| {
        let mut body = period.clone();
        body["version"] = json!(version);
        body["reason"] = json!("acme corrected its list");
        body
    };
    // A draft may be discarded, and what is written back names its version.
    stand.post(KEEPER, path, &body(2)).await.problem("policy_conflict");
    stand.post(READER, path, &body(2)).await.problem("forbidden");
    stand.post(KEEPER, path, &json!({ "version": "two", "until": "soon" })).await.problem("invalid_request");
    stand.post(KEEPER, path, &json!({ "until": "2020-01-01T00:00:00Z" })).await.problem("invalid_request");
    stand.post(KEEPER, "/v1/policies/2/activate", &json!({})).await.fits("Policy");

    let told = stand.post(KEEPER, path, &body(2)).await.fits("Rerating");
    let total = &told["total"];
    assert_eq!((&total["before"], &total["after"]), (&json!("0.1350"), &json!("0.1200")));
    assert_eq!(told["applied"], json!({ "messages": 3, "attempts": 3, "gone": 0 }));
    let page = stand.get(SHOP, "/v1/messages").await.fits("MessagePage");
    for message in page["data"].as_array().unwrap() {
        assert_eq!(message["cost"], json!({ "amount": "0.0400", "currency": "EUR" }));
    }
    let id = page["data"][0]["id"].as_str().unwrap();
    let trace = stand.get(SHOP, &format!("/v1/messages/{id}/trace")).await.fits("Trace");
    let attempt = &trace["attempts"][0];
    assert_eq!(
        (&attempt["cost"]["amount"], &attempt["rerated"]["first_cost"]["amount"]),
        (&json!("0.0400"), &json!("0.0450"))
    );
    assert_eq!(
        (&attempt["rerated"]["rate_card"], &attempt["rerated"]["version"]),
        (&json!("acme"), &json!(2))
    );

    // Once more there is nothing left to do, and nothing to note.
    let again = stand.post(KEEPER, path, &body(2)).await.fits("Rerating");
    assert_eq!(again["applied"], json!({ "messages": 0, "attempts": 0, "gone": 0 }));
    assert_eq!((&again["total"]["before"], &again["total"]["changed"]), (&json!("0.1200"), &json!(0)));
    let log = stand.get(READER, "/v1/audit?target=acme").await.fits("AuditPage");
    let entries: Vec<&Value> = log["data"].as_array().unwrap().iter().map(|one| &one["entry"]).collect();
    let actions: Vec<&Value> = entries.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions[..2], ["rate_card.rerated", "rate_card.rerate"]);
    assert_eq!(entries[0]["after"], json!({ "messages": 3, "attempts": 3, "gone": 0 }));
    let begun = &entries[1]["after"];
    assert_eq!(
        (&begun["before"], &begun["after"], &begun["changed"]),
        (&json!("0.1350"), &json!("0.1200"), &json!(3))
    );
    assert_eq!((&begun["version"], &entries[1]["reason"]), (&json!(2), &json!("acme corrected its list")));

    // By the first version they cost again what they did, and still tell what they were rated at first.
    let back = stand.post(KEEPER, path, &body(1)).await.fits("Rerating");
    assert_eq!((&back["total"]["difference"], &back["applied"]["attempts"]), (&json!("0.0150"), &json!(3)));
    let whole = stand.get(SHOP, &format!("/v1/messages/{id}")).await.json();
    assert_eq!(
        (&whole["cost"]["amount"], &whole["attempts"][0]["rerated"]["version"]),
        (&json!("0.0450"), &json!(1))
    );
}

#[tokio::test]
async fn a_card_whose_terms_differ_is_another_one() {
    let stand = Stand::start().await;
    let mut document = stand.get(READER, "/v1/policies/1").await.fits("WholePolicy")["document"].clone();
    let card = &mut document["rate_cards"][0];
    card["per"] = json!("message");
    card["surcharges"] = json!([{ "name": "fee", "country": "DE", "price": "0.002" }]);
    let body = json!({ "document": document });
    stand.post(KEEPER, "/v1/policies", &body).await.fits("Policy");
    let diff = stand.get(READER, "/v1/rate-cards/acme/diff?version=2").await.fits("RateCardDiff");
    assert_eq!((&diff["same"], &diff["terms"]), (&json!(false), &json!(["per", "surcharges"])));
    let same = stand.get(READER, "/v1/rate-cards/acme/diff?version=1").await.fits("RateCardDiff");
    assert_eq!((&same["same"], &same["terms"]), (&json!(true), &json!([])));
    csv(&stand, "mode=delta&comment=two%0Alines", "Country;Price\nDE;0.05\n").await.problem("invalid_query");
}
