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
    assert_eq!((&borealis["contract"], &borealis["maintenance"]), (&json!(null), &json!([])));
    let one = stand.get(READER, "/v1/vendors/borealis").await.fits("Vendor");
    assert_eq!(&one, borealis);
    stand.get(READER, "/v1/vendors/nobody").await.problem("vendor_not_found");
    stand.get(SHOP, "/v1/vendors").await.problem("forbidden");
}
