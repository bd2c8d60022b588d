//! Lets a handler take the ports that it uses instead of its function's whole state.

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
