//! One operation of a service: how its input is written and its answer read, by the SDK's code.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::OnceLock;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse as _, SerializeRequest as _, SharedRequestSerializer,
    SharedResponseDeserializer,
};
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};

/// An operation with the types of its input, output and error. [`operations!`](crate::operations)
/// makes them, one static each.
///
/// Only the operation's configuration is asked for, and by its own type: whoever held it as a
/// `dyn RuntimePlugin` would have the linker keep the orchestrator for it.
pub struct Operation<I, O, E> {
    config: fn() -> Option<FrozenLayer>,
    codec: OnceLock<Option<Codec>>,
    pub(crate) bucket: Option<fn(&I) -> Option<&str>>,
    pub(crate) streams: bool,
    types: PhantomData<fn(I) -> (O, E)>,
}

/// How an input is written and an answer read.
#[derive(Debug)]
pub struct Codec(FrozenLayer);

impl<I, O, E> Operation<I, O, E> {
    /// By the configuration that the SDK's type of the operation gives.
    pub const fn new(config: fn() -> Option<FrozenLayer>) -> Self {
        Self {
            config,
            codec: OnceLock::new(),
            bucket: None,
            streams: false,
            types: PhantomData,
        }
    }

    /// On the bucket that its input names.
    #[must_use]
    pub const fn on_bucket(mut self, bucket: fn(&I) -> Option<&str>) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// With an answer of any size.
    #[must_use]
    pub const fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Made once for each operation.
    pub(crate) fn codec(&self) -> Result<&Codec, NoCodec> {
        let codec = self.codec.get_or_init(|| (self.config)().map(Codec));
        codec.as_ref().ok_or(NoCodec)
    }
}

/// The SDK's configuration of an operation is not as it was.
#[derive(Debug, thiserror::Error)]
#[error("the operation cannot be written or read")]
pub struct NoCodec;

impl Codec {
    /// The request: headers and body, with a path and without a host.
    pub fn write<I: Debug + Send + Sync + 'static>(
        &self,
        input: I,
    ) -> Result<HttpRequest, BoxError> {
        let serializer = self.0.load::<SharedRequestSerializer>().ok_or(NoCodec)?;
        serializer.serialize_input(Input::erase(input), &mut ConfigBag::base())
    }

    /// What an answer says, once its body is in memory.
    pub fn read(&self, mut answer: HttpResponse) -> Result<Output, Failure> {
        let bag = ConfigBag::base();
        let Some(deserializer) = self.0.load::<SharedResponseDeserializer>() else {
            return Err(Failure::Unread(NoCodec.into(), answer.into()));
        };
        let streamed = deserializer.deserialize_streaming_with_config(&mut answer, &bag);
        let read = streamed
            .unwrap_or_else(|| deserializer.deserialize_nonstreaming_with_config(&answer, &bag));
        read.map_err(|error| {
            let mut said = None;
            let unread = error.map_operation_error(|error| {
                said = Some(error);
                OtherType
            });
            match said {
                Some(error) => Failure::Service(error, answer.into()),
                None => Failure::Unread(unread.into(), answer.into()),
            }
        })
    }
}

/// Why a request has no output.
#[derive(Debug)]
pub enum Failure {
    /// It cannot be written, addressed or signed.
    Request(BoxError),
    /// Nothing came in time.
    Time(BoxError),
    /// It did not get there, or it is not known whether it did.
    Connection(ConnectorError),
    /// The answer was cut off.
    CutOff(BoxError, Box<HttpResponse>),
    /// The answer cannot be read.
    Unread(BoxError, Box<HttpResponse>),
    /// The service says so.
    Service(Error, Box<HttpResponse>),
}

impl Failure {
    /// What was answered, as far as it came.
    pub fn answer(&self) -> Option<&HttpResponse> {
        match self {
            Self::Request(_) | Self::Time(_) | Self::Connection(_) => None,
            Self::CutOff(_, answer) | Self::Unread(_, answer) | Self::Service(_, answer) => {
                Some(answer)
            }
        }
    }

    /// As the SDK has it.
    pub fn typed<E: StdError + Send + Sync + 'static>(self) -> SdkError<E, HttpResponse> {
        match self {
            Self::Request(why) => SdkError::construction_failure(why),
            Self::Time(why) => SdkError::timeout_error(why),
            Self::Connection(why) => SdkError::dispatch_failure(why),
            Self::CutOff(why, answer) | Self::Unread(why, answer) => {
                SdkError::response_error(why, *answer)
            }
            Self::Service(error, answer) => match error.downcast::<E>() {
                Ok(error) => SdkError::service_error(error, *answer),
                Err(_) => SdkError::response_error(OtherType, *answer),
            },
        }
    }
}

/// An output or an error is of another type than the operation says.
#[derive(Debug, thiserror::Error)]
#[error("the answer is of another type than the operation says")]
pub struct OtherType;

/// Statics for operations of the SDK: a name, and where the SDK has the operation, its input, its
/// output and its error; then what is special about it.
///
/// ```ignore
/// aws_client::operations! { aws_sdk_dynamodb:
///     GET_ITEM = get_item::{GetItem, GetItemInput, GetItemOutput, GetItemError};
/// }
/// ```
#[macro_export]
macro_rules! operations {
    ($sdk:ident: $(
        $name:ident = $module:ident::{$operation:ident, $input:ident, $output:ident, $error:ident}
        $(.$special:ident($($with:expr)?))*;
    )+) => { $(
        pub(crate) static $name: $crate::Operation<
            $sdk::operation::$module::$input,
            $sdk::operation::$module::$output,
            $sdk::operation::$module::$error,
        > = $crate::Operation::new(|| {
            $crate::RuntimePlugin::config(&$sdk::operation::$module::$operation::new())
        })$(.$special($($with)?))*;
    )+ };
}
