using Ocellus.Datasets;
using Ocellus.Hosting;
using Ocellus.Projects;
using Ocellus.Tags;
using Ocellus.Training;
using Ocellus.Wire.AwsJson;

namespace Ocellus;

/// <summary>The 23 operations of Custom Labels, in the order of the API reference. Each has its own file in the folder of its feature.</summary>
internal static class Operations
{
    public static IReadOnlyList<Type> All { get; } =
    [
        typeof(CopyProjectVersion),
        typeof(CreateDataset),
        typeof(CreateProject),
        typeof(CreateProjectVersion),
        typeof(DeleteDataset),
        typeof(DeleteProject),
        typeof(DeleteProjectPolicy),
        typeof(DeleteProjectVersion),
        typeof(DescribeDataset),
        typeof(DescribeProjects),
        typeof(DescribeProjectVersions),
        typeof(DetectCustomLabels),
        typeof(DistributeDatasetEntries),
        typeof(ListDatasetEntries),
        typeof(ListDatasetLabels),
        typeof(ListProjectPolicies),
        typeof(ListTagsForResource),
        typeof(PutProjectPolicy),
        typeof(StartProjectVersion),
        typeof(StopProjectVersion),
        typeof(TagResource),
        typeof(UntagResource),
        typeof(UpdateDatasetEntries),
    ];

    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        foreach (var operation in All)
        {
            services.AddSingleton(typeof(IOperation), operation);
        }

        return services.AddSingleton<OperationTable>();
    }
}
