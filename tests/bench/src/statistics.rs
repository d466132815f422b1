//! Medians, because the machine is shared and a mean follows its worst moment.

/// The middle value; 0 of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 1) => *upper,
        (Some(upper), _) => f64::midpoint(sorted[middle - 1], *upper),
    }
}

/// The median of the quotients of pairs that were measured one after the other, so
/// that both sides of a quotient saw the same load.
pub(crate) fn paired_ratio(pairs: &[(f64, f64)]) -> f64 {
    let quotients: Vec<f64> = pairs.iter().map(|(a, b)| a / b).collect();
    median(&quotients)
}

/// The value that so many percent do not exceed; 0 of nothing. Sorts the values.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Rounded for people and for small files: `digits` behind the point.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let cases: [(&[f64], f64); 4] = [
            (&[], 0.0),
            (&[3.0], 3.0),
            (&[9.0, 1.0, 2.0], 2.0),
            (&[1.0, 2.0, 3.0, 10.0], 2.5),
        ];
        for (values, expected) in cases {
            assert!((median(values) - expected).abs() < 1e-9, "{values:?}");
        }
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!((percentile(&mut hundred, 99) - 99.0).abs() < 1e-9);
        assert!((percentile(&mut hundred, 50) - 50.0).abs() < 1e-9);
        assert!((percentile(&mut [7.0], 99) - 7.0).abs() < 1e-9);
        let pairs = [(2.0, 1.0), (30.0, 10.0), (4.0, 1.0)];
        assert!((paired_ratio(&pairs) - 3.0).abs() < 1e-9);
        assert!((rounded(1.2349, 2) - 1.23).abs() < 1e-9);
    }
}
