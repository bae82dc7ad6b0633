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

    /// <summary>Bytes of the longest body that is read.</summary>
    int BodyBytesMax { get; }

    /// <summary>Requests a second that one account may send in one region, where <see cref="ThrottlingOptions.Enabled"/> is set.</summary>
    int PerSecond(ThrottlingOptions rates);

    /// <summary>The call that a request body stands for. It keeps nothing of the body.</summary>
    /// <exception cref="FrameworkException">The body is not a request of this operation, or breaks a constraint of the service model.</exception>
    IOperationCall Parse(ReadOnlySpan<byte> body);
}

/// <summary>A parsed request, together with the operation that it is for.</summary>
internal interface IOperationCall
{
    /// <summary>What the caller must be allowed before anything is looked up, the operation's own action first.</summary>
    IReadOnlyList<Permission> Requires(Caller caller);

    /// <summary>Runs the operation; the response body.</summary>
    Task<byte[]> RunAsync(Caller caller, CancellationToken cancel);
}

/// <summary>
/// Base of the 23 operations. The class is named after its operation; its file has the request, the response, the permissions and the code.
/// </summary>
/// <param name="json">The JSON context of the feature, which names both records.</param>
/// <remarks>
/// The records stand beside the class and not inside it: System.Text.Json's generator tells types apart by their last name only, and
/// 46 nested <c>Request</c>s and <c>Response</c>s would each need another name there.
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
    /// What the caller must be allowed, the operation's own action first. Rights on the object store that are needed only later (manifests,
    /// images, output) are checked where these are read and written, and end the work, not the call.
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
            throw new FrameworkException("SerializationException", $"The request body of {body.Length} bytes is not UTF-8: {bad}. JSON is sent as UTF-8.");
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
                $"The request body of {body.Length} bytes is not a JSON object of {Name}'s form: a wrong type, broken JSON, half of a surrogate pair or bad "
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
