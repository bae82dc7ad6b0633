using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>One operation of the API, as the endpoint sees it.</summary>
internal interface IOperation
{
    /// <summary>As in <c>X-Amz-Target</c>, without the prefix.</summary>
    string Name { get; }

    /// <summary>Bytes of the longest body that is accepted.</summary>
    int BodyBytesMax { get; }

    /// <summary>Requests per second that one account may send in one region, where <see cref="ThrottlingOptions.Enabled"/> is set.</summary>
    int PerSecond(ThrottlingOptions rates);

    /// <summary>Parses a request body into a call, which keeps nothing of the body.</summary>
    /// <exception cref="FrameworkException">The body is not a request of this operation, or breaks a constraint of the service model.</exception>
    IOperationCall Parse(ReadOnlySpan<byte> body);
}

/// <summary>A parsed request, together with its operation.</summary>
internal interface IOperationCall
{
    /// <summary>The permissions needed before anything is looked up, the operation's own action first.</summary>
    IReadOnlyList<Permission> Requires(Caller caller);

    /// <summary>Runs the operation; returns the response body.</summary>
    Task<byte[]> RunAsync(Caller caller, CancellationToken cancel);
}

/// <summary>
/// Base of the 23 operations. The class is named after its operation; its file has the request, the response, the permissions and the code.
/// </summary>
/// <param name="json">The JSON context of the feature, which names both records.</param>
/// <remarks>
/// The records are not nested in the class: System.Text.Json's generator tells types apart by their simple name only, and 46 nested <c>Request</c>s and
/// <c>Response</c>s would each need another name there. Records of different operations share no base and no members: each mirrors one shape of the service
/// model, as WireModelTests checks.
/// </remarks>
internal abstract class Operation<TRequest, TResponse>(JsonSerializerContext json) : IOperation
    where TRequest : class
    where TResponse : class
{
    private readonly JsonTypeInfo<TRequest> _request = (JsonTypeInfo<TRequest>)json.GetTypeInfo(typeof(TRequest))!;
    private readonly JsonTypeInfo<TResponse> _response = (JsonTypeInfo<TResponse>)json.GetTypeInfo(typeof(TResponse))!;

    public string Name => GetType().Name;

    public int BodyBytesMax { get; } = LargestRequest.BytesOf(typeof(TRequest));

    public virtual int PerSecond(ThrottlingOptions rates) => rates.OthersPerSecond;

    /// <summary>
    /// The permissions that the caller needs, the operation's own action first. Rights on the object store that are needed only later (manifests, images,
    /// output) are checked on access, and their lack fails the job, not the call.
    /// </summary>
    [Evidence("Service Authorization Reference, actions of Amazon Rekognition; developer guide, SDK permissions")]
    public abstract IReadOnlyList<Permission> Requires(TRequest request, Caller caller);

    /// <summary>Runs a request that is valid and allowed.</summary>
    /// <exception cref="RefusedException">The request cannot be carried out.</exception>
    public abstract Task<TResponse> RunAsync(TRequest request, Caller caller, CancellationToken cancel);

    [Assumed("Text that is not UTF-8: requests", "`SerializationException`.")]
    public IOperationCall Parse(ReadOnlySpan<byte> body)
    {
        if (Unicode.NotUtf8(body) is { } bad)
        {
            throw new FrameworkException("SerializationException", $"The request body of {body.Length} bytes is not UTF-8: {bad}. Send JSON as UTF-8.");
        }

        TRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(body.IsEmpty ? "{}"u8 : body, _request);
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            var where = failure is JsonException { Path: { } path } at
                ? $" at {Readable.Truncate(path)}, line {at.LineNumber + 1}, byte {at.BytePositionInLine}"
                : "";
            throw new FrameworkException(
                "SerializationException",
                $"The request body of {body.Length} bytes is not a valid {Name} request: a wrong type, broken JSON, half of a surrogate pair or bad "
                    + $"base64{where}.");
        }

        if (request is null)
        {
            throw new FrameworkException("SerializationException", "The request body is the JSON value null; an object was expected.");
        }

        Validation.Check(request);
        return new Call(this, request);
    }

    /// <summary>The operation's own action on a resource.</summary>
    protected Permission Needs(params IReadOnlyList<string> resources) => Permission.Rekognition(Name, resources);

    private sealed class Call(Operation<TRequest, TResponse> operation, TRequest request) : IOperationCall
    {
        public IReadOnlyList<Permission> Requires(Caller caller) => operation.Requires(request, caller);

        public async Task<byte[]> RunAsync(Caller caller, CancellationToken cancel) =>
            JsonSerializer.SerializeToUtf8Bytes(await operation.RunAsync(request, caller, cancel), operation._response);
    }
}
