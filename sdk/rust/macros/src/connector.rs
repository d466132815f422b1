//! `#[connector]`: a configuration type and lists of operations and sources become a component.

use crate::kebab;
use crate::options::{Options, path_text};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Fields, ItemStruct, LitBool, LitStr, Path, Result};

const KNOWN: &[&str] = &[
    "summary",
    "egress",
    "operations",
    "sources",
    "receivers",
    "blobs",
    "check",
    "name",
];

/// What Cargo packages of connectors are usually called before the connector's name.
const PACKAGE_PREFIXES: &[&str] = &["dowel-connector-", "dowel-"];

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let config: ItemStruct = syn::parse2(item).map_err(|error| {
        let message = "#[connector] stands on the struct with the connection's configuration";
        Error::new(error.span(), message)
    })?;
    if !config.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &config.generics,
            "the configuration is not generic",
        ));
    }
    let mut options = Options::parse(attribute, KNOWN, Span::call_site())?;
    let name = name(&mut options)?;
    let summary = options.text("summary")?.ok_or_else(|| {
        let message =
            "`summary = \"…\"` is missing: one sentence that says what the connector does";
        Error::new(Span::call_site(), message)
    })?;
    let egress: Vec<LitStr> = options.list("egress")?;
    egress.iter().try_for_each(check_egress)?;
    let operations: Vec<Path> = options.list("operations")?;
    let sources: Vec<Path> = options.list("sources")?;
    let receivers: Vec<Path> = options.list("receivers")?;
    if operations.is_empty() && sources.is_empty() && receivers.is_empty() {
        let message = "`operations = [ … ]` is missing: list the functions with #[operation], \
                       those with #[source] in `sources = [ … ]`, and those with #[receiver] in \
                       `receivers = [ … ]`";
        return Err(Error::new(Span::call_site(), message));
    }
    let check = check(&mut options)?;
    let blobs = options.value::<LitBool>("blobs")?;
    let blobs = blobs.map(|blobs| quote!(const BLOBS: bool = #blobs;));
    let ident = &config.ident;
    let base_url = base_url(&config);
    let distinct_operations = distinct(&operations, "operation", &quote!(Operation));
    let distinct_sources = distinct(&sources, "source", &quote!(Source));
    let distinct_receivers = distinct(&receivers, "receiver", &quote!(Receiver));
    let operations = operation_methods(&operations);
    let sources = source_methods(&sources);
    let export_receivers = export_receivers(&receivers);
    let receivers = receiver_methods(&receivers);
    Ok(quote! {
        #config

        impl ::dowel_sdk::Connector for #ident {
            const NAME: &'static str = #name;
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            const SUMMARY: &'static str = #summary;
            const EGRESS: &'static [&'static str] = &[#(#egress),*];

            #blobs

            #base_url

            #operations

            #sources

            #receivers

            #check
        }

        #distinct_operations
        #distinct_sources
        #distinct_receivers

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = ::dowel_sdk::__private::Component<#ident>;
            ::dowel_sdk::__private::export!(
                Component with_types_in ::dowel_sdk::__private::bindings
            );
            #export_receivers
        };
    })
}

/// What only a component with receivers exports.
fn export_receivers(receivers: &[Path]) -> Option<TokenStream> {
    receivers.first().map(|_| {
        quote! {
            ::dowel_sdk::__private::export_receiving!(
                Component with_types_in ::dowel_sdk::__private::receiving
            );
            ::dowel_sdk::__private::export_subscribing!(
                Component with_types_in ::dowel_sdk::__private::subscribing
            );
        }
    })
}

/// The ways to the receivers; the trait's own methods do where there are none.
fn receiver_methods(receivers: &[Path]) -> Option<TokenStream> {
    if receivers.is_empty() {
        return None;
    }
    Some(quote! {
        fn describe_receivers(manifest: &mut ::dowel_sdk::__private::Receivers<'_>) {
            #(manifest.add::<#receivers>();)*
        }

        fn receive(
            ctx: &::dowel_sdk::Context<Self>,
            receiver: &str,
            params: &str,
            request: &::dowel_sdk::Incoming,
        ) -> ::dowel_sdk::Result<::dowel_sdk::Reception<::dowel_sdk::Json>> {
            match receiver {
                #(
                    <#receivers as ::dowel_sdk::Receiver>::NAME =>
                        ::dowel_sdk::__private::receive::<#receivers>(ctx, params, request),
                )*
                other => ::core::result::Result::Err(
                    ::dowel_sdk::__private::unknown_receiver(other),
                ),
            }
        }

        fn subscription(
            ctx: &::dowel_sdk::Context<Self>,
            receiver: &str,
            params: &str,
            ask: ::dowel_sdk::__private::Ask<'_>,
        ) -> ::dowel_sdk::Result<::core::option::Option<::dowel_sdk::Subscription>> {
            match receiver {
                #(
                    <#receivers as ::dowel_sdk::Receiver>::NAME =>
                        ::dowel_sdk::__private::subscription::<#receivers>(ctx, params, ask),
                )*
                other => ::core::result::Result::Err(
                    ::dowel_sdk::__private::unknown_receiver(other),
                ),
            }
        }
    })
}

/// The ways to the operations, of which there may be none.
fn operation_methods(operations: &[Path]) -> TokenStream {
    quote! {
        fn describe_operations(manifest: &mut ::dowel_sdk::__private::Operations<'_>) {
            let _ = &manifest;
            #(manifest.add::<#operations>();)*
        }

        fn dispatch(
            ctx: &::dowel_sdk::Context<Self>,
            operation: &str,
            input: &str,
        ) -> ::dowel_sdk::Result<::std::string::String> {
            let _ = (ctx, input);
            match operation {
                #(
                    <#operations as ::dowel_sdk::Operation>::NAME =>
                        ::dowel_sdk::__private::run::<#operations>(ctx, input),
                )*
                other => ::core::result::Result::Err(
                    ::dowel_sdk::__private::unknown_operation(other),
                ),
            }
        }
    }
}

/// The ways to the sources; the trait's own methods do where there are none.
fn source_methods(sources: &[Path]) -> Option<TokenStream> {
    if sources.is_empty() {
        return None;
    }
    Some(quote! {
        fn describe_sources(manifest: &mut ::dowel_sdk::__private::Sources<'_>) {
            #(manifest.add::<#sources>();)*
        }

        fn read_source(
            ctx: &::dowel_sdk::Context<Self>,
            source: &str,
            params: &str,
            from: &::dowel_sdk::Position,
        ) -> ::dowel_sdk::Result<::dowel_sdk::SourcePage<::dowel_sdk::Json>> {
            match source {
                #(
                    <#sources as ::dowel_sdk::Source>::NAME =>
                        ::dowel_sdk::__private::read::<#sources>(ctx, params, from),
                )*
                other => ::core::result::Result::Err(
                    ::dowel_sdk::__private::unknown_source(other),
                ),
            }
        }

        fn ack_source(
            ctx: &::dowel_sdk::Context<Self>,
            source: &str,
            params: &str,
            cursor: &str,
        ) -> ::dowel_sdk::Result<()> {
            match source {
                #(
                    <#sources as ::dowel_sdk::Source>::NAME =>
                        ::dowel_sdk::__private::ack::<#sources>(ctx, params, cursor),
                )*
                other => ::core::result::Result::Err(
                    ::dowel_sdk::__private::unknown_source(other),
                ),
            }
        }
    })
}

/// The author's own test of a connection.
fn check(options: &mut Options) -> Result<Option<TokenStream>> {
    let path = options.value::<Path>("check")?;
    Ok(path.map(|path| {
        quote! {
            fn check(ctx: &::dowel_sdk::Context<Self>) -> ::dowel_sdk::Result<()> {
                #path(ctx)
            }
        }
    }))
}

/// The given name, or the package's without its prefix.
fn name(options: &mut Options) -> Result<String> {
    if let Some(given) = options.text("name")? {
        kebab::check(&given.value(), given.span())?;
        return Ok(given.value());
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let package = package.replace('_', "-");
    let short = PACKAGE_PREFIXES
        .iter()
        .find_map(|prefix| package.strip_prefix(prefix));
    let name = short.unwrap_or(&package).to_owned();
    kebab::check(&name, Span::call_site())?;
    Ok(name)
}

/// A first look at a rule; the host reads it in full.
fn check_egress(rule: &LitStr) -> Result<()> {
    let text = rule.value();
    let well_formed = text.trim().split_once(' ').is_some_and(|(methods, url)| {
        let method = |m: &str| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
        let url = url.trim();
        (methods == "*" || methods.split(',').all(method))
            && (url == "*"
                || ["https://", "http://", "{"]
                    .iter()
                    .any(|s| url.starts_with(s)))
    });
    if well_formed {
        return Ok(());
    }
    let message = "an egress rule is written \"GET,POST {base_url}/path/*\": methods, a space, \
                   and a URL whose path may end in *";
    Err(Error::new(rule.span(), message))
}

/// A field `base_url` is where relative paths of requests begin.
fn base_url(config: &ItemStruct) -> TokenStream {
    let Fields::Named(fields) = &config.fields else {
        return TokenStream::new();
    };
    let is_base = |field: &&syn::Field| field.ident.as_ref().is_some_and(|i| i == "base_url");
    let Some(field) = fields.named.iter().find(is_base) else {
        return TokenStream::new();
    };
    quote_spanned! {field.ty.span()=>
        fn base_url(&self) -> ::core::option::Option<&str> {
            ::core::option::Option::Some(::core::convert::AsRef::<str>::as_ref(&self.base_url))
        }
    }
}

/// Refuses two of one name when the connector is compiled.
fn distinct(paths: &[Path], noun: &str, kind: &TokenStream) -> TokenStream {
    let mut checks = TokenStream::new();
    for (index, second) in paths.iter().enumerate() {
        for first in &paths[..index] {
            let message = format!(
                "two {noun}s have the same name: `{}` and `{}`; give one of them another \
                 with #[{noun}(name = \"…\")] or list it once",
                path_text(first),
                path_text(second),
            );
            checks.extend(quote_spanned! {second.span()=>
                const _: () = ::core::assert!(
                    !::dowel_sdk::__private::same(
                        <#first as ::dowel_sdk::#kind>::NAME,
                        <#second as ::dowel_sdk::#kind>::NAME,
                    ),
                    #message
                );
            });
        }
    }
    checks
}
