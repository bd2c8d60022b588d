//! `GET /v1/admin/machines`: who uses which license.

use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_domain::pasted::{Pasted, PastedLower};
use keywright_ports::Database;
use keywright_store::seats::machine_list::{self, Listed as ListedMachine};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which machines; all of these have to fit.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MachineFilter {
    /// Only machines of this license.
    #[param(value_type = Option<String>)]
    license_id: Option<Pasted>,
    /// Only machines of this product's licenses.
    #[param(value_type = Option<String>)]
    product_id: Option<Pasted>,
    /// Only machines of the licenses of the product of this slug.
    #[param(value_type = Option<String>)]
    product_slug: Option<PastedLower>,
    /// Whether to list machines too that hold no seat any more.
    include_inactive: Option<bool>,
}

list_of! {
    /// A page of machines, the last activated first.
    Machines as MachinePage { machines: MachineView }
}

/// One activation of one machine.
#[derive(Serialize, ToSchema)]
#[schema(as = MachineRecord)]
pub(crate) struct MachineView {
    /// UUID of this activation.
    id: String,
    /// The license whose seat it holds or held.
    license_id: String,
    /// The license's product.
    product_id: String,
    /// The product's slug.
    product_slug: String,
    /// SHA-256 of the fingerprint, 64 lower-case hex digits.
    fingerprint_hash: String,
    /// As the application named it.
    hostname: Option<String>,
    /// As the application named it.
    platform: Option<String>,
    /// Whether it holds a seat now.
    active: bool,
    /// RFC 3339.
    activated_at: String,
    /// When it was last heard of, RFC 3339, within ten minutes.
    last_seen_at: String,
    /// When its seat was freed, RFC 3339.
    deactivated_at: Option<String>,
    /// Why its seat was freed.
    deactivation_reason: Option<String>,
}

/// Lists the machines that fit every filter. A filter that names nothing
/// known leaves an empty list.
#[utoipa::path(
    get,
    path = "/v1/admin/machines",
    operation_id = "listMachines",
    tag = "machines",
    params(MachineFilter, PageQuery),
    responses(
        (status = 200, description = "A page of machines.", body = MachinePage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<MachineFilter>,
) -> Result<MachinePage, ApiError> {
    let MachineFilter {
        license_id,
        product_id,
        product_slug,
        include_inactive,
    } = list.filter.clone();
    let filter = machine_list::Filter {
        license_id: license_id.and_then(Pasted::id),
        product_id: product_id.and_then(Pasted::id),
        product_slug: product_slug.and_then(PastedLower::present),
        include_inactive: include_inactive.unwrap_or(false),
    };
    let rows = machine_list::page(&database, &filter, &list.page).await?;
    let position = |row: &ListedMachine| Position {
        at: row.activated_at,
        id: row.id.clone(),
    };
    Ok(list.answer(rows, position, MachineView::from))
}

impl From<ListedMachine> for MachineView {
    fn from(machine: ListedMachine) -> Self {
        Self {
            id: machine.id,
            license_id: machine.license_id,
            product_id: machine.product_id,
            product_slug: machine.product_slug,
            fingerprint_hash: machine.fingerprint_hash,
            hostname: machine.hostname,
            platform: machine.platform,
            active: machine.active,
            activated_at: rfc3339(machine.activated_at),
            last_seen_at: rfc3339(machine.last_seen_at),
            deactivated_at: machine.deactivated_at.map(rfc3339),
            deactivation_reason: machine.deactivation_reason,
        }
    }
}
