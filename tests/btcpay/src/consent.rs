//! `/api-keys/authorize`: the page on which the owner of a store agrees to give
//! an application a key, and what the browser brings back to it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::checkout::escape;
use crate::control::{Control, ControlError};
use crate::store::ApiKey;

/// What an application may say in the page's query.
const KNOWN: [&str; 6] = [
    "permissions",
    "applicationName",
    "strict",
    "selectiveStores",
    "redirect",
    "applicationIdentifier",
];

/// What the owner of the stores does on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// Agrees for these stores, which the application must have left open.
    Stores(Vec<String>),
    /// Agrees for whatever they own.
    Everything,
    /// Gives a key with these permissions, whatever was asked for.
    Other(Vec<String>),
}

impl Consent {
    /// Agrees for one store.
    #[must_use]
    pub fn store(id: &str) -> Self {
        Self::Stores(vec![id.to_owned()])
    }
}

/// What the browser brings back: a form, posted from the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Where it is posted.
    pub redirect: String,
    /// The form (`application/x-www-form-urlencoded`).
    pub form: String,
    /// The key in it.
    pub api_key: String,
}

/// What an application asks for.
#[derive(Debug, Default)]
struct Asked {
    permissions: Vec<String>,
    application: String,
    strict: bool,
    selective: bool,
    redirect: String,
    unknown: Vec<String>,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self {
            strict: true,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "permissions" => asked.permissions.push(value.into_owned()),
                "applicationName" => asked.application = value.into_owned(),
                "strict" => asked.strict = value == "true",
                "selectiveStores" => asked.selective = value == "true",
                "redirect" => asked.redirect = value.into_owned(),
                other if KNOWN.contains(&other) => {}
                other => asked.unknown.push(other.to_owned()),
            }
        }
        asked
    }
}

impl Control {
    /// The owner of the stores opens the page at this address, and agrees. What
    /// the browser would post is answered, not posted.
    ///
    /// # Errors
    /// The address is not of this page, asks for what `BTCPay` does not know, or
    /// for a store that there is not.
    pub fn authorize(&self, url: &str, consent: &Consent) -> Result<Callback, ControlError> {
        let wrong = |what: String| ControlError::NotPossible(what);
        let page = format!("{}/api-keys/authorize?", self.base_url());
        let query = url
            .strip_prefix(&page)
            .ok_or_else(|| wrong(format!("{url} is not the page to agree on")))?;
        let asked = Asked::read(query);
        if let Some(unknown) = asked.unknown.first() {
            let violation = format!("GET /api-keys/authorize: unknown query parameter {unknown}");
            self.double.lock().violations.insert(violation.clone());
            return Err(wrong(violation));
        }
        if reqwest::Url::parse(&asked.redirect).is_err() || asked.permissions.is_empty() {
            return Err(wrong("a redirect and permissions are expected".to_owned()));
        }
        let permissions = match consent {
            Consent::Everything => asked.permissions,
            Consent::Other(permissions) => permissions.clone(),
            Consent::Stores(_) if !asked.selective => {
                return Err(wrong(
                    "the application did not let stores be chosen".to_owned(),
                ));
            }
            Consent::Stores(stores) => {
                if let Some(unknown) = stores.iter().find(|id| self.double.store(id).is_none()) {
                    return Err(ControlError::UnknownStore(unknown.clone()));
                }
                let scoped = |permission: &String| {
                    let of = |store: &String| format!("{permission}:{store}");
                    stores.iter().map(of).collect::<Vec<_>>()
                };
                asked.permissions.iter().flat_map(scoped).collect()
            }
        };
        let api_key = {
            let mut state = self.double.lock();
            let key = state.ids.hash();
            state.keys.push(ApiKey {
                key: key.clone(),
                label: asked.application,
                permissions: permissions.clone(),
            });
            key
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("apiKey", &api_key);
        form.append_pair("userId", "the-owner");
        for permission in &permissions {
            form.append_pair("permissions[]", permission);
        }
        form.append_pair("__RequestVerificationToken", "of the page");
        Ok(Callback {
            redirect: asked.redirect,
            form: form.finish(),
            api_key,
        })
    }

    /// The keys that open something.
    #[must_use]
    pub fn api_keys(&self) -> Vec<String> {
        let state = self.double.lock();
        state.keys.iter().map(|key| key.key.clone()).collect()
    }
}

/// The page, over a control handle.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/api-keys/authorize", get(page).post(agree))
        .with_state(control)
}

async fn page(State(control): State<Control>, RawQuery(query): RawQuery) -> Response {
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    let mut stores = String::new();
    for store in &control.double.setup.stores {
        let (id, name) = (escape(&store.id), escape(&store.name));
        let input = [
            "<input type=\"checkbox\" name=\"store\" value=\"",
            &id,
            "\"> ",
        ];
        stores += &["<p><label>", &input.concat(), &name, "</label></p>\n"].concat();
    }
    let mut permissions = String::new();
    for permission in &asked.permissions {
        permissions += &["<li>", &escape(permission), "</li>\n"].concat();
    }
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Authorize</title>\n</head>\n<body>\n<main>\n<h1>{} asks for a key</h1>\n\
         <ul>\n{permissions}</ul>\n<form method=\"post\">\n{stores}\
         <button id=\"authorize\">Authorize</button></form>\n</main>\n</body>\n</html>\n",
        escape(&asked.application)
    ))
    .into_response()
}

/// As `BTCPay` does: a page whose form the browser posts at once.
async fn agree(State(control): State<Control>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let chosen: Vec<String> = form_urlencoded::parse(&body)
        .filter(|(name, _)| name == "store")
        .map(|(_, id)| id.into_owned())
        .collect();
    let consent = if chosen.is_empty() {
        Consent::Everything
    } else {
        Consent::Stores(chosen)
    };
    let url = format!(
        "{}/api-keys/authorize?{}",
        control.base_url(),
        query.unwrap_or_default()
    );
    let callback = match control.authorize(&url, &consent) {
        Ok(callback) => callback,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let mut fields = String::new();
    for (name, value) in form_urlencoded::parse(callback.form.as_bytes()) {
        let (name, value) = (escape(&name), escape(&value));
        fields += &[
            "<input type=\"hidden\" name=\"",
            &name,
            "\" value=\"",
            &value,
            "\">\n",
        ]
        .concat();
    }
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Going back</title>\n</head>\n<body>\n\
         <form method=\"post\" action=\"{}\">\n{fields}<button>Continue</button></form>\n\
         <script>document.forms[0].submit();</script>\n</body>\n</html>\n",
        escape(&callback.redirect)
    ))
    .into_response()
}
