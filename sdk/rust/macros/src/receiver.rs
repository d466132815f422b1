//! `#[receiver]`: a typed function becomes a receiver of the manifest.

use crate::function::{self, Described, Kind, Signature, Spec};
use crate::options::Options;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, LitBool, Path, Result};

const RECEIVER: Kind = Kind {
    noun: "receiver",
    one: "a receiver",
    form: "a receiver is a function `fn name(ctx: &Context<Config>, params: Params, \
           request: &Incoming) -> Result<Reception<Event>>`",
    parameters: 3,
    parameters_word: "three",
    options: &[
        "name",
        "deadline",
        "handshake",
        "subscribe",
        "renew",
        "unsubscribe",
    ],
    describe: spec,
    implementation,
};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    function::expand(&RECEIVER, attribute, item)
}

fn spec(options: &mut Options, summary: &str) -> Result<Spec> {
    let deadline = function::deadline(options)?;
    let handshake = options.value::<LitBool>("handshake")?;
    let handshake = handshake.is_some_and(|word| word.value);
    let subscribe = options.value::<Path>("subscribe")?;
    let renew = options.value::<Path>("renew")?;
    let unsubscribe = options.value::<Path>("unsubscribe")?;
    let subscription = subscribe.is_some();
    let methods = match (&subscribe, &renew, &unsubscribe) {
        (None, None, None) => TokenStream::new(),
        (Some(subscribe), renew, Some(unsubscribe)) => {
            let renew = renew.as_ref().map(renewing);
            let (subscribe, unsubscribe) = (subscribing(subscribe), unsubscribing(unsubscribe));
            quote!(#subscribe #renew #unsubscribe)
        }
        (Some(given), _, None) | (None, Some(given), _) | (None, None, Some(given)) => {
            let message = "a receiver that sets up the sending itself has `subscribe` and \
                           `unsubscribe`, and may have `renew`";
            return Err(Error::new(given.span(), message));
        }
    };
    let constant = quote! {
        ::dowel_sdk::__private::ReceiverSpec {
            summary: #summary,
            handshake: #handshake,
            subscription: #subscription,
            deadline_ms: #deadline,
        }
    };
    Ok(Spec { constant, methods })
}

fn subscribing(path: &Path) -> TokenStream {
    quote_spanned! {path.span()=>
        fn subscribe(
            ctx: &::dowel_sdk::Context<Self::Config>,
            params: Self::Params,
            url: &str,
        ) -> ::dowel_sdk::Result<::dowel_sdk::Subscription> {
            #path(ctx, params, url)
        }
    }
}

fn renewing(path: &Path) -> TokenStream {
    quote_spanned! {path.span()=>
        fn renew(
            ctx: &::dowel_sdk::Context<Self::Config>,
            params: Self::Params,
            url: &str,
            id: &str,
        ) -> ::dowel_sdk::Result<::dowel_sdk::Subscription> {
            #path(ctx, params, url, id)
        }
    }
}

fn unsubscribing(path: &Path) -> TokenStream {
    quote_spanned! {path.span()=>
        fn unsubscribe(
            ctx: &::dowel_sdk::Context<Self::Config>,
            params: Self::Params,
            id: &str,
        ) -> ::dowel_sdk::Result<()> {
            #path(ctx, params, id)
        }
    }
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
        <#output as ::dowel_sdk::__private::ReceiverResult>::Event
    };
    quote! {
        impl ::dowel_sdk::Receiver for #ident {
            type Config = #config;
            type Params = #params;
            type Event = #event;
            const NAME: &'static str = #name;
            const SPEC: ::dowel_sdk::__private::ReceiverSpec = #constant;

            fn receive(
                ctx: &::dowel_sdk::Context<Self::Config>,
                params: Self::Params,
                request: &::dowel_sdk::Incoming,
            ) -> ::dowel_sdk::Result<::dowel_sdk::Reception<Self::Event>> {
                #ident(ctx, params, request)
            }

            #methods
        }
    }
}
