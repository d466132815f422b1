//! A component's top-level sections. A nested module's sections are inside one of
//! them, so a manifest that hides in a nested module is never taken for the component's.

use crate::load::LoadError;
use std::ops::Range;
use wasmparser::BinaryReader;

/// The magic number, the version and the layer (component model, binary format).
const HEADER: usize = 8;

/// Bytes 6 and 7 of the header: 0 is a core module, 1 a component.
const COMPONENT_LAYER: [u8; 2] = [1, 0];

/// Id of a custom section.
const CUSTOM: u8 = 0;

/// One section with its header.
pub(crate) struct Section<'a> {
    /// Where it stands in the file, header included.
    pub range: Range<usize>,
    /// Name and contents, if it is a custom section.
    pub custom: Option<(&'a str, &'a [u8])>,
}

/// Reads the headers of the top-level sections.
pub(crate) fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>, LoadError> {
    check_header(bytes)?;
    let broken = |e: wasmparser::BinaryReaderError| LoadError::NotAComponent(e.to_string());
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(HEADER).map_err(broken)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = bytes.len() - reader.bytes_remaining();
        let id = reader.read_u8().map_err(broken)?;
        let body = reader.read_reader().map_err(broken)?;
        let custom = if id == CUSTOM {
            let mut body = body;
            let name = body.read_string().map_err(broken)?;
            let rest = body.bytes_remaining();
            Some((name, body.read_bytes(rest).map_err(broken)?))
        } else {
            None
        };
        sections.push(Section {
            range: start..bytes.len() - reader.bytes_remaining(),
            custom,
        });
    }
    Ok(sections)
}

fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    let Some(header) = bytes.get(..HEADER) else {
        return Err(LoadError::NotAComponent("the file is too short".to_owned()));
    };
    if !header.starts_with(b"\0asm") {
        let what = "the file does not begin as WebAssembly does";
        return Err(LoadError::NotAComponent(what.to_owned()));
    }
    match header[6..] {
        [0, 0] => Err(LoadError::CoreModule),
        ref layer if *layer == COMPONENT_LAYER => Ok(()),
        _ => Err(LoadError::NotAComponent(
            "an unknown layer of WebAssembly".to_owned(),
        )),
    }
}

/// Contents of the custom section `name`; `None` if there is none.
pub(crate) fn custom<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, LoadError> {
    let sections = sections(bytes)?;
    let mut found = sections
        .iter()
        .filter_map(|section| section.custom)
        .filter(|(section, _)| *section == name);
    let first = found.next().map(|(_, contents)| contents);
    if found.next().is_some() {
        return Err(LoadError::RepeatedManifest);
    }
    Ok(first)
}

/// The component with `contents` as its only custom section `name`.
pub(crate) fn replace_custom(
    bytes: &[u8],
    name: &str,
    contents: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let mut out = bytes[..HEADER.min(bytes.len())].to_vec();
    for section in sections(bytes)? {
        if section.custom.is_none_or(|(other, _)| other != name) {
            out.extend_from_slice(&bytes[section.range]);
        }
    }
    let section = wasm_encoder::CustomSection {
        name: name.into(),
        data: contents.into(),
    };
    wasm_encoder::ComponentSection::append_to_component(&section, &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_component() -> Vec<u8> {
        wasm_encoder::Component::new().finish()
    }

    #[test]
    fn a_section_is_written_read_and_replaced() {
        let bytes = empty_component();
        assert!(custom(&bytes, "m").unwrap().is_none());
        let once = replace_custom(&bytes, "m", b"one").unwrap();
        let other = replace_custom(&once, "n", b"other").unwrap();
        let twice = replace_custom(&other, "m", b"two").unwrap();
        assert_eq!(custom(&once, "m").unwrap(), Some(&b"one"[..]));
        assert_eq!(custom(&twice, "m").unwrap(), Some(&b"two"[..]));
        assert_eq!(custom(&twice, "n").unwrap(), Some(&b"other"[..]));
        assert!(twice.len() < other.len() + 16, "the old section is gone");
    }

    #[test]
    fn a_repeated_section_is_refused() {
        let once = replace_custom(&empty_component(), "m", b"one").unwrap();
        let mut twice = once.clone();
        twice.extend_from_slice(&once[HEADER..]);
        assert!(matches!(
            custom(&twice, "m"),
            Err(LoadError::RepeatedManifest)
        ));
    }

    #[test]
    fn a_nested_section_is_not_the_components() {
        let mut nested = wasm_encoder::Module::new();
        nested.section(&wasm_encoder::CustomSection {
            name: "m".into(),
            data: b"inner"[..].into(),
        });
        let mut component = wasm_encoder::Component::new();
        component.section(&wasm_encoder::ModuleSection(&nested));
        assert!(custom(&component.finish(), "m").unwrap().is_none());
    }

    #[test]
    fn what_is_no_component_is_said_plainly() {
        let module = wasm_encoder::Module::new().finish();
        assert!(matches!(sections(&module), Err(LoadError::CoreModule)));
        for bad in [&b""[..], b"PK\x03\x04 and more", b"\0asm\x0d\0\x01\0\0\xff"] {
            assert!(matches!(sections(bad), Err(LoadError::NotAComponent(_))));
        }
    }
}
