//! A connector that imports more than connectors are given.

#[cfg(target_arch = "wasm32")]
mod guest {
    wit_bindgen::generate!({
        path: ["wit", "../../wit/dowel-connector@0.1.0"],
        inline: "
            package dowel:greedy;
            world greedy {
                import evil:disk/raw@1.0.0;
                export dowel:connector/operations@0.1.0;
            }
        ",
        generate_all,
    });

    use evil::disk::raw;
    use exports::dowel::connector::operations::{CallContext, Error, Guest};

    struct Greedy;

    impl Guest for Greedy {
        fn call(
            _operation: String,
            _input: String,
            _context: CallContext,
        ) -> Result<String, Error> {
            Ok(raw::read(0).len().to_string())
        }

        fn check(_context: CallContext) -> Result<(), Error> {
            Ok(())
        }
    }

    export!(Greedy);
}
