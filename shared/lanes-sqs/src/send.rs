//! Sending.

use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use contract::Lane;
use domain::Hash;
use ports::queue::BATCH;
use ports::{Fault, Lanes, Outgoing, Trace, trace};

use crate::operations::SEND_MESSAGE_BATCH;
use crate::urls::name;
use crate::{SqsLanes, fault};

/// Most bytes of a message, and of the messages of one request. The service takes 1 MiB since
/// 2025; a queue that is set to its older limit of 256 KiB takes these as well.
const MOST_BYTES: usize = 256 * 1024;

/// Most characters of a group or of a deduplication id.
const MOST_ID: usize = 128;

impl Lanes for SqsLanes {
    /// Messages go out in their order, and a request that the queue did not take whole is the
    /// last one.
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        let trace = trace::current();
        let messages = messages.iter().map(|message| (trace.as_ref(), message));
        self.send_all(lane, &messages.collect::<Vec<_>>()).await
    }

    async fn send_traced(
        &self,
        lane: &Lane,
        messages: &[(Option<Trace>, Outgoing)],
    ) -> Result<(), Fault> {
        let messages = messages.iter().map(|(trace, one)| (trace.as_ref(), one));
        self.send_all(lane, &messages.collect::<Vec<_>>()).await
    }
}

/// A message and the trace that it is part of.
type Traced<'a> = (Option<&'a Trace>, &'a Outgoing);

impl SqsLanes {
    /// Opens the connection for later sends, with a request without messages. The service refuses
    /// it, whatever is in the queue, and whoever may send may ask.
    pub async fn prime(&self, lane: &Lane) -> Result<(), Fault> {
        self.send_part(&self.urls.of(lane), &[]).await
    }

    async fn send_all(&self, lane: &Lane, messages: &[Traced<'_>]) -> Result<(), Fault> {
        let url = self.urls.of(lane);
        for (_, message) in messages {
            let size = message.body.len();
            if size == 0 || size > MOST_BYTES {
                return Err(Fault::reject(format!(
                    "a message for `{lane}` has {size} bytes; a queue takes 1 to {MOST_BYTES}"
                )));
            }
        }
        for part in parts(messages) {
            self.send_part(&url, part).await?;
        }
        Ok(())
    }

    async fn send_part(&self, url: &str, messages: &[Traced<'_>]) -> Result<(), Fault> {
        let queue = name(url);
        let mut request = SendMessageBatchInput::builder().queue_url(url);
        for (number, (trace, message)) in messages.iter().enumerate() {
            request = request.entries(entry(number, message, *trace)?);
        }
        let sent = self.client.send(&SEND_MESSAGE_BATCH, request.build()).await;
        let sent = sent.map_err(|error| fault::of(queue, &error))?;
        let taken = sent.successful().len();
        if taken >= messages.len() && sent.failed().is_empty() {
            return Ok(());
        }
        let count = messages.len().saturating_sub(taken);
        Err(fault::of_entries(
            queue,
            sent.failed(),
            count,
            messages.len(),
        ))
    }
}

fn entry(
    number: usize,
    message: &Outgoing,
    trace: Option<&Trace>,
) -> Result<SendMessageBatchRequestEntry, Fault> {
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(number.to_string())
        .message_group_id(id(&message.group))
        .message_deduplication_id(id(&message.dedup))
        .message_body(&message.body);
    if let Some(trace) = trace {
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(trace.header())
            .build()
            .map_err(|_| cannot_be_built())?;
        entry = entry
            .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
    }
    entry.build().map_err(|_| cannot_be_built())
}

fn cannot_be_built() -> Fault {
    Fault::halt("a request to the queues cannot be built")
}

/// A group or a deduplication id in the service's alphabet. What does not fit goes as its digest,
/// which is the same for the same and another for another.
fn id(text: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_graphic();
    if (1..=MOST_ID).contains(&text.len()) && text.bytes().all(fits) {
        return text.to_owned();
    }
    Hash::of(text.as_bytes()).to_string()
}

/// The messages in their order, as many in each request as it takes.
fn parts<'m, 'a>(messages: &'m [Traced<'a>]) -> impl Iterator<Item = &'m [Traced<'a>]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH).take_while(|(_, message)| {
            bytes += message.body.len();
            bytes <= MOST_BYTES
        });
        let (part, after) = rest.split_at_checked(fits.count())?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Outgoing {
        Outgoing {
            group: "g".to_owned(),
            dedup: "d".to_owned(),
            body: "x".repeat(size),
        }
    }

    fn sizes(messages: &[Outgoing]) -> Vec<usize> {
        let messages: Vec<Traced> = messages.iter().map(|message| (None, message)).collect();
        parts(&messages).map(<[Traced]>::len).collect()
    }

    #[test]
    fn a_request_has_ten_messages_and_256_kib() {
        let small: Vec<_> = (0..23).map(|_| message(100)).collect();
        assert_eq!(sizes(&small), [10, 10, 3]);
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        let large: Vec<_> = (0..5).map(|_| message(MOST_BYTES / 2)).collect();
        assert_eq!(sizes(&large), [2, 2, 1]);
        let mixed = [message(1), message(MOST_BYTES), message(1), message(2)];
        assert_eq!(sizes(&mixed), [1, 1, 2]);
    }

    #[test]
    fn an_id_that_fits_stays_and_another_becomes_its_digest() {
        let fits = "wiki#0123456789abcdef!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
        assert_eq!(id(fits), fits);
        assert_eq!(id(&"x".repeat(128)), "x".repeat(128));
        for odd in ["", "a b", "ä", "a\n", &"x".repeat(129)] {
            let digest = id(odd);
            assert_eq!(digest.len(), 64, "{odd}");
            assert_eq!(digest, id(odd));
            assert_ne!(digest, id(&format!("{odd} ")));
        }
    }
}
