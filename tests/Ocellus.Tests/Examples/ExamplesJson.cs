using System.Text.Json.Serialization;

namespace Ocellus.Tests.Examples;

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CountDatasetsRequest)), JsonSerializable(typeof(CountDatasetsResponse))]
internal sealed partial class ExamplesJson : JsonSerializerContext;
