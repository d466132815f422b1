//! `#[operation]`: a typed function becomes an operation of the manifest.

use crate::function::{self, Described, Kind, Signature, Spec};
use crate::json;
use crate::options::{Options, one_of};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, LitStr, Path, Result};

const KNOWN: &[&str] = &[
    "effect",
    "idempotency",
    "name",
    "compensated_by",
    "deprecated",
    "deadline",
    "retry",
    "pagination",
    "example_input",
    "example_output",
];

const ERROR_KINDS: &[&str] = &[
    "invalid-input",
    "unauthenticated",
    "forbidden",
    "not-found",
    "conflict",
    "rate-limited",
    "unavailable",
    "timeout",
    "unknown-outcome",
    "rejected",
    "internal",
];

const SIGNATURE: &str = "an operation is a function \
    `fn name(ctx: &Context<Config>, input: Input) -> Result<Output>`";

const OPERATION: Kind = Kind {
    noun: "operation",
    one: "an operation",
    form: SIGNATURE,
    parameters: 2,
    parameters_word: "two",
    options: KNOWN,
    describe: spec,
    implementation,
};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    function::expand(&OPERATION, attribute, item)
}

fn implementation(
    ident: &syn::Ident,
    signature: &Signature<'_>,
    described: &Described,
) -> TokenStream {
    let Signature {
        context,
        input,
        output,
    } = signature;
    let Described { name, spec } = described;
    let spec = &spec.constant;
    // With the spans of the types, so that a wrong type is what the compiler points at.
    let config = quote_spanned! {context.span()=>
        <#context as ::dowel_sdk::__private::OperationContext>::Config
    };
    let output = quote_spanned! {output.span()=>
        <#output as ::dowel_sdk::__private::OperationResult>::Output
    };
    quote! {
        impl ::dowel_sdk::Operation for #ident {
            type Config = #config;
            type Input = #input;
            type Output = #output;
            const NAME: &'static str = #name;
            const SPEC: ::dowel_sdk::__private::OperationSpec = #spec;

            fn call(
                ctx: &::dowel_sdk::Context<Self::Config>,
                input: Self::Input,
            ) -> ::dowel_sdk::Result<Self::Output> {
                #ident(ctx, input)
            }
        }
    }
}

/// The constant that describes the operation, without its schemas.
fn spec(options: &mut Options, summary: &str) -> Result<Spec> {
    let effect = options.word(
        "effect",
        &["read", "write"],
        "the host journals a write before it is sent",
    )?;
    let idempotency = options.word(
        "idempotency",
        &["natural", "keyed", "none"],
        "it decides whether a step may be tried again",
    )?;
    let compensated_by = match options.value::<Path>("compensated_by")? {
        Some(path) => quote!(::core::option::Option::Some(
            <#path as ::dowel_sdk::Operation>::NAME
        )),
        None => quote!(::core::option::Option::None),
    };
    let deadline = function::deadline(options)?;
    let retry_list = options.take("retry");
    let retry = match retry_list {
        Some(tokens) => {
            let kinds = retry_kinds(&tokens)?;
            quote!(::core::option::Option::Some(&[#(#kinds),*]))
        }
        None => quote!(::core::option::Option::None),
    };
    let pagination = match options.take("pagination") {
        Some(tokens) => pagination(tokens)?,
        None => quote!(::core::option::Option::None),
    };
    let deprecated = example(options.take("deprecated"))?;
    let example_input = example(options.take("example_input"))?;
    let example_output = example(options.take("example_output"))?;
    let constant = quote! {
        ::dowel_sdk::__private::OperationSpec {
            summary: #summary,
            effect: #effect,
            idempotency: #idempotency,
            compensated_by: #compensated_by,
            deprecated: #deprecated,
            deadline_ms: #deadline,
            retry_kinds: #retry,
            pagination: #pagination,
            example_input: #example_input,
            example_output: #example_output,
        }
    };
    Ok(Spec {
        constant,
        methods: TokenStream::new(),
    })
}

fn example(tokens: Option<TokenStream>) -> Result<TokenStream> {
    let Some(tokens) = tokens else {
        return Ok(quote!(::core::option::Option::None));
    };
    let text = json::text(tokens)?;
    Ok(quote!(::core::option::Option::Some(#text)))
}

fn retry_kinds(tokens: &TokenStream) -> Result<Vec<String>> {
    let mut options = Options::parse(quote!(retry = #tokens), &["retry"], Span::call_site())?;
    let kinds: Vec<LitStr> = options.list("retry")?;
    kinds
        .iter()
        .map(|kind| one_of(kind, "error kind", ERROR_KINDS))
        .collect()
}

/// `pagination = { cursor_in = "/cursor", cursor_out = "/next", items = "/items" }`.
fn pagination(tokens: TokenStream) -> Result<TokenStream> {
    const FIELDS: &[&str] = &["cursor_in", "cursor_out", "items"];
    let group: proc_macro2::Group = syn::parse2(tokens)?;
    let mut options = Options::parse(group.stream(), FIELDS, group.span())?;
    let mut pointer = |key: &str| -> Result<LitStr> {
        let Some(text) = options.text(key)? else {
            let message = format!("`{key}` is missing: a JSON Pointer such as \"/{key}\"");
            return Err(Error::new(group.span(), message));
        };
        if !text.value().starts_with('/') {
            let message = "expected a JSON Pointer (RFC 6901), such as \"/items\"";
            return Err(Error::new(text.span(), message));
        }
        Ok(text)
    };
    let (cursor_in, cursor_out, items) = (
        pointer("cursor_in")?,
        pointer("cursor_out")?,
        pointer("items")?,
    );
    Ok(quote! {
        ::core::option::Option::Some(::dowel_sdk::__private::Pagination {
            cursor_in: #cursor_in,
            cursor_out: #cursor_out,
            items: #items,
        })
    })
}
