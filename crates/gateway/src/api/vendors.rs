//! `/v1/vendors`: the vendors of the configuration, what was agreed with them, and when they are in maintenance.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use connectors::smpp::errors::Map;
use domain::overrides::Action;
use domain::{ConnectionId, Override, Scope, VendorId};
use pipeline::Promised;
use serde::Serialize;

use super::auth::Caller;
use super::code::Code;
use super::overrides::OverrideView;
use super::paces::{self, PaceView};
use super::problem::Problem;
use super::{Api, overrides, respond};
use crate::config::Contract;

/// What the configuration says of a vendor, as far as people ask for it.
#[derive(Clone, Debug)]
pub struct VendorRecord {
    pub id: VendorId,
    pub failure_domain: Option<String>,
    pub connections: Vec<ConnectionId>,
    pub contract: Option<Contract>,
    pub errors: Arc<Map>,
}

#[derive(Serialize)]
struct VendorView<'a> {
    id: &'a str,
    failure_domain: Option<&'a str>,
    connections: Vec<&'a str>,
    contract: Option<&'a Contract>,
    /// The last day on which notice can be given.
    notice_by: Option<String>,
    /// How what it was promised stands, as far as periods run.
    paces: Vec<PaceView>,
    /// That holds or is planned.
    maintenance: Vec<OverrideView<'a>>,
}

#[derive(Serialize)]
struct Vendors<'a> {
    data: Vec<VendorView<'a>>,
    next_cursor: Option<&'a str>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let (settings, laid, promised) = (api.settings.load(), laid(&api), api.pipeline.promised());
    let data = settings.vendors.iter().map(|vendor| view(&api, vendor, &laid, &promised)).collect();
    Ok(respond::ok(&Vendors { data, next_cursor: None }))
}

pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let settings = api.settings.load();
    Ok(respond::ok(&view(&api, find(&settings.vendors, &id)?, &laid(&api), &api.pipeline.promised())))
}

/// # Errors
/// When the configuration has no vendor of this id.
pub(super) fn find<'a>(vendors: &'a [VendorRecord], id: &str) -> Result<&'a VendorRecord, Problem> {
    let found = vendors.iter().find(|vendor| vendor.id.as_str() == id);
    found.ok_or_else(|| Problem::new(Code::VendorNotFound, "no vendor has this id"))
}

/// Whose connection it is.
pub(super) fn owner<'a>(vendors: &'a [VendorRecord], connection: &str) -> Option<&'a VendorId> {
    let owns = |vendor: &&VendorRecord| vendor.connections.iter().any(|own| own.as_str() == connection);
    vendors.iter().find(owns).map(|vendor| &vendor.id)
}

/// Overrides that hold, then those that are planned.
fn laid(api: &Api) -> Vec<Override> {
    let mut all = api.pipeline.overrides();
    all.extend(api.pipeline.planned());
    all
}

fn view<'a>(
    api: &Api,
    vendor: &'a VendorRecord,
    laid: &'a [Override],
    promised: &[Promised],
) -> VendorView<'a> {
    let (table, now) = (api.pipeline.table(), api.pipeline.now());
    let is_its = |one: &&Override| match &one.action {
        Action::Maintenance(of) => of.vendor == vendor.id,
        Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } => false,
    };
    VendorView {
        id: vendor.id.as_str(),
        failure_domain: vendor.failure_domain.as_deref(),
        connections: vendor.connections.iter().map(ConnectionId::as_str).collect(),
        contract: vendor.contract.as_ref(),
        notice_by: vendor.contract.as_ref().and_then(Contract::notice_by).map(|day| day.to_string()),
        paces: paces::of(&vendor.id, promised, &table),
        maintenance: laid.iter().filter(is_its).map(|one| overrides::view(one, &table, now)).collect(),
    }
}
