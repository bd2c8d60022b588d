//! The entry point of a module: one macro, so that a function names no host.

/// Makes a [`Function`](crate::Function) the entry point of this module on the
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
            $crate::host::workers::fetch(&$function, request, env, context).await
        }
    };
    ($function:ident, cron) => {
        $crate::entry!($function);

        #[::worker::event(scheduled)]
        async fn scheduled(
            _event: ::worker::ScheduledEvent,
            env: ::worker::Env,
            _context: ::worker::ScheduleContext,
        ) {
            $crate::host::workers::scheduled(&$function, env).await;
        }
    };
}

/// Makes a [`Function`](crate::Function) the entry point of this module on the
/// host that the features pick. `entry!(FUNCTION, cron)` also takes the host's
/// cron trigger. Built without a host feature (native tests) it makes nothing.
#[cfg(all(feature = "spin", not(feature = "workers")))]
#[macro_export]
macro_rules! entry {
    ($function:ident) => {
        mod spin_entry {
            use $crate::host::spin::sdk;

            struct Entry;
            sdk::wasip3::http::service::export!(Entry with_types_in sdk::wasip3);

            impl $crate::host::spin::Module for Entry {
                const FUNCTION: $crate::Function = super::$function;
            }

            impl sdk::wasip3::exports::http::handler::Guest for Entry {
                async fn handle(
                    request: sdk::wasip3::http::types::Request,
                ) -> Result<
                    sdk::wasip3::http::types::Response,
                    sdk::wasip3::http::types::ErrorCode,
                > {
                    $crate::host::spin::handle::<Entry>(request).await
                }
            }
        }
    };
    ($function:ident, cron) => {
        $crate::entry!($function);
    };
}

/// Makes a [`Function`](crate::Function) the entry point of this module on the
/// host that the features pick. `entry!(FUNCTION, cron)` also takes the host's
/// cron trigger. Built without a host feature (native tests) it makes nothing.
#[cfg(not(any(feature = "workers", feature = "spin")))]
#[macro_export]
macro_rules! entry {
    ($($ignored:tt)*) => {};
}
