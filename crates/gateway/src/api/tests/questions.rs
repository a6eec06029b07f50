//! What is asked without sending: estimates, plans, routes.

use axum::http::StatusCode;
use serde_json::json;

use super::stand::{ADMIN, BANK, SHOP, Stand};

#[tokio::test]
async fn an_estimate_counts_and_prices() {
    let stand = Stand::start().await;
    let body = json!({ "to": "0151 12345678", "text": "ж".repeat(71) });
    let estimate = stand.post(SHOP, "/v1/estimate", &body).await.fits("Estimate");
    assert_eq!(estimate["to"], "+4915112345678");
    assert_eq!((&estimate["segments"], &estimate["encoding"]), (&json!(2), &json!("ucs2")));
    assert_eq!((&estimate["country"], &estimate["number_type"]), (&json!("DE"), &json!("mobile")));
    assert_eq!((&estimate["valid"], &estimate["possible"]), (&json!(true), &json!(true)));
    let routes = &estimate["routes"];
    assert_eq!(routes[0]["route"], "acme-de");
    assert_eq!(routes[0]["price"], json!({ "amount": "0.0900", "currency": "EUR" }));
    assert_eq!(routes[1]["price"], json!(null));
    assert_eq!(routes[2]["excluded"], "country");
    let impossible = stand.post(SHOP, "/v1/estimate", &json!({ "to": "+49 1", "text": "x" })).await;
    let impossible = impossible.fits("Estimate");
    assert_eq!((&impossible["possible"], &impossible["routes"]), (&json!(false), &json!([])));
    let all = stand.get(SHOP, "/v1/messages").await.json();
    assert_eq!(all["data"], json!([]));
}

#[tokio::test]
async fn an_explanation_is_the_plan_of_now() {
    let stand = Stand::with_vendor().await;
    let body = json!({ "to": "+447700900100", "text": "x", "channel": "sms", "class": "otp" });
    let explained = stand.post(SHOP, "/v1/routing/explain", &body).await.fits("Explanation");
    assert_eq!((&explained["rule"], &explained["class"]), (&json!("europe"), &json!("otp")));
    assert_eq!(explained["plan"][0]["reason"], "priority");
    assert_eq!(
        explained["plan"][1],
        json!({
            "route": "borealis-de", "included": false, "reason": "country", "price": null,
            "explanation": "left out: the route does not go to the recipient's country",
        })
    );
    let nowhere = stand.post(SHOP, "/v1/routing/explain", &json!({ "to": "+12025550100" })).await;
    let nowhere = nowhere.fits("Explanation");
    assert_eq!((&nowhere["rule"], &nowhere["plan"]), (&json!(null), &json!([])));
    stand.post(SHOP, "/v1/routing/explain", &json!({ "to": "x" })).await.problem("invalid_recipient");
    stand
        .post(SHOP, "/v1/routing/explain", &json!({ "to": "+44" , "x": 1 }))
        .await
        .problem("invalid_request");
}

#[tokio::test]
async fn an_app_asks_for_itself_and_an_admin_says_for_whom() {
    let stand = Stand::start().await;
    let ask = |app: &str| json!({ "to": "+4915112345678", "app": app });
    let own = stand.post(SHOP, "/v1/routing/explain", &ask("shop")).await;
    assert_eq!(own.status, StatusCode::OK);
    stand.post(BANK, "/v1/routing/explain", &ask("shop")).await.problem("invalid_request");
    let admin = stand.post(ADMIN, "/v1/routing/explain", &ask("shop")).await.fits("Explanation");
    assert_eq!(admin["app"], "shop");
    stand
        .post(ADMIN, "/v1/routing/explain", &json!({ "to": "+4915112345678" }))
        .await
        .problem("invalid_request");
    stand
        .post(ADMIN, "/v1/estimate", &json!({ "to": "+4915112345678", "app": "none" }))
        .await
        .problem("invalid_request");
}

#[tokio::test]
async fn routes_show_how_their_connections_stand() {
    let stand = Stand::with_vendor().await;
    let routes = stand.get(SHOP, "/v1/routes").await.fits("RouteList");
    let states: Vec<(&str, &str)> = routes["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["id"].as_str().unwrap(), route["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("acme-de", "up"), ("borealis-de", "closed"), ("cumulus-fr", "closed")]);
    assert_eq!(routes["data"][0]["countries"], json!(["DE", "GB"]));
}
