//! Caps: what is counted, and what waits because of it.

use serde_json::{Value, json};

use super::stand::{DISPATCHER, KEEPER, READER, SHOP, Stand};

const TO: &str = "+4915112345678";

#[tokio::test]
async fn a_cap_tells_what_it_has_counted_and_who_waits_for_it() {
    let stand = Stand::with_vendor().await;
    assert_eq!(stand.get(READER, "/v1/caps").await.fits("CapPage")["data"], json!([]));
    let mut document = stand.get(READER, "/v1/policies/1").await.fits("WholePolicy")["document"].clone();
    document["caps"] = json!([
        { "id": "acme-day", "route": "acme-de", "limit": 2, "per": "day" },
        { "id": "acme-burst", "connection": "acme-main", "class": ["otp"], "sender_kind": ["numeric"], "limit": 100, "per": "second" },
    ]);
    document["policy"]["rules"] = json!([{ "id": "all", "routes": ["acme-de"] }]);
    document["policy"]["tests"] = json!([]);
    let drafted = stand.post(KEEPER, "/v1/policies", &json!({ "document": document })).await.fits("Policy");
    let activate = format!("/v1/policies/{}/activate", drafted["number"]);
    stand.post(KEEPER, &activate, &json!({})).await.fits("Policy");

    let id = stand.accepted(SHOP, TO).await;
    stand.settled(&id, "delivered").await;
    let told = stand.get(READER, "/v1/caps").await.fits("CapPage");
    let day = &told["data"][0];
    assert_eq!(
        (&day["counted"], day["used_ratio"].as_f64(), &day["full"]),
        (&json!(1), Some(0.5), &json!(false))
    );

    let id = stand.accepted(SHOP, TO).await;
    stand.settled(&id, "delivered").await;
    stand.accepted(SHOP, TO).await;
    let told = stand.get(READER, "/v1/caps").await.fits("CapPage");
    let [day, burst] = told["data"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(
        (&day["id"], &day["route"], &day["connection"]),
        (&json!("acme-day"), &json!("acme-de"), &Value::Null)
    );
    assert_eq!((&day["version"], &day["limit"], &day["per"]), (&drafted["number"], &json!(2), &json!("day")));
    assert_eq!(
        (&day["counted"], day["used_ratio"].as_f64(), &day["full"]),
        (&json!(2), Some(1.0), &json!(true))
    );
    assert_eq!((&day["waiting"], &day["passed_over"]), (&json!(1), &json!(1)));
    assert!(day["until"].as_str().unwrap().ends_with("T00:00:00.000Z"), "{day}");
    assert_eq!((&burst["class"], &burst["sender_kind"]), (&json!(["otp"]), &json!(["numeric"])));
    assert_eq!(
        (&burst["counted"], &burst["until"], &burst["full"]),
        (&Value::Null, &Value::Null, &json!(false))
    );

    let metrics = stand.get(READER, "/metrics").await.text;
    assert!(metrics.contains("strowger_cap_used_ratio{cap=\"acme-day\"} 1\n"), "{metrics}");
    assert!(metrics.contains("strowger_cap_used_ratio{cap=\"acme-burst\"} 0\n"), "{metrics}");
    stand.get(SHOP, "/v1/caps").await.problem("forbidden");
    stand.get(DISPATCHER, "/v1/caps").await.problem("forbidden");
}
