use super::*;

const NOW: Duration = Duration::from_secs(1_000_000);

/// RFC 4231, test case 2, and RFC 2202, test case 2.
const MESSAGE: &[u8] = b"what do ya want for nothing?";
const SHA256: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
const SHA512: &str = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
const SHA1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";

fn proof(keys: &[&str], headers: &[(&str, &str)]) -> Proof {
    let headers = headers
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Proof::new(
        keys.iter().map(|key| Secret::new(*key)).collect(),
        headers.collect(),
        NOW,
    )
}

fn header(name: &str, prefix: &str, encoding: Encoding) -> Signature {
    let (name, prefix) = (name.to_owned(), prefix.to_owned());
    Signature::Header {
        name,
        prefix,
        encoding,
    }
}

fn claim(algorithm: Algorithm, signature: Signature) -> Claim {
    Claim {
        algorithm,
        signature,
        message: MESSAGE.to_vec(),
        key: Encoding::Text,
        signed_at: None,
        tolerance: Duration::ZERO,
    }
}

#[test]
fn the_standards_own_examples_fit() {
    for (algorithm, hex) in [
        (Algorithm::HmacSha256, SHA256),
        (Algorithm::HmacSha512, SHA512),
        (Algorithm::HmacSha1, SHA1),
    ] {
        let proof = proof(&["Jefe"], &[("x-sig", &format!("v={hex}"))]);
        let good = claim(algorithm, header("x-sig", "v=", Encoding::Hex));
        assert_eq!(proof.verify(&good), Ok(()), "{algorithm:?}");
        assert!(proof.is_verified());
        let other = Claim {
            message: b"something else".to_vec(),
            ..good
        };
        assert_eq!(proof.verify(&other), Err(Doubt::NoFit), "{algorithm:?}");
    }
    // RFC 8032, section 7.1, test 2.
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let signed = Claim {
        message: vec![0x72],
        key: Encoding::Hex,
        ..claim(
            Algorithm::Ed25519,
            Signature::Bytes(decode(Encoding::Hex, signature).unwrap()),
        )
    };
    assert_eq!(proof(&[key], &[]).verify(&signed), Ok(()));
}

#[test]
fn either_key_fits_while_one_is_exchanged_and_no_other() {
    let good = || claim(Algorithm::HmacSha256, header("x-sig", "", Encoding::Hex));
    let headers = [("x-sig", SHA256)];
    assert_eq!(proof(&["new", "Jefe"], &headers).verify(&good()), Ok(()));
    assert_eq!(proof(&["Jefe", "new"], &headers).verify(&good()), Ok(()));
    let refusing = proof(&["new"], &headers);
    assert_eq!(refusing.verify(&good()), Err(Doubt::NoFit));
    assert!(!refusing.is_verified());
    for none in [&[][..], &[" "]] {
        assert_eq!(proof(none, &headers).verify(&good()), Err(Doubt::NoKey));
    }
}

#[test]
fn tokens_are_compared_and_may_stand_in_headers_that_no_guest_sees() {
    let token = || {
        claim(
            Algorithm::Token,
            header("authorization", "Bearer ", Encoding::Text),
        )
    };
    let given = |value| proof(&["s3cret"], &[("authorization", value)]).verify(&token());
    assert_eq!(given("Bearer s3cret"), Ok(()));
    assert_eq!(given("Bearer s3cre"), Err(Doubt::NoFit));
    assert_eq!(given("Basic s3cret"), Err(Doubt::Malformed));
    assert_eq!(given("Bearer "), Err(Doubt::Malformed));
    assert_eq!(
        proof(&["s3cret"], &[]).verify(&token()),
        Err(Doubt::Missing)
    );
}

#[test]
fn times_count_once_a_key_fits() {
    let at = |seconds: u64, tolerance: u64| Claim {
        signed_at: Some(Duration::from_secs(seconds)),
        tolerance: Duration::from_secs(tolerance),
        ..claim(Algorithm::HmacSha256, header("x-sig", "", Encoding::Hex))
    };
    let proof = || proof(&["Jefe"], &[("x-sig", SHA256)]);
    for (seconds, tolerance, wanted) in [
        (1_000_300, 300, Ok(())),
        (999_700, 300, Ok(())),
        (999_699, 300, Err(Doubt::OutsideTolerance)),
        (1_000_301, 300, Err(Doubt::OutsideTolerance)),
        // A guest cannot ask for more than an hour.
        (996_399, u64::MAX / 1000, Err(Doubt::OutsideTolerance)),
    ] {
        let proof = proof();
        assert_eq!(proof.verify(&at(seconds, tolerance)), wanted, "{seconds}");
        assert_eq!(proof.is_verified(), wanted.is_ok());
    }
    let wrong = Claim {
        message: Vec::new(),
        ..at(0, 0)
    };
    assert_eq!(proof().verify(&wrong), Err(Doubt::NoFit));
}

#[test]
fn guessing_ends() {
    let proof = proof(&["Jefe"], &[("x-sig", SHA256)]);
    for _ in 0..MAX_CLAIMS {
        let guess = claim(Algorithm::Token, Signature::Bytes(b"guess".to_vec()));
        assert_eq!(proof.verify(&guess), Err(Doubt::NoFit));
    }
    let good = claim(Algorithm::HmacSha256, header("x-sig", "", Encoding::Hex));
    assert_eq!(proof.verify(&good), Err(Doubt::TooMany));
}

#[test]
fn texts_are_decoded_or_refused() {
    assert_eq!(decode(Encoding::Hex, "00fF"), Some(vec![0, 255]));
    for bad in ["0", "0g", "é"] {
        assert_eq!(decode(Encoding::Hex, bad), None, "{bad}");
    }
    for good in ["-_8=", "-_8", "+/8=", "+/8"] {
        assert_eq!(
            decode(Encoding::Base64, good),
            Some(vec![0xfb, 0xff]),
            "{good}"
        );
    }
    assert_eq!(decode(Encoding::Base64, "*"), None);
}
