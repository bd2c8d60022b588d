//! The entry point of a module: one macro, so that a function names no host.

/// Makes a `keywright_web::Function` the entry point of this module on the
/// host that the features pick. `entry!(FUNCTION, cron)` also takes the host's
/// cron trigger. Built without a host feature (native tests) it makes nothing.
#[cfg(feature = "workers")]
#[macro_export]
macro_rules! entry {
    ($function:ident) => {
        #[::worker::event(fetch)]
        async fn fetch(
            request: ::worker::web_sys::Request,
            env: ::worker::Env,
            context: ::worker::Context,
        ) -> ::worker::Result<::worker::Response> {
            $crate::workers::fetch(&$function, request, env, context).await
        }
    };
    ($function:ident, cron) => {
        $crate::entry!($function);

        #[::worker::event(scheduled)]
        async fn scheduled(
            _event: ::worker::ScheduledEvent,
            env: ::worker::Env,
            context: ::worker::ScheduleContext,
        ) {
            $crate::workers::scheduled(&$function, env, context).await;
        }
    };
}

/// Makes a `keywright_web::Function` the entry point of this module on the
/// host that the features pick. `entry!(FUNCTION, cron)` also takes the host's
/// cron trigger. Built without a host feature (native tests) it makes nothing.
#[cfg(all(feature = "spin", not(feature = "workers")))]
#[macro_export]
macro_rules! entry {
    ($function:ident) => {
        mod spin_entry {
            use $crate::spin::sdk;

            struct Entry;
            sdk::wasip3::http::service::export!(Entry with_types_in sdk::wasip3);

            impl $crate::spin::Module for Entry {
                const FUNCTION: ::keywright_web::Function = super::$function;
            }

            impl sdk::wasip3::exports::http::handler::Guest for Entry {
                async fn handle(
                    request: sdk::wasip3::http::types::Request,
                ) -> Result<
                    sdk::wasip3::http::types::Response,
                    sdk::wasip3::http::types::ErrorCode,
                > {
                    $crate::spin::handle::<Entry>(request).await
                }
            }
        }
    };
    ($function:ident, cron) => {
        $crate::entry!($function);
    };
}

/// Makes a `keywright_web::Function` the entry point of this module on the
/// host that the features pick. `entry!(FUNCTION, cron)` also takes the host's
/// cron trigger. Built without a host feature (native tests) it makes nothing.
#[cfg(not(any(feature = "workers", feature = "spin")))]
#[macro_export]
macro_rules! entry {
    ($($ignored:tt)*) => {};
}
