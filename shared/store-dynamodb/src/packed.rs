//! Values as they lie in the table: JSON, compressed with a dictionary that knows its words.
//!
//! The service charges for each begun kilobyte of a whole item whenever any part of it is written. What is
//! recorded about a person with three accounts is 4 to 5 KB of JSON, and about one packed.
//!
//! A packed value is one byte, the number of its dictionary, and a Zstandard frame (RFC 8878) without that
//! dictionary's own number. Version 1 of this adapter left JSON in text attributes; that still reads.

use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use ports::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, get_frame_content_size};

/// The dictionary in use, made by `examples/dictionary.rs`. It never changes: what was packed with it reads
/// with no other. Another one is another number.
const WORDS: &[u8] = include_bytes!("packed/1.zdict");

/// Its number.
const NUMBER: u8 = 1;

/// One byte in twelve less than at Zstandard's default, for some 5 µs a value; higher levels save nothing.
const LEVEL: i32 = 6;

/// Bytes of the longest value that is read. An item has at most 400 KB, packed, and usually one.
const LONGEST: u64 = 1024 * 1024;

static TO_WRITE: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(WORDS, LEVEL));
static TO_READ: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(WORDS));

/// What packs and unpacks, made once: it keeps its memory from value to value.
static PACKER: Mutex<Option<Compressor<'static>>> = Mutex::new(None);
static UNPACKER: Mutex<Option<Decompressor<'static>>> = Mutex::new(None);

/// Makes the dictionaries ready, which the first event would wait for otherwise.
pub fn prime() {
    LazyLock::force(&TO_WRITE);
    LazyLock::force(&TO_READ);
}

/// A value, packed, as a binary attribute.
pub fn packed<T: Serialize>(value: &T) -> Result<AttributeValue, Fault> {
    let json = serde_json::to_vec(value).map_err(|_| Fault::reject("a value has no JSON"))?;
    let packed = pack(&json).map_err(|_| Fault::reject("a value cannot be compressed"))?;
    Ok(AttributeValue::B(Blob::new(packed)))
}

/// Bytes of a packed value; zero for what is none.
pub fn size(value: &AttributeValue) -> usize {
    value.as_b().map_or(0, |blob| blob.as_ref().len())
}

/// The value of a packed attribute, or of one that holds JSON as text; `None` where it is neither.
pub fn unpacked<T: DeserializeOwned>(value: &AttributeValue) -> Option<T> {
    if let Ok(blob) = value.as_b() {
        return serde_json::from_slice(&unpack(blob.as_ref())?).ok();
    }
    serde_json::from_str(value.as_s().ok()?).ok()
}

/// Refuses what would not be read back.
fn pack(json: &[u8]) -> io::Result<Vec<u8>> {
    if json.len() as u64 > LONGEST {
        return Err(io::Error::other("longer than is read back"));
    }
    framed(json)
}

fn framed(json: &[u8]) -> io::Result<Vec<u8>> {
    let mut made = PACKER.lock().unwrap_or_else(PoisonError::into_inner);
    let compressor = match &mut *made {
        Some(compressor) => compressor,
        none => none.insert(compressor()?),
    };
    let frame = compressor.compress(json)?;
    let mut packed = Vec::with_capacity(1 + frame.len());
    packed.push(NUMBER);
    packed.extend_from_slice(&frame);
    Ok(packed)
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let frame = packed.strip_prefix(&[NUMBER])?;
    let size = get_frame_content_size(frame).ok()??;
    if size > LONGEST {
        return None;
    }
    let mut made = UNPACKER.lock().unwrap_or_else(PoisonError::into_inner);
    let decompressor = match &mut *made {
        Some(decompressor) => decompressor,
        none => none.insert(Decompressor::with_prepared_dictionary(&TO_READ).ok()?),
    };
    decompressor
        .decompress(frame, usize::try_from(size).ok()?)
        .ok()
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&TO_WRITE)?;
    compressor.set_parameter(CParameter::DictIdFlag(false))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    Ok(compressor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at what does not hold")]

    use domain::Hash;

    use super::*;

    /// Text, zstd's magic number without a dictionary, a dictionary that does not exist, a frame cut off.
    #[test]
    fn what_was_not_packed_here_does_not_read() {
        let whole = pack(br#"{"given_name":"Ana"}"#).unwrap();
        assert_eq!(unpack(&whole).unwrap(), br#"{"given_name":"Ana"}"#);
        let mut other = whole.clone();
        other[0] = 2;
        let cut = &whole[..whole.len() - 1];
        for bad in [&b"{}"[..], &b""[..], &[1], &whole[1..], &other, cut] {
            assert_eq!(unpack(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_huge_is_neither_written_nor_read() {
        let huge = vec![b' '; usize::try_from(LONGEST).unwrap() + 1];
        assert_eq!(unpack(&framed(&huge).unwrap()), None);
        pack(&huge).unwrap_err();
        let longest = &huge[1..];
        assert_eq!(unpack(&pack(longest).unwrap()).unwrap(), longest);
    }

    #[test]
    fn text_of_version_1_reads() {
        let text = AttributeValue::S(r#"{"a":1}"#.to_owned());
        let value: serde_json::Value = unpacked(&text).unwrap();
        assert_eq!(value["a"], 1);
    }

    /// What the first packed release wrote is read for ever.
    #[test]
    fn the_dictionary_and_a_value_are_those_of_the_first_day() {
        assert_eq!(
            Hash::of(WORDS).to_string(),
            "268526e3fb0f6ba8a02a98a0f372d3e4b0bb156b09ca3a292ec2c61a8249cee0"
        );
        let value: Vec<char> = "0128b52ffd2041b50000a38001290bdef5dab903fcdea20084fb03171e669a0f"
            .chars()
            .collect();
        let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
        let bytes: Vec<u8> = value.chunks(2).map(byte).collect();
        let read = String::from_utf8(unpack(&bytes).unwrap()).unwrap();
        assert_eq!(
            read,
            r#"{"id":"2819c223","ownership":"created","active":true,"applied":7}"#
        );
    }
}
