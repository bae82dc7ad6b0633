using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Projects;

/// <summary>Source-generated serialization of this feature's messages: exact member names, absent instead of null. One line per operation.</summary>
// The options recur in the context of each feature: the generator reads them from the class itself.
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(CreateProjectRequest)), JsonSerializable(typeof(CreateProjectResponse))]
[JsonSerializable(typeof(DeleteProjectRequest)), JsonSerializable(typeof(DeleteProjectResponse))]
[JsonSerializable(typeof(DeleteProjectPolicyRequest)), JsonSerializable(typeof(DeleteProjectPolicyResponse))]
[JsonSerializable(typeof(DescribeProjectsRequest)), JsonSerializable(typeof(DescribeProjectsResponse))]
[JsonSerializable(typeof(ListProjectPoliciesRequest)), JsonSerializable(typeof(ListProjectPoliciesResponse))]
[JsonSerializable(typeof(PutProjectPolicyRequest)), JsonSerializable(typeof(PutProjectPolicyResponse))]
internal sealed partial class ProjectsJson : JsonSerializerContext;
