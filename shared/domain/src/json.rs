//! Compact JSON, byte for byte as `serde_json` writes it, in half the time: what is decided is
//! mostly names and values that need no escape, and here that is seen eight bytes at once. Digests
//! are made over it. Whatever is rare (numbers, texts with escapes) is left to `serde_json`.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

/// Bytes of a small decision, and of most facts and records.
const USUAL: usize = 4096;

/// A value as JSON. Fails as `serde_json` does: where a key of a map is no text, number or truth
/// value, or where the value's own code fails.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut writer = Writer {
        out: Vec::with_capacity(USUAL),
    };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    #[inline]
    fn put(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    #[inline]
    fn text(&mut self, text: &str) -> Result<(), Error> {
        if !is_plain(text) {
            return serde_json::to_writer(&mut self.out, text);
        }
        self.out.push(b'"');
        self.put(text);
        self.out.push(b'"');
        Ok(())
    }

    /// Opens what closes with `close`.
    fn open(&mut self, open: &str, close: &'static str) -> Compound<'_> {
        self.put(open);
        Compound {
            writer: self,
            empty: true,
            close,
        }
    }

    /// Opens a variant of an enum that has content: an object with one key.
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.put("{");
        self.text(name)?;
        self.put(":");
        Ok(())
    }
}

/// Whether a text is its own JSON (RFC 8259 section 7): no control character, quote or backslash.
#[inline]
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // The last eight bytes overlap those before; a shorter text is filled up with blanks.
    let last = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut short = [b' '; 8];
        for (to, from) in short.iter_mut().zip(bytes) {
            *to = *from;
        }
        short
    });
    let (words, _) = bytes.as_chunks();
    let plain = |word: &[u8; 8]| is_plain_word(u64::from_ne_bytes(*word));
    plain(&last) && words.iter().all(plain)
}

/// The same for eight bytes: none is below a blank, and none is zero after the sign that is looked
/// for was taken out of each (Hacker's Delight, section 6-1).
#[inline]
const fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES * bound as u64) & !word
    }
    const fn has(word: u64, byte: u8) -> u64 {
        below(word ^ (ONES * byte as u64), 1)
    }
    (below(word, b' ') | has(word, b'"') | has(word, b'\\')) & HIGH == 0
}

/// A list or an object under way.
struct Compound<'a> {
    writer: &'a mut Writer,
    empty: bool,
    close: &'static str,
}

impl Compound<'_> {
    fn next(&mut self) {
        if !self.empty {
            self.writer.put(",");
        }
        self.empty = false;
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.next();
        self.writer.text(name)?;
        self.writer.put(":");
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.put(self.close);
    }
}

/// What `serde_json` writes.
macro_rules! theirs {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            serde_json::Serializer::new(&mut self.out).$method(value)
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    theirs! {
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_u64(u64), serialize_u128(u128), serialize_f32(f32), serialize_f64(f64),
        serialize_char(char), serialize_bytes(&[u8]),
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.put(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.put("null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.put("}");
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        self.variant(variant)?;
        Ok(self.open("[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        self.variant(variant)?;
        Ok(self.open("{", "}}"))
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        let out = &mut self.writer.out;
        match out.get(start) {
            Some(b'"') => {}
            // A number or a truth value: its text is the key.
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                out.insert(start, b'"');
                out.push(b'"');
            }
            Some(_) | None => return Err(Error::custom("a key must be a string")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.writer.put(":");
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident),* $(,)?) => {$(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

lists! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! objects {
    ($($trait:ident),* $(,)?) => {$(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

objects! { SerializeStruct, SerializeStructVariant }

#[cfg(test)]
mod tests;
