using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Tags;

/// <summary>Source-generated serialization of this feature's messages: exact member names, absent instead of null. One line per operation.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(ListTagsForResourceRequest)), JsonSerializable(typeof(ListTagsForResourceResponse))]
[JsonSerializable(typeof(TagResourceRequest)), JsonSerializable(typeof(TagResourceResponse))]
[JsonSerializable(typeof(UntagResourceRequest)), JsonSerializable(typeof(UntagResourceResponse))]
internal sealed partial class TagsJson : JsonSerializerContext;
