//! `#[operation]`: a typed function becomes an operation of the manifest.

use crate::options::{Options, one_of};
use crate::{json, kebab};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, FnArg, ItemFn, Lit, LitStr, Meta, Path, Result, ReturnType, Type};

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

/// Everything that can be said about the function, and the first mistake: what is right
/// stays, so that one mistake does not make every use of the operation another.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item)?;
    let (ident, visibility) = (&function.sig.ident, &function.vis);
    let about = format!("The operation `{ident}`.");
    let implementation = match Signature::of(&function) {
        Ok(signature) => {
            let (described, mistake) = match describe(attribute, &function) {
                Ok(described) => (described, None),
                Err(error) => (Described::nothing(), Some(error.into_compile_error())),
            };
            let implementation = implementation(ident, &signature, &described);
            quote!(#implementation #mistake)
        }
        Err(error) => error.into_compile_error(),
    };
    Ok(quote! {
        // The signature is the contract's: the input is the operation's to use up or not.
        #[allow(clippy::needless_pass_by_value)]
        #function

        #[doc = #about]
        #[allow(non_camel_case_types)]
        #visibility enum #ident {}

        #implementation
    })
}

/// What the attribute and the doc comment say.
struct Described {
    name: String,
    spec: TokenStream,
}

impl Described {
    /// In place of a description with a mistake, for the type checker only.
    fn nothing() -> Self {
        Self {
            name: String::new(),
            spec: quote!(::core::panic!("the attribute has a mistake")),
        }
    }
}

fn describe(attribute: TokenStream, function: &ItemFn) -> Result<Described> {
    let ident = &function.sig.ident;
    let mut options = Options::parse(attribute, KNOWN, Span::call_site())?;
    let (name, place) = match options.text("name")? {
        Some(name) => (name.value(), name.span()),
        None => (kebab::from_snake(&ident.to_string()), ident.span()),
    };
    kebab::check(&name, place)?;
    let spec = spec(&mut options, &summary(function)?)?;
    Ok(Described { name, spec })
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

/// The types in the function's signature.
struct Signature<'a> {
    context: &'a Type,
    input: &'a Type,
    output: &'a Type,
}

impl<'a> Signature<'a> {
    fn of(function: &'a ItemFn) -> Result<Self> {
        let signature = &function.sig;
        let wrong = |tokens: &dyn quote::ToTokens, what: &str| {
            Err(Error::new_spanned(tokens, format!("{what}: {SIGNATURE}")))
        };
        if let Some(word) = &signature.asyncness {
            return wrong(
                word,
                "an operation is not `async`, requests block within the sandbox",
            );
        }
        if !signature.generics.params.is_empty() {
            return wrong(&signature.generics, "an operation is not generic");
        }
        let mut types = Vec::new();
        for argument in &signature.inputs {
            match argument {
                FnArg::Typed(typed) => types.push(&*typed.ty),
                FnArg::Receiver(receiver) => {
                    return wrong(receiver, "an operation does not take `self`");
                }
            }
        }
        let [context, input] = types[..] else {
            let what = format!("found {} parameters instead of two", types.len());
            return wrong(&signature.inputs, &what).or_else(|e| {
                // With an empty list there is nothing to point at but the name.
                if types.is_empty() {
                    wrong(&signature.ident, &what)
                } else {
                    Err(e)
                }
            });
        };
        let Type::Reference(context) = context else {
            return wrong(context, "the first parameter is a reference to the context");
        };
        if context.mutability.is_some() {
            return wrong(context, "the context is not mutable");
        }
        let ReturnType::Type(_, output) = &signature.output else {
            return wrong(&signature.ident, "an operation returns a result");
        };
        Ok(Self {
            context: &context.elem,
            input,
            output,
        })
    }
}

/// The constant that describes the operation, without its schemas.
fn spec(options: &mut Options, summary: &str) -> Result<TokenStream> {
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
    let deadline = match options.text("deadline")? {
        Some(text) => {
            let millis = milliseconds(&text)?;
            quote!(::core::option::Option::Some(#millis))
        }
        None => quote!(::core::option::Option::None),
    };
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
    Ok(quote! {
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

/// Reads `500ms`, `30s` or `2m`.
fn milliseconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let digits = value.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let factor = match &value[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    let product = number.zip(factor).and_then(|(n, f)| n.checked_mul(f));
    product.filter(|millis| *millis > 0).ok_or_else(|| {
        Error::new(
            text.span(),
            "expected a time such as \"500ms\", \"30s\" or \"2m\"",
        )
    })
}

/// The first paragraph of the doc comment, on one line.
fn summary(function: &ItemFn) -> Result<String> {
    let mut lines = Vec::new();
    for attribute in &function.attrs {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(text) = &literal.lit
        {
            lines.extend(text.value().split('\n').map(|line| line.trim().to_owned()));
        }
    }
    let paragraph: Vec<String> = lines
        .into_iter()
        .skip_while(String::is_empty)
        .take_while(|line| !line.is_empty())
        .collect();
    if paragraph.is_empty() {
        return Err(Error::new(
            function.sig.ident.span(),
            "the summary is missing: write a doc comment, such as `/// Gets a contact.`; \
             its first paragraph stands in the manifest",
        ));
    }
    Ok(paragraph.join(" "))
}
