//! `GET /v1/admin/machines`: who uses which license.

use crate::Ports;
use crate::text::present;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_store::seats::machine_list::{self, Filter, Listed};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Machines of a page, where no limit is sent and at most.
const USUAL: i64 = 500;
const MOST: i64 = 5_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Only machines of this license.
    license_id: Option<String>,
    /// Only machines of this product's licenses.
    product_id: Option<String>,
    /// Only machines of the licenses of the product of this slug.
    product_slug: Option<String>,
    /// Whether to list machines too that hold no seat any more.
    include_inactive: Option<bool>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageQuery,
}

/// A page of machines.
#[derive(Serialize, ToSchema)]
#[schema(as = MachinePage)]
pub(crate) struct Machines {
    /// The last activated first.
    machines: Vec<MachineView>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
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
    tag = "machines",
    params(Asked, PageQuery),
    responses(
        (status = 200, description = "A page of machines.", body = Machines),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    asked: Result<Query<Asked>, ApiError>,
) -> Result<(HeaderMap, Json<Machines>), ApiError> {
    let Query(asked) = asked?;
    let page = asked.page.page(USUAL, MOST)?;
    let filter = Filter {
        license_id: present(asked.license_id),
        product_id: present(asked.product_id),
        product_slug: present(asked.product_slug),
        include_inactive: asked.include_inactive.unwrap_or(false),
    };
    let mut rows = machine_list::page(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut rows, |row| Position {
        at: row.activated_at,
        id: row.id.clone(),
    });
    let machines = rows.into_iter().map(MachineView::from).collect();
    Ok((
        headers,
        Json(Machines {
            machines,
            next_cursor,
        }),
    ))
}

impl From<Listed> for MachineView {
    fn from(machine: Listed) -> Self {
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
