//! One visitor for values of any type, so that each reader says only what it does with a scalar,
//! an object and a list.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a reader does with a value.
pub(crate) trait Take<'de>: Sized {
    type Out;

    /// A string, boolean or number as text; `None` for null and for what the reader skips.
    fn scalar(self, value: Option<Cow<'de, str>>) -> Self::Out;

    /// An object; skipped unless the reader says otherwise.
    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.scalar(None))
    }

    /// A list; skipped unless the reader says otherwise.
    fn seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.scalar(None))
    }
}

/// Reads a value of any type.
pub(crate) struct Any<T>(pub(crate) T);

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Any<T> {
    type Value = T::Out;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Out, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Any<T> {
    type Value = T::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T::Out, E> {
        Ok(self.0.scalar(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T::Out, E> {
        Ok(self.0.scalar(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T::Out, E> {
        let text = if flag { "true" } else { "false" };
        Ok(self.0.scalar(Some(Cow::Borrowed(text))))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T::Out, E> {
        Ok(self.0.scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T::Out, E> {
        Ok(self.0.scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T::Out, E> {
        Ok(self.0.scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_unit<E: Error>(self) -> Result<T::Out, E> {
        Ok(self.0.scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T::Out, A::Error> {
        self.0.map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T::Out, A::Error> {
        self.0.seq(seq)
    }
}

/// A scalar as text.
pub(crate) struct Scalar;

impl<'de> Take<'de> for Scalar {
    type Out = Option<Cow<'de, str>>;

    fn scalar(self, value: Option<Cow<'de, str>>) -> Self::Out {
        value
    }
}

/// Looks a key up without copying it.
pub(crate) struct Key<F>(pub(crate) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
    }
}

/// The place of a name among some, in any case.
pub(crate) fn position(names: &[impl AsRef<str>], name: &str) -> Option<usize> {
    names
        .iter()
        .position(|n| n.as_ref().eq_ignore_ascii_case(name))
}
