using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Training;

/// <summary>Source-generated serialization of this feature's messages: exact member names, absent instead of null. One line an operation.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(CopyProjectVersionRequest)), JsonSerializable(typeof(CopyProjectVersionResponse))]
[JsonSerializable(typeof(CreateProjectVersionRequest)), JsonSerializable(typeof(CreateProjectVersionResponse))]
[JsonSerializable(typeof(DeleteProjectVersionRequest)), JsonSerializable(typeof(DeleteProjectVersionResponse))]
[JsonSerializable(typeof(DescribeProjectVersionsRequest)), JsonSerializable(typeof(DescribeProjectVersionsResponse))]
internal sealed partial class TrainingJson : JsonSerializerContext;
