using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Hosting;

/// <summary>Source-generated serialization of this feature's messages: exact member names, absent instead of null. One line an operation.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(DetectCustomLabelsRequest)), JsonSerializable(typeof(DetectCustomLabelsResponse))]
[JsonSerializable(typeof(StartProjectVersionRequest)), JsonSerializable(typeof(StartProjectVersionResponse))]
[JsonSerializable(typeof(StopProjectVersionRequest)), JsonSerializable(typeof(StopProjectVersionResponse))]
internal sealed partial class HostingJson : JsonSerializerContext;
