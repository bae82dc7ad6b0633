using System.Text.Json.Serialization;

namespace Ocellus.Wire.AwsJson;

/// <summary>Envelope of a modelled error.</summary>
internal sealed record ServiceError([property: JsonPropertyName("__type")] string Type, string Code, string Logref, string Message);

/// <summary>Envelope of a framework error: validation, authentication, parsing.</summary>
internal sealed record FrameworkError([property: JsonPropertyName("__type")] string Type, [property: JsonPropertyName("message")] string Message);

/// <summary>Envelope of a refusal below the API: the HTTP status is its only name.</summary>
internal sealed record TransportError([property: JsonPropertyName("message")] string Message);

[JsonSerializable(typeof(TransportError))]
[JsonSerializable(typeof(ServiceError))]
[JsonSerializable(typeof(FrameworkError))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class ErrorJsonContext : JsonSerializerContext;
