//! `PATCH /v1/admin/products/{id}/active`: on sale or not.

use crate::{Done, Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_edge::http::{ApiError, Json};
use keywright_store::products::{self, Changes};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Active {
    active: bool,
}

/// 404 for an unknown id; repeating it changes nothing more.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    active: Result<Json<Active>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let unknown = || ApiError::not_found("there is no such product");
    let Path(id) = id.map_err(|_| unknown())?;
    let Json(Active { active }) = active?;
    let before = products::get(&ports.database, &id)
        .await?
        .ok_or_else(unknown)?;
    let changes = Changes {
        active: Some(active),
        ..Changes::default()
    };
    let audit_id = ports.stamps.new_id();
    products::change(&ports.database, &actor, &before, &changes, audit_id).await?;
    Ok(Json(Done::OK))
}
