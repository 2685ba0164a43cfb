//! The operations that the adapter asks for, with what the SDK knows of each.

use aws_sdk_s3::operation as of;

aws_client::operations! { aws_sdk_s3:
    ABORT_MULTIPART_UPLOAD = abort_multipart_upload::{
        AbortMultipartUpload, AbortMultipartUploadInput, AbortMultipartUploadOutput, AbortMultipartUploadError
    }.on_bucket(of::abort_multipart_upload::AbortMultipartUploadInput::bucket);
    COMPLETE_MULTIPART_UPLOAD = complete_multipart_upload::{
        CompleteMultipartUpload, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompleteMultipartUploadError
    }.on_bucket(of::complete_multipart_upload::CompleteMultipartUploadInput::bucket);
    CREATE_MULTIPART_UPLOAD = create_multipart_upload::{
        CreateMultipartUpload, CreateMultipartUploadInput, CreateMultipartUploadOutput, CreateMultipartUploadError
    }.on_bucket(of::create_multipart_upload::CreateMultipartUploadInput::bucket);
    GET_OBJECT = get_object::{
        GetObject, GetObjectInput, GetObjectOutput, GetObjectError
    }.on_bucket(of::get_object::GetObjectInput::bucket).streams();
    HEAD_OBJECT = head_object::{
        HeadObject, HeadObjectInput, HeadObjectOutput, HeadObjectError
    }.on_bucket(of::head_object::HeadObjectInput::bucket);
    LIST_OBJECTS_V2 = list_objects_v2::{
        ListObjectsV2, ListObjectsV2Input, ListObjectsV2Output, ListObjectsV2Error
    }.on_bucket(of::list_objects_v2::ListObjectsV2Input::bucket);
    PUT_OBJECT = put_object::{
        PutObject, PutObjectInput, PutObjectOutput, PutObjectError
    }.on_bucket(of::put_object::PutObjectInput::bucket);
    UPLOAD_PART = upload_part::{
        UploadPart, UploadPartInput, UploadPartOutput, UploadPartError
    }.on_bucket(of::upload_part::UploadPartInput::bucket);
}
