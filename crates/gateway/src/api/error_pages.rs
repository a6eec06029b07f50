//! `GET /docs/errors/{code}`: what a problem's `type` leads to.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use super::code::Code;
use super::page;
use super::problem::Problem;

pub(crate) async fn get(path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let code = path.ok().and_then(|Path(name)| Code::named(&name));
    let code = code.ok_or_else(|| Problem::new(Code::UnknownPath, "no error has this code"))?;
    let body = format!("{}<p><a href=\"../api\">The API reference</a></p>", page::markdown(code.page()));
    Ok(page::html(code.as_str(), &body))
}
