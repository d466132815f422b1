//! A function with an attribute that says what it is to the host: what `#[operation]`
//! and `#[source]` have in common.

use crate::kebab;
use crate::options::Options;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, Expr, FnArg, ItemFn, Lit, LitStr, Meta, Result, ReturnType, Type};

/// What a function can be.
pub(crate) struct Kind {
    /// Such as `operation`.
    pub(crate) noun: &'static str,
    /// The noun with its article.
    pub(crate) one: &'static str,
    /// What the function looks like, for messages.
    pub(crate) form: &'static str,
    /// How many parameters it has.
    pub(crate) parameters: usize,
    /// The same as a word.
    pub(crate) parameters_word: &'static str,
    /// The options of the attribute.
    pub(crate) options: &'static [&'static str],
    /// Reads the options; the text is the summary.
    pub(crate) describe: fn(&mut Options, &str) -> Result<Spec>,
    /// Writes the implementation of the trait.
    pub(crate) implementation: fn(&Ident, &Signature<'_>, &Described) -> TokenStream,
}

/// What the options come to.
pub(crate) struct Spec {
    /// The constant that describes the function, without its schemas.
    pub(crate) constant: TokenStream,
    /// Further methods of the trait.
    pub(crate) methods: TokenStream,
}

/// What the attribute and the doc comment say.
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) spec: Spec,
}

impl Described {
    /// In place of a description with a mistake, for the type checker only.
    fn nothing() -> Self {
        Self {
            name: String::new(),
            spec: Spec {
                constant: quote!(::core::panic!("the attribute has a mistake")),
                methods: TokenStream::new(),
            },
        }
    }
}

/// Everything that can be said about the function, and the first mistake: what is right
/// stays, so that one mistake does not make every use of the function another.
pub(crate) fn expand(
    kind: &Kind,
    attribute: TokenStream,
    item: TokenStream,
) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item)?;
    let (ident, visibility) = (&function.sig.ident, &function.vis);
    let about = format!("The {} `{ident}`.", kind.noun);
    let implementation = match Signature::of(&function, kind) {
        Ok(signature) => {
            let (described, mistake) = match describe(kind, attribute, &function) {
                Ok(described) => (described, None),
                Err(error) => (Described::nothing(), Some(error.into_compile_error())),
            };
            let implementation = (kind.implementation)(ident, &signature, &described);
            quote!(#implementation #mistake)
        }
        Err(error) => error.into_compile_error(),
    };
    Ok(quote! {
        // The signature is the contract's: the input is the function's to use up or not.
        #[allow(clippy::needless_pass_by_value)]
        #function

        #[doc = #about]
        #[allow(non_camel_case_types)]
        #visibility enum #ident {}

        #implementation
    })
}

fn describe(kind: &Kind, attribute: TokenStream, function: &ItemFn) -> Result<Described> {
    let ident = &function.sig.ident;
    let mut options = Options::parse(attribute, kind.options, Span::call_site())?;
    let (name, place) = match options.text("name")? {
        Some(name) => (name.value(), name.span()),
        None => (kebab::from_snake(&ident.to_string()), ident.span()),
    };
    kebab::check(&name, place)?;
    let spec = (kind.describe)(&mut options, &summary(function)?)?;
    Ok(Described { name, spec })
}

/// The types in the function's signature.
pub(crate) struct Signature<'a> {
    pub(crate) context: &'a Type,
    /// The second parameter's; those behind it are checked where the function is called.
    pub(crate) input: &'a Type,
    pub(crate) output: &'a Type,
}

impl<'a> Signature<'a> {
    fn of(function: &'a ItemFn, kind: &Kind) -> Result<Self> {
        let signature = &function.sig;
        let Kind { one, form, .. } = kind;
        let wrong = |tokens: &dyn quote::ToTokens, what: &str| {
            Err(Error::new_spanned(tokens, format!("{what}: {form}")))
        };
        if let Some(word) = &signature.asyncness {
            let what = format!("{one} is not `async`, requests block within the sandbox");
            return wrong(word, &what);
        }
        if !signature.generics.params.is_empty() {
            return wrong(&signature.generics, &format!("{one} is not generic"));
        }
        let mut types = Vec::new();
        for argument in &signature.inputs {
            match argument {
                FnArg::Typed(typed) => types.push(&*typed.ty),
                FnArg::Receiver(receiver) => {
                    return wrong(receiver, &format!("{one} does not take `self`"));
                }
            }
        }
        let [context, input, ..] = types[..] else {
            return Err(wrong_count(function, types.len(), kind));
        };
        if types.len() != kind.parameters {
            return Err(wrong_count(function, types.len(), kind));
        }
        let Type::Reference(context) = context else {
            return wrong(context, "the first parameter is a reference to the context");
        };
        if context.mutability.is_some() {
            return wrong(context, "the context is not mutable");
        }
        let ReturnType::Type(_, output) = &signature.output else {
            return wrong(&signature.ident, &format!("{one} returns a result"));
        };
        Ok(Self {
            context: &context.elem,
            input,
            output,
        })
    }
}

fn wrong_count(function: &ItemFn, found: usize, kind: &Kind) -> Error {
    let wanted = kind.parameters_word;
    let message = format!(
        "found {found} parameters instead of {wanted}: {}",
        kind.form
    );
    let signature = &function.sig;
    // With an empty list there is nothing to point at but the name.
    if found == 0 {
        Error::new_spanned(&signature.ident, message)
    } else {
        Error::new_spanned(&signature.inputs, message)
    }
}

/// Takes `deadline = "30s"`; the expression is an option of milliseconds.
pub(crate) fn deadline(options: &mut Options) -> Result<TokenStream> {
    Ok(match options.text("deadline")? {
        Some(text) => {
            let millis = milliseconds(&text)?;
            quote!(::core::option::Option::Some(#millis))
        }
        None => quote!(::core::option::Option::None),
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
