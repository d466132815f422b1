//! `#[source]`: a typed function becomes a source of the manifest.

use crate::function::{self, Described, Kind, Signature, Spec};
use crate::options::Options;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Result};

const SOURCE: Kind = Kind {
    noun: "source",
    one: "a source",
    form: "a source is a function `fn name(ctx: &Context<Config>, params: Params, \
           from: &Position) -> Result<SourcePage<Event>>`",
    parameters: 3,
    parameters_word: "three",
    options: &["name", "deadline", "ack"],
    describe: spec,
    implementation,
};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    function::expand(&SOURCE, attribute, item)
}

fn spec(options: &mut Options, summary: &str) -> Result<Spec> {
    let deadline = function::deadline(options)?;
    let ack = options.value::<Path>("ack")?;
    let methods = ack.map(|path| {
        quote_spanned! {path.span()=>
            fn ack(
                ctx: &::dowel_sdk::Context<Self::Config>,
                params: Self::Params,
                cursor: &str,
            ) -> ::dowel_sdk::Result<()> {
                #path(ctx, params, cursor)
            }
        }
    });
    let constant = quote! {
        ::dowel_sdk::__private::SourceSpec {
            summary: #summary,
            deadline_ms: #deadline,
        }
    };
    Ok(Spec {
        constant,
        methods: methods.unwrap_or_default(),
    })
}

fn implementation(ident: &Ident, signature: &Signature<'_>, described: &Described) -> TokenStream {
    let Signature {
        context,
        input: params,
        output,
    } = signature;
    let Described { name, spec } = described;
    let Spec { constant, methods } = spec;
    // With the spans of the types, so that a wrong type is what the compiler points at.
    let config = quote_spanned! {context.span()=>
        <#context as ::dowel_sdk::__private::OperationContext>::Config
    };
    let event = quote_spanned! {output.span()=>
        <#output as ::dowel_sdk::__private::SourceResult>::Event
    };
    quote! {
        impl ::dowel_sdk::Source for #ident {
            type Config = #config;
            type Params = #params;
            type Event = #event;
            const NAME: &'static str = #name;
            const SPEC: ::dowel_sdk::__private::SourceSpec = #constant;

            fn read(
                ctx: &::dowel_sdk::Context<Self::Config>,
                params: Self::Params,
                from: &::dowel_sdk::Position,
            ) -> ::dowel_sdk::Result<::dowel_sdk::SourcePage<Self::Event>> {
                #ident(ctx, params, from)
            }

            #methods
        }
    }
}
