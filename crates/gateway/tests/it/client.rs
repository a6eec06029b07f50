//! An application: it speaks to the gateway's API over HTTP.

use std::time::Duration;

use reqwest::{ClientBuilder, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::deadline::until;

pub(crate) const APP_KEY: &str = "shop-key";
pub(crate) const ADMIN_KEY: &str = "ops-key";

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    /// Null when the answer is no JSON.
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        Self::with(base, |builder| builder)
    }

    /// One that is set up in some other way, too.
    pub(crate) fn with(base: &str, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        gateway::tls::install_provider();
        let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        Self { http: change(builder).build().unwrap(), base: base.to_owned() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request with the app's key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(APP_KEY)
    }

    /// A request that says not who asks.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.posting(path, body)).await.unwrap()
    }

    pub(crate) fn posting(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, path);
        request.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends a message and returns its id.
    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        let answer = self.post("/v1/messages", &json!({ "to": to, "text": text })).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn message(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/messages/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    pub(crate) async fn trace(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/messages/{id}/trace")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Waits until the message has one of these statuses, and returns its trace then.
    pub(crate) async fn settled(&self, id: &str, statuses: &[&str]) -> Value {
        let mut last = String::new();
        until(&format!("{id} is {statuses:?}"), async || {
            let message = self.message(id).await;
            let status = message["status"].as_str().unwrap().to_owned();
            if status != last {
                // Only shown when the test fails.
                println!("{id} is {status}");
                last.clone_from(&status);
            }
            statuses.contains(&status.as_str()).then_some(())
        })
        .await;
        self.trace(id).await
    }
}

/// Sends the request; the error is that of a gateway that cannot be reached.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let text = response.text().await?;
    Ok(Answer { status, kind, body: serde_json::from_str(&text).unwrap_or_default() })
}
