using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Datasets;

/// <summary>Source-generated serialization of this feature's messages: exact member names, absent instead of null. One line per operation.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(CreateDatasetRequest)), JsonSerializable(typeof(CreateDatasetResponse))]
[JsonSerializable(typeof(DeleteDatasetRequest)), JsonSerializable(typeof(DeleteDatasetResponse))]
[JsonSerializable(typeof(DescribeDatasetRequest)), JsonSerializable(typeof(DescribeDatasetResponse))]
[JsonSerializable(typeof(DistributeDatasetEntriesRequest)), JsonSerializable(typeof(DistributeDatasetEntriesResponse))]
[JsonSerializable(typeof(ListDatasetEntriesRequest)), JsonSerializable(typeof(ListDatasetEntriesResponse))]
[JsonSerializable(typeof(ListDatasetLabelsRequest)), JsonSerializable(typeof(ListDatasetLabelsResponse))]
[JsonSerializable(typeof(UpdateDatasetEntriesRequest)), JsonSerializable(typeof(UpdateDatasetEntriesResponse))]
internal sealed partial class DatasetsJson : JsonSerializerContext;
