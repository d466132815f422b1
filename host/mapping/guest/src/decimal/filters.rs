//! The filters that expressions call.

use super::{BINARY, Decimal, MAX_DIGITS, MAX_PARTS, MODE, PARTS, PLACES, Rounding};
use crate::prelude::Data;
use crate::read;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Error, RunPtr};
use jaq_json::{Num, Val, ValR};
use std::cmp::Ordering;

/// Integers up to this size are exact in binary floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn fail(message: &'static str) -> jaq_json::Error {
    Error::str(message)
}

fn decimal(value: &Val) -> Result<Decimal, jaq_json::Error> {
    match value {
        Val::TStr(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| fail(super::NOT_DECIMAL))?;
            text.parse().map_err(fail)
        }
        Val::Num(Num::Float(f)) if f.fract() == 0.0 && f.abs() <= EXACT => {
            format!("{f:.0}").parse().map_err(fail)
        }
        Val::Num(Num::Float(_)) => Err(fail(BINARY)),
        Val::Num(Num::BigInt(integer)) => Decimal::integer((**integer).clone()).map_err(fail),
        Val::Num(Num::Int(integer)) => Decimal::integer((*integer).into()).map_err(fail),
        Val::Num(Num::Dec(text)) => text.parse().map_err(fail),
        other => Err(Error::typ(other.clone(), "decimal")),
    }
}

fn integer(value: &Val, limit: usize, message: &'static str) -> Result<usize, jaq_json::Error> {
    let number = match value {
        Val::Num(Num::Int(integer)) => usize::try_from(*integer).ok(),
        _ => None,
    };
    number
        .filter(|number| *number <= limit)
        .ok_or_else(|| fail(message))
}

fn places(value: &Val) -> Result<u32, jaq_json::Error> {
    let places = integer(value, MAX_DIGITS, PLACES)?;
    u32::try_from(places).map_err(|_| fail(PLACES))
}

fn mode(value: &Val) -> Result<Rounding, jaq_json::Error> {
    match value {
        Val::TStr(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| fail(MODE))?;
            text.parse().map_err(fail)
        }
        other => Err(Error::typ(other.clone(), "rounding mode")),
    }
}

fn text(result: Result<Decimal, &'static str>) -> ValR {
    result
        .map(|decimal| Val::from(decimal.to_string()))
        .map_err(fail)
}

fn two(a: &Val, b: &Val, f: fn(&Decimal, &Decimal) -> Result<Decimal, &'static str>) -> ValR {
    text(f(&decimal(a)?, &decimal(b)?))
}

fn compare(a: &Val, b: &Val, f: fn(Ordering) -> bool) -> ValR {
    Ok(Val::Bool(f(decimal(a)?.compare(&decimal(b)?))))
}

fn divide(a: &Val, b: &Val, digits: &Val, rounding: &Val) -> ValR {
    text(decimal(a)?.divide(&decimal(b)?, places(digits)?, mode(rounding)?))
}

fn round(a: &Val, digits: &Val, rounding: &Val) -> ValR {
    text(decimal(a)?.round(places(digits)?, mode(rounding)?))
}

fn split(total: &Val, parts: &Val, digits: &Val) -> ValR {
    let parts = integer(parts, MAX_PARTS, PARTS)?;
    let split = decimal(total)?
        .split(parts, places(digits)?)
        .map_err(fail)?;
    Ok(split
        .iter()
        .map(|part| Val::from(part.to_string()))
        .collect())
}

/// A number literal: the same text where it is one, else plain notation.
fn number(a: &Val) -> ValR {
    let decimal = decimal(a)?;
    Ok(match a {
        Val::Num(_) => a.clone(),
        _ => read::number(&decimal.to_string()),
    })
}

/// All filters.
pub(crate) fn natives() -> impl Iterator<Item = Fun<Data>> {
    arithmetic()
        .into_vec()
        .into_iter()
        .chain(comparisons())
        .map(run::<Data>)
}

macro_rules! one {
    ($name:literal, $f:expr) => {
        ($name, v(1), |mut cv| {
            let a = cv.0.pop_var();
            bome($f(&a))
        })
    };
}

macro_rules! binary {
    ($name:literal, $f:expr) => {
        ($name, v(2), |mut cv| {
            let b = cv.0.pop_var();
            let a = cv.0.pop_var();
            bome($f(&a, &b))
        })
    };
}

fn arithmetic() -> Box<[Filter<RunPtr<Data>>]> {
    Box::new([
        binary!("dadd", |a, b| two(a, b, Decimal::add)),
        binary!("dsub", |a, b| two(a, b, Decimal::subtract)),
        binary!("dmul", |a, b| two(a, b, Decimal::multiply)),
        ("ddiv", v(4), |mut cv| {
            let rounding = cv.0.pop_var();
            let digits = cv.0.pop_var();
            let b = cv.0.pop_var();
            let a = cv.0.pop_var();
            bome(divide(&a, &b, &digits, &rounding))
        }),
        ("dround", v(3), |mut cv| {
            let rounding = cv.0.pop_var();
            let digits = cv.0.pop_var();
            let a = cv.0.pop_var();
            bome(round(&a, &digits, &rounding))
        }),
        ("dsplit", v(3), |mut cv| {
            let digits = cv.0.pop_var();
            let parts = cv.0.pop_var();
            let total = cv.0.pop_var();
            bome(split(&total, &parts, &digits))
        }),
        one!("dneg", |a| text(Ok(decimal(a)?.negate()))),
        one!("dabs", |a| text(Ok(decimal(a)?.absolute()))),
        one!("dstr", |a| text(Ok(decimal(a)?))),
        one!("dnum", number),
    ])
}

fn comparisons() -> Box<[Filter<RunPtr<Data>>]> {
    Box::new([
        binary!("dgt", |a, b| compare(a, b, Ordering::is_gt)),
        binary!("dge", |a, b| compare(a, b, Ordering::is_ge)),
        binary!("dlt", |a, b| compare(a, b, Ordering::is_lt)),
        binary!("dle", |a, b| compare(a, b, Ordering::is_le)),
        binary!("deq", |a, b| compare(a, b, Ordering::is_eq)),
    ])
}
