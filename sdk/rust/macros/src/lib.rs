//! The attribute macros of `dowel-sdk`, which documents and re-exports them.

mod connector;
mod function;
mod json;
mod kebab;
mod operation;
mod options;
mod receiver;
mod source;

use proc_macro::TokenStream;

/// Makes the configuration type of a connector into the connector: see `dowel_sdk::connector`.
#[proc_macro_attribute]
pub fn connector(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(connector::expand(attribute.into(), item.into()))
}

/// Makes a function into an operation: see `dowel_sdk::operation`.
#[proc_macro_attribute]
pub fn operation(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(operation::expand(attribute.into(), item.into()))
}

/// Makes a function into a source: see `dowel_sdk::source`.
#[proc_macro_attribute]
pub fn source(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(source::expand(attribute.into(), item.into()))
}

/// Makes a function into a receiver: see `dowel_sdk::receiver`.
#[proc_macro_attribute]
pub fn receiver(attribute: TokenStream, item: TokenStream) -> TokenStream {
    finish(receiver::expand(attribute.into(), item.into()))
}

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(syn::Error::into_compile_error).into()
}
