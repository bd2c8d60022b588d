//! What a handler takes of its function's state: single ports ([`from_ref!`](crate::from_ref!)),
//! and, where its request may be repeated, the database of one attempt ([`Attempted`]).

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use keywright_ports::Database;
use keywright_ports::attempt::Attempt;
use std::convert::Infallible;
use std::sync::Arc;

/// State whose database can belong to an attempt.
pub trait WithinAttempt {
    /// The same, with a database whose batches belong to this attempt.
    #[must_use]
    fn within(self, attempt: Arc<Attempt>) -> Self;
}

impl WithinAttempt for Database {
    fn within(self, attempt: Arc<Attempt>) -> Self {
        Self::within(&self, attempt)
    }
}

/// In place of `State` in a handler whose POST changes something: its database belongs to
/// the attempt of a request that carries an `Idempotency-Key`, so that the change happens
/// once. Such a route without it is an error of ours at its first use with a key.
#[derive(Debug, Clone, Copy)]
pub struct Attempted<T>(pub T);

impl<S, T> FromRequestParts<S> for Attempted<T>
where
    S: Send + Sync,
    T: FromRef<S> + WithinAttempt,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let state = T::from_ref(state);
        let attempt = parts.extensions.get::<Arc<Attempt>>();
        Ok(Self(match attempt {
            Some(attempt) => state.within(attempt.hand_on()),
            None => state,
        }))
    }
}

/// Lets handlers take single members of a state: `State<Database>` instead of
/// `State<Ports>`. Every member must be cheap to clone.
///
/// ```ignore
/// keywright_web::from_ref! { Ports { database: Database, stamps: Stamps } }
/// ```
#[macro_export]
macro_rules! from_ref {
    ($state:ty { $($member:ident: $port:ty),+ $(,)? }) => {
        $(
            impl ::axum::extract::FromRef<$state> for $port {
                fn from_ref(state: &$state) -> Self {
                    state.$member.clone()
                }
            }
        )+
    };
}
