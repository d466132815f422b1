//! A connector that misbehaves in every way that an operation's name asks for.

#[cfg(target_arch = "wasm32")]
mod behaviour;
#[cfg(target_arch = "wasm32")]
mod fetch;

#[cfg(target_arch = "wasm32")]
mod guest {
    wit_bindgen::generate!({
        path: "../../wit/dowel-connector@0.1.0",
        world: "described-connector",
    });

    use crate::behaviour;
    use dowel::connector::types::{CallContext, Error};
    use exports::dowel::connector::describe::Guest as Describe;
    use exports::dowel::connector::operations::Guest;

    pub(crate) use dowel::connector::host;
    pub(crate) use dowel::connector::types as contract;

    struct Hostile;

    impl Guest for Hostile {
        fn call(operation: String, input: String, context: CallContext) -> Result<String, Error> {
            behaviour::call(&operation, &input, &context)
        }

        fn check(context: CallContext) -> Result<(), Error> {
            behaviour::check(&context)
        }
    }

    impl Describe for Hostile {
        fn manifest() -> String {
            include_str!("manifest.json").to_owned()
        }
    }

    export!(Hostile);
}
