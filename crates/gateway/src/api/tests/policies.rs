//! Versions of the policy: drafted, checked, put in force, gone back from; and every way in which that is refused.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::stand::{ADMIN, KEEPER, READER, SHOP, Stand};

/// What is active at first, as a text, with one thing changed.
async fn text_with(stand: &Stand, from: &str, to: &str) -> String {
    let text = stand.get(READER, "/v1/policies/active?format=toml").await.text;
    assert!(text.contains(from), "{text}");
    text.replace(from, to)
}

async fn draft(stand: &Stand, toml: &str) -> Value {
    let answer =
        stand.post(KEEPER, "/v1/policies", &json!({ "toml": toml, "comment": "borealis first" })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.fits("Policy")
}

async fn swapped(stand: &Stand) -> String {
    text_with(stand, r#"routes = ["acme-de", "borealis-de"]"#, r#"routes = ["borealis-de", "acme-de"]"#).await
}

async fn first_route(stand: &Stand) -> String {
    let body = json!({ "to": "+4915112345678", "text": "hello" });
    let plan = stand.post(SHOP, "/v1/routing/explain", &body).await.json();
    plan["plan"][0]["route"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_the_file_brings_is_the_first_version() {
    let stand = Stand::start().await;
    let list = stand.get(READER, "/v1/policies").await.fits("PolicyList");
    assert_eq!(
        (&list["active"], &list["file_differs"], &list["data"][0]["source"]),
        (&json!(1), &json!(false), &json!("file"))
    );
    let whole = stand.get(READER, "/v1/policies/1").await.fits("WholePolicy");
    assert_eq!(whole["document"]["routes"][0]["id"], "acme-de");
    assert_eq!(whole["english"][0]["rule"], "europe");
    let text = stand.get(READER, "/v1/policies/1?format=toml").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let same = draft(&stand, &text.text).await;
    assert_eq!(same["sha256"], whole["sha256"]);
}

#[tokio::test]
async fn a_draft_is_without_effect_until_it_is_activated_and_can_be_gone_back_from() {
    let stand = Stand::start().await;
    let drafted = draft(&stand, &swapped(&stand).await).await;
    assert_eq!(
        (&drafted["number"], &drafted["state"], &drafted["based_on"]),
        (&json!(2), &json!("draft"), &json!(1))
    );
    assert_eq!(first_route(&stand).await, "acme-de");
    let valid = stand.post(READER, "/v1/policies/2/validate", &json!({})).await.fits("PolicyValidation");
    assert_eq!(valid["valid"], true);
    let diff = stand.get(READER, "/v1/policies/2/diff").await.fits("PolicyDiff");
    assert_eq!(diff["changes"].as_array().unwrap().len(), 1, "{diff}");
    assert_eq!(diff["changes"][0]["keys"][0]["key"], "routes");

    let active =
        stand.post(KEEPER, "/v1/policies/2/activate", &json!({ "reason": "agreed" })).await.fits("Policy");
    assert_eq!((&active["state"], &active["activated_by"]), (&json!("active"), &json!("keeper")));
    assert_eq!(first_route(&stand).await, "borealis-de");
    let list = stand.get(READER, "/v1/policies").await.fits("PolicyList");
    assert_eq!((&list["active"], &list["file_differs"]), (&json!(2), &json!(true)));
    assert_eq!(list["data"][1]["state"], "superseded");

    let back = stand.post(KEEPER, "/v1/policies/rollback", &json!({ "to": 1, "reason": "late codes" })).await;
    assert_eq!(back.status, StatusCode::CREATED, "{}", back.text);
    let back = back.fits("Policy");
    assert_eq!(
        (&back["number"], &back["equals"], &back["source"]),
        (&json!(3), &json!(1), &json!("rollback"))
    );
    assert_eq!(first_route(&stand).await, "acme-de");
    let same = stand.get(READER, "/v1/policies/3/diff?against=1").await.fits("PolicyDiff");
    assert_eq!(same["same"], true);

    let log = stand.get(READER, "/v1/audit?limit=3").await.fits("AuditPage");
    let told: Vec<&Value> = log["data"].as_array().unwrap().iter().map(|one| &one["entry"]).collect();
    let actions: Vec<&str> = told.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["policy.rollback", "policy.activate", "policy.draft"]);
    assert_eq!((&told[1]["reason"], &told[1]["target"]), (&json!("agreed"), &json!("policy_2")));
    assert_eq!(told[1]["after"]["changes"][0]["id"], "europe");
}

#[tokio::test]
async fn a_draft_that_was_written_on_another_version_is_refused_and_told_what_changed() {
    let stand = Stand::start().await;
    let text = swapped(&stand).await;
    draft(&stand, &text).await;
    draft(&stand, &text_with(&stand, "validity = \"10m\"", "validity = \"20m\"").await).await;
    stand.post(ADMIN, "/v1/policies/2/activate", &json!({})).await.fits("Policy");
    let stale = stand.post(ADMIN, "/v1/policies/3/activate", &json!({})).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let detail = stale.problem("policy_conflict")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("version 2 is active") && detail.contains("rule europe"), "{detail}");
    assert_eq!(first_route(&stand).await, "borealis-de");

    stand.post(ADMIN, "/v1/policies/2/activate", &json!({})).await.problem("policy_conflict");
    stand.delete(ADMIN, "/v1/policies/2").await.problem("policy_conflict");
    stand.post(ADMIN, "/v1/policies/rollback", &json!({ "to": 2 })).await.problem("policy_conflict");
    let gone = stand.delete(ADMIN, "/v1/policies/3").await.fits("Policy");
    assert_eq!(gone["state"], "discarded");
    stand.post(ADMIN, "/v1/policies/3/activate", &json!({})).await.problem("policy_conflict");

    // A rollback is no way around that: it leads to what was in force once.
    draft(&stand, &text).await;
    for (number, state) in [(3, "discarded"), (4, "draft")] {
        let back = stand.post(ADMIN, "/v1/policies/rollback", &json!({ "to": number })).await;
        let detail = back.problem("policy_conflict")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("version {number} is {state}")), "{detail}");
    }
    stand.post(ADMIN, "/v1/policies/rollback", &json!({ "to": 1 })).await.fits("Policy");
}

#[tokio::test]
async fn a_document_that_cannot_be_obeyed_is_refused_with_every_problem() {
    let stand = Stand::start().await;
    let wrong = json!({ "document": {
        "routes": [
            { "id": "acme-de", "connection": "acme-mian" },
            { "id": "acme-de", "connection": "acme-main", "rate_card": "gold" },
        ],
        "rate_cards": [{ "id": "acme", "currency": "EUR", "file": "acme.csv" }],
        "policy": { "rules": [{ "id": "a", "routes": ["zenith"], "validity": "9d" }] },
    }});
    let missing = stand.post(ADMIN, "/v1/policies", &wrong).await;
    let missing = missing.problem("policy_invalid");
    assert_eq!(missing["errors"][0]["pointer"], "#/document/rate_cards/0/file");
    let mut wrong = wrong;
    wrong["price_files"] = json!({ "acme": "country,price\nDE,cheap\n" });
    stand.post(ADMIN, "/v1/policies", &wrong).await.fits("Policy");
    let told = stand.post(READER, "/v1/policies/2/validate", &json!({})).await.fits("PolicyValidation");
    let places: Vec<&str> =
        told["problems"].as_array().unwrap().iter().map(|one| one["place"].as_str().unwrap()).collect();
    for place in [
        "the price file of `acme`, line 2",
        "routes[0].connection",
        "routes[1].id",
        "routes[1].rate_card",
        "policy.rules[0].routes[0]",
        "policy.rules[0].validity",
    ] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    let refused = stand.post(ADMIN, "/v1/policies/2/activate", &json!({})).await.problem("policy_invalid");
    assert_eq!(refused["errors"].as_array().unwrap().len(), places.len());
    assert_eq!(stand.get(READER, "/v1/policies").await.json()["active"], 1);
    assert_eq!(first_route(&stand).await, "acme-de");
}

#[tokio::test]
async fn a_policy_test_that_fails_keeps_a_version_from_being_activated() {
    let stand = Stand::start().await;
    let test = |first: &str| {
        format!(
            "\n[[policy.tests]]\nname = \"DE\"\ngiven = {{ to = \"+4915112345678\", app = \"shop\" }}\n\
             expect = {{ rule = \"europe\", first = \"{first}\" }}\n"
        )
    };
    let text = swapped(&stand).await;
    draft(&stand, &format!("{text}{}", test("acme-de"))).await;
    draft(&stand, &format!("{text}{}", test("borealis-de"))).await;
    let told = stand.post(READER, "/v1/policies/2/validate", &json!({})).await.fits("PolicyValidation");
    assert_eq!(told["problems"][0]["place"], "policy.tests[0].expect.first", "{told}");
    let refused = stand.post(KEEPER, "/v1/policies/2/activate", &json!({})).await.problem("policy_invalid");
    assert_eq!(refused["errors"][0]["pointer"], "#/policy/tests/0/expect/first");
    assert_eq!(first_route(&stand).await, "acme-de");
    stand.post(KEEPER, "/v1/policies/3/activate", &json!({})).await.fits("Policy");
    assert_eq!(first_route(&stand).await, "borealis-de");
}

#[tokio::test]
async fn requests_that_make_no_sense_are_told_so() {
    let stand = Stand::start().await;
    let shape = stand
        .post(
            ADMIN,
            "/v1/policies",
            &json!({ "document": { "apps": [], "policy": { "zone": 1 } }, "comment": "x".repeat(201) }),
        )
        .await;
    let shape = shape.problem("invalid_request");
    let pointers: Vec<&str> =
        shape["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["#/comment", "#/document/apps", "#/document/policy/zone"]);
    let toml = stand.post(ADMIN, "/v1/policies", &json!({ "toml": "[policy]\nzone = 1\n" })).await;
    assert!(
        toml.problem("invalid_request")["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .starts_with("line 2: policy.zone")
    );
    for body in [
        json!({}),
        json!({ "document": {}, "toml": "" }),
        json!({ "document": {}, "based_on": "one" }),
        json!({ "document": 7 }),
    ] {
        stand.post(ADMIN, "/v1/policies", &body).await.problem("invalid_request");
    }
    stand
        .post(ADMIN, "/v1/policies", &json!({ "document": {}, "based_on": 9 }))
        .await
        .problem("policy_not_found");
    stand.post(ADMIN, "/v1/policies/rollback", &json!({ "to": 9 })).await.problem("policy_not_found");
    for path in ["/v1/policies/9", "/v1/policies/next", "/v1/policies/1?price_file=acme"] {
        stand.get(READER, path).await.problem("policy_not_found");
    }
    stand.get(READER, "/v1/policies/1?format=xml").await.problem("invalid_query");
}

/// Of so many recipients, how many go over borealis first.
async fn over_borealis(stand: &Stand) -> Vec<u32> {
    let mut found = Vec::new();
    for number in 0..200 {
        let body = json!({ "to": format!("+491511234{number:04}"), "text": "hello" });
        let plan = stand.post(SHOP, "/v1/routing/explain", &body).await.json();
        if plan["plan"][0]["route"] == "borealis-de" {
            found.push(number);
        }
    }
    found
}

#[tokio::test]
async fn a_version_decides_for_a_share_that_grows_until_it_is_activated_or_aborted() {
    let stand = Stand::start().await;
    let drafted = draft(&stand, &swapped(&stand).await).await;
    assert_eq!(drafted["percent"], Value::Null);
    let to = async |percent: &str| {
        let body = json!({ "percent": percent, "reason": "step" });
        stand.post(KEEPER, "/v1/policies/2/rollout", &body).await
    };
    for wrong in ["0", "100", "0.001", "much"] {
        to(wrong).await.problem("invalid_request");
    }
    let rolled = to("5").await.fits("Policy");
    assert_eq!((&rolled["state"], &rolled["percent"]), (&json!("rolling_out"), &json!(5.0)));
    let few = over_borealis(&stand).await;
    assert!((2..30).contains(&few.len()), "{few:?}");
    to("40.5").await.fits("Policy");
    let more = over_borealis(&stand).await;
    assert!((50..115).contains(&more.len()), "{}", more.len());
    assert!(few.iter().all(|number| more.contains(number)), "who was in is in still");
    let active = stand.get(READER, "/v1/policies/active").await.fits("WholePolicy");
    assert_eq!(active["number"], 1);

    // Nothing else is put in force meanwhile, and this one cannot be discarded.
    let other = draft(&stand, &swapped(&stand).await).await["number"].to_string();
    stand
        .post(KEEPER, &format!("/v1/policies/{other}/activate"), &json!({}))
        .await
        .problem("policy_conflict");
    let body = json!({ "percent": 1 });
    stand.post(KEEPER, &format!("/v1/policies/{other}/rollout"), &body).await.problem("policy_conflict");
    stand.delete(KEEPER, "/v1/policies/2").await.problem("policy_conflict");

    stand.delete(KEEPER, "/v1/policies/2/rollout?reason=late%0Acodes").await.problem("invalid_query");
    let back = stand.delete(KEEPER, "/v1/policies/2/rollout?reason=late%20codes").await.fits("Policy");
    assert_eq!((&back["state"], &back["percent"]), (&json!("draft"), &Value::Null));
    assert_eq!(over_borealis(&stand).await, Vec::<u32>::new());
    stand.delete(KEEPER, "/v1/policies/2/rollout").await.problem("policy_conflict");

    to("5").await.fits("Policy");
    assert_eq!(over_borealis(&stand).await, few);
    let active = stand.post(KEEPER, "/v1/policies/2/activate", &json!({})).await.fits("Policy");
    assert_eq!((&active["state"], &active["percent"]), (&json!("active"), &Value::Null));
    assert_eq!(over_borealis(&stand).await.len(), 200);
    let log = stand.get(READER, "/v1/audit?limit=10").await.json();
    let told: Vec<&Value> = log["data"].as_array().unwrap().iter().map(|one| &one["entry"]).collect();
    let steps = told.iter().filter(|entry| entry["action"] == "policy.rollout");
    let percents: Vec<&Value> = steps.map(|entry| &entry["after"]["percent"]).collect();
    assert_eq!(percents, [5.0, 40.5, 5.0]);
    let aborted = told.iter().find(|entry| entry["action"] == "policy.abort").unwrap();
    assert_eq!((&aborted["reason"], &aborted["before"]["percent"]), (&json!("late codes"), &json!(40.5)));
}

#[tokio::test]
async fn an_override_is_made_permanent_as_a_draft() {
    let stand = Stand::start().await;
    let body = json!({ "from": "acme-de", "to": "borealis-de", "reason": "receipts are late" });
    let made = stand.post(ADMIN, "/v1/overrides", &body).await.fits("Override");
    let path = format!("/v1/overrides/{}/draft", made["id"].as_str().unwrap());
    let drafted = stand.post(KEEPER, &path, &json!({})).await;
    assert_eq!(drafted.status, StatusCode::CREATED, "{}", drafted.text);
    let drafted = drafted.fits("Policy");
    assert_eq!((&drafted["state"], &drafted["source"]), (&json!("draft"), &json!("override")));
    assert!(drafted["comment"].as_str().unwrap().ends_with("made permanent: receipts are late"), "{drafted}");
    let number = drafted["number"].to_string();
    let diff = stand.get(READER, &format!("/v1/policies/{number}/diff")).await.fits("PolicyDiff");
    assert_eq!(diff["changes"][0]["keys"][0]["key"], "routes");
    stand.post(KEEPER, &format!("/v1/policies/{number}/activate"), &json!({})).await.fits("Policy");
    stand.delete(ADMIN, &format!("/v1/overrides/{}", made["id"].as_str().unwrap())).await.fits("Override");
    assert_eq!(first_route(&stand).await, "borealis-de");

    let body = json!({ "kind": "maintenance", "vendor": "acme", "reason": "database" });
    let made = stand.post(ADMIN, "/v1/overrides", &body).await.fits("Override");
    let path = format!("/v1/overrides/{}/draft", made["id"].as_str().unwrap());
    stand.post(KEEPER, &path, &json!({})).await.problem("override_conflict");
    let nobody = "/v1/overrides/ovr_00000000000000000000000000/draft";
    stand.post(KEEPER, nobody, &json!({})).await.problem("override_not_found");
}
