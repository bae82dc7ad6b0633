namespace Ocellus.Objects;

/// <summary>A refusal with an S3 error code.</summary>
internal sealed class S3Exception(string code, string? message = null) : Exception(message ?? Describe(code))
{
    private static readonly Dictionary<string, (int Status, string Message)> _known = new(StringComparer.Ordinal)
    {
        ["AccessControlListNotSupported"] = (400, "The bucket does not allow ACLs"),
        ["AccessDenied"] = (403, "Access Denied"),
        ["AccessForbidden"] = (403, "CORSResponse: This CORS request is not allowed."),
        ["BadDigest"] = (400, "The Content-MD5 or checksum value that you specified did not match what the server received."),
        ["BadRequest"] = (400, "Bad Request"),
        ["BucketAlreadyExists"] = (409, "The requested bucket name is not available."),
        ["BucketAlreadyOwnedByYou"] = (409, "The bucket that you tried to create already exists, and you own it."),
        ["BucketNotEmpty"] = (409, "The bucket that you tried to delete is not empty."),
        ["EntityTooLarge"] = (400, "Your proposed upload exceeds the maximum allowed object size."),
        ["EntityTooSmall"] = (400, "Your proposed upload is smaller than the minimum allowed object size."),
        ["IllegalLocationConstraintException"] = (400, "The location constraint is incompatible with the region of the request."),
        ["IncompleteBody"] = (400, "You did not provide the number of bytes specified by the Content-Length HTTP header."),
        ["InternalError"] = (500, "An internal error occurred. Try again."),
        ["InvalidArgument"] = (400, "Invalid Argument"),
        ["InvalidBucketName"] = (400, "The specified bucket is not valid."),
        ["InvalidDigest"] = (400, "The Content-MD5 or checksum value that you specified is not valid."),
        ["InvalidLocationConstraint"] = (400, "The specified location constraint is not valid."),
        ["InvalidPart"] = (400, "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag "
            + "might not have matched the part's entity tag."),
        ["InvalidPartNumber"] = (416, "The requested part number is not satisfiable."),
        ["InvalidPartOrder"] = (400, "The list of parts was not in ascending order. The parts list must be specified in order by part number."),
        ["InvalidPolicyDocument"] = (400, "The content of the form does not meet the conditions specified in the policy document."),
        ["InvalidRange"] = (416, "The requested range is not satisfiable."),
        ["InvalidRequest"] = (400, "Invalid Request"),
        ["InvalidStorageClass"] = (400, "The storage class you specified is not valid."),
        ["InvalidTag"] = (400, "The tag provided was not a valid tag."),
        ["InvalidURI"] = (400, "Couldn't parse the specified URI."),
        ["KeyTooLongError"] = (400, "Your key is too long."),
        ["MalformedPOSTRequest"] = (400, "The body of your POST request is not well-formed multipart/form-data."),
        ["MalformedTrailerError"] = (400, "The request contained trailing data that was not well-formed or did not conform to our published schema."),
        ["MalformedXML"] = (400, "The XML that you provided was not well formed or did not validate against our published schema."),
        ["MaxPostPreDataLengthExceeded"] = (400, "Your POST request fields preceding the upload file were too large: the maximum is 20 KB."),
        ["MetadataTooLarge"] = (400, "Your metadata headers exceed the maximum allowed metadata size."),
        ["MethodNotAllowed"] = (405, "The specified method is not allowed against this resource."),
        ["MissingContentLength"] = (411, "You must provide the Content-Length HTTP header."),
        ["NoSuchBucket"] = (404, "The specified bucket does not exist."),
        ["NoSuchBucketPolicy"] = (404, "The bucket policy does not exist"),
        ["NoSuchCORSConfiguration"] = (404, "The CORS configuration does not exist"),
        ["NoSuchKey"] = (404, "The specified key does not exist."),
        ["NoSuchLifecycleConfiguration"] = (404, "The lifecycle configuration does not exist"),
        ["NoSuchTagSet"] = (404, "The TagSet does not exist"),
        ["NoSuchUpload"] = (404, "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been "
            + "aborted or completed."),
        ["NoSuchVersion"] = (404, "The specified version does not exist."),
        ["NoSuchWebsiteConfiguration"] = (404, "The specified bucket does not have a website configuration"),
        ["NotImplemented"] = (501, "A header or operation that you provided implies functionality that is not implemented."),
        ["ObjectLockConfigurationNotFoundError"] = (404, "Object Lock configuration does not exist for this bucket"),
        ["PreconditionFailed"] = (412, "At least one of the preconditions that you specified did not hold."),
        ["ReplicationConfigurationNotFoundError"] = (404, "The replication configuration was not found"),
        ["RequestTimeout"] = (400, "Your socket connection to the server was not read from or written to within the timeout period."),
        ["ServerSideEncryptionConfigurationNotFoundError"] = (404, "The server side encryption configuration was not found"),
        ["TooManyBuckets"] = (400, "You have attempted to create more buckets than allowed."),
        ["UserKeyMustBeSpecified"] = (400, "The request must name a key."),
        ["XAmzContentSHA256Mismatch"] = (400, "The provided 'x-amz-content-sha256' header does not match what was computed."),
    };

    public string Code { get; } = code;

    public int Status => _known[Code].Status;

    private static string Describe(string code) => _known[code].Message;
}
