//! JSON members as Go's decoder takes them, without giving up at the first wrong one.
//!
//! A [`Member`] remembers that a value had the wrong type instead of failing, so that whoever reads the
//! document afterwards can name the path of it, or overlook it. Values that nobody asks for are skipped
//! without being stored and without recursion, so depth and size of what is unknown cost nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The value of a member with a known name.
#[derive(Debug, Default)]
pub(crate) enum Member<T> {
    /// Not there, or `null`, which Go's decoder treats alike.
    #[default]
    Absent,
    /// There and of the right type.
    Value(T),
    /// There and of another type, which this names with an article.
    Wrong(&'static str),
}

/// A type that a member can have. What it is not made from is skipped.
pub(crate) trait Shape: Sized {
    /// What it is called in an error, with an article.
    const EXPECTED: &'static str;

    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_integer(_: i64) -> Option<Self> {
        None
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        skip_list(list).map(|()| None)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        skip_object(object).map(|()| None)
    }

    /// Whether a list needs more than one such element. See [`Object::is_useful`].
    fn is_useful(_: &Member<Self>) -> bool {
        true
    }
}

/// An object with known members.
pub(crate) trait Object: Default {
    /// Takes the value of the member `name`, which is [folded](fold), or leaves it.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, values: &mut A) -> Result<Taken, A::Error>;

    /// Whether anything can be made of it. Of those that are useless a list keeps the first, which is what an error
    /// names: an object in memory is a hundred times as large as a `{}`, and four mebibytes hold very many of them.
    fn is_useful(&self) -> bool {
        true
    }
}

/// Whether [`Object::take`] took the value.
pub(crate) enum Taken {
    Yes,
    No,
}

/// Only whether something is there.
#[derive(Debug)]
pub(crate) struct Anything;

impl<T> Member<T> {
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Member::Absent)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Member<T>, D::Error> {
        deserializer.deserialize_any(MemberVisitor(PhantomData))
    }
}

impl Shape for String {
    const EXPECTED: &'static str = "a string";

    fn from_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl Shape for i64 {
    const EXPECTED: &'static str = "an integer";

    fn from_integer(integer: i64) -> Option<i64> {
        Some(integer)
    }
}

impl<T: Shape> Shape for Vec<Member<T>> {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Vec::new();
        let mut has_useless = false;
        while let Some(element) = list.next_element()? {
            let is_useless = !T::is_useful(&element);
            if !(is_useless && has_useless) {
                elements.push(element);
            }
            has_useless |= is_useless;
        }
        Ok(Some(elements))
    }
}

impl Shape for BTreeMap<String, Member<String>> {
    const EXPECTED: &'static str = "an object";

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((name, value)) = object.next_entry()? {
            entries.insert(name, value);
        }
        Ok(Some(entries))
    }
}

impl<O: Object> Shape for O {
    const EXPECTED: &'static str = "an object";

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut members = O::default();
        while let Some(name) = object.next_key::<String>()? {
            if let Taken::No = members.take(&fold(&name), &mut object)? {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Some(members))
    }

    fn is_useful(member: &Member<O>) -> bool {
        matches!(member, Member::Value(object) if object.is_useful())
    }
}

impl Shape for Anything {
    const EXPECTED: &'static str = "anything";
}

/// The name under which Go's decoder finds a member: all forms of a letter are one.
///
/// Beside A to Z these are the long s and the Kelvin sign, which Unicode folds to `s` and `k`.
pub(crate) fn fold(name: &str) -> String {
    let fold_char = |c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    };
    name.chars().map(fold_char).collect()
}

struct MemberVisitor<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for MemberVisitor<T> {
    type Value = Member<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Member<T>, E> {
        Ok(Member::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Member<T>, E> {
        Ok(Member::Wrong("a boolean"))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Member<T>, E> {
        Ok(value_or(T::from_integer(integer), "a number"))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Member<T>, E> {
        Ok(match i64::try_from(integer) {
            Ok(integer) => value_or(T::from_integer(integer), "a number"),
            Err(_) => Member::Wrong("a number of more than 63 bits"),
        })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Member<T>, E> {
        Ok(Member::Wrong("a number with a fraction or an exponent"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Member<T>, E> {
        Ok(value_or(T::from_text(text), "a string"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Member<T>, A::Error> {
        Ok(value_or(T::from_list(list)?, "a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Member<T>, A::Error> {
        Ok(value_or(T::from_object(object)?, "an object"))
    }
}

fn value_or<T>(value: Option<T>, found: &'static str) -> Member<T> {
    value.map_or(Member::Wrong(found), Member::Value)
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong<T: Shape + fmt::Debug>(json: &str) -> &'static str {
        match serde_json::from_str::<Member<T>>(json).unwrap() {
            Member::Wrong(found) => found,
            other => panic!("{json} is {other:?}"),
        }
    }

    #[test]
    fn wrong_types_are_named() {
        assert_eq!(wrong::<String>("7"), "a number");
        assert_eq!(wrong::<String>("true"), "a boolean");
        assert_eq!(wrong::<String>("[[1]]"), "a list");
        assert_eq!(wrong::<String>("{\"a\":{}}"), "an object");
        assert_eq!(wrong::<i64>("\"7\""), "a string");
        assert_eq!(wrong::<i64>("1.5"), "a number with a fraction or an exponent");
        assert_eq!(wrong::<i64>("1e3"), "a number with a fraction or an exponent");
        assert_eq!(
            wrong::<i64>("18446744073709551615"),
            "a number of more than 63 bits"
        );
        assert_eq!(
            wrong::<i64>("18446744073709551616"),
            "a number with a fraction or an exponent"
        );
    }

    #[test]
    fn null_is_absent() {
        assert!(
            !serde_json::from_str::<Member<String>>("null")
                .unwrap()
                .is_present()
        );
        assert!(
            serde_json::from_str::<Member<Anything>>("0")
                .unwrap()
                .is_present()
        );
    }

    #[test]
    fn depth_of_what_is_skipped_is_no_problem() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(wrong::<String>(&deep), "a list");
    }

    #[test]
    fn names_fold_as_in_go() {
        assert_eq!(fold("MEDIAtype"), "mediatype");
        assert_eq!(fold("digeſt"), "digest");
        assert_eq!(fold("\u{212a}ey"), "key");
        assert_eq!(fold("É"), "É");
    }
}
