//! The operations that the adapter asks for, with what the SDK knows of each.

aws_client::operations! { aws_sdk_sqs:
    CHANGE_MESSAGE_VISIBILITY_BATCH = change_message_visibility_batch::{
        ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchInput,
        ChangeMessageVisibilityBatchOutput, ChangeMessageVisibilityBatchError
    };
    DELETE_MESSAGE_BATCH = delete_message_batch::{
        DeleteMessageBatch, DeleteMessageBatchInput, DeleteMessageBatchOutput,
        DeleteMessageBatchError
    };
    GET_QUEUE_ATTRIBUTES = get_queue_attributes::{
        GetQueueAttributes, GetQueueAttributesInput, GetQueueAttributesOutput,
        GetQueueAttributesError
    };
    RECEIVE_MESSAGE = receive_message::{
        ReceiveMessage, ReceiveMessageInput, ReceiveMessageOutput, ReceiveMessageError
    };
    SEND_MESSAGE_BATCH = send_message_batch::{
        SendMessageBatch, SendMessageBatchInput, SendMessageBatchOutput, SendMessageBatchError
    };
}
