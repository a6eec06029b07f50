//! The vendors by the API: what was agreed with them, and when they are in maintenance.

use serde_json::json;

use super::stand::{DISPATCHER, READER, SHOP, Stand};

#[tokio::test]
async fn a_vendor_is_shown_with_its_contract_and_its_maintenance() {
    let stand = Stand::start().await;
    let body = json!({ "kind": "maintenance", "vendor": "acme", "reason": "database" });
    let made = stand.post(DISPATCHER, "/v1/overrides", &body).await.fits("Override");
    let listed = stand.get(READER, "/v1/vendors").await.fits("VendorList");
    let [acme, borealis] = [&listed["data"][0], &listed["data"][1]];
    assert_eq!((&acme["id"], &acme["notice_by"]), (&json!("acme"), &json!("2999-12-01")));
    assert_eq!(acme["contract"]["sla"]["latency"], "10s");
    assert_eq!(acme["contract"]["commitments"][0]["messages"], 100_000);
    assert_eq!(acme["maintenance"][0]["id"], made["id"]);
    let pace = &acme["paces"][0];
    let told = ["period", "unit", "promised", "carried"].map(|field| pace[field].as_str().unwrap());
    assert_eq!(told, ["month", "messages", "100000", "0"]);
    assert_eq!((&pace["behind"], &pace["shadow_price"]), (&pace["due"], &json!(null)));
    assert_eq!(borealis["paces"], json!([]));
    assert_eq!((&borealis["contract"], &borealis["maintenance"]), (&json!(null), &json!([])));
    let one = stand.get(READER, "/v1/vendors/borealis").await.fits("Vendor");
    assert_eq!(&one, borealis);
    stand.get(READER, "/v1/vendors/nobody").await.problem("vendor_not_found");
    stand.get(SHOP, "/v1/vendors").await.problem("forbidden");
}

#[tokio::test]
async fn what_a_vendor_s_codes_mean_can_be_asked() {
    let stand = Stand::start().await;
    let all = stand.get(READER, "/v1/vendors/acme/errors").await.fits("ErrorMap");
    let receipts = stand.get(READER, "/v1/vendors/acme/errors?stage=receipt").await.fits("ErrorMap");
    let count = |map: &serde_json::Value| map["data"].as_array().unwrap().len();
    assert!(count(&receipts) > 10 && count(&receipts) < count(&all));
    let one = "/v1/vendors/acme/errors?stage=submit&code=ESME_RTHROTTLED%20(0x00000058)";
    let one = stand.get(READER, one).await.fits("ErrorMap");
    let expected = json!({
        "stage": "submit", "code": "ESME_RTHROTTLED", "class": "throttle", "source": "standard",
        "meaning": "the allowed rate is exceeded",
    });
    assert_eq!(one["data"], json!([expected]));
    let none = stand.get(READER, "/v1/vendors/acme/errors?stage=submit&code=0x0412").await.fits("ErrorMap");
    assert_eq!(none["data"], json!([]));
    stand.get(READER, "/v1/vendors/acme/errors?code=0x0412").await.problem("invalid_query");
    stand.get(READER, "/v1/vendors/acme/errors?stage=answer").await.problem("invalid_query");
    stand.get(READER, "/v1/vendors/nobody/errors").await.problem("vendor_not_found");
    stand.get(SHOP, "/v1/vendors/acme/errors").await.problem("forbidden");
}

#[tokio::test]
async fn nothing_is_unmapped_before_a_vendor_told_it() {
    let stand = Stand::start().await;
    let none = stand.get(READER, "/v1/vendors/errors").await.fits("UnmappedErrorList");
    assert_eq!(none, json!({ "data": [], "forgotten": 0, "next_cursor": null }));
    stand.get(READER, "/v1/vendors/errors?vendor=nobody").await.problem("vendor_not_found");
    stand.get(SHOP, "/v1/vendors/errors").await.problem("forbidden");
}
