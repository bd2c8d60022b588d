//! `POST /v1/admin/api-keys`: a new scoped key.

use super::token::Token;
use crate::text::nullable;
use crate::{Operator, Ports};
use keywright_domain::access::{Role, Scope, key_expiry};
use keywright_domain::dates::{parse_rfc3339, rfc3339};
use keywright_store::operator::api_keys::{self, ApiKey};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest label, in characters.
const MAX_LABEL_CHARS: usize = 80;

/// What the key is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyInput {
    /// What you call it: 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    label: String,
    /// `read-only`, `license-issuer`, `support`, `merchant-onboard`,
    /// `full-admin` or `publisher`.
    #[schema(
        example = "support",
        pattern = "^(read-only|license-issuer|support|merchant-onboard|full-admin|publisher)$"
    )]
    role: String,
    /// Scopes beside the role. `payment_providers:write`, `releases:write`,
    /// `release_offers:write`, `release_gates:write` and
    /// `release_installers:write` can be given so.
    scopes: Option<Vec<String>>,
    /// When it stops working, at most three years from now; a year from now where it is
    /// left out. Only an explicit `null` makes a key that never expires.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-31T12:00:00Z")]
    expires_at: Option<Option<String>>,
}

/// The key with its token, which is shown this once and is stored nowhere.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    /// UUID.
    id: String,
    /// What you call it.
    label: String,
    /// Its role.
    role: &'static str,
    /// Scopes beside the role.
    scopes: Vec<&'static str>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null where it never expires.
    #[schema(required)]
    expires_at: Option<String>,
    /// What to send as `Authorization: Bearer`: `ks_` and 43 characters.
    token: String,
}

/// Makes a scoped key. Its token is in this answer and never again.
#[utoipa::path(
    post,
    path = "/v1/admin/api-keys",
    operation_id = "createApiKey",
    tag = "api keys",
    request_body = ApiKeyInput,
    responses(
        (status = 200, description = "The key with its token.", body = CreatedKey),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<ApiKeyInput>, ApiError>,
) -> Result<Json<CreatedKey>, ApiError> {
    let Json(new) = new?;
    if new.label.trim().is_empty() || new.label.chars().count() > MAX_LABEL_CHARS {
        return Err(ApiError::bad_request(format!(
            "label must have 1 to {MAX_LABEL_CHARS} characters"
        )));
    }
    let role: Role = new
        .role
        .parse()
        .map_err(|error| ApiError::bad_request(format!("role {error}")))?;
    let expires_at = new.expires_at.map(|given| {
        let read = |text: String| {
            parse_rfc3339(&text).map_err(|_| {
                ApiError::bad_request(
                    "expires_at must be a time like 2026-01-31T12:00:00Z, or null",
                )
            })
        };
        given.map(read).transpose()
    });
    let expires_at = expires_at.transpose()?;
    let token = Token::new(ports.stamps.random());
    let key = ApiKey {
        id: ports.stamps.new_id(),
        label: new.label,
        role,
        scopes: extra_scopes(new.scopes.unwrap_or_default())?,
        created_at: actor.at,
        last_used_at: None,
        revoked_at: None,
        expires_at: key_expiry(expires_at, actor.at)
            .map_err(|error| ApiError::bad_request(format!("expires_at {error}")))?,
    };
    let audit_id = ports.stamps.new_id();
    api_keys::create(&ports.database, &actor, &key, &token.hash(), audit_id).await?;
    Ok(Json(CreatedKey {
        id: key.id,
        label: key.label,
        role: role.as_str(),
        scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
        created_at: rfc3339(key.created_at),
        expires_at: key.expires_at.map(rfc3339),
        token: token.into_text(),
    }))
}

/// The scopes beside the role, each once.
fn extra_scopes(names: Vec<String>) -> Result<Vec<Scope>, ApiError> {
    let mut scopes = Vec::new();
    for name in names {
        let scope = name
            .parse()
            .ok()
            .filter(|scope: &Scope| scope.is_a_la_carte());
        let scope = scope.ok_or_else(|| {
            let all = Scope::ALL.iter().filter(|scope| scope.is_a_la_carte());
            let all: Vec<&str> = all.map(|scope| scope.as_str()).collect();
            ApiError::bad_request(format!("scopes must be among these: {}", all.join(", ")))
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<Vec<Scope>, u16> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        extra_scopes(names).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn some_scopes_can_be_given_by_name() {
        let (one, other) = (Scope::PaymentProvidersWrite, Scope::ReleasesWrite);
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(read(&[one.as_str()]), Ok(vec![one]));
        assert_eq!(read(&[one.as_str(); 3]), Ok(vec![one]));
        assert_eq!(read(&[other.as_str(), one.as_str()]), Ok(vec![other, one]));
        for scope in Scope::ALL.iter().filter(|scope| !scope.is_a_la_carte()) {
            assert_eq!(read(&[one.as_str(), scope.as_str()]), Err(400), "{scope}");
        }
        for name in [
            "",
            "*",
            "master",
            "payment_providers:*",
            "Payment_providers:write",
        ] {
            assert_eq!(read(&[name]), Err(400), "{name}");
        }
    }
}
