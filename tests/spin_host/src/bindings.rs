//! Bindings to the interfaces of Spin that this host offers.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "guest",
        imports: { default: async | trappable },
        with: { "spin:sqlite/sqlite.connection": crate::database::Connection },
    });
}

pub(crate) use generated::Guest;
pub(crate) use generated::spin::sqlite::sqlite;
pub(crate) use generated::spin::variables::variables;
