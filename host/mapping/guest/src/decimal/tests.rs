use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn texts_in_plain_notation() {
    for (text, plain) in [
        ("1.10", "1.10"),
        ("1e5", "100000"),
        ("1.5e-3", "0.0015"),
        ("-0.00", "0.00"),
        ("007.10", "7.10"),
        ("12345678901234567890", "12345678901234567890"),
        ("0e999999999", "0"),
    ] {
        assert_eq!(decimal(text).to_string(), plain);
    }
    for text in [
        "", "-", "1.", ".5", "1e", "1 ", "0x1", "+1", "1,5", "NaN", "1.5.2", "é",
    ] {
        assert_eq!(text.parse::<Decimal>(), Err(NOT_DECIMAL), "{text}");
    }
    for text in ["1e999999999", "1e-999999999", "1e99999999999999999999"] {
        assert_eq!(text.parse::<Decimal>(), Err(TOO_LONG), "{text}");
    }
}

#[test]
fn sums_and_products_are_exact() {
    assert_eq!(
        decimal("19.99")
            .multiply(&decimal("3"))
            .unwrap()
            .to_string(),
        "59.97"
    );
    let sum = decimal("59.97").add(&decimal("0.30")).unwrap();
    assert_eq!(sum.to_string(), "60.27");
    assert_eq!(
        decimal("0.1")
            .subtract(&decimal("0.30"))
            .unwrap()
            .to_string(),
        "-0.20"
    );
    let huge = decimal(&"9".repeat(MAX_DIGITS));
    assert_eq!(huge.multiply(&huge), Err(TOO_LONG));
}

#[test]
fn rounding() {
    for (text, half_even, half_up, up, down) in [
        ("2.5", "2", "3", "3", "2"),
        ("3.5", "4", "4", "4", "3"),
        ("-2.5", "-2", "-3", "-3", "-2"),
        ("2.1", "2", "2", "3", "2"),
        ("-0.4", "0", "0", "-1", "0"),
        ("2.9", "3", "3", "3", "2"),
    ] {
        let round = |mode| decimal(text).round(0, mode).unwrap().to_string();
        let all = [
            round(Rounding::HalfEven),
            round(Rounding::HalfUp),
            round(Rounding::Up),
            round(Rounding::Down),
        ];
        assert_eq!(all, [half_even, half_up, up, down], "{text}");
    }
    assert_eq!(
        decimal("1.5").round(2, Rounding::Down).unwrap().to_string(),
        "1.50"
    );
    let third = decimal("1")
        .divide(&decimal("-3"), 4, Rounding::HalfUp)
        .unwrap();
    assert_eq!(third.to_string(), "-0.3333");
    assert_eq!(
        decimal("1").divide(&decimal("0.0"), 2, Rounding::Up),
        Err(BY_ZERO)
    );
}

#[test]
fn parts_add_up_to_the_total() {
    for (total, parts) in [
        ("100.00", 3),
        ("-0.05", 4),
        ("0", 7),
        ("10", 1),
        ("99.99", 10),
    ] {
        let split = decimal(total).split(parts, 2).unwrap();
        assert_eq!(split.len(), parts);
        let sum = split
            .iter()
            .try_fold(decimal("0"), |sum, part| sum.add(part));
        assert_eq!(
            sum.unwrap().compare(&decimal(total)),
            std::cmp::Ordering::Equal
        );
        let (first, last) = (&split[0], &split[parts - 1]);
        assert!(
            first
                .subtract(last)
                .unwrap()
                .absolute()
                .compare(&decimal("0.01"))
                .is_le()
        );
    }
    assert_eq!(decimal("0.001").split(2, 2), Err(INDIVISIBLE));
    assert_eq!(decimal("1").split(0, 2), Err(PARTS));
}
