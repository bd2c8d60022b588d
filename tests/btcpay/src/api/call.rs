//! A request as the endpoints see it, and who may make it.

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use serde_json::{Map, Value};

use super::errors::ApiError;
use super::fields::Fields;
use crate::permission::allows;
use crate::state::Double;

/// Everything an endpoint needs of a request.
#[derive(Debug)]
pub(crate) struct Call {
    headers: HeaderMap,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Bytes,
    /// `METHOD path`, for notes.
    name: String,
}

impl FromRequest<Double> for Call {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, double: &Double) -> Result<Self, ApiError> {
        let unreadable = |()| ApiError::field("", "the request cannot be read");
        let params = request
            .extract_parts::<RawPathParams>()
            .await
            .map_err(|_| unreadable(()))?;
        let params = params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let name = format!("{} {}", request.method(), request.uri().path());
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, double)
            .await
            .map_err(|_| unreadable(()))?;
        Ok(Self {
            headers,
            params,
            query,
            body,
            name,
        })
    }
}

/// The key in `Authorization: token KEY`; the scheme in any case, and `bearer`
/// as newer servers accept.
pub(super) fn key(headers: &HeaderMap) -> Option<String> {
    let mut words = headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_whitespace();
    let scheme = words.next()?;
    let key = words.next()?;
    (scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer"))
        .then(|| key.to_owned())
}

impl Call {
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A part of the path, by its name in the route.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// `http://host` as the client addressed the server: what links start with.
    pub(super) fn root(&self, double: &Double) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        host.map_or_else(
            || double.setup.base_url.clone(),
            |host| format!("http://{host}"),
        )
    }

    /// Permissions of the key.
    ///
    /// # Errors
    /// 401 without a known key.
    pub(super) fn authenticate(&self, double: &Double) -> Result<Vec<String>, ApiError> {
        let Some(key) = key(&self.headers) else {
            return Err(ApiError::Unauthenticated("this endpoint needs an API key"));
        };
        let state = double.lock();
        let known = state.keys.iter().find(|one| one.key == key);
        known
            .map(|one| one.permissions.clone())
            .ok_or(ApiError::Unauthenticated("this API key is not known"))
    }

    /// The store this request is about: named in the path, or the owner of the
    /// invoice or webhook that is.
    ///
    /// # Errors
    /// 401 without a known key. 403 without the permission on that store, and
    /// also when there is no such store, or when the invoice or webhook belongs
    /// to another one: the server does not tell these apart.
    pub(super) fn allow(
        &self,
        double: &Double,
        permission: &'static str,
    ) -> Result<String, ApiError> {
        let granted = self.authenticate(double)?;
        let refuse = || ApiError::MissingPermission(permission);
        let owner = self.owner(double);
        let store = match (self.param("store"), owner) {
            (Some(store), Some(owner)) if store != owner => return Err(refuse()),
            (Some(store), _) => store.to_owned(),
            (None, Some(owner)) => owner,
            (None, None) => return Err(refuse()),
        };
        if double.store(&store).is_none() || !allows(&granted, permission, Some(&store)) {
            return Err(refuse());
        }
        Ok(store)
    }

    fn owner(&self, double: &Double) -> Option<String> {
        let state = double.lock();
        if let Some(id) = self.param("invoice") {
            return state.invoice(id).map(|invoice| invoice.store_id.clone());
        }
        let id = self.param("webhook")?;
        state.webhook(id).map(|webhook| webhook.store_id.clone())
    }

    /// Notes query parameters that the API does not have.
    ///
    /// # Errors
    /// 422 for them from a strict double.
    pub(super) fn expect_query(&self, double: &Double, known: &[&str]) -> Result<(), ApiError> {
        let unknown = self.query.iter().map(|(name, _)| name.as_str());
        let unknown = unknown
            .filter(|name| !known.contains(name))
            .map(ToOwned::to_owned);
        self.violate(double, "query parameter", unknown.collect())
    }

    /// The value of a query parameter given once.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a query parameter that may be repeated.
    pub(super) fn queries(&self, name: &str) -> Vec<&str> {
        let same = self.query.iter().filter(|(known, _)| known == name);
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// A boolean query parameter; false when absent.
    ///
    /// # Errors
    /// 422 when it is neither true nor false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.query(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(ApiError::field(name, "true or false is expected")),
        }
    }

    /// An integer query parameter.
    ///
    /// # Errors
    /// 422 when it is none.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.query(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| ApiError::field(name, "a number is expected"))
            })
            .transpose()
    }

    /// The body, which must be a JSON object, read field by field.
    ///
    /// # Errors
    /// 415 for another content type; 422 when it is no JSON object, when the
    /// reader found faulty fields, and for unknown fields from a strict double.
    pub(super) fn read<T>(
        &self,
        double: &Double,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Result<T, ApiError> {
        // No endpoint with a body takes parameters as well.
        self.expect_query(double, &[])?;
        let object = self.object()?;
        let mut notes = super::fields::Notes::default();
        let result = read(&mut Fields::new(&object, "", &mut notes));
        self.violate(double, "body field", notes.unknown)?;
        if notes.errors.is_empty() {
            Ok(result)
        } else {
            Err(ApiError::Invalid(notes.errors))
        }
    }

    fn object(&self) -> Result<Map<String, Value>, ApiError> {
        if self.body.is_empty() {
            return Err(ApiError::field("", "a body is required"));
        }
        let kind = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !kind.eq_ignore_ascii_case("application/json") && !kind.ends_with("+json") {
            return Err(ApiError::NotJson);
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(ApiError::field("", "a JSON object is expected")),
            Err(error) => Err(ApiError::field(
                "",
                &format!("the body is not JSON: {error}"),
            )),
        }
    }

    fn violate(&self, double: &Double, what: &str, names: Vec<String>) -> Result<(), ApiError> {
        let Some(first) = names.first().cloned() else {
            return Ok(());
        };
        let mut state = double.lock();
        for name in names {
            state
                .violations
                .insert(format!("{}: unknown {what} {name}", self.name));
        }
        if double.setup.strict {
            return Err(ApiError::field(&first, &format!("unknown {what}")));
        }
        Ok(())
    }
}
